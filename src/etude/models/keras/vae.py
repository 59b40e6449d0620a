"""The network of the variational autoencoder in Keras. Equations: `etude.models.latent.vae`."""

from __future__ import annotations

from math import log

import numpy as np

from etude.models.keras.latent import LatentNetwork
from etude.training.keras.framework import tf

LONGEST = 8.0  # |log variance| at most


class VAENetwork(LatentNetwork):
    """Encoder to a Gaussian, a draw from it, decoder."""

    def __init__(self, model):
        super().__init__(model)
        self.free_nats = model.options["free_bits"] * log(2)

    def loss(self, batch, noise):
        """Return the mean nats per step of a batch of segments: the negative ELBO with one draw of z.

        The KL has the batch's weight; `free_bits` of each dimension, on average over the batch, have no gradient.
        """
        mean, deviation = self.gaussian(self.encoded(batch.events[:, 1:], batch.mask))
        z = mean + deviation * noise.normal(tf.shape(mean), mean.dtype)
        kl = tf.reduce_mean((mean**2 + deviation**2 - 1) / 2 - tf.math.log(deviation), axis=0)  # (D,)
        weight = tf.cast(batch.kl_weight[0], mean.dtype) * tf.cast(tf.shape(mean)[0], mean.dtype)
        cost = weight * tf.reduce_sum(tf.maximum(kl, self.free_nats))
        nats = self.nats(z, batch.events, batch.first, batch.mask, noise=noise)
        return (tf.reduce_sum(nats) + cost) / tf.reduce_sum(tf.cast(batch.mask, mean.dtype))

    def gaussian(self, encoded):
        """Return mean and deviation of q(z | x), Float[n, D] both, of what the encoder gave."""
        mean, log_variance = tf.split(encoded, 2, axis=-1)
        return mean, tf.exp(tf.clip_by_value(log_variance, -LONGEST, LONGEST) / 2)

    def posterior(self, batch) -> np.ndarray:
        """Return mean and deviation of q(z | x) of each segment of a batch of arrays, Float64[n, 2, D]."""
        return tf.stack(self.gaussian(tf.constant(self.encode(batch))), axis=1).numpy()
