"""What every model is: a probability over the integer arrays of a `Space`.

Public methods check their input and wrap the result; the hooks that a family writes (`_fit`, `_bits`, `_sample`,
`_arrays`, `_restore`; `_admitted` where its pieces are more than arrays) compute. A saved model is a folder with
`model.json` (what it is) and `weights.safetensors` (named arrays): nothing in it can execute code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from etude.errors import EtudeError, SpaceMismatch
from etude.lookup import resolve
from etude.types import Bits, Budget, Evidence, History, Space


class Model(ABC):
    """A probability over pieces.

    Parameters
    ----------
    space : Space
        The space of its pieces; a pair that does not fit raises SpaceMismatch and says why.
    seed : int, optional
        Seed of the initial weights; None draws one, which `seed` then holds.
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
    revision: ClassVar[int] = 1  # raised where a change of the family changes what a fit gives
    window: int | None = None
    home: Path | None = None  # the folder that it was loaded from

    def __init__(self, space: Space, *, seed: int | None = 0, **options):
        self.space, self.seed, self.options = space, seed_or_new(seed), dict(options)
        reason = self.refuses(space)
        if reason:
            raise SpaceMismatch(f"a space that {self.name} fits", f"{space}", reason)

    @classmethod
    def refuses(cls, space: Space) -> str | None:
        """Say why the family cannot live in `space`, or None where it can."""
        return None

    @classmethod
    def frameworks(cls) -> tuple[str, ...]:
        """Return the names of the frameworks that have the family, the one that is asked by default first."""
        return (cls.framework,)

    def on(self, framework: str | None) -> Model:
        """Let another framework compute, with the same weights; returns the model. None leaves it where it is.

        Raises
        ------
        EtudeError
            The framework does not have the family, or not with these options.
        """
        if framework not in (None, self.framework):
            raise EtudeError(f"{self.name} in {self.framework}", framework, "Leave the framework out.")
        return self

    def fit(
        self,
        train: Sequence[np.ndarray],
        valid: Sequence[np.ndarray] = (),
        budget: Budget | None = None,
        seed: int | None = 0,
        checkpoint: Path | None = None,
    ) -> History:
        """Learn from `train`, choose by `valid`.

        Parameters
        ----------
        train, valid : sequences of Int[T, *E]
            Complete pieces.
        budget : Budget, optional
        seed : int, optional
            Order of batches, dropout; None draws one.
        checkpoint : Path, optional
            Folder in which a fit keeps its last state, from which it resumes and, finished, is taken. It may hold any
            number of fits: each has files of its own, named by the digest of all that it depends on.
        """
        train, valid = ([self._admitted(x, complete=True, narrow=self.narrow) for x in xs] for xs in (train, valid))
        if not any(len(x) for x in train):
            raise EtudeError("at least one step of music to learn from", "none", "Check the corpus and its split.")
        return self._fit(train, valid, budget or Budget(), seed_or_new(seed), checkpoint)

    def bits(self, xs: Sequence[np.ndarray]) -> Bits:
        """Return the code length of each complete piece Int[T, *E], in bits."""
        values = self._bits([self._admitted(x, complete=True) for x in xs])
        return values if isinstance(values, Bits) else Bits(values, self.kind)

    def sample(
        self,
        n: int = 1,
        steps: int | None = None,
        seed: int | None = 0,
        temperature: float = 1.0,
        top_p: float = 1.0,
        prefix: np.ndarray | None = None,
        new: int | None = None,
        fast: bool = False,
    ) -> list[np.ndarray]:
        """Draw `n` pieces.

        Parameters
        ----------
        n : int
        steps : int
            Of a piece at most, from its first: what is given (a prefix) and the end code count.
        seed : int, optional
            None draws anew at every call.
        temperature : float
            Below 1 sharpens every distribution, above 1 flattens it; 0 takes the likeliest.
        top_p : float
            Nucleus (Holtzman et al. 2020, section 3.1), in (0, 1]: every draw is from the likeliest codes whose
            probability together reaches `top_p`. It acts, after the temperature, on each distribution that is drawn
            from: one per token, one per key of a frame.
        prefix : Int[P, *E], optional
            How every piece begins: `condition(prefix=prefix)` draws.
        new : int, optional
            Instead of `steps`: steps after what is given.
        fast : bool
            Let compiled code draw, as a stream does, where the family has it for this space and output. It takes the
            same numbers in the same order; its logits differ in the last digits, so that, rarely, so does a code.
        """
        if prefix is not None:
            return self.condition(prefix=prefix).sample(n, steps, seed, temperature, top_p, new=new, fast=fast)
        steps = total_steps(steps, new, self._begun)
        if n < 1 or steps is None or steps < 0 or not temperature >= 0:
            raise EtudeError("n >= 1, steps >= 0, temperature >= 0", f"n={n}, steps={steps}, temperature={temperature}")
        if not 0 < top_p <= 1:
            raise EtudeError("top_p above 0 and at most 1", str(top_p), "1 draws from all codes.")
        asked = int(n), int(steps), np.random.default_rng(seed), float(temperature), float(top_p)
        pieces = self._compiled_sample(*asked) if fast else None
        pieces = self._sample(*asked) if pieces is None else pieces
        return [self.space.check(x) for x in pieces]

    def condition(self, evidence: Evidence | None = None, *, prefix: np.ndarray | None = None) -> Model:
        """Return the model of what is unknown given what is known; without evidence, the model itself.

        Parameters
        ----------
        evidence : Evidence, optional
            What stands in its `values` where nothing is known does not matter.
        prefix : Int[P, *E], optional
            Instead of evidence: how every piece begins.

        Raises
        ------
        EtudeError
            The family cannot use the evidence.
        """
        if (evidence is None) == (prefix is None):
            raise EtudeError("evidence or a prefix", "both" if prefix is not None else "neither")
        evidence = Evidence.prefix(self.space.check(prefix)) if evidence is None else self.space.evidence(evidence)
        return self._condition(evidence) if len(evidence.values) else self

    def weights(self) -> dict[str, np.ndarray]:
        """Return a copy of the arrays that were learnt, by name: what `save` writes."""
        return {name: np.array(array) for name, array in self._arrays().items()}

    def set_weights(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take on arrays with the names and shapes of `weights`; raises EtudeError where they are others."""
        arrays = {name: np.array(array) for name, array in arrays.items()}
        for name, array in arrays.items():
            if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
                raise EtudeError("arrays of finite numbers", f"{name}, {array.dtype}", "Some fit has gone astray.")
        self._restore(arrays)

    def save(self, folder: Path) -> Path:
        """Write `model.json` and `weights.safetensors` into `folder` (created; replaced whole if it holds a model)."""
        from etude.models.storage import write_model

        return write_model(Path(folder), self.describe(), self._arrays())

    @classmethod
    def load(cls, folder: Path, framework: str | None = None) -> Model:
        """Read a model of this family that `save` wrote; raises CorruptCheckpoint where the folder is damaged.

        Parameters
        ----------
        folder : Path
        framework : str, optional
            By default the one that wrote it, where it is here.
        """
        from etude.models.storage import read_model, rebuilt

        described, arrays = read_model(Path(folder), cls.name)
        wrote = described["framework"]
        return rebuilt(cls, described, arrays, framework or (wrote if wrote in cls.frameworks() else None))

    def describe(self) -> dict:
        """Return name, framework, space, seed and options as JSON values."""
        return {
            "name": self.name,
            "framework": self.framework,
            "space": asdict(self.space),
            "seed": self.seed,
            "options": self.options,
        }

    @cached_property
    def representation(self):
        """The representation that reads its pieces, as saved beside it; None where the model came without one."""
        if self.home is None or not (self.home / "made_by.json").is_file():
            return None
        return resolve("etude.registry:read_representation")(self.home)

    @property
    def parameters(self) -> int:
        """Numbers that were learnt."""
        return int(sum(array.size for array in self._arrays().values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._about()})"

    def _about(self) -> str:
        """Return what the model is, in a line: options that say something, space, size."""
        said = {k: value for k, value in self.options.items() if value and not isinstance(value, dict)}
        said = [value if isinstance(value, str) else f"{name} {value}" for name, value in said.items()]
        return f"{', '.join([*said, f'{self.parameters:_} parameters'.replace('_', ' ')])}, on {self.space}"

    def _admitted(self, x, complete: bool = False, narrow: bool = False):
        """Return a piece as the hooks take it, checked; `narrow` leaves it in its integers."""
        return self.space.check(x, complete, widen=not narrow)

    def _compiled_sample(self, n, steps, rng, temperature, top_p, prefix=None) -> list[np.ndarray] | None:
        """Draw by compiled code, where there is any; see `etude.models.sequence.streams`."""
        return None

    @property
    def _begun(self) -> int:
        """Steps from the start of a piece about which something is given."""
        return 0

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


def seed_or_new(seed: int | None) -> int:
    """Return the seed, or one that no other call will get."""
    return int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)


def total_steps(steps: int | None, new: int | None, given: int) -> int | None:
    """Return the steps of a piece, given as such or as `new` ones after those that are `given`; None where neither is.

    Raises
    ------
    EtudeError
        Both are given, or `new` is negative.
    """
    if new is None:
        return steps
    if steps is not None or new < 0:
        raise EtudeError("steps, or new >= 0 without it", f"steps={steps}, new={new}")
    return given + new
