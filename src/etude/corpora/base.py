"""What every corpus is: named pieces in splits, with source, licence and digest."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from etude.types import Piece


class Corpus(ABC):
    """Pieces of music in splits."""

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    licence: ClassVar[str]
    splits: tuple[str, ...] = ("train", "valid", "test")  # those that a study may use; `reserve` is loaded by name only

    _given: str = ""  # what it was made with, as it was written

    def __new__(cls, *arguments, **options):
        corpus = super().__new__(cls)
        corpus._given = ", ".join([*map(repr, arguments), *(f"{name}={value!r}" for name, value in options.items())])
        return corpus

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._given}): {self.title}, in {', '.join(self.splits)}"

    @abstractmethod
    def load(self, split: str) -> Sequence[Piece]:
        """Return the pieces of a split, in a fixed order; raises EtudeError for an unknown split."""

    def load_splits(self, held_out: int = 0) -> dict[str, Sequence[Piece]]:
        """Return the pieces of every split, by its name; of all but `train` the first `held_out`, or all (0)."""
        return {split: self.load(split)[: None if split == "train" else held_out or None] for split in self.splits}

    def count(self, split: str) -> int:
        """Return how many pieces a split has."""
        return len(self.load(split))

    def prepare(self) -> None:  # noqa: B027 - most corpora have nothing to prepare
        """Make what is made once and kept (a parse), with its progress on the terminal; nothing where it is there."""

    def digest(self) -> str:
        """Return the sha256 of names, splits and notes: equal digests, equal data."""
        digest = hashlib.sha256()
        for split in self.splits:
            for piece in self.load(split):
                digest.update(f"{split}/{piece.name}".encode())
                digest.update(content(piece))
        return digest.hexdigest()


def content(piece: Piece) -> bytes:
    """Return what a piece says, as bytes for a digest."""
    parts = []
    if piece.score is not None:
        score = piece.score
        parts += [score.notes.tobytes(), f"{score.ticks_per_quarter}/{score.bpm}/{score.length}".encode()]
    if piece.audio is not None:
        parts += [piece.audio.samples.tobytes(), str(piece.audio.rate).encode()]
    return b"|".join([*parts, (piece.text or "").encode()])
