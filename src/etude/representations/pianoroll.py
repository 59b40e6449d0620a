"""The piano roll: one row of keys for every step of the grid, each off, struck or held.

Codes are 0 = off, 1 = onset, 2 = hold. Telling a struck key from a held one is what keeps repeated notes apart (a
binary roll cannot: C C and one long C look alike). With `levels=2` the roll is binary, as in the polyphonic benchmark
of Boulanger-Lewandowski, Bengio & Vincent (2012), "Modeling Temporal Dependencies in High-Dimensional Sequences",
ICML, section 6, and the loss counts the notes that merge.

Every array is some piece. A hold that follows an off step cannot come from `encode`, but a window cut from a longer
roll begins with such steps and a model may draw them: it sounds, so it starts a note. Encoding a decoded roll is thus
a projection: such holds become onsets, and silent frames after the last note fall away.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.representations.base import Representation
from etude.representations.grid import checked_range, fitting, on_grid
from etude.representations.score_loss import score_loss
from etude.types import (
    COMMON_VELOCITY,
    DURATION,
    HIGHEST_KEY,
    LOWEST_KEY,
    NOMINAL_BPM,
    ONSET,
    PITCH,
    Piece,
    Score,
    Space,
)

OFF, STRUCK, HELD = range(3)


class PianoRoll(Representation):
    """A step of the grid is a frame over the keys, lowest first.

    Parameters
    ----------
    grid : int
        Steps a quarter; 4 are sixteenths.
    lowest, highest : int
        MIDI pitches of the outer keys; a piece that leaves them is refused.
    levels : int
        3 for off, onset and hold; 2 for off and on.
    """

    name = "pianoroll"
    domain = "score"

    def __init__(self, grid: int = 4, lowest: int = LOWEST_KEY, highest: int = HIGHEST_KEY, levels: int = 3):
        checked_range(grid, lowest, highest)
        if levels not in (2, 3):
            raise EtudeError("levels of 3 (off, onset, hold) or 2 (off, on)", str(levels))
        self.grid, self.lowest, self.highest, self.levels = grid, lowest, highest, levels
        self.options = {"grid": grid, "lowest": lowest, "highest": highest, "levels": levels}
        self.space = Space((highest - lowest + 1,), levels, rate=grid * NOMINAL_BPM / 60)

    def _encode(self, piece: Piece) -> np.ndarray:
        score = fitting(on_grid(piece.score, self.grid), self.lowest, self.highest)
        onset, key = score.notes[:, ONSET], score.notes[:, PITCH] - self.lowest
        changes = np.zeros((score.length + 1, *self.space.event_shape), np.int8)  # keys down less keys up
        np.add.at(changes, (onset, key), 1)
        np.add.at(changes, (onset + score.notes[:, DURATION], key), -1)
        sounding = changes.cumsum(axis=0, dtype=np.int8)[:-1]  # (T, keys): 0 or 1, for common() leaves no overlaps
        if self.levels == 2:
            return sounding.astype(np.int64)
        roll = np.where(sounding, HELD, OFF)
        roll[onset, key] = STRUCK
        return roll

    def _decode(self, x: np.ndarray) -> Piece:
        sounding = (x != OFF).T  # (keys, T)
        before = np.pad(sounding, ((0, 0), (1, 0)))[:, :-1]
        starts = sounding & ~before
        if self.levels == 3:
            starts |= (x == STRUCK).T
        key, onset = np.nonzero(starts)
        ends = _next_true(starts | ~sounding)[key, onset]
        notes = np.zeros((len(key), 5), np.int64)
        notes[:, 0], notes[:, 1], notes[:, 2], notes[:, 3] = onset, ends - onset, key + self.lowest, COMMON_VELOCITY
        return Piece(self.name, score=Score(notes, self.grid, NOMINAL_BPM, length=len(x)))

    def loss(self, piece: Piece) -> dict[str, float]:
        """Return what the round trip loses, in the measures of `score_loss`."""
        return score_loss(piece.score, self.decode(self.encode(piece)).score)


def _next_true(flags: np.ndarray) -> np.ndarray:
    """Return, for each entry of (keys, T), the first later column that is true, T where none is."""
    steps = flags.shape[1]
    column = np.where(flags, np.arange(steps), steps)
    column = np.pad(column, ((0, 0), (0, 1)), constant_values=steps)[:, 1:]
    return np.minimum.accumulate(column[:, ::-1], axis=1)[:, ::-1]
