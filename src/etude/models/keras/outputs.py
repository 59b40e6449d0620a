"""Output distributions in Keras: from features to log-probabilities, and to a choice.

Equations: `models.sequence.outputs`.

Learning and scoring are graphs over all steps side by side, flattened to N rows. A choice is made in NumPy from what
`prepared` computes once a step: an output that asks entry by entry would otherwise call 88 small graphs a frame.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np

from etude.models.autoregressive import Chooser
from etude.models.keras.dilated import product
from etude.models.keras.weights import Weights, of
from etude.training.keras.framework import tf
from etude.types import Space

OUTPUTS = {  # name -> "module:Class", called with (features, space, hidden)
    "categorical": "etude.models.keras.outputs:Independent",
    "independent": "etude.models.keras.outputs:Independent",
    "nade": "etude.models.keras.nade:NADE",
    "intervals": "etude.models.keras.relative:Intervals",
    "relative": "etude.models.keras.relative:Relative",
    "rbm": "etude.models.keras.rbm_output:ConditionalRBM",
}


def build(name: str, features: int, space: Space, hidden: int | None) -> Independent:
    """Return the output `name` over `features`, its weights zero."""
    module, _, attribute = OUTPUTS[name].partition(":")
    return getattr(import_module(module), attribute)(features, space, hidden)


class Independent(Weights):
    """A softmax per entry, independent given the features; for scalar steps, the categorical distribution."""

    def __init__(self, features: int, space: Space, hidden: int | None = None):
        super().__init__()
        self.shape = (space.entries, space.levels)
        self.weight = self.new(features, space.entries * space.levels)
        self.bias = self.new(space.entries * space.levels)

    def logits(self, features):
        """Return Float[N, entries, levels]."""
        flat = tf.nn.bias_add(product(features, self.weight.value), self.bias.value)
        return tf.reshape(flat, [-1, *self.shape])

    def given(self, features, past, first):
        """Return what a step's distribution is computed from: the features of the context alone.

        `past` Int[n, T, entries] holds the event before each step, but where `first` Bool[n] nothing before step 0.
        """
        return features

    def nats(self, features, x, exact: bool = False, noise=None):
        """Return -log p of `x` Int[N, entries] in its shape; where `exact`, normalised in double precision."""
        return surprise(self.logits(features), x, exact)

    def prepared(self, features) -> tuple:
        """Return what `choose` needs of features Float[n, H]: the probabilities, Float64[n, entries, levels]."""
        return (tf.nn.softmax(tf.cast(self.logits(features), tf.float64)),)

    def choose(self, prepared: list[np.ndarray], choose: Chooser) -> np.ndarray:
        """Ask `choose` once for all entries of a step; the answer is Int[n, entries]."""
        return np.array(choose(prepared[0], np.arange(self.shape[0])), np.int64)

    def views(self):
        """Return the weights in the shared layout."""
        return {f"output.{name}": view for name, view in of(weight=self.weight, bias=self.bias).items()}


def surprise(logits, x, exact: bool):
    """Return -log softmax(logits)[x] for logits Float[..., levels] and codes Int[...]."""
    logits = tf.cast(logits, tf.float64) if exact else logits
    if logits.shape[-1] == 2:  # a softmax over two levels is a sigmoid of their difference, which is cheaper
        difference = logits[..., 1] - logits[..., 0]
        return tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(x, difference.dtype), difference)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(x, logits)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the distributions Float64[..., levels] of logits, in NumPy."""
    weights = np.exp((logits := logits.astype(np.float64)) - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)
