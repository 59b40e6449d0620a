"""The key of a score, how sure it is, and how its pitch classes lie in it: so that music in any key can be compared.

The key is that of `etude.corpora.keys` (Krumhansl's method): the profile of 24 that correlates best with how long each
pitch class sounds. Its *confidence* is by how much that correlation exceeds the next best one, in [0, 2]: near 0 the
two keys, most often relatives, or the modes of one tonic, cannot be told apart. The scale of a major key has its seven
notes, that of a minor key those of natural minor and the raised seventh, without which there is no cadence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from etude.corpora.keys import NAMES, key_fits
from etude.types import DURATION, ONSET, PITCH, Score

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10, 11)}


class Key(NamedTuple):
    """Tonic (pitch class, 0 for C), mode, and confidence."""

    tonic: int
    mode: str
    confidence: float

    def __str__(self) -> str:
        return f"{NAMES[self.mode][self.tonic]} {self.mode}"


def find_key(score: Score, start: int = 0, end: int | None = None) -> Key | None:
    """Return the key of what sounds from tick `start` to tick `end` of a score; None where nothing does."""
    onset, stop = score.notes[:, ONSET], score.notes[:, ONSET] + score.notes[:, DURATION]
    heard = np.clip(np.minimum(stop, score.length if end is None else end) - np.maximum(onset, start), 0, None)
    if not heard.any():
        return None
    fits = key_fits(np.bincount(score.notes[:, PITCH] % 12, heard, 12))
    ranked = sorted(fits, key=lambda key: (-fits[key], list(fits).index(key)))
    mode, tonic = ranked[0]
    return Key(tonic, mode, fits[ranked[0]] - fits[ranked[1]])


def above_tonic(score: Score) -> np.ndarray:
    """Return the pitch class of each note above the tonic of the score's key, Int[N] in 0 to 11."""
    key = find_key(score)
    return (score.notes[:, PITCH] - key.tonic) % 12 if key else np.zeros(0, np.int64)


def in_key(score: Score) -> np.ndarray:
    """Return which notes are of the scale of the score's key, Bool[N]."""
    key = find_key(score)
    return np.isin(above_tonic(score), SCALES[key.mode]) if key else np.zeros(0, bool)
