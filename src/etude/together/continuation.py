"""Going on: bars that follow a piece, in its own voices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from etude.errors import EtudeError
from etude.together.drafts import drafts
from etude.together.lines import Lines
from etude.together.parts import parts_of
from etude.together.ranking import Written, best_of
from etude.together.rules import BEAT, home_weights
from etude.together.shipped import filler
from etude.together.steps import SWEEPS, TEMPERATURE, joined, octaves, on_steps, score_in
from etude.types import Piece, Score

MOST_BARS = 256


def continue_(score: Score | Piece, bars: int = 8, among: int = 1, **settings) -> Score:
    """Return a score with bars after its end, in its own voices; what is there stays as it is.

    Parameters
    ----------
    score : Score or Piece
    bars : int
        Of four quarters.
    among : int
        Write so many, return the one that costs the model fewest bits.
    **settings
        See `continuations`.

    >>> etude.continue_(chorale.score, bars=4)
    """
    return best_of(continuations(score, bars, **settings), among)[0].score


def continuations(
    score: Score | Piece,
    bars: int = 8,
    seed: int = 0,
    temperature: float = TEMPERATURE,
    rules: float = 1.0,
    sweeps: int = SWEEPS,
    model=None,
    roll=None,
) -> Iterator[Written]:
    """Yield continuations with their bits, without end; parameters as of `continue_` and `harmonisations`.

    A model that sees both sides writes them: it knows where the piece will end, and closes there.
    """
    if not 1 <= bars <= MOST_BARS:
        raise EtudeError(f"1 to {MOST_BARS} bars more", str(bars))
    model, roll = filler(model, roll)
    score = score_in(score)
    longer = replace(score, length=score.length + bars * 4 * score.ticks_per_quarter)
    parts = parts_of(on_steps(longer, roll.lowest, octaves(score)))
    end = int(parts.steps.spans(parts.steps.score.notes)[1].max())
    lines, beside = parts.lines(np.zeros(len(parts.owner), bool), model.space.entries, onwards=end)
    last = parts.steps.count - BEAT
    home = home_weights(parts.steps, len(parts.tracks), model.space.entries, last) if rules > 0 else None
    ranges = parts.ranges(model.space.entries)

    def scored(found: Lines) -> Score:
        return joined(parts.steps.score, parts.added(found, lines.given))

    yield from drafts(model, lines, ranges, scored, seed, sweeps, temperature, rules, beside, home)
