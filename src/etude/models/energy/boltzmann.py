"""The mathematics of the restricted Boltzmann machine, in NumPy: energies, conditionals, what evidence leaves.

A frame has E entries with L levels, the machine U hidden units z in {0, 1}^U (Smolensky 1986, there "harmony theory";
softmax entries: Salakhutdinov et al. 2007). Level 0, a key that rests, is the zero of energy; with two levels this is
the classical binary machine. With v the one-hot codes of x, level 0 left out::

    E(x, z) = -a.v - d.z - v.W.z        p(x, z) = exp(-E(x, z)) / Z
    F(x) = -log sum_z exp(-E(x, z)) = -a.v - sum_j softplus(d_j + (v W)_j)        p(x) = exp(-F(x)) / Z
    p(z_j = 1 | x) = sigmoid(d_j + (v W)_j)        p(x_e = l | z) = softmax(0, a_e + (W z)_e)_l
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from etude.models.autoregressive import nucleus


@dataclass(frozen=True, eq=False)
class Machine:
    """The weights of a restricted Boltzmann machine, double precision.

    Parameters
    ----------
    visible : Float64[E, L - 1]
        Biases a of the levels above 0.
    hidden : Float64[U]
        Biases d of the hidden units.
    weight : Float64[E, L - 1, U]
        Coupling W of levels and hidden units.
    """

    visible: np.ndarray
    hidden: np.ndarray
    weight: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """The coupling as Float64[E * (L - 1), U]."""
        return self.weight.reshape(self.visible.size, len(self.hidden))

    def scaled(self, factor: float) -> Machine:
        """Return the machine whose energies are `factor` times as large: p^factor, up to its norm."""
        return Machine(self.visible * factor, self.hidden * factor, self.weight * factor)

    def given(self, values: np.ndarray, known: np.ndarray) -> tuple[Machine, float]:
        """Return the machine over the unknown entries, and the energy of the known ones by themselves.

        Known entries Int[E], where `known` Bool[E], only shift the biases of the hidden units.
        """
        v = one_hot(np.where(known, values, 0)[None], self.visible.shape[1])[0]
        hidden = self.hidden + v @ self.matrix
        return Machine(self.visible[~known], hidden, self.weight[~known]), -float(v @ self.visible.ravel())

    def hidden_input(self, x: np.ndarray) -> np.ndarray:
        """Return d + v W, Float64[n, U], of frames Int[n, E]."""
        return self.hidden + one_hot(x, self.visible.shape[1]) @ self.matrix

    def visible_input(self, z: np.ndarray) -> np.ndarray:
        """Return a + W z, Float64[n, E, L - 1], of hidden states [n, U]."""
        return (self.visible.ravel() + z @ self.matrix.T).reshape(len(z), *self.visible.shape)

    def free_energy(self, x: np.ndarray) -> np.ndarray:
        """Return F, Float64[n], of frames Int[n, E]."""
        linear = one_hot(x, self.visible.shape[1]) @ self.visible.ravel()
        return -linear - softplus(self.hidden_input(x)).sum(axis=1)

    def hidden_free_energy(self, z: np.ndarray) -> np.ndarray:
        """Return -log sum_x exp(-E(x, z)), Float64[n], of hidden states [n, U]."""
        return -z @ self.hidden - log_one_plus(self.visible_input(z)).sum(axis=1)

    def energy(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return E(x, z), Float64[n], of frames Int[n, E] with hidden states [n, U]."""
        v = one_hot(x, self.visible.shape[1])
        return -(v @ self.visible.ravel()) - (self.hidden_input(x) * z).sum(axis=1)

    def gibbs(self, x: np.ndarray, rng: np.random.Generator, sweeps: int = 1) -> np.ndarray:
        """Return frames Int[n, E] after `sweeps` of all hidden units given all entries, then all entries given them."""
        for _ in range(sweeps):
            x = draw_visible(self.visible_input(draw_hidden(self.hidden_input(x), rng)), rng)
        return x

    def descend(self, x: np.ndarray, sweeps: int = 1000) -> np.ndarray:
        """Return frames from which no update of a layer lowers the energy: Gibbs sampling at temperature 0."""
        for _ in range(sweeps):
            logits = self.visible_input((self.hidden_input(x) > 0).astype(np.float64))
            lower = np.where((logits > 0).any(axis=-1), logits.argmax(axis=-1) + 1, 0) if logits.size else x
            if np.array_equal(lower, x):
                break
            x = lower
        return x


def one_hot(x: np.ndarray, levels: int) -> np.ndarray:
    """Return codes Int[n, E] as Float64[n, E * levels], where code 0 is all zeros and code l sets place l - 1."""
    return (x[..., None] == np.arange(1, levels + 1)).reshape(len(x), x.shape[1] * levels).astype(np.float64)


def draw_hidden(inputs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw hidden states Float64[n, U] of 0 and 1 that are 1 with probability sigmoid(inputs)."""
    return (rng.random(inputs.shape) < sigmoid(inputs)).astype(np.float64)


def draw_visible(logits: np.ndarray, rng: np.random.Generator, top_p: float = 1.0) -> np.ndarray:
    """Draw codes Int64[n, E] from softmax(0, logits) for logits Float64[n, E, L - 1], by inverse transform.

    Below 1, `top_p` keeps the likeliest codes of each entry that together have this probability.
    """
    top = logits.max(axis=-1, initial=0.0)
    weights = np.concatenate([np.exp(-top)[..., None], np.exp(logits - top[..., None])], axis=-1)  # (n, E, L)
    if top_p < 1:
        weights = nucleus(weights / weights.sum(axis=-1, keepdims=True), top_p)
    below = weights.cumsum(axis=-1)
    u = rng.random(logits.shape[:2]) * below[..., -1]
    return (below[..., :-1] <= u[..., None]).sum(axis=-1)


def sigmoid(a: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-a)); beyond +-40 it is 0 or 1 to double precision."""
    return 1 / (1 + np.exp(-np.clip(a, -40, 40)))


def softplus(a: np.ndarray) -> np.ndarray:
    """Return log(1 + exp(a))."""
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


def log_one_plus(logits: np.ndarray) -> np.ndarray:
    """Return log(1 + sum exp(logits)) over the last axis."""
    if logits.shape[-1] == 1:
        return softplus(logits[..., 0])
    return np.logaddexp(0, np.logaddexp.reduce(logits, axis=-1))
