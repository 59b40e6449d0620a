"""Which chord each beat is, and its degree: the notes that ornament it are weighed against it, not left out first.

A beat is a quarter of the *common* score. Each pitch class weighs as many sixteenths as notes of it sound in the beat.
A chord (a root and one of the shapes below) scores the weight of its notes, less the weight of all others, less one for
each of its notes that does not sound; the best is the beat's chord. Of equal ones it is that whose root weighs most,
then whose root is in the bass, then the first below. So Pardo and Birmingham, "Algorithms for chordal analysis"
(Computer Music Journal 26(2), 2002), with their six shapes and the minor seventh chord, of which Bach's cadences are
full. A note whose pitch class is not in the beat's chord is a *non-chord note*.

Degrees are written as in a textbook: a numeral counted from the tonic of the piece, lower case for a minor or
diminished chord, `b` or `#` before it where the root is not in the (natural) scale.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from etude.evaluation.statistics import BEAT, sounding
from etude.evaluation.tonality import Key
from etude.types import ONSET, PITCH, Score

SHAPES = {  # shape -> intervals above the root
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "dominant7": (0, 4, 7, 10),
    "minor7": (0, 3, 7, 10),
    "diminished": (0, 3, 6),
    "half-diminished7": (0, 3, 6, 10),
    "diminished7": (0, 3, 6, 9),
}
NAMES = tuple(SHAPES)
MARKS = {"diminished": "°", "dominant7": "7", "minor7": "7", "half-diminished7": "ø7", "diminished7": "°7"}
NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
DEGREES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}  # semitones of the numerals
NONE = -1  # root and shape of a beat in which nothing sounds


class Harmonies(NamedTuple):
    """The chords of a score, beat by beat.

    roots : Int[B]
        Pitch classes, -1 in silence.
    shapes : Int[B]
        Places in `NAMES`, -1 in silence.
    basses, tops : Int[B]
        The lowest and the highest pitch at the end of the beat (where it was last heard in it), -1 in silence.
    weights : Int[B, 12]
        Sixteenths of each pitch class.
    """

    roots: np.ndarray
    shapes: np.ndarray
    basses: np.ndarray
    tops: np.ndarray
    weights: np.ndarray

    def members(self) -> np.ndarray:
        """Return which pitch classes belong to each beat's chord, Bool[B, 12]; none in silence."""
        return _templates()[self.shapes * 12 + self.roots] & (self.roots != NONE)[:, None]


def harmonies(score: Score) -> Harmonies:
    """Return the chords of a score."""
    roll = sounding(score.common())
    beats = np.zeros((-(-len(roll) // BEAT), BEAT, 128), bool)
    beats.reshape(-1, 128)[: len(roll)] = roll
    notes = np.zeros((len(beats), 12), np.int64)
    np.add.at(notes.T, np.arange(128) % 12, beats.sum(axis=1).T)
    basses, tops = _outer(beats)
    best = _scores(notes, basses).argmax(axis=1) if len(beats) else np.zeros(0, np.int64)
    silent = ~notes.any(axis=1)
    roots, shapes = (np.where(silent, NONE, part) for part in (best % 12, best // 12))
    return Harmonies(roots, shapes, basses, tops, notes)


def non_chord_notes(score: Score, found: Harmonies) -> np.ndarray:
    """Return which notes of the *common* score do not belong to the chord of the beat they begin in, Bool[N]."""
    notes = score.common().notes
    return ~found.members()[notes[:, ONSET] // BEAT, notes[:, PITCH] % 12]


def degree(root: int, shape: int, key: Key) -> str:
    """Return the numeral of a chord in a key, for example ``V7`` or ``bvii°``."""
    steps, above = DEGREES[key.mode], (root - key.tonic) % 12
    if above in steps:
        sign, number = "", steps.index(above)
    else:
        number = int(np.searchsorted(steps, above)) % 7
        sign, number = ("#", number - 1) if key.mode == "minor" or above == 6 else ("b", number)
    name = NAMES[shape]
    numeral = NUMERALS[number] if name in ("major", "dominant7") else NUMERALS[number].lower()
    return sign + numeral + MARKS.get(name, "")


def _scores(notes: np.ndarray, basses: np.ndarray) -> np.ndarray:
    """Return the score of every chord in every beat, ties broken, Int[B, 84]: shape by shape, root by root."""
    templates = _templates().astype(np.int64)
    inside = notes @ templates.T
    absent = (notes == 0).astype(np.int64) @ templates.T
    score = 2 * inside - notes.sum(axis=1, keepdims=True) - absent
    root = np.tile(notes, len(SHAPES))
    in_bass = np.tile(np.arange(12) == (basses % 12)[:, None], len(SHAPES))
    return (score * 1000 + root) * 2 + in_bass  # a pitch class weighs less than 1000 sixteenths in a beat


def _templates() -> np.ndarray:
    """Return the pitch classes of every chord, Bool[84, 12]."""
    one = np.zeros((len(SHAPES), 12), bool)
    for number, intervals in enumerate(SHAPES.values()):
        one[number, list(intervals)] = True
    return np.concatenate([[np.roll(shape, root) for root in range(12)] for shape in one])


def _outer(beats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest pitch of the last sixteenth of each beat in which anything sounds."""
    heard = beats.any(axis=2)
    last = BEAT - 1 - heard[:, ::-1].argmax(axis=1)
    rows = beats[np.arange(len(beats)), last]
    low, high = rows.argmax(axis=1), 127 - rows[:, ::-1].argmax(axis=1)
    return tuple(np.where(heard.any(axis=1), pitch, NONE) for pitch in (low, high))
