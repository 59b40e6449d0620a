"""Music mostly goes on as it is: every entry repeats its last code, or moves.

For a binary piano roll this is the per-key Bernoulli given the same key one frame before.
"""

from __future__ import annotations

import numpy as np

from etude.models.floors.closed_form import ClosedForm, PreviousStep, histogram, positive
from etude.types import Space


class CopyPrevious(ClosedForm):
    """Stay with a learnt probability, else move to a code that does not depend on where one was.

    For entry k with code b one step before,

        p(b | b) = s_k(b),    p(c | b) = (1 - s_k(b)) m_k(c) / (1 - m_k(b))  for c != b,

    where s_k(b) = (stays + a) / (visits + 2 a) and m_k is the smoothed share of moves of entry k that arrive at each
    code (its marginal where a piece begins). All of it is counted; nothing is tuned.

    Parameters
    ----------
    smoothing : float
        The pseudo-count a.
    """

    name = "copy-previous"

    def __init__(self, space: Space, *, seed: int = 0, smoothing: float = 0.5):
        super().__init__(space, seed=seed, smoothing=positive(smoothing))
        shape = (space.entries, space.levels)
        self.counts, self.visits, self.stays, self.arrivals = (np.zeros(shape, np.int64) for _ in range(4))

    def given(self, previous: np.ndarray | None, n: int) -> np.ndarray:
        """Return p(next code | code before), Float64[n, K, levels], for codes Int[n, K] (None: a piece begins)."""
        entry, levels = np.arange(self.space.entries), self.space.levels
        if previous is None:
            return np.broadcast_to(self._shares(self.counts), (n, len(entry), levels))
        if levels == 1:
            return np.ones((n, len(entry), 1))
        stay = self._stay()[entry, previous][..., None]  # (n, K, 1)
        move = np.repeat(self._shares(self.arrivals)[None], n, axis=0)  # (n, K, L)
        here = previous[..., None]
        np.put_along_axis(move, here, 0.0, axis=-1)
        p = (1 - stay) * move / move.sum(axis=-1, keepdims=True)
        np.put_along_axis(p, here, stay, axis=-1)
        return p

    def stepper(self, n: int = 1) -> PreviousStep:
        """Return a fresh state for `n` pieces."""
        return PreviousStep(self.space, n, self.given)

    def _learn(self, train, valid):
        levels = self.space.levels
        self.counts = sum(histogram(x, levels) for x in train)
        self.visits = sum(histogram(x[:-1], levels) for x in train)
        self.stays = sum(_histogram_where(x[1:], x[1:] == x[:-1], levels) for x in train)
        self.arrivals = sum(_histogram_where(x[1:], x[1:] != x[:-1], levels) for x in train)

    def _bits_of(self, x):
        if not len(x):
            return np.zeros(x.shape)
        entry, before, now = np.arange(x.shape[1]), x[:-1], x[1:]
        if self.space.levels == 1:
            return np.zeros(x.shape)
        stay, move = self._stay(), self._shares(self.arrivals)
        away = (1 - stay[entry, before]) * move[entry, now] / (1 - move[entry, before])
        p = np.where(now == before, stay[entry, before], away)
        return -np.log2(np.concatenate([self._shares(self.counts)[entry, x[:1]], p]))

    def _stay(self) -> np.ndarray:
        a = self.options["smoothing"]
        return (self.stays + a) / (self.visits + 2 * a)  # (K, L)

    def _shares(self, counts: np.ndarray) -> np.ndarray:
        smoothed = counts + self.options["smoothing"]
        return smoothed / smoothed.sum(axis=1, keepdims=True)  # (K, L)

    def _arrays(self):
        return {"counts": self.counts, "visits": self.visits, "stays": self.stays, "arrivals": self.arrivals}


def _histogram_where(codes: np.ndarray, mask: np.ndarray, levels: int) -> np.ndarray:
    entries = codes.shape[1]
    cells = (codes + levels * np.arange(entries))[mask]
    return np.bincount(cells, minlength=entries * levels).reshape(entries, levels)
