"""Tones that want to move, and whether they go where they should: leading notes, sevenths and foreign notes.

All are of the four-part moments of a score (`etude.evaluation.voices`) and the chords of its beats
(`etude.evaluation.harmony`). A *change* is two moments that follow each other in two beats with different chords.

leading note
    At a change from a dominant to its triad (`cadences.authentic`) the note a semitone below the root of the triad, in
    each voice that has it. A major triad counts as a dominant only on V of the piece's key, since I before IV looks
    alike; a dominant seventh or a diminished chord does in any. It is resolved where the voice moves to that root.
seventh
    At a change from a seventh chord the chord's seventh, in each voice that has it. It is resolved where the voice
    moves down by a step, or holds the note over.
foreign note
    A note that is struck and does not belong to its beat's chord. It is resolved where the voice's next other note is
    at most two semitones away; one that the line breaks off after is not counted.

The rules are those of Aldwell and Schachter, *Harmony and Voice Leading*, which ask the first of the outer voices only:
Bach lets an inner leading note fall to the fifth of the chord in two cases of five.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from etude.evaluation.cadences import authentic
from etude.evaluation.harmony import NAMES, NONE, SHAPES, Harmonies
from etude.evaluation.statistics import BEAT
from etude.evaluation.tonality import Key
from etude.evaluation.voices import Moments

STEP = 2  # semitones
ALL, OUTER = (0, 1, 2, 3), (0, 3)  # voices, the soprano first


class Tally(NamedTuple):
    """So many of so many."""

    found: float
    of: float


def leading_notes(at: Moments, chords: Harmonies, key: Key, voices: Sequence[int] = ALL) -> Tally:
    """Return how many leading notes in some voices (0 the soprano) are resolved, of all in them."""
    resolved = total = 0
    for before, after, one, other in _changes(at, chords):
        if authentic(*one, *other) and (one[1] != "major" or (one[0] - key.tonic) % 12 == 7):
            leads = before % 12 == (other[0] - 1) % 12
            total += int(leads[list(voices)].sum())
            resolved += int((leads & (after - before == 1))[list(voices)].sum())
    return Tally(resolved, total)


def sevenths(at: Moments, chords: Harmonies) -> Tally:
    """Return how many sevenths are resolved, of all."""
    resolved = total = 0
    for before, after, (root, shape), _ in _changes(at, chords):
        if len(SHAPES[shape]) == 4:
            marks = before % 12 == (root + SHAPES[shape][3]) % 12
            total += int(marks.sum())
            resolved += int((marks & np.isin(before - after, range(STEP + 1))).sum())
    return Tally(resolved, total)


def foreign_notes(at: Moments, chords: Harmonies) -> Tally:
    """Return how many foreign notes are resolved by step, of all whose line goes on."""
    member = chords.members()[at.onsets // BEAT]
    resolved = total = 0
    for voice in range(at.pitches.shape[1]):
        line = at.pitches[:, voice]
        foreign = at.struck[:, voice] & ~member[np.arange(len(line)), line % 12]
        for place in np.flatnonzero(foreign):
            following = _next_other(line, at.following, place)
            total += following is not None
            resolved += following is not None and abs(following - line[place]) <= STEP
    return Tally(int(resolved), int(total))


def _next_other(line: np.ndarray, following: np.ndarray, place: int) -> int | None:
    """Return the next pitch of a line that differs; None where the four-part moments break off before it."""
    for later in range(place + 1, len(line)):
        if not following[later - 1]:
            return None
        if line[later] != line[place]:
            return int(line[later])
    return None


def _changes(at: Moments, chords: Harmonies):
    """Yield the pitches before and after each change, and the two chords as (root, shape)."""
    beats = at.onsets // BEAT
    for place in np.flatnonzero(at.following & (np.diff(beats) > 0)):
        ends = [(int(chords.roots[beat]), int(chords.shapes[beat])) for beat in beats[place : place + 2]]
        if ends[0] != ends[1] and NONE not in (ends[0][0], ends[1][0]):
            yield at.pitches[place], at.pitches[place + 1], *((root, NAMES[shape]) for root, shape in ends)
