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

STEPWISE = 0.5  # discount where counts of counts are too few to estimate one


class Table:
    """Counts of pairs (context, code) of one order.

    Parameters
    ----------
    pairs : Int64[M]
        ``context * levels + code``, strictly increasing.
    counts : Int64[M]
        How often each occurred, at least 1.
    """

    def __init__(self, pairs: np.ndarray, counts: np.ndarray, levels: int):
        self.pairs, self.counts, self.levels = pairs, counts, levels
        context = pairs // levels
        first = np.concatenate([np.ones(min(len(pairs), 1), bool), context[1:] != context[:-1]])
        start = np.flatnonzero(first)
        self.contexts, self.bounds = context[first], np.append(start, len(pairs))
        total = np.add.reduceat(counts, start) if len(start) else counts  # (contexts,)
        discount = discounts(counts)[np.minimum(counts, 3) - 1]
        self.share = (counts - discount) / np.repeat(total, np.diff(self.bounds))  # (M,)
        self.rest = np.add.reduceat(discount, start) / total if len(start) else discount  # (contexts,)

    def given(self, contexts: np.ndarray, codes: np.ndarray, shorter: np.ndarray) -> np.ndarray:
        """Return p(code | context), Float64[n], interpolated with `shorter`, the estimates of the order below."""
        return _look_up(self.pairs, self.share, contexts * self.levels + codes, 0.0) + shorter * self._rest(contexts)

    def rows(self, contexts: np.ndarray, shorter: np.ndarray) -> np.ndarray:
        """Return the whole distributions Float64[n, levels], interpolated with `shorter` of that shape."""
        p = shorter * self._rest(contexts)[:, None]
        places = np.searchsorted(self.contexts, contexts)
        for row, place in enumerate(places):
            if place < len(self.contexts) and self.contexts[place] == contexts[row]:
                pairs = slice(self.bounds[place], self.bounds[place + 1])
                p[row, self.pairs[pairs] % self.levels] += self.share[pairs]
        return p

    def _rest(self, contexts: np.ndarray) -> np.ndarray:
        return _look_up(self.contexts, self.rest, contexts, 1.0)


def discounts(counts: np.ndarray) -> np.ndarray:
    """Return D(1), D(2), D(3 and more) of Chen and Goodman (1998, equation 17), Float64[3]."""
    n1, n2, n3, n4 = (int((counts == n).sum()) for n in (1, 2, 3, 4))
    if min(n1, n2, n3) == 0:
        return np.full(3, STEPWISE)
    y = n1 / (n1 + 2 * n2)
    estimate = np.array([1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return np.clip(estimate, 0.05, [0.95, 1.95, 2.95])


def continuations(longer: np.ndarray, levels: int, contexts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs one order shorter and in how many of the distinct pairs `longer` each ends.

    `contexts` is the number of possible contexts of the shorter order: the longest digit is what lies above it.
    """
    shorter = longer // levels % contexts * levels + longer % levels
    return np.unique(shorter, return_counts=True)


class PairCounter:
    """Counts keys that arrive in blocks, in memory bounded by the distinct ones and a buffer."""

    BUFFER = 2**19

    def __init__(self):
        self.buffer: list[np.ndarray] = []
        self.runs: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, keys: np.ndarray) -> None:
        """Count `keys`, Int64[n]."""
        self.buffer.append(keys)
        if sum(map(len, self.buffer)) >= self.BUFFER:
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
            self.buffer = []
        while len(self.runs) > 1 and len(self.runs[-2][0]) < 2 * len(self.runs[-1][0]):
            self._merge_last()

    def _merge_last(self) -> None:
        a, b = self.runs.pop(), self.runs.pop()
        keys, where = np.unique(np.concatenate([a[0], b[0]]), return_inverse=True)
        counts = np.zeros(len(keys), np.int64)
        np.add.at(counts, where, np.concatenate([a[1], b[1]]))
        self.runs.append((keys, counts))


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray, default: float) -> np.ndarray:
    if not len(keys):
        return np.full(len(wanted), default)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], default)
