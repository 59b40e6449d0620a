"""Models that one pass over the data fits: no steps, no seeds, nothing to tune but what the validation pieces choose.

They are the floors of every table. `budget`, `seed` and `checkpoint` are accepted and not used: the counts of a data
set are what they are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np

from etude.errors import CorruptCheckpoint, EtudeError
from etude.models.autoregressive import Autoregressive, Chooser
from etude.types import History, Space

REPORTED_ENTRIES = 2**18  # training entries that the History's training score looks at


class ClosedForm(Autoregressive):
    """Base of the floors: `_learn` counts, `_bits_of` looks up."""

    @abstractmethod
    def _learn(self, train: list[np.ndarray], valid: list[np.ndarray]) -> None: ...

    @abstractmethod
    def _bits_of(self, x: np.ndarray) -> np.ndarray:
        """Return -log2 p of every entry, Float64[T, K], of one piece Int[T, K]."""

    def _fit(self, train, valid, budget, seed, checkpoint):
        start = perf_counter()
        self._learn([self._flat(x) for x in train], [self._flat(x) for x in valid])
        row = {"step": 0, "train": self._bits_per_step(_first(train)), "valid": self._bits_per_step(valid)}
        seconds = perf_counter() - start
        return History([{**row, "seconds": seconds}], 0, seconds, self.parameters)

    def _step_bits(self, xs):
        return [self._bits_of(self._flat(x)).reshape(x.shape) for x in xs]

    def _flat(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), self.space.entries)  # (T, K)

    def _bits_per_step(self, xs) -> float:
        steps = sum(len(x) for x in xs)
        return float(self._bits(xs).sum() / steps) if steps else np.nan

    def _restore(self, arrays):
        fresh = self._arrays()
        wanted, got = ({name: (a.shape, a.dtype) for name, a in some.items()} for some in (fresh, arrays))
        if wanted != got or any((array < 0).any() for array in arrays.values()):
            raise CorruptCheckpoint(f"the arrays of {self.name} in {self.space}", "others", "Fit the model again.")
        self._set(arrays)

    def _set(self, arrays: dict[str, np.ndarray]) -> None:
        for name, array in arrays.items():
            setattr(self, name, array)


class PreviousStep:
    """Stepper of a model that looks back one step at most.

    Parameters
    ----------
    given : callable
        From the previous step's codes Int[n, K], or None before the first, to probabilities Float64[n, K, levels].
    """

    def __init__(self, space: Space, n: int, given: Callable[[np.ndarray | None, int], np.ndarray]):
        self.space, self.n, self.given = space, n, given
        self.previous: np.ndarray | None = None

    def step(self, choose: Chooser) -> np.ndarray:
        probabilities = self.given(self.previous, self.n)
        self.previous = np.asarray(choose(probabilities, np.arange(self.space.entries)))  # (n, K)
        return self.previous.reshape(self.n, *self.space.event_shape)


def positive(smoothing: float) -> float:
    """Return `smoothing`, refusing what would leave a code without a probability."""
    if not (np.isfinite(smoothing) and smoothing > 0):
        remedy = "Without smoothing, one unseen code costs infinitely many bits."
        raise EtudeError("a finite smoothing > 0", str(smoothing), remedy)
    return float(smoothing)


def histogram(codes: np.ndarray, levels: int) -> np.ndarray:
    """Return how often each entry takes each code, Int64[K, levels], of codes Int[T, K]."""
    entries = codes.shape[1]
    cells = codes + levels * np.arange(entries)
    return np.bincount(cells.reshape(-1), minlength=entries * levels).reshape(entries, levels)


def _first(train: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    sizes = np.cumsum([x.size for x in train])
    return train[: max(1, int((sizes <= REPORTED_ENTRIES).sum()))]
