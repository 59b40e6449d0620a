"""NADE and a small network that sees by interval, in Keras: intervals, relative. See `models.sequence.outputs`."""

from __future__ import annotations

import numpy as np

from etude.models.keras.dilated import product
from etude.models.keras.dropout import Dropout
from etude.models.keras.nade import NADE, Walk
from etude.models.keras.weights import of
from etude.models.sequence.outputs import INTERVAL_CHANNELS, INTERVAL_DROPPED, interval_shapes
from etude.training.keras.framework import tf
from etude.types import Space

NAMES = {"bias": "bias_in", "shift": "bias_mix", "write": "out"}  # of weights: those that kept fits have


class Intervals(NADE):
    """NADE, and beside it a small network over the entries with the same weights for each."""

    past = False  # whether it sees the step before

    def __init__(self, features: int, space: Space, hidden: int):
        super().__init__(features, space, hidden)
        for name, shape in interval_shapes(features, space, self.past).items():
            setattr(self, NAMES.get(name, name), self.new(*shape))
        self.size, self.channels = features, INTERVAL_CHANNELS
        self.dropout = Dropout(INTERVAL_DROPPED)

    def given_below(self, given, x, noise=None):
        """Return the logits of every entry given those below it in x Int[N, E], Float[N, E, L]."""
        features, inner = given[:, : self.size], self.inner(given) + self._read(x, self._below())
        logits = super().given_below(features, x, noise)
        return logits + self.outer(self.dropout(tf.nn.relu(inner), noise=noise), *self.modulations(features))

    def prepared(self, given) -> tuple:
        """Return what NADE does, s before the step's entries are read Float[n, E, R], and the modulations."""
        features = given[:, : self.size]
        return *super().prepared(features), self.inner(given), *self.modulations(features)

    def walks(self, prepared: list[np.ndarray]) -> list[Walk]:
        """Return the parts that the logits are a sum of, before the lowest entry."""
        inner, *modulations = prepared[2:]
        mix, below = self.mix.numpy(), self.below.numpy()
        return [*super().walks(prepared), ByInterval(inner.copy(), modulations, mix, below)]

    def inner(self, given):
        """Return s Float[N, E, R] before the step's own entries are read."""
        return self._started(given) + self.place.value

    def _started(self, given):
        read = product(given[:, : self.size], self.modulation.value[:, : self.channels])
        return (read + self.bias_in.value)[:, None]

    def _below(self):
        """Return what each code adds to each entry, Float[L - 1, E, E, R]: nothing to itself and to those below."""
        return by_interval(tf.pad(self.below.value, [[0, 0], [self.shape[0], 0], [0, 0]]))

    def _read(self, codes, table):
        """Return the sum over sounding entries f of table[code - 1, f], Float[N, E, R], for codes Int[N, E]."""
        place, steps = tf.where(codes > 0), tf.shape(codes)[0]
        rows = (tf.gather_nd(tf.cast(codes, tf.int64), place) - 1) * self.shape[0] + place[:, 1]
        # one row more, of a step that is cut off: of no rows at all TensorFlow leaves the gradient as the memory was
        rows, owner = tf.concat([rows, [0]], axis=0), tf.concat([place[:, 0], [tf.cast(steps, tf.int64)]], axis=0)
        flat = tf.reshape(table, [-1, self.shape[0] * self.channels])
        total = tf.sparse.segment_sum(flat, rows, owner, num_segments=steps + 1)[:steps]
        return tf.reshape(total, [-1, self.shape[0], self.channels])

    def modulations(self, features) -> tuple:
        """Return the context's scale [N, 1, R], shift [N, 1, R] and weights [N, R, L] of the second layer."""
        levels, channels = self.shape[1], self.channels
        read = product(features, self.modulation.value[:, channels:])
        parts = tf.split(read, [channels, channels, channels * levels], axis=-1)
        shift, out = (parts[1] + self.bias_mix.value)[:, None], tf.reshape(parts[2], [-1, channels, levels])
        return 1 + parts[0][:, None], shift, self.out.value + out

    def outer(self, heard, scale, shift, out):
        """Return what the network adds to the logits, Float[N, E, L], for relu(s) Float[N, E, R]."""
        return tf.matmul(tf.nn.relu(product(heard, self.mix.value) * scale + shift), out)

    def views(self):
        """Return the weights in the shared layout."""
        names = interval_shapes(self.size, Space((self.shape[0],), self.shape[1]), self.past)
        own = of(**{name: getattr(self, NAMES.get(name, name)) for name in names})
        return {**super().views(), **{f"output.relative.{name}": view for name, view in own.items()}}


class Relative(Intervals):
    """As `Intervals`, and its small network looks at the step before, too."""

    past = True

    def given(self, features, past, first):
        """Return the features Float[n, T, H] with the codes of the step before behind them.

        At the start they are zeros, and everywhere under a context of no features: it remembers nothing.
        """
        start = first[:, None, None] & (tf.range(tf.shape(past)[1]) == 0)[:, None]
        known = tf.zeros_like(past) if self.size == 0 else tf.where(start, tf.zeros_like(past), past)
        return tf.concat([features, tf.cast(known, features.dtype)], axis=-1)

    def _started(self, given):
        past = tf.cast(given[:, self.size :], tf.int64)
        return self._read(past, by_interval(self.before.value)) + super()._started(given)


class ByInterval:
    """What the network over the entries adds to the logits, in NumPy."""

    def __init__(self, inner: np.ndarray, modulations: list[np.ndarray], mix: np.ndarray, below: np.ndarray):
        self.inner, self.mix, self.below = inner, mix, below
        self.scale, self.shift, self.out = modulations

    def logits(self, e: int) -> np.ndarray:
        """Return Float[n, L]."""
        heard = np.maximum(self.inner[:, e : e + 1], 0) @ self.mix * self.scale + self.shift
        return (np.maximum(heard, 0) @ self.out)[:, 0]

    def hear(self, e: int, code: np.ndarray, sounds: np.ndarray) -> None:
        """Tell the entries above e how far below them something sounds."""
        above = self.inner.shape[1] - 1 - e
        self.inner[sounds, e + 1 :] += self.below[code[sounds] - 1, :above]


def by_interval(kernel):
    """Return Float[L - 1, E, E, R], entry (f, e) the kernel Float[L - 1, 2 E - 1, R] at the interval e - f."""
    entries = (kernel.shape[1] + 1) // 2
    places = np.arange(entries)
    return tf.gather(kernel, entries - 1 - places[:, None] + places, axis=1)
