"""More training pieces from those at hand. For training splits only: a test piece is scored as it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from etude.types import HIGHEST_KEY, LOWEST_KEY, PITCH, Piece


def transpositions(
    pieces: Iterable[Piece],
    semitones: Iterable[int] = range(-6, 6),
    lowest: int = LOWEST_KEY,
    highest: int = HIGHEST_KEY,
) -> list[Piece]:
    """Return every piece in every transposition that keeps it within a range, for example ``bwv269+3``.

    Parameters
    ----------
    pieces : iterable of Piece
        With scores. Sound and text are dropped from those that move.
    semitones : iterable of int
        The default is one of each of the twelve keys. By 0 a piece stays as it is, name included.
    lowest, highest : int
        MIDI pitches that no note may leave; by default the 88 keys.
    """
    semitones = tuple(semitones)
    return [
        moved for piece in pieces for step in semitones if (moved := _moved(piece, step, lowest, highest)) is not None
    ]


def _moved(piece: Piece, step: int, lowest: int, highest: int) -> Piece | None:
    pitch = piece.score.notes[:, PITCH] + step
    if len(pitch) and (pitch.min() < lowest or pitch.max() > highest):
        return None
    if step == 0:
        return piece
    return replace(piece.with_score(piece.score.transposed(step)), name=f"{piece.name}{step:+d}")
