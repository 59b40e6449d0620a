"""The context of the TCN in Keras. Equations and weight layout: `etude.models.sequence.tcn`."""

from __future__ import annotations

from etude.models.keras.dilated import CausalConvolution, Linear
from etude.models.keras.dropout import Dropout
from etude.models.keras.network import Network, around, sizes
from etude.models.keras.weights import Weights
from etude.models.sequence.dilated import doubling, named, part_views
from etude.training.keras.framework import tf


class Block(Weights):
    """Two dilated causal convolutions, and the way around them."""

    def __init__(self, inputs: int, channels: int, kernel: int, dilation: int, dropout: float):
        super().__init__()
        self.first = CausalConvolution(inputs, channels, kernel, dilation)
        self.second = CausalConvolution(channels, channels, kernel, dilation)
        self.project = Linear(inputs, channels) if inputs != channels else None
        self.dropout = Dropout(dropout)

    def call(self, x, cache, noise=None):
        """Return Float[T, n, channels] of x Float[T, n, inputs], and the block's cache."""
        y, first = self.first(x, cache[0])
        y, second = self.second(self.dropout(tf.nn.relu(y), noise=noise), cache[1])
        around = x if self.project is None else self.project(x)
        return tf.nn.relu(self.dropout(tf.nn.relu(y), noise=noise) + around), (first, second)

    def views(self):
        """Return the weights by their names in the block."""
        return part_views({"first": self.first, "second": self.second, "project": self.project})


class Blocks(Weights):
    """Residual blocks on top of each other, the dilation doubling from one to the next."""

    def __init__(self, inputs: int, channels: int, kernel: int, blocks: int, dropout: float):
        super().__init__()
        widths, self.features = [inputs] + [channels] * blocks, channels
        self.blocks = [
            Block(widths[i], channels, kernel, dilation, dropout) for i, dilation in enumerate(doubling(blocks))
        ]

    def specs(self):
        """Return what is carried from step to step: the last inputs of each block's two convolutions."""
        return tuple((block.first.spec(), block.second.spec()) for block in self.blocks)

    def call(self, vectors, state, noise=None):
        """Return features Float[n, T, channels] of vectors Float[n, T, inputs], and the caches of all blocks."""
        x, caches = tf.transpose(vectors, [1, 0, 2]), []
        for block, cache in zip(self.blocks, state, strict=True):
            x, cache = block(x, cache, noise=noise)
            caches.append(cache)
        return tf.transpose(x, [1, 0, 2]), tuple(caches)

    def views(self):
        """Return the weights in the shared layout."""
        return named("tcn", part_views(dict(enumerate(self.blocks))))


def build(model) -> Network:
    """Return the network of a `TCN`."""
    return around(Blocks(**sizes(model, "channels", "kernel", "blocks", "dropout")), model)
