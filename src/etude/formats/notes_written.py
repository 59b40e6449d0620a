"""Notes as a notation writes them, and as they sound: ties merged, and counted beside that in another way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from fractions import Fraction
from math import lcm
from typing import NamedTuple

import numpy as np

from etude.formats.limits import score_within
from etude.types import COMMON_VELOCITY, Score

FINEST = 480 * 7 * 9  # ticks per quarter at most: 1/512 notes, triplets, quintuplets, septuplets, and their nests


class Written(NamedTuple):
    """A note head: times in quarters, and whether a tie comes from the note before, or goes to the one after.

    `scope` names what a tie stays within (a part), `voice` the line of notes in it; `track` is a part's staff.
    """

    onset: Fraction
    duration: Fraction
    pitch: int
    track: int
    scope: str
    voice: str
    tie_from: bool
    tie_to: bool


class Notation(NamedTuple):
    """What a file of notated music says: its note heads in the order of the file, and quarters per minute, if any."""

    notes: list[Written]
    bpm: float | None


def sounding(notes: Iterable[Written]) -> list[Written]:
    """Return the notes that sound, by onset: a head that a tie leads to lengthens the note before.

    A tie joins two heads of one pitch and scope where the second begins as the first ends and both say so; among
    several, first of the same voice, then of the same staff. A tie that leads nowhere, or comes from nowhere, joins
    nothing.
    """
    sound: list[Written] = []
    held: dict[tuple[str, int, Fraction], list[int]] = defaultdict(list)  # scope, pitch, end -> notes tied onwards
    for note in sorted(notes, key=lambda note: note.onset):
        waiting = held[note.scope, note.pitch, note.onset] if note.tie_from else []
        if waiting:
            place = min(waiting, key=lambda k: (sound[k].voice != note.voice, sound[k].track != note.track))
            waiting.remove(place)
            first = sound[place]
            sound[place] = first._replace(duration=first.duration + note.duration, voice=note.voice)
        else:
            place = len(sound)
            sound.append(note)
        if note.tie_to:
            held[note.scope, note.pitch, note.onset + note.duration].append(place)
    return sound


def note_ons(notes: Iterable[Written]) -> range:
    """Return how many notes may begin in a file, counted without its times.

    A tie that comes from a head further up in the file takes one away: at most that many sound. At least as many sound
    as there are heads less the ties that both begin and end somewhere. In a file whose ties are whole both agree.
    """
    heads = closed = 0
    begun, ended, open_ties = Counter(), Counter(), Counter()
    for note in notes:
        heads, key = heads + 1, (note.scope, note.pitch)
        if note.tie_from:
            ended[key] += 1
            closed += open_ties[key] > 0
            open_ties[key] -= open_ties[key] > 0
        begun[key] += note.tie_to
        open_ties[key] += note.tie_to
    return range(heads - (begun & ended).total(), heads - closed + 1)


def score_of(notes: list[Written], bpm: float) -> Score:
    """Return notes that sound as a score, on the coarsest grid that holds them (`FINEST` at most, then the nearest)."""
    times = [(_exact(note.onset), _exact(note.onset + note.duration)) for note in notes]
    grid = lcm(*{time.denominator for pair in times for time in pair})
    ticks = grid if grid <= FINEST else FINEST
    rows = [(a := round(start * ticks), max(round(end * ticks) - a, 1), note.pitch, COMMON_VELOCITY, note.track)
            for note, (start, end) in zip(notes, times, strict=True)]  # fmt: skip
    return score_within(np.array(rows, np.int64).reshape(-1, 5), ticks, float(bpm))


def _exact(time: Fraction) -> Fraction:
    return time.limit_denominator(FINEST)
