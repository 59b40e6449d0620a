"""What learns the restricted Boltzmann machine in Keras: see `models.energy.boltzmann` and `.learning`."""

from __future__ import annotations

from math import log

import numpy as np

from etude.models.energy.learning import Learning
from etude.models.keras.rbm_output import all_states
from etude.models.keras.weights import Weights, of
from etude.training.keras.framework import tf


class Energy(Weights):
    """The weights of a machine, its chains, and the loss whose gradient they estimate."""

    varying = (0,)

    def __init__(self, plan: Learning):
        super().__init__()
        self.plan, self.counted = plan, plan.counted
        visible, hidden, chains = plan.visible, plan.hidden, plan.chains
        self.visible, self.hidden, self.weight = self.new(visible), self.new(hidden), self.new(visible, hidden)
        self.base, self.chains = self.new(visible, learnt=False), self.new(chains, visible, learnt=False)
        self.log_z = self.new(learnt=False, dtype="float64")
        self.log_weights = self.new(chains, learnt=False, dtype="float64")
        self.energies = self.new(chains, learnt=False)

    def loss(self, batch, noise):
        """Return the mean nats per frame of a batch of `frames` Int[B, E]; its value: `models.energy.learning`."""
        data = self._one_hot(batch.frames)
        positive = tf.reduce_mean(self.free_energy(data))
        if self.plan.learning == "exact":
            return positive + self.log_partition()
        self.follow_log_z()
        negative = tf.reduce_mean(self.free_energy(self.model_frames(data, noise)))
        course = self.log_z.value + tf.reduce_logsumexp(self.log_weights.value)
        return positive - negative + tf.stop_gradient(negative) + tf.cast(course, negative.dtype)

    def follow_log_z(self) -> None:
        """Weigh the persistent chains by the change of their free energy since they moved: E[w] = Z_now / Z_then.

        Without such chains, count log Z where that can be done.
        """
        if self.plan.learning == "pcd":
            now = tf.stop_gradient(self.free_energy(self.chains.value))
            self.log_weights.assign(self.log_weights.value + tf.cast(self.energies.value - now, tf.float64))
        elif self.counted:
            sums = (
                self.log_partition()
                if self.plan.by_hidden
                else tf.reduce_logsumexp(-self.free_energy(self.all_frames()))
            )
            self.set_log_z(tf.stop_gradient(sums))

    def set_log_z(self, value) -> None:
        """Take on an estimate of log Z for the weights as they are."""
        self.log_z.assign(tf.cast(value, tf.float64))
        self.log_weights.assign(np.full(self.log_weights.shape, -log(self.log_weights.shape[0])))
        self.energies.assign(self.free_energy(self.chains.value))

    def free_energy(self, v):
        """Return F, Float[n], of one-hot frames Float[n, E * (L - 1)]."""
        units = self.hidden.value + tf.matmul(v, self.weight.value)
        return -tf.linalg.matvec(v, self.visible.value) - tf.reduce_sum(tf.math.softplus(units), axis=-1)

    def model_frames(self, data, noise):
        """Return frames after k sweeps, begun at the data or where the persistent chains stand."""
        v = tf.stop_gradient(self.gibbs(data if self.plan.learning == "cd" else self.chains.value, noise))
        if self.plan.learning == "pcd":
            self.chains.assign(v)
            self.energies.assign(tf.stop_gradient(self.free_energy(v)))
        return v

    def gibbs(self, v, noise):
        """Return frames after k sweeps of the hidden units, then of the entries, drawn by inverse transform."""
        for _ in range(self.plan.gibbs):
            p = tf.sigmoid(self.hidden.value + tf.matmul(v, self.weight.value))
            z = tf.cast(noise.uniform(tf.shape(p), p.dtype) < p, p.dtype)
            p = tf.nn.softmax(tf.pad(self._logits(z), [[0, 0], [0, 0], [1, 0]]))
            below = tf.cumsum(p, axis=-1)[..., :-1]  # (n, E, L - 1): mass up to each code but the last
            drawn = noise.uniform(tf.shape(p)[:2], p.dtype)
            v = self._one_hot(tf.reduce_sum(tf.cast(below <= drawn[..., None], tf.int64), axis=-1))
        return v

    def log_partition(self):
        """Return log Z by the sum over all hidden states, differentiable."""
        z = tf.constant(all_states(self.plan.hidden), self.compute_dtype)
        sums = tf.reduce_logsumexp(tf.pad(self._logits(z), [[0, 0], [0, 0], [1, 0]]), axis=-1)
        return tf.reduce_logsumexp(tf.linalg.matvec(z, self.hidden.value) + tf.reduce_sum(sums, axis=-1))

    def all_frames(self):
        """Return every frame, one-hot."""
        return self._one_hot(self.plan.all_frames())

    def start_chains(self, frames: np.ndarray) -> None:
        """Begin the persistent chains at frames Int[n, E], repeated as often as needed."""
        self.chains.assign(self._one_hot(self.plan.first_frames(frames)))

    def views(self):
        """Return the weights in the shared layout."""
        own = of(visible=self.visible, hidden=self.hidden, weight=self.weight, base=self.base)
        return {f"rbm.{name}": view for name, view in own.items()}

    def _logits(self, z):
        """Return a + W z, Float[n, E, L - 1], of hidden states Float[n, U]."""
        logits = self.visible.value + tf.matmul(z, self.weight.value, transpose_b=True)
        return tf.reshape(logits, [-1, logits.shape[1] // self.plan.above, self.plan.above])

    def _one_hot(self, x):
        """Return codes Int[n, E] as Float[n, E * (L - 1)]: code 0 is all zeros, code l sets place l - 1."""
        ones = tf.one_hot(x - 1, self.plan.above, dtype=self.compute_dtype)
        return tf.reshape(ones, [-1, ones.shape[1] * self.plan.above])


def build(model) -> Energy:
    """Return what learns the weights of an `RBM`."""
    return Energy(Learning.of(model))
