"""Harmonising a melody: three more voices around it, the melody kept note for note."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.evaluation.voices import PARTS
from etude.together.drafts import drafts
from etude.together.lines import Lines
from etude.together.ranking import Written, best_of
from etude.together.rules import home_weights
from etude.together.shipped import filler
from etude.together.steps import (
    SWEEPS,
    TEMPERATURE,
    Steps,
    is_one_line,
    joined,
    on_steps,
    part_ranges,
    score_in,
    suited_shift,
)
from etude.types import TRACK, Piece, Score


def harmonise(score: Score | Piece, among: int = 1, **settings) -> Score:
    """Return a melody in four voices: its own notes as they are, three more on tracks of their own.

    Parameters
    ----------
    score : Score or Piece
        A melody, or a score of which one track is.
    among : int
        Write so many, return the one that costs the model fewest bits.
    **settings
        See `harmonisations`.

    Raises
    ------
    EtudeError
        No notes, or no single melody.

    >>> etude.harmonise(etude.Score([[0, 480, 67, 80, 0], [480, 480, 69, 80, 0]]))
    """
    return best_of(harmonisations(score, **settings), among)[0].score


def harmonisations(
    score: Score | Piece,
    melody: str = "soprano",
    track: int | None = None,
    seed: int = 0,
    temperature: float = TEMPERATURE,
    rules: float = 1.0,
    sweeps: int = SWEEPS,
    model=None,
    roll=None,
) -> Iterator[Written]:
    """Yield harmonisations with their bits, one after the other without end.

    Parameters
    ----------
    score : Score or Piece
    melody : {"soprano", "alto", "tenor", "bass"}
        Which voice is given; a soprano stays on top of all that is added.
    track : int, optional
        Which track it is; the others are left out.
    seed : int
    temperature : float
        Below 1 safer, above 1 wilder.
    rules : float
        Strength of the rules of `etude.together.rules`; 0 leaves the model alone.
    sweeps : int
        Of Gibbs sampling.
    model, roll : optional
        Another model that fills masks, and the piano roll that it learnt on.
    """
    model, roll = filler(model, roll)
    if melody not in PARTS:
        raise unknown_name("voice", melody, PARTS)
    score = score_in(score)
    given = score if track is None else score.part(track)
    steps = on_steps(given, roll.lowest, suited_shift(given, melody))
    if not is_one_line(given.notes, steps):
        remedy = "Name its track (--track), or use fill."
        raise EtudeError("a melody, one note at a time", "several notes at once", remedy)
    lines, voice = _around(steps, PARTS.index(melody)), PARTS.index(melody)
    first = int(given.notes[:, TRACK].max()) + 1
    others = [v for v in range(len(PARTS)) if v != voice]
    home = home_weights(steps, len(PARTS), model.space.entries) if rules > 0 else None

    def scored(found: Lines) -> Score:
        added = [steps.notes(found.keys[v], found.struck[v], first + i) for i, v in enumerate(others)]
        return joined(steps.score, added)

    yield from drafts(model, lines, part_ranges(roll.lowest), scored, seed, sweeps, temperature, rules, home=home)


def _around(steps: Steps, voice: int) -> Lines:
    """Return four voices of which one is given; all rest before its first note and after its last."""
    keys, struck = np.full((len(PARTS), steps.count), -1), np.zeros((len(PARTS), steps.count), bool)
    keys[voice], struck[voice] = steps.line(steps.score.notes)
    given = np.zeros(keys.shape, bool)
    begin, end = steps.spans(steps.score.notes)
    given[voice], given[:, : begin.min()], given[:, end.max() :] = True, True, True
    return Lines(keys, struck, given, given.copy())
