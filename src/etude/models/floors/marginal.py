"""How often each code occurs, and nothing about time: the "note 1-gram" of Boulanger-Lewandowski et al. (2012)."""

from __future__ import annotations

import numpy as np

from etude.models.floors.closed_form import ClosedForm, PreviousStep, histogram, positive
from etude.types import Space


class Marginal(ClosedForm):
    """p(x_t,k = c) = (n_k(c) + a) / (n_k + a levels), entries independent, the end code one of the codes.

    Parameters
    ----------
    smoothing : float
        The pseudo-count a. 1/2 is the Krichevsky-Trofimov estimator, whose regret is within a constant of the least
        that any estimator can promise (Krichevsky and Trofimov 1981). Without data the model is uniform.
    """

    name = "marginal"
    narrow = True

    def __init__(self, space: Space, *, seed: int = 0, smoothing: float = 0.5):
        super().__init__(space, seed=seed, smoothing=positive(smoothing))
        self.counts = np.zeros((space.entries, space.levels), np.int64)  # (K, L)

    def probabilities(self) -> np.ndarray:
        """Return the distribution of every entry, Float64[K, levels]."""
        smoothed = self.counts + self.options["smoothing"]
        return smoothed / smoothed.sum(axis=1, keepdims=True)

    def stepper(self, n: int = 1) -> PreviousStep:
        """Return a fresh state for `n` pieces."""
        p = np.broadcast_to(self.probabilities(), (n, self.space.entries, self.space.levels))
        return PreviousStep(self.space, n, lambda previous, n: p)

    def _learn(self, train, valid):
        self.counts = sum(histogram(x, self.space.levels) for x in train)

    def _bits_of(self, x):
        return -np.log2(self.probabilities())[np.arange(x.shape[1]), x]

    def _arrays(self):
        return {"counts": self.counts}
