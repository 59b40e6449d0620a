"""The floor under all floors: every code is as likely as any other, log2(levels) bits an entry."""

from __future__ import annotations

import numpy as np

from etude.models.floors.closed_form import ClosedForm, PreviousStep
from etude.types import Space


class Uniform(ClosedForm):
    """p(x_t,k = c) = 1 / levels, for every entry k of every step.

    In a space with an end code pieces therefore have geometric lengths of `levels` steps on average.
    """

    name = "uniform"

    def __init__(self, space: Space, *, seed: int = 0):
        super().__init__(space, seed=seed)

    def stepper(self, n: int = 1) -> PreviousStep:
        """Return a fresh state for `n` pieces."""
        flat = np.full((n, self.space.entries, self.space.levels), 1 / self.space.levels)
        return PreviousStep(self.space, n, lambda previous, n: flat)

    def _learn(self, train, valid):
        pass

    def _bits_of(self, x):
        return np.full(x.shape, np.log2(self.space.levels))

    def _arrays(self):
        return {}
