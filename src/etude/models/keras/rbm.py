"""The restricted Boltzmann machine in Keras: what learns. Equations and names: `models.energy.boltzmann`.

The gradient of log p(x) is that of -F(x) + F(x'), averaged over frames x' of the machine: contrastive divergence
(Hinton 2002), persistent chains (Tieleman 2008), or with few hidden units the gradient of log Z itself.
"""

from __future__ import annotations

from math import log

import numpy as np

from etude.models.energy.partition import states
from etude.models.keras.rbm_output import all_states
from etude.models.keras.weights import Weights, of
from etude.training.keras.framework import tf

MOST_STATES = 2**12  # of the smaller layer, summed over at every step of contrastive divergence


class Energy(Weights):
    """The weights of a machine, its chains, and the loss whose gradient they estimate.

    Parameters
    ----------
    entries, levels : int
        Of a frame.
    hidden : int
        Hidden units, U.
    learning : {"cd", "pcd", "exact"}
    gibbs : int
        Gibbs sweeps a step, k.
    chains : int
        Persistent chains.
    """

    varying = (0,)

    def __init__(self, entries: int, levels: int, hidden: int, learning: str, gibbs: int, chains: int):
        super().__init__()
        self.above, self.learning, self.sweeps, self.units = levels - 1, learning, gibbs, hidden
        self.by_hidden = 2**hidden <= levels**entries  # the layer that log Z is summed over
        self.counted = learning != "cd" or min(2**hidden, levels**entries) <= MOST_STATES
        visible = entries * self.above
        self.visible, self.hidden, self.weight = self.new(visible), self.new(hidden), self.new(visible, hidden)
        self.base, self.chains = self.new(visible, learnt=False), self.new(chains, visible, learnt=False)
        self.log_z = self.new(learnt=False, dtype="float64")
        self.log_weights = self.new(chains, learnt=False, dtype="float64")
        self.energies = self.new(chains, learnt=False)

    def loss(self, batch, noise):
        """Return the mean nats per frame of a batch of `frames` Int[B, E].

        The gradient is that of log p, exact or estimated. The value is F + log Z. With persistent chains the log Z of
        the last score is followed by weights on them: annealed importance sampling whose path is the learning itself.
        It shows the course; scores are estimated afresh. Chains that begin at the data carry nothing from step to step;
        there log Z is counted, or, where the layers are too large (`counted` is False), not that of the weights.
        """
        data = self._one_hot(batch.frames)
        positive = tf.reduce_mean(self.free_energy(data))
        if self.learning == "exact":
            return positive + self.log_partition()
        self.follow_log_z()
        negative = tf.reduce_mean(self.free_energy(self.model_frames(data, noise)))
        course = self.log_z.value + tf.reduce_logsumexp(self.log_weights.value)
        return positive - negative + tf.stop_gradient(negative) + tf.cast(course, negative.dtype)

    def follow_log_z(self) -> None:
        """Weigh the persistent chains by the change of their free energy since they moved: E[w] = Z_now / Z_then.

        Without such chains, count log Z where that can be done.
        """
        if self.learning == "pcd":
            now = tf.stop_gradient(self.free_energy(self.chains.value))
            self.log_weights.assign(self.log_weights.value + tf.cast(self.energies.value - now, tf.float64))
        elif self.counted:
            sums = self.log_partition() if self.by_hidden else tf.reduce_logsumexp(-self.free_energy(self.all_frames()))
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
        v = tf.stop_gradient(self.gibbs(data if self.learning == "cd" else self.chains.value, noise))
        if self.learning == "pcd":
            self.chains.assign(v)
            self.energies.assign(tf.stop_gradient(self.free_energy(v)))
        return v

    def gibbs(self, v, noise):
        """Return frames after k sweeps of the hidden units, then of the entries, drawn by inverse transform."""
        for _ in range(self.sweeps):
            p = tf.sigmoid(self.hidden.value + tf.matmul(v, self.weight.value))
            z = tf.cast(noise.uniform(tf.shape(p), p.dtype) < p, p.dtype)
            p = tf.nn.softmax(tf.pad(self._logits(z), [[0, 0], [0, 0], [1, 0]]))
            below = tf.cumsum(p, axis=-1)[..., :-1]  # (n, E, L - 1): mass up to each code but the last
            drawn = noise.uniform(tf.shape(p)[:2], p.dtype)
            v = self._one_hot(tf.reduce_sum(tf.cast(below <= drawn[..., None], tf.int64), axis=-1))
        return v

    def log_partition(self):
        """Return log Z by the sum over all hidden states, differentiable."""
        z = tf.constant(all_states(self.units), self.compute_dtype)
        sums = tf.reduce_logsumexp(tf.pad(self._logits(z), [[0, 0], [0, 0], [1, 0]]), axis=-1)
        return tf.reduce_logsumexp(tf.linalg.matvec(z, self.hidden.value) + tf.reduce_sum(sums, axis=-1))

    def all_frames(self):
        """Return every frame, one-hot."""
        levels, entries = self.above + 1, self.visible.shape[0] // self.above
        return self._one_hot(states(np.arange(levels**entries), entries, levels))

    def start_chains(self, frames: np.ndarray) -> None:
        """Begin the persistent chains at frames Int[n, E], repeated as often as needed."""
        self.chains.assign(self._one_hot(np.resize(frames, (self.chains.shape[0], frames.shape[1])).astype(np.int64)))

    def views(self):
        """Return the weights in the shared layout."""
        own = of(visible=self.visible, hidden=self.hidden, weight=self.weight, base=self.base)
        return {f"rbm.{name}": view for name, view in own.items()}

    def _logits(self, z):
        """Return a + W z, Float[n, E, L - 1], of hidden states Float[n, U]."""
        logits = self.visible.value + tf.matmul(z, self.weight.value, transpose_b=True)
        return tf.reshape(logits, [-1, logits.shape[1] // self.above, self.above])

    def _one_hot(self, x):
        """Return codes Int[n, E] as Float[n, E * (L - 1)]: code 0 is all zeros, code l sets place l - 1."""
        ones = tf.one_hot(x - 1, self.above, dtype=self.compute_dtype)
        return tf.reshape(ones, [-1, ones.shape[1] * self.above])


def build(model) -> Energy:
    """Return what learns the weights of an `RBM`."""
    names = ("hidden", "learning", "gibbs", "chains")
    return Energy(model.space.entries, model.space.levels, **{name: model.options[name] for name in names})
