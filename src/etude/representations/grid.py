"""Scores on a grid of so many steps a quarter: `Score.common()` at any resolution, and what it must not exceed."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from etude.errors import EtudeError
from etude.types import HIGHEST_KEY, LOWEST_KEY, NOMINAL_BPM, ONSET, PITCH, VELOCITY, Score

GRIDS = (4, 6, 8, 12, 24)  # steps a quarter: sixteenths, their triplets, thirty-seconds, what holds both
LONGEST_PIECE = 2**18  # steps: 13 hours of sixteenths at the nominal tempo; beyond, a score is taken for damaged


def on_grid(score: Score, grid: int, velocities: bool = False) -> Score:
    """Return the score as `Score.common()` does, with `grid` steps a quarter; `on_grid(score, 4)` is `common()`.

    With `velocities`, a note keeps the loudest velocity among those that share its pitch and onset.
    """
    stretched = Score(score.notes * np.array([grid, grid, 1, 1, 1]), 4 * score.ticks_per_quarter)
    notes = stretched.common().notes.copy()  # whose sixteenths are our steps
    if velocities and len(notes):
        notes[:, VELOCITY] = _loudest(score, grid, notes)
    return Score(notes, ticks_per_quarter=grid, bpm=NOMINAL_BPM)


def fitting(score: Score, lowest: int, highest: int) -> Score:
    """Return `score` if its pitches lie in lowest .. highest and its length is credible; raise EtudeError otherwise."""
    pitch = score.notes[:, PITCH]
    if len(pitch) and (pitch.min() < lowest or pitch.max() > highest):
        raise EtudeError(
            f"MIDI pitches {lowest} .. {highest}",
            f"{pitch.min()} .. {pitch.max()}",
            "Widen lowest and highest, or move the piece with score.transposed().",
        )
    if score.length > LONGEST_PIECE:
        raise EtudeError(f"at most {LONGEST_PIECE} steps", f"{score.length}", "Cut the piece, or mend its onsets.")
    return score


def off_grid(score: Score, grid: int = 4, tolerance: float = 0.05) -> float:
    """Return the share of onsets further than `tolerance` steps from a grid of `grid` steps a quarter; 0 of none."""
    steps = score.notes[:, ONSET] * grid / score.ticks_per_quarter
    return float((np.abs(steps - np.rint(steps)) > tolerance).mean()) if len(steps) else 0.0


def fitting_grid(scores: Sequence[Score], most: float = 0.02) -> int | None:
    """Return the coarsest grid, of `GRIDS` steps a quarter, that holds all but `most` of the onsets; None for none."""
    onsets = np.array([len(score) for score in scores], np.float64)
    for grid in GRIDS:
        off = np.array([off_grid(score, grid) for score in scores])
        if off @ onsets <= most * max(onsets.sum(), 1):
            return grid
    return None


def checked_range(grid: int, lowest: int, highest: int) -> None:
    """Raise EtudeError unless the options name a grid and a range of keys."""
    whole = all(isinstance(value, Integral) for value in (grid, lowest, highest))
    if not whole or not 1 <= grid <= 96 or not LOWEST_KEY <= lowest <= highest <= HIGHEST_KEY:
        raise EtudeError(
            f"whole numbers: a grid of 1 .. 96 steps a quarter and {LOWEST_KEY} <= lowest <= highest <= {HIGHEST_KEY}",
            f"grid={grid!r}, lowest={lowest!r}, highest={highest!r}",
        )


def _loudest(score: Score, grid: int, notes: np.ndarray) -> np.ndarray:
    """Loudest velocity (M,) among the notes of `score` that fall on pitch and onset of each of `notes` (M, 5)."""
    pitch, ticks = score.notes[:, PITCH], score.ticks_per_quarter
    pitch = np.where(pitch < LOWEST_KEY, LOWEST_KEY + (pitch - LOWEST_KEY) % 12, pitch)  # octaves, as common() does
    pitch = np.where(pitch > HIGHEST_KEY, HIGHEST_KEY - (HIGHEST_KEY - pitch) % 12, pitch)
    onset = (2 * grid * score.notes[:, ONSET] + ticks) // (2 * ticks)
    cell = onset * 128 + pitch
    order = np.lexsort((score.notes[:, VELOCITY], cell))
    last = np.searchsorted(cell[order], notes[:, ONSET] * 128 + notes[:, PITCH], side="right") - 1
    return score.notes[order[last], VELOCITY]
