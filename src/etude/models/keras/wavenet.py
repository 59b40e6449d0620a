"""The context of WaveNet in Keras. Equations and weight layout: `etude.models.sequence.wavenet`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.models.keras.dilated import CausalConvolution, Linear
from etude.models.keras.dropout import Dropout
from etude.models.keras.network import Network, around, sizes
from etude.models.keras.weights import Weights
from etude.models.sequence.dilated import named, part_views
from etude.training.keras.framework import tf


class GatedLayer(Weights):
    """A dilated causal convolution into filters and gates, and the two ways out of it."""

    def __init__(self, residual: int, skip: int, kernel: int, dilation: int, last: bool):
        super().__init__()
        self.gated = CausalConvolution(residual, 2 * residual, kernel, dilation)
        self.residual = None if last else Linear(residual, residual)
        self.skip = Linear(residual, skip)

    def call(self, x, before):
        """Return z and the gates, Float[T, n, R] each, of x Float[T, n, R], and the layer's cache."""
        activations, cache = self.gated(x, before)
        filters, gates = tf.split(activations, 2, axis=-1)
        gates = tf.sigmoid(gates)
        return tf.tanh(filters) * gates, gates, cache

    def views(self):
        """Return the weights by their names in the layer."""
        return part_views({"gated": self.gated, "residual": self.residual, "skip": self.skip})


class GatedLayers(Weights):
    """A causal convolution, the gated layers, and the end that reads the sum of their skips."""

    def __init__(self, inputs: int, residual: int, skip: int, kernel: int, dilations: Sequence[int], dropout: float):
        super().__init__()
        last = len(dilations) - 1
        self.reading = CausalConvolution(inputs, residual, kernel, 1)
        self.layers = [GatedLayer(residual, skip, kernel, d, i == last) for i, d in enumerate(dilations)]
        self.end, self.dropout, self.features = Linear(skip, skip), Dropout(dropout), skip

    def specs(self):
        """Return what is carried from step to step: the last inputs of the causal convolution and of every layer."""
        return (self.reading.spec(), *(layer.gated.spec() for layer in self.layers))

    def call(self, vectors, state, noise=None):
        """Return features Float[n, T, S] of vectors Float[n, T, inputs], and the caches of all layers."""
        skips, _, caches = self.read(vectors, state, noise)
        features = self.dropout(tf.nn.relu(self.end(tf.nn.relu(skips))), noise=noise)
        return tf.transpose(features, [1, 0, 2]), caches

    def read(self, vectors, state, noise=None):
        """Return the sum of the skips Float[T, n, S], the gates of each layer Float[T, n, R], and all caches."""
        x, cache = self.reading(tf.transpose(vectors, [1, 0, 2]), state[0])
        skips, opened, caches = 0, [], [cache]
        for layer, before in zip(self.layers, state[1:], strict=True):
            z, gates, cache = layer(self.dropout(x, noise=noise), before)
            skips, opened, caches = skips + layer.skip(z), [*opened, gates], [*caches, cache]
            x = x if layer.residual is None else x + layer.residual(z)
        return skips, opened, tuple(caches)

    def views(self):
        """Return the weights in the shared layout."""
        return named("wavenet", part_views({"input": self.reading, **dict(enumerate(self.layers)), "end": self.end}))


class GatedNetwork(Network):
    """A `Network` whose context is `GatedLayers`."""

    def gates(self, past: np.ndarray) -> np.ndarray:
        """Return the gates of a piece: see `etude.models.halves.GatedNetwork`."""
        vectors = self.embedding(tf.constant(np.asarray(past, np.int64)[None]), tf.ones([1], tf.bool))
        opened = self.context.read(vectors, self.fresh(1))[1]
        return tf.stack(opened, axis=2)[:, 0].numpy().astype(np.float32)


def build(model) -> GatedNetwork:
    """Return the network of a `WaveNet`."""
    layers = GatedLayers(**sizes(model, "residual", "skip", "kernel", "dropout"), dilations=model.dilations)
    return around(layers, model, GatedNetwork)
