"""The study's one clock: over how many seconds of music a code length, or a count of symbols, is spread.

Scores run at `NOMINAL_BPM`, whatever tempo they state, because that is the tempo at which every representation of them
runs; sound runs at its own rate. Every rate per second of music in the study divides by these seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.types import DURATION, NOMINAL_BPM, ONSET, Piece, Score


def music_seconds(pieces: Sequence[Piece], domain: str) -> np.ndarray:
    """Return the seconds of music Float64[N] of each piece.

    Parameters
    ----------
    pieces : sequence of Piece
    domain : {"score", "audio"}
        Of a score, from the beginning to the end of its last note at the nominal tempo: a rest after that is in no
        code. Of a sound, all of it.
    """
    if domain == "audio":
        return np.array([piece.audio.seconds for piece in pieces])
    return np.array([at_nominal_tempo(piece.score, _end(piece.score)) for piece in pieces])


def at_nominal_tempo(score: Score, ticks: int) -> float:
    """Return how long so many ticks of a score last at `NOMINAL_BPM`, in seconds."""
    return ticks / score.ticks_per_quarter * 60 / NOMINAL_BPM


def _end(score: Score) -> int:
    return int((score.notes[:, ONSET] + score.notes[:, DURATION]).max(initial=0))
