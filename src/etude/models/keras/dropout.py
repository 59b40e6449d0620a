"""Dropout in Keras, from the noise of an optimiser step."""

from __future__ import annotations

from etude.training.keras.framework import keras, tf
from etude.training.keras.noise import Noise


class Dropout(keras.layers.Layer):
    """Dropout (Srivastava et al. 2014) whose coins are random bytes: the share is rounded to 1 / 256."""

    def __init__(self, share: float):
        super().__init__()
        self.dropped = min(round(256 * share), 255)

    def call(self, x, noise: Noise | None = None):
        """Return x with some entries zero and the others enlarged to keep the mean; x itself without noise."""
        if noise is None or not self.dropped:
            return x
        kept = noise.bytes(tf.shape(x)) >= tf.constant(self.dropped, tf.uint8)
        return x * (tf.cast(kept, x.dtype) * (256 / (256 - self.dropped)))
