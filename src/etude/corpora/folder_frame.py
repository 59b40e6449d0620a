"""What the pieces of a folder are, one row each: lengths, ranges, metres, keys, tempo, instruments, fit to the grid."""

from __future__ import annotations

import numpy as np

from etude.corpora.keys import estimated_key
from etude.representations.grid import off_grid
from etude.types import PITCH, TRACK, Piece, Score

DRUMS = 128


def described(piece: Piece) -> dict:
    """Return the facts of a piece; of a recording those that a score has are missing.

    Notes
    -----
    pickup is in quarters; key and mode are estimated from the notes, "" for drums; `off_grid` is the share of onsets
    off the sixteenth grid.
    """
    if piece.score is None:
        return {"title": piece.title, "rate": piece.audio.rate}
    score, pitch = piece.score, piece.score.notes[:, PITCH]
    key, mode = ("", "") if is_drums(score) else estimated_key(score)
    return {
        "title": piece.title,
        "quarters": score.length / score.ticks_per_quarter,
        "notes": len(score),
        "voices": len(np.unique(score.notes[:, TRACK])),
        "bpm": score.bpm,
        "metre": "{}/{}".format(*score.meter) if score.meter else "",
        "pickup": score.pickup,
        "key": key,
        "mode": mode,
        "lowest": int(pitch.min()),
        "highest": int(pitch.max()),
        "off_grid": off_grid(score),
        "programs": ", ".join(map(str, sorted(set(score.programs)))),
    }


def is_drums(score: Score) -> bool:
    """Say whether all of a score is for drums, whose pitch numbers name instruments."""
    tracks = np.unique(score.notes[:, TRACK])
    return bool(len(tracks)) and all(t < len(score.programs) and score.programs[t] == DRUMS for t in tracks)
