"""The NADE output in Keras: the entries of a step from low to high, each given those below.

Equations: `models.sequence.outputs`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from etude.models.autoregressive import Chooser
from etude.models.energy.boltzmann import sigmoid
from etude.models.keras.dilated import product
from etude.models.keras.outputs import Independent, softmax, surprise
from etude.models.keras.weights import of
from etude.training.keras.framework import tf
from etude.types import Space


class NADE(Independent):
    """Visible biases as in `Independent`, and a hidden layer that reads what sounds below an entry."""

    def __init__(self, features: int, space: Space, hidden: int):
        super().__init__(features, space)
        self.hidden_bias, self.context = self.new(hidden), self.new(features, hidden)
        self.read = self.new(space.entries * (space.levels - 1), hidden)
        self.write = self.new(hidden, space.entries * space.levels)

    def nats(self, features, x, exact: bool = False, noise=None):
        """Return -log p of `x` Int[N, entries] in its shape, entry by entry; `exact`: in double precision."""
        return surprise(self.given_below(features, x, noise), x, exact)

    def given_below(self, features, x, noise=None):
        """Return the logits of every entry given those below it in x Int[N, E], Float[N, E, L]."""
        entries, levels = self.shape
        units = self._units(features, *sounding(x, levels))  # (N, K + 1, U)
        logits = tf.reshape(product(units, self.write.value), [-1, levels])  # (N * (K + 1) * E, L)
        sounds = tf.cast(x > 0, tf.int32)
        below = tf.cumsum(sounds, axis=-1, exclusive=True)  # (N, E): sounding entries below each entry
        rows = tf.range(tf.shape(x)[0])[:, None] * tf.shape(units)[1] + below
        return tf.gather(logits, rows * entries + tf.range(entries)) + self.logits(features)

    def prepared(self, features) -> tuple:
        """Return the visible biases Float[n, E, L] and the hidden layer before its sigmoid, Float[n, U]."""
        return self.logits(features), self._start(features)

    def choose(self, prepared: list[np.ndarray], choose: Chooser) -> np.ndarray:
        """Ask `choose` entry by entry; the answer is Int[n, entries]."""
        walks, x = self.walks(prepared), np.zeros((len(prepared[0]), self.shape[0]), np.int64)
        for e in range(self.shape[0]):
            probabilities = softmax(sum(walk.logits(e) for walk in walks))
            x[:, e] = choose(probabilities[:, None], np.array([e]))[:, 0]
            sounds = x[:, e] > 0
            if sounds.any():
                for walk in walks:
                    walk.hear(e, x[:, e], sounds)
        return x

    def walks(self, prepared: list[np.ndarray]) -> list[Walk]:
        """Return the parts that the logits are a sum of, before the lowest entry."""
        write = self.write.numpy().reshape(-1, *self.shape)
        return [HiddenLayer(prepared[0], prepared[1].copy(), self.read.numpy(), write)]

    def _start(self, features):
        return product(features, self.context.value) + self.hidden_bias.value

    def _units(self, features, rows, exists):
        """Return the hidden layer after 0, 1, .., K sounding entries, Float[N, K + 1, U]."""
        read = tf.gather(self.read.value, rows) * tf.cast(exists, self.compute_dtype)[..., None]  # (N, K, U)
        return tf.sigmoid(tf.cumsum(tf.concat([self._start(features)[:, None], read], axis=1), axis=1))

    def views(self):
        """Return the weights in the shared layout."""
        own = of(bias=self.hidden_bias, context=self.context, read=self.read, write=self.write)
        return {**super().views(), **{f"output.nade.{name}": view for name, view in own.items()}}


class Walk(Protocol):
    """A part of the logits of n steps, entry after entry from low to high, in NumPy."""

    def logits(self, e: int) -> np.ndarray:
        """Return the part's logits of entry e, Float[n, L]."""
        ...

    def hear(self, e: int, code: np.ndarray, sounds: np.ndarray) -> None:
        """Take notice of the codes Int[n] of entry e, which are not 0 where `sounds` Bool[n]."""
        ...


class HiddenLayer:
    """NADE's hidden layer and the visible biases."""

    def __init__(self, biases: np.ndarray, before: np.ndarray, read: np.ndarray, write: np.ndarray):
        self.biases, self.before, self.read, self.write = biases, before, read, write
        self.units = sigmoid(before)

    def logits(self, e: int) -> np.ndarray:
        """Return Float[n, L]."""
        return self.biases[:, e] + self.units @ self.write[:, e]

    def hear(self, e: int, code: np.ndarray, sounds: np.ndarray) -> None:
        """Add what sounds to the hidden layer."""
        self.before[sounds] += self.read[e * (self.write.shape[2] - 1) + code[sounds] - 1]
        self.units = sigmoid(self.before)


def sounding(x, levels: int):
    """Return the rows of `read` that the sounding entries of x Int[N, E] have, low to high, Int[N, K], and which exist.

    K is the most that sound at once.
    """
    sounds = x > 0
    counts = tf.reduce_sum(tf.cast(sounds, tf.int32), axis=-1)
    most = tf.reduce_max(tf.concat([counts, [0]], axis=0))
    place = tf.where(sounds)  # (sounding, 2): step and entry, row by row
    number = tf.gather_nd(tf.cumsum(tf.cast(sounds, tf.int64), axis=-1, exclusive=True), place)
    rows = place[:, 1] * (levels - 1) + tf.gather_nd(tf.cast(x, tf.int64), place) - 1
    shape = tf.cast(tf.stack([tf.shape(x)[0], most]), tf.int64)
    return tf.scatter_nd(tf.stack([place[:, 0], number], axis=-1), rows, shape), tf.range(most) < counts[:, None]
