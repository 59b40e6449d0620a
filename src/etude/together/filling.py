"""Filling a hole: some bars, some voices, or some bars of some voices; all else stays note for note."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from etude.errors import EtudeError
from etude.masks import bars_open, steps_of_a_bar
from etude.together.drafts import drafts
from etude.together.lines import Lines
from etude.together.parts import Parts, parts_of
from etude.together.ranking import Written, best_of, cost
from etude.together.shipped import filler
from etude.together.steps import SWEEPS, TEMPERATURE, joined, octaves, on_steps, score_in
from etude.types import ONSET, Piece, Score

QUARTER = 48  # parts of a quarter in which bars are counted: bars of every metre are whole numbers of them


def fill(score: Score | Piece, bars: tuple[int, int] | None = None, among: int = 1, **settings) -> Score:
    """Return a score with a hole written anew: notes that begin outside of it stay as they are.

    Parameters
    ----------
    score : Score or Piece
    bars : (int, int), optional
        First and last bar of the hole, counted from 1, both included; by default all.
    among : int
        Write so many, return the one that costs the model fewest bits.
    **settings
        See `fillings`.

    Raises
    ------
    EtudeError
        There are no such bars or voices, or nothing would be left open.

    >>> etude.fill(chorale.score, bars=(8, 16))
    >>> etude.fill(chorale.score, voices=["alto"])
    """
    return best_of(fillings(score, bars, **settings), among)[0].score


def fillings(
    score: Score | Piece,
    bars: tuple[int, int] | None = None,
    voices: Sequence[str | int] = (),
    keep: Sequence[str | int] = (),
    meter: str = "",
    pickup: float | None = None,
    seed: int = 0,
    temperature: float = TEMPERATURE,
    rules: float = 1.0,
    sweeps: int = SWEEPS,
    model=None,
    roll=None,
) -> Iterator[Written]:
    """Yield fillings with their bits, without end.

    Parameters
    ----------
    score, bars
        See `fill`.
    voices, keep : sequence of str or int
        What is written anew, by default all, and what of it stays: tracks, or the names of four voices.
    meter : str
        Such as "3/4"; by default the score's own, else 4/4.
    pickup : float, optional
        Quarters of an upbeat before bar 1; by default the score's own.
    seed, temperature, rules, sweeps, model, roll
        See `etude.together.harmony.harmonisations`.
    """
    model, roll = filler(model, roll)
    parts, hole = _opened(score, roll, bars, voices, keep, meter, pickup)
    lines, beside = parts.lines(hole, model.space.entries)
    whole = parts.steps.score
    kept = replace(whole, notes=whole.notes[~hole])
    ranges = parts.ranges(model.space.entries)

    def scored(found: Lines) -> Score:
        return joined(kept, parts.added(found, lines.given))

    yield from drafts(model, lines, ranges, scored, seed, sweeps, temperature, rules, beside)


def bits_in_hole(
    score: Score, bars=None, voices=(), keep=(), meter: str = "", pickup: float | None = None, model=None, roll=None
) -> float:
    """Return what stands in a hole of a score costs a model, in bits, given all around it: as `Written.bits`."""
    model, roll = filler(model, roll)
    parts, hole = _opened(score, roll, bars, voices, keep, meter, pickup)
    open_, _ = parts.lines(hole, model.space.entries)
    whole, beside = parts.lines(np.zeros(len(parts.owner), bool), model.space.entries)
    return cost(model, Lines(whole.keys, whole.struck, open_.given, np.ones_like(open_.given)), beside)


def _opened(score: Score, roll, bars, voices, keep, meter: str, pickup: float | None) -> tuple[Parts, np.ndarray]:
    """Return the voices of a score, and which of its notes Bool[N] are written anew."""
    score = score_in(score)
    parts = parts_of(on_steps(score, roll.lowest, octaves(score)))
    chosen = set(parts.named(voices) or range(-1, len(parts.tracks))) - set(parts.named(keep))
    hole = within(parts.steps.score, bars, meter, pickup) & np.isin(parts.owner, list(chosen))
    if not hole.any():
        raise EtudeError("notes in the hole", "none, so that nothing would be written", "Name other bars or voices.")
    return parts, hole


def within(score: Score, bars: tuple[int, int] | None, meter: str, pickup: float | None) -> np.ndarray:
    """Return which notes begin in bars first to last, counted from 1, Bool[N]; all where none are named."""
    if bars is None:
        return np.ones(len(score), bool)
    own = score.meter or (4, 4)
    per_bar = steps_of_a_bar(meter or f"{own[0]}/{own[1]}", QUARTER)
    place = score.notes[:, ONSET] * QUARTER // score.ticks_per_quarter
    length = max(-(-score.length * QUARTER // score.ticks_per_quarter), 1)
    upbeat = score.pickup if pickup is None else pickup
    return bars_open(length, *bars, per_bar, round(upbeat * QUARTER))[place]
