"""What all neural families share: a network made by a framework's half, its weights, and how a fit goes.

A family gives its options, its initial weights and a `Material`: the batches, the groups of validation pieces and their
score. Which framework computes is asked when the network is first needed (`etude.models.halves`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from etude.errors import EtudeError
from etude.models.base import Model
from etude.models.halves import Half, Weighted, half, halves
from etude.models.sequence.outputs import OUTPUTS
from etude.training import Task
from etude.training.task import data_digest, strict
from etude.types import CUTS, Budget, History, Space

COUNTED_AT_ONCE = 2**18  # steps of a piece


@dataclass(frozen=True, eq=False)
class Material:
    """What a family learns from.

    Parameters
    ----------
    batch, groups, score
        See `batch`, `valid` and `score` of `etude.training.Task`.
    finish : callable, optional
        What is left to do when the best weights are in place.
    """

    batch: Callable[[int], Any]
    groups: Sequence[Any]
    score: Callable[[Any], tuple[float, int]]
    finish: Callable[[], None] | None = None


class Neural(Model):
    """Base of the families whose weights are learnt by a framework."""

    narrow = True
    cuts: ClassVar[tuple[str, ...]] = CUTS[:1]  # what a budget may ask of it

    def __init__(self, space: Space, *, seed: int | None = 0, **options):
        super().__init__(space, seed=seed, **options)
        self._half: Half | None = None
        self._network: Weighted | None = None
        self._untouched = True  # weights as drawn

    # The half --------------------------------------------------------------------------------------------------------

    @classmethod
    def frameworks(cls):
        """Return the names of the frameworks that have the family, the one that is asked by default first."""
        return tuple(one.name for one in halves(cls.name))

    @property
    def half(self) -> Half:
        """The framework's half, by default that of the first framework that has the family with these options."""
        if self._half is None:
            self._half = half(self.name, self.options)
        return self._half

    @property
    def framework(self) -> str:
        """The framework that computes."""
        return self.half.name

    def on(self, framework: str | None):
        """Let another framework compute, with the same weights; returns the model. None leaves it where it is."""
        if framework is not None:
            chosen, weights = half(self.name, self.options, framework), None if self._untouched else self._arrays()
            self._half, self._network = chosen, None
            if weights is not None:
                self._restore(weights)
        return self

    def in_double(self):
        """Return the model once more, with the same weights and a network in double precision."""
        twin = type(self)(self.space, seed=self.seed, **self.options).on(self.framework)
        twin._network = twin.half.double(twin)
        twin._restore(self._arrays())
        twin._untouched = self._untouched
        return twin

    @property
    def network(self):
        """The half's network, with weights drawn from the seed when it is first asked for."""
        if self._network is None:
            network = self.half.build(self)
            network.restore(self._initial(np.random.default_rng(self.seed)))
            self._network = network
        return self._network

    # Weights ---------------------------------------------------------------------------------------------------------

    @abstractmethod
    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return initial weights, the same for every framework."""

    @property
    def parameters(self) -> int:
        """Numbers that are learnt; counting them needs no framework."""
        arrays = self._initial(np.random.default_rng(self.seed)) if self._network is None else self._arrays()
        return int(sum(array.size for array in arrays.values()))

    def _arrays(self):
        return self.network.arrays()

    def _restore(self, arrays):
        network = self._network or self.half.build(self)
        network.restore(arrays)
        self._network, self._untouched = network, False

    # Learning --------------------------------------------------------------------------------------------------------

    def _compact(self, pieces: Sequence) -> list:
        """Return pieces in the smallest unsigned integers that hold the levels."""
        return compact(pieces, self.space)

    def _adapted(self, arrays: dict[str, np.ndarray], train: Sequence) -> dict[str, np.ndarray]:
        """Return initial weights fitted to the training pieces before the first step; by default as they are."""
        return arrays

    @abstractmethod
    def _material(self, train: Sequence, valid: Sequence, budget: Budget, seed: int) -> Material:
        """Return what to learn from pieces, none of them empty, as `_compact` gives them."""

    def _data(self, pieces: Sequence) -> Sequence[np.ndarray]:
        """Return the arrays that pieces are made of, for the digest of the data."""
        return pieces

    def _fit(self, train, valid, budget: Budget, seed: int, checkpoint: Path | None) -> History:
        if budget.cuts not in self.cuts:
            remedy = "Families of sequences, such as rnn and samplernn, learn from consecutive windows."
            raise EtudeError(f"cuts of {self.name}: {', '.join(self.cuts)}", repr(budget.cuts), remedy)
        train, valid = (self._compact([x for x in pieces if len(x)]) for pieces in (train, valid))
        if self._untouched:
            self._restore(self._adapted(self._arrays(), train))
        material = self._material(train, valid, budget, seed)
        identity = self._identity(train, valid, budget, seed) if checkpoint is not None else {}
        task = Task(material.batch, material.groups, material.score, budget, seed, identity)
        history = self.half.fit(self.network, task, checkpoint)
        if material.finish is not None:
            material.finish()
        history.parameters = self.parameters
        return history

    def _identity(self, train, valid, budget: Budget, seed: int) -> dict:
        """Return all that the result of a fit depends on, as JSON values: what was asked, and revisions of who does."""
        revisions = {"family": self.revision, "engine": self.half.engine.REVISION}
        if "output" in self.options:
            revisions["output"] = OUTPUTS[self.options["output"]]
        return strict(
            {
                **self.describe(),
                "versions": self.half.versions(),
                "revisions": revisions,
                "budget": asked(budget),
                "fit_seed": seed,
                "data": data_digest(self._data(train), self._data(valid)),
                "start": data_digest([array for _, array in sorted(self._arrays().items())]),
            }
        )


def asked(budget: Budget) -> dict:
    """Return a budget in an identity: fits with random cuts keep the names that they had when there were no others."""
    return {name: value for name, value in asdict(budget).items() if (name, value) != ("cuts", CUTS[0])}


def compact(xs: Sequence[np.ndarray], space: Space) -> list[np.ndarray]:
    """Return the pieces in the smallest unsigned integers that hold the levels: a corpus in twelve keys is large."""
    return [np.asarray(x, np.min_scalar_type(space.levels - 1)) for x in xs]


def marginals(xs: Sequence[np.ndarray], space: Space) -> np.ndarray:
    """Return how often each entry has each code, Float64[entries, levels], with one added to every count."""
    counts = np.ones((space.entries, space.levels))
    for part in (x[begin : begin + COUNTED_AT_ONCE] for x in xs for begin in range(0, len(x), COUNTED_AT_ONCE)):
        codes = part.reshape(len(part), space.entries) + np.arange(space.entries) * space.levels
        counts += np.bincount(codes.ravel(), minlength=counts.size).reshape(counts.shape)
    return counts / counts.sum(axis=1, keepdims=True)
