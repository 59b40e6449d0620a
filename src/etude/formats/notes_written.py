"""Notes as a notation writes them, and as they sound: ties merged, and counted beside that in another way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from itertools import groupby
from math import lcm
from typing import NamedTuple

import numpy as np

from etude.errors import UnreadableFile
from etude.formats.limits import score_within
from etude.types import COMMON_VELOCITY, Score

FINEST = 480 * 7 * 9  # ticks per quarter at most: 1/512 notes, triplets, quintuplets, septuplets, and their nests


FINEST_SUM = 10**12  # largest denominator of a time: lengths that fit no grid would add up to endless numbers
SEVERAL = 4  # ties without an end that show a file to write none


class Written(NamedTuple):
    """A note head: times in quarters, and whether a tie comes from the note before, or goes to the one after.

    `scope` names what a tie stays within (a part), `voice` the line of notes in it; `track` is a part's staff, `bar`
    the number of the bar.
    """

    onset: Fraction
    duration: Fraction
    pitch: int
    track: int
    scope: str
    voice: str
    tie_from: bool
    tie_to: bool
    bar: int = 0


class Notation(NamedTuple):
    """What a file of notated music says: its note heads in the order of the file, and quarters per minute, if any.

    `meter` is the first metre, if any, and `pickup` the quarters before the first whole bar, see `bar_lines`.
    """

    notes: list[Written]
    bpm: float | None
    meter: tuple[int, int] | None = None
    pickup: float = 0.0


def on_a_grid(time: Fraction) -> Fraction:
    """Return `time`; raises UnreadableFile where it is a fraction of more than `FINEST_SUM` parts."""
    if time.denominator > FINEST_SUM:
        got = "lengths that divide a quarter in ever more parts"
        raise UnreadableFile("lengths on a common grid", got, "Export it again from its source.")
    return time


def sounding(notes: Iterable[Written]) -> list[Written]:
    """Return the notes that sound, by onset: a head that a tie leads to lengthens the note before.

    A tie joins two heads of one pitch and scope where both say so and the second begins as the first ends; among
    several, first in the same voice, then on the same staff. Where another part makes a bar longer, or a voice ends
    before its bar, a tie still leads over the bar line to the voice's next head. One that leads nowhere, or comes from
    nowhere, joins nothing. A file that ends none of its ties is taken at their beginnings (`_ends_ties`).
    """
    notes = sorted(notes, key=lambda note: note.onset)
    ends_ties = _ends_ties(notes)
    sound: list[Written] = []
    held: dict[tuple[str, int], list[int]] = defaultdict(list)  # scope, pitch -> places of notes tied onwards
    latest: dict[tuple[str, str], Fraction] = {}  # scope, voice -> where its latest head begins
    for onset, group in groupby(notes, key=lambda note: note.onset):
        heads = list(group)
        for note in heads:
            waiting = [k for k in held[note.scope, note.pitch] if _leads(sound[k], note, latest, ends_ties)]
            if waiting:
                place = min(waiting, key=lambda k: (sound[k].voice != note.voice, sound[k].track != note.track))
                held[note.scope, note.pitch].remove(place)
                lasts = note.onset + note.duration - sound[place].onset
                sound[place] = sound[place]._replace(duration=lasts, voice=note.voice, bar=note.bar)
            else:
                place = len(sound)
                sound.append(note)
            if note.tie_to:
                held[note.scope, note.pitch].append(place)
        latest |= {(note.scope, note.voice): onset for note in heads}
    return sound


def _leads(first: Written, second: Written, latest: dict, ends_ties: bool) -> bool:
    """Say whether a tie from `first` reaches `second`."""
    end = first.onset + first.duration
    if not second.tie_from:
        return not ends_ties and (end, first.voice) == (second.onset, second.voice)
    over_bar_line = second.bar == first.bar + 1 and latest[first.scope, first.voice] < end < second.onset
    return end == second.onset or over_bar_line


def _ends_ties(notes: list[Written]) -> bool:
    """Say whether a file says of ties where they end; some encoders write beginnings only.

    A tie that meets a head of its voice and pitch which says nothing of it is of the second sort, or a slip. Where a
    file holds both sorts, or too few to tell, it is refused: programs differ on what sounds.
    """
    begun: dict[tuple[str, int, Fraction], list[Written]] = defaultdict(list)
    for note in notes:
        begun[note.scope, note.pitch, note.onset].append(note)
    whole, open_ties = 0, []
    for note in (note for note in notes if note.tie_to):
        met = begun[note.scope, note.pitch, note.onset + note.duration]
        if any(head.tie_from for head in met):
            whole += 1
        elif any(head.voice == note.voice for head in met):
            open_ties.append(note)
    if open_ties and (whole or len(open_ties) < SEVERAL):
        first = open_ties[0]
        got = f"a tie from pitch {first.pitch} in bar {first.bar + 1} to a note that has no end of it"
        raise UnreadableFile("ties that begin at one note and end at the next", got, "End the tie, or take it away.")
    return not open_ties


def note_ons(notes: Iterable[Written]) -> range:
    """Return how many notes may begin in a file, counted without its times.

    At most one sounds for each head, less the ties that come from a head further up in the file, in the same bar or the
    one before; at least one for each head that no tie can lead to. In a file whose ties are whole both agree.
    """
    heads = closed = 0
    begun = 0
    open_ties: dict[tuple[str, int], list[int]] = defaultdict(list)  # scope, pitch -> bars
    for note in notes:
        heads, key = heads + 1, (note.scope, note.pitch)
        open_ties[key] = [bar for bar in open_ties[key] if bar >= note.bar - 1]
        if note.tie_from:
            closed += bool(open_ties[key])
            del open_ties[key][:1]
        if note.tie_to:
            begun += 1
            open_ties[key].append(note.bar)
    return range(heads - begun, heads - closed + 1)


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
