"""Pieces beside what guides them: the sound of a chorale with its notes, or with its spectrogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.models.sequence.guided import Guided, hop_of
from etude.representations.base import Representation
from etude.types import Piece


def guided_pieces(
    pieces: Sequence[Piece], representation: Representation, guide: Representation, seconds: float | None = None
) -> list[Guided]:
    """Return the codes of pieces in one representation, guided by their codes in another.

    Parameters
    ----------
    pieces : sequence of Piece
        With all that both representations read: score and sound, for a sound that is guided by its notes.
    representation, guide : Representation
        A frame of the guide lasts a whole number of steps.
    seconds : float, optional
        Only the beginnings, of so many seconds at most.

    Returns
    -------
    list of Guided
        A sound that rings on after its last note has code 0 in the frames after it: no key, or silence.
    """
    hop = hop_of(representation.space, guide.space)
    most = None if seconds is None else round(seconds * representation.space.rate)
    return [_beside(representation.encode(piece)[:most], guide.encode(piece), hop) for piece in pieces]


def _beside(x: np.ndarray, guide: np.ndarray, hop: int) -> Guided:
    frames = -(-len(x) // hop)
    after = np.zeros((max(0, frames - len(guide)), *guide.shape[1:]), guide.dtype)
    return Guided(x, np.concatenate([guide[:frames], after]))
