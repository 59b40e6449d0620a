"""Interpolated modified Kneser-Ney estimates: a distribution over the next code from counts of contexts.

Chen and Goodman (1998), "An empirical study of smoothing techniques for language modeling", section 3. A pair (context
h, code c) that was counted n times gives up a discount D(n); what a context's pairs give up goes to the estimate of the
next shorter context, down to the uniform distribution:

    p_j(c | h) = max(n(h c) - D, 0) / n(h)  +  (sum of discounts of h) / n(h) * p_{j-1}(c | h'),    p_{-1} = 1 / levels.

In the shorter contexts n(h c) is not how often c followed h but after how many different longer contexts it did: a code
that follows only one of them says nothing new. Every code keeps a positive probability, and each row sums to 1.
"""

from __future__ import annotations

import numpy as np

FALLBACK = 0.5  # discount where counts of counts are too few to estimate one


class Table:
    """Counts of pairs (context, code) of one order, contexts numbered 0, 1, 2, ...

    Parameters
    ----------
    pairs : Int64[M]
        ``context * levels + code``, increasing; every context has at least one.
    counts : Int64[M]
        How often each occurred, at least 1.
    """

    def __init__(self, pairs: np.ndarray, counts: np.ndarray, levels: int):
        self.pairs, self.counts, self.levels = pairs, counts, levels
        contexts = int(pairs[-1]) // levels + 1
        self.bounds = np.searchsorted(pairs, np.arange(contexts + 1) * levels)
        start = self.bounds[:-1]
        total = np.add.reduceat(counts, start)  # (contexts,)
        discount = discounts(counts)[np.minimum(counts, 3) - 1]
        self.share = (counts - discount) / np.repeat(total, np.diff(self.bounds))  # (M,)
        self.rest = np.append(np.add.reduceat(discount, start) / total, 1.0)  # (contexts + 1,), the last for UNSEEN

    def given(self, contexts: np.ndarray, codes: np.ndarray, shorter: np.ndarray) -> np.ndarray:
        """Return p(code | context), Float64[n], interpolated with `shorter`, the estimates of the order below.

        A context of -1 was never seen: its estimates are those of the order below.
        """
        wanted = contexts * np.int64(self.levels) + codes
        place = np.minimum(insertion(self.pairs, wanted), len(self.pairs) - 1)
        return np.where(self.pairs[place] == wanted, self.share[place], 0.0) + shorter * self.rest[contexts]

    def rows(self, contexts: np.ndarray, shorter: np.ndarray) -> np.ndarray:
        """Return the whole distributions Float64[n, levels], interpolated with `shorter` of that shape."""
        p = shorter * self.rest[contexts][:, None]
        for row, context in enumerate(contexts):
            if context >= 0:
                pairs = slice(self.bounds[context], self.bounds[context + 1])
                p[row, self.pairs[pairs] % self.levels] += self.share[pairs]
        return p


def discounts(counts: np.ndarray) -> np.ndarray:
    """Return D(1), D(2), D(3 and more) of Chen and Goodman (1998, equation 17), Float64[3]."""
    n1, n2, n3, n4 = (int((counts == n).sum()) for n in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) == 0:
        return np.full(3, FALLBACK)
    y = n1 / (n1 + 2 * n2)
    estimate = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.clip(estimate, 0.05, [0.95, 1.95, 2.95])


def insertion(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return np.searchsorted(known, wanted); many keys are sorted first, which keeps the search in the cache."""
    if len(wanted) < 2**12:
        return np.searchsorted(known, wanted)
    order, place = np.argsort(wanted), np.empty(len(wanted), np.int64)
    place[order] = np.searchsorted(known, wanted[order])
    return place


class KeyCounter:
    """Counts keys that arrive in blocks, in memory bounded by the distinct ones and a buffer."""

    BUFFER = 2**20

    def __init__(self):
        self.buffer: list[np.ndarray] = []
        self.waiting = 0
        self.runs: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, keys: np.ndarray) -> None:
        """Count `keys`, Int64[n]."""
        self.buffer.append(keys)
        self.waiting += len(keys)
        if self.waiting >= self.BUFFER:
            self._flush()

    def total(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the distinct keys, increasing, and their counts."""
        self._flush()
        while len(self.runs) > 1:
            self._merge_last()
        return self.runs[0] if self.runs else (np.zeros(0, np.int64), np.zeros(0, np.int64))

    def _flush(self) -> None:
        if self.buffer:
            self.runs.append(np.unique(np.concatenate(self.buffer), return_counts=True))
            self.buffer, self.waiting = [], 0
        while len(self.runs) > 1 and len(self.runs[-2][0]) < 2 * len(self.runs[-1][0]):
            self._merge_last()

    def _merge_last(self) -> None:
        keys, counts = (np.concatenate(parts) for parts in zip(self.runs.pop(), self.runs.pop(), strict=True))
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        start = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        self.runs.append((keys[start], np.add.reduceat(counts[order], start)))
