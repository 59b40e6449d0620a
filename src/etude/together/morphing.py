"""What lies between two pieces: the straight line between their latents, decoded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from etude.errors import EtudeError
from etude.formats.midi_notes import MOST_TICKS
from etude.together.shipped import shipped
from etude.together.steps import on_steps, score_in
from etude.types import DURATION, ONSET, TRACK, Piece, Score

BAR = 16  # steps of a model that reads sixteenths
MOST = 64


def morph(a: Score | Piece, b: Score | Piece, between: int = 3, bars: int = 4, **drawn) -> Score:
    """Return the opening of one piece, some that lie between, and the opening of another, one after the other.

    Parameters
    ----------
    a, b : Score or Piece
        Their openings stand at the ends as they are. The tempo is a's.
    between : int
        Pieces between them.
    bars : int
        Of four quarters, of each piece; fewer where one is shorter.
    **drawn
        `seed`, and `temperature` of the steps drawn: below 0.5 the pieces between are nearly empty.

    >>> etude.morph(chorales.piece("bwv253").score, chorales.piece("bwv254").score)
    """
    return sequence(*stages(a, b, between, bars, **drawn))


def stages(
    a: Score | Piece, b: Score | Piece, between: int = 3, bars: int = 4, seed: int = 0, temperature: float = 0.8
) -> list[Score]:
    """Return the pieces of `morph` apart, the given openings first and last."""
    if not (1 <= between <= MOST and 1 <= bars <= MOST):
        raise EtudeError(f"1 to {MOST} pieces between, of 1 to {MOST} bars", f"{between}, {bars}")
    roll, model = shipped("vae-sequence-pianoroll")
    openings = [_opening(score_in(music), bars) for music in (a, b)]
    x, y = (roll.encode(Piece("opening", _as_read(score, roll))) for score in openings)
    length = bars * BAR if min(len(x), len(y)) > (bars - 1) * BAR else min(len(x), len(y))
    x, y = (np.pad(code, ((0, max(0, length - len(code))), (0, 0)))[:length] for code in (x, y))
    found = model.interpolate(x, y, between + 2, seed, temperature)[1:-1]
    return [openings[0], *(roll.decode(code).score for code in found), openings[1]]


def sequence(*scores: Score) -> Score:
    """Return scores one after the other, each from the next bar on, in the tempo of the first.

    Ticks are such that all notes stay where they are; where no MIDI file could hold so many, the first score's stay,
    and the others' go to the nearest tick, less than a ten thousandth of a quarter away.
    """
    ticks = int(np.lcm.reduce([score.ticks_per_quarter for score in scores]))
    if ticks > MOST_TICKS:
        ticks = max(MOST_TICKS // scores[0].ticks_per_quarter, 1) * scores[0].ticks_per_quarter
    bar, placed, start = 4 * ticks, [], 0
    for score in scores:
        notes, own = score.notes.copy(), score.ticks_per_quarter
        begin, end = ((2 * t * ticks + own) // (2 * own) for t in (notes[:, ONSET], notes[:, :2].sum(axis=1)))
        begin = np.minimum(begin, -(-score.length * ticks // own) - 1)  # a note at the very end
        notes[:, ONSET], notes[:, DURATION] = start + begin, np.maximum(end - begin, 1)
        placed.append(notes)
        start += -(-score.length * ticks // (own * bar)) * bar
    return replace(scores[0], notes=np.concatenate(placed), ticks_per_quarter=ticks, length=start)


def _as_read(score: Score, roll) -> Score:
    """Return a score as the roll takes it, in sixteenths of one track."""
    steps = on_steps(score, roll.lowest, pace=1.0)
    begin, end = steps.spans(steps.score.notes)
    notes = steps.score.notes.copy()
    notes[:, ONSET], notes[:, DURATION], notes[:, TRACK] = begin, end - begin, 0
    return Score(notes, 4).common()


def _opening(score: Score | Piece, bars: int) -> Score:
    opening = score.excerpt(0, min(score.length, bars * 4 * score.ticks_per_quarter))
    if not len(opening):
        raise EtudeError(f"notes in the first {bars} bars", "none")
    return opening
