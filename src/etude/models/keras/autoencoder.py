"""The network of the plain autoencoder in Keras. Equations: `etude.models.latent.autoencoder`."""

from __future__ import annotations

from math import sqrt

import numpy as np

from etude.models.keras.latent import LatentNetwork
from etude.models.keras.weights import View
from etude.training.keras.framework import tf

EDGE = 0.499  # beyond the outermost codes


class AutoencoderNetwork(LatentNetwork):
    """Encoder, quantiser, decoder, and the counts of the prior."""

    def __init__(self, model):
        super().__init__(model)
        self.levels = model.options["levels"]
        self.prior = self.new(model.options["latent"], self.levels, learnt=False)

    def loss(self, batch, noise=None):
        """Return the mean nats per step of a batch of segments: both parts of the code.

        The first part has no gradient: the prior follows the codes, not the codes the prior.
        """
        u = self._position(self.encoded(batch.events[:, 1:], batch.mask))
        codes = tf.round(tf.stop_gradient(u))
        z = sqrt(3) * (2 * (u + tf.stop_gradient(codes - u)) / (self.levels - 1) - 1)  # straight-through
        nats = self._code_nats(tf.cast(codes, tf.int32))
        nats += self.nats(z, batch.events, batch.first, batch.mask, noise=noise)
        return tf.reduce_sum(nats) / tf.reduce_sum(tf.cast(batch.mask, nats.dtype))

    def codes(self, batch) -> np.ndarray:
        """Return the code of each segment of a batch of arrays, Int[n, D]."""
        return tf.cast(tf.round(self._position(tf.constant(self.encode(batch)))), tf.int64).numpy()

    def counts(self) -> np.ndarray:
        """Return how often each level of each dimension was seen, Float64[D, L]."""
        return self.prior.numpy().astype(np.float64)

    def count(self, counts: np.ndarray) -> None:
        """Take on counts Int[D, L]."""
        self.prior.assign(counts)

    def _position(self, a):
        """Return u, which is rounded to a code, kept where it rounds to 0 .. L - 1."""
        return tf.clip_by_value(self.levels * tf.sigmoid(a) - 0.5, -EDGE, self.levels - 1 + EDGE)

    def _code_nats(self, codes):
        smoothed = self.prior.value + 1
        table = tf.math.log(tf.reduce_sum(smoothed, axis=1, keepdims=True) / smoothed)
        return tf.reduce_sum(tf.gather(table, tf.transpose(codes), batch_dims=1), axis=0)

    def views(self):
        """Return all weights in the shared layout, and the counts."""
        return {**super().views(), "prior.counts": View(self.prior)}
