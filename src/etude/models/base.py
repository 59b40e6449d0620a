"""What every model is: a probability over the integer arrays of a `Space`.

Public methods check their input and wrap the result; the hooks that a family writes (`_fit`, `_bits`, `_sample`,
`_arrays`, `_restore`) compute. A saved model is a folder with `model.json` (what it is) and `weights.safetensors`
(named arrays): nothing in it can execute code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from etude.errors import EtudeError, SpaceMismatch
from etude.types import Bits, Budget, Evidence, History, Space


class Model(ABC):
    """A probability over pieces.

    Parameters
    ----------
    space : Space
        The space of its pieces; a pair that does not fit raises SpaceMismatch and says why.
    seed : int
        Seed of the initial weights.
    **options
        Sizes and settings of the family, JSON values only.

    Notes
    -----
    A family that is `narrow` learns from pieces in the integers that they come in, else they come to `_fit` as Int64.
    """

    name: ClassVar[str]
    framework: ClassVar[str] = "numpy"
    kind: ClassVar[Literal["exact", "bound", "estimate"]] = "exact"
    narrow: ClassVar[bool] = False
    window: int | None = None

    def __init__(self, space: Space, *, seed: int = 0, **options):
        self.space, self.seed, self.options = space, int(seed), dict(options)
        reason = self.refuses(space)
        if reason:
            raise SpaceMismatch(f"a space that {self.name} fits", f"{space}", reason)

    @classmethod
    def refuses(cls, space: Space) -> str | None:
        """Say why the family cannot live in `space`, or None where it can."""
        return None

    def fit(
        self,
        train: Sequence[np.ndarray],
        valid: Sequence[np.ndarray] = (),
        budget: Budget | None = None,
        seed: int = 0,
        checkpoint: Path | None = None,
    ) -> History:
        """Learn from `train`, choose by `valid`.

        Parameters
        ----------
        train, valid : sequences of Int[T, *E]
            Complete pieces.
        budget : Budget, optional
        seed : int
            Order of batches, dropout.
        checkpoint : Path, optional
            Folder from which an interrupted fit resumes and where it keeps its last state.
        """
        train, valid = ([self.space.check(x, True, widen=not self.narrow) for x in xs] for xs in (train, valid))
        if not any(len(x) for x in train):
            raise EtudeError("at least one step of music to learn from", "none", "Check the corpus and its split.")
        return self._fit(train, valid, budget or Budget(), int(seed), checkpoint)

    def bits(self, xs: Sequence[np.ndarray]) -> Bits:
        """Return the code length of each complete piece Int[T, *E], in bits."""
        xs = [self.space.check(x, complete=True) for x in xs]
        values = self._bits(xs)
        return values if isinstance(values, Bits) else Bits(values, self.kind)

    def sample(
        self, n: int, steps: int, seed: int = 0, temperature: float = 1.0, top_p: float = 1.0
    ) -> list[np.ndarray]:
        """Draw `n` pieces of at most `steps` steps (a given prefix and the end code included).

        Parameters
        ----------
        n, steps, seed : int
        temperature : float
            Below 1 sharpens every distribution, above 1 flattens it; 0 takes the likeliest.
        top_p : float
            Nucleus (Holtzman et al. 2020, section 3.1), in (0, 1]: every draw is from the likeliest codes whose
            probability together reaches `top_p`. It acts, after the temperature, on each distribution that is drawn
            from: one per token, one per key of a frame.
        """
        if n < 1 or steps < 0 or not temperature >= 0:
            raise EtudeError("n >= 1, steps >= 0, temperature >= 0", f"n={n}, steps={steps}, temperature={temperature}")
        if not 0 < top_p <= 1:
            raise EtudeError("top_p above 0 and at most 1", str(top_p), "1 draws from all codes.")
        pieces = self._sample(int(n), int(steps), np.random.default_rng(seed), float(temperature), float(top_p))
        return [self.space.check(x) for x in pieces]

    def condition(self, evidence: Evidence) -> Model:
        """Return the model of what is unknown given what is known; refuses evidence that the family cannot use."""
        values = self.space.check(evidence.values)
        return self._condition(Evidence(values, evidence.known))

    def save(self, folder: Path) -> Path:
        """Write `model.json` and `weights.safetensors` into `folder` (created; replaced whole if it holds a model)."""
        from etude.models.storage import write_model

        return write_model(Path(folder), self.describe(), self._arrays())

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read a model of this family that `save` wrote; raises CorruptCheckpoint where the folder is damaged."""
        from etude.models.storage import read_model, rebuilt

        return rebuilt(cls, *read_model(Path(folder), cls.name, cls.framework))

    def describe(self) -> dict:
        """Return name, framework, space, seed and options as JSON values."""
        return {
            "name": self.name,
            "framework": self.framework,
            "space": asdict(self.space),
            "seed": self.seed,
            "options": self.options,
        }

    @property
    def parameters(self) -> int:
        """Numbers that were learnt."""
        return int(sum(array.size for array in self._arrays().values()))

    def _condition(self, evidence: Evidence) -> Model:
        raise EtudeError("evidence that the family can use", f"a mask for {self.name}", "It cannot be conditioned.")

    @abstractmethod
    def _fit(self, train, valid, budget: Budget, seed: int, checkpoint: Path | None) -> History: ...

    @abstractmethod
    def _bits(self, xs) -> np.ndarray | Bits: ...

    @abstractmethod
    def _sample(
        self, n: int, steps: int, rng: np.random.Generator, temperature: float, top_p: float = 1.0
    ) -> list[np.ndarray]: ...

    @abstractmethod
    def _arrays(self) -> dict[str, np.ndarray]: ...

    @abstractmethod
    def _restore(self, arrays: dict[str, np.ndarray]) -> None: ...
