"""What every representation is: a total map between pieces and the integer arrays of a `Space`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from etude.errors import EtudeError
from etude.types import Piece, Space


class Representation(ABC):
    """A way to write music as integers.

    `encode` refuses a piece that lacks what it codes; `decode` is total: every array of the space is some piece.
    Options are keyword arguments of the constructor, kept as JSON values in `options`.
    """

    name: ClassVar[str]
    domain: ClassVar[Literal["score", "audio"]]
    space: Space
    options: dict

    def encode(self, piece: Piece) -> np.ndarray:
        """Return the piece as Int64[T, *E]; closed by the end code where the space has one.

        Sound that is kept as codes of this very representation comes as it is kept: small integers, mapped from disk.
        """
        if not isinstance(piece, Piece):
            raise EtudeError("a Piece", type(piece).__name__, "Piece(name, score=score) makes one of a score.")
        if getattr(piece, self.domain) is None:
            remedy = "Render it first: piece.with_audio(synthesis.render(piece.score))." * (self.domain == "audio")
            raise EtudeError(f"a piece with {self.domain}", f"{piece.name!r}, without", remedy)
        return self.space.check(self._encode(piece), complete=True, widen=False)

    def decode(self, x, like: Piece | None = None) -> Piece:
        """Return some piece for any array Int[T, *E] of the space.

        Parameters
        ----------
        x : Int[T, *E]
        like : Piece, optional
            Whose tempo, metre and instruments the piece gets, which no code holds: see `Score.like`.
        """
        piece = self._decode(self.space.check(x))
        if like is None or like.score is None or piece.score is None:
            return piece
        return replace(piece, score=piece.score.like(like.score))

    @abstractmethod
    def _encode(self, piece: Piece) -> np.ndarray: ...

    @abstractmethod
    def _decode(self, x: np.ndarray) -> Piece: ...

    @abstractmethod
    def loss(self, piece: Piece) -> dict[str, float]:
        """Return what the round trip decode(encode(piece)) loses, by named measure with its unit in the name."""

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        entries = " x ".join(map(str, self.space.event_shape)) or "one"
        rate = "" if self.space.rate is None else f", {self.space.rate:g} steps a second"
        return f"{type(self).__name__}({options}): {entries} of {self.space.levels} levels a step{rate}"

    def describe(self) -> dict:
        """Return name and options as JSON values; `etude.representation(name, **options)` rebuilds it."""
        return {"name": self.name, "options": self.options}
