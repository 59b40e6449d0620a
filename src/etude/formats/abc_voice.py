"""One voice of a tune while it is read: where it is in time, what holds in its bar, what waits for the next note."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from etude.formats.abc_fields import SEMITONES
from etude.formats.abc_grammar import LENGTH, NOTE

TICKS = 10080  # per quarter: 1/128 notes are exact, and so are triplets to nonuplets of eighths and sixteenths
_LONGEST_NOTE = 1024 * TICKS
_STEPS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
_TIME_OF = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # a tuplet of p notes stands in the time of q; 5, 7, 9 ask the metre
ONE = Fraction(1)


@dataclass(eq=False)
class Note:
    """A note that a tie or a broken rhythm may still change; times in ticks."""

    onset: int
    duration: int
    pitch: int
    track: int
    natural: int  # the pitch without accidental


@dataclass
class Voice:
    """State of a voice. An *event* is a note, a chord or a rest."""

    track: int
    key: dict[str, int]
    time: int = 0
    bar_start: int = 0
    furthest: int = 0  # time that an overlay reached
    marked: dict[str, int] = field(default_factory=dict)  # accidentals of this bar: letter -> semitones
    ties: dict[int, Note] = field(default_factory=dict)  # pitch -> note that is open for a tie
    event: list[Note] = field(default_factory=list)
    event_start: int = 0
    factor_left: Fraction = ONE  # what a broken rhythm leaves for the next event
    tuplet: Fraction = ONE
    tuplet_left: int = 0

    def factor(self) -> Fraction:
        """Return what tuplet and broken rhythm make of the next event's length."""
        factor, self.factor_left = self.factor_left, ONE
        if self.tuplet_left:
            self.tuplet_left -= 1
            factor *= self.tuplet
        return factor

    def sound(self, token: str, duration: int) -> tuple[Note, bool]:
        """Return the note that `token` names, and whether it is new: a tied one is prolonged."""
        accidental, letter, octave, _ = NOTE.match(token).groups()
        upper = letter.upper()
        if accidental:
            self.marked[upper] = SEMITONES[accidental]
        natural = 60 + _STEPS[upper] + 12 * (letter.islower() + octave.count("'") - octave.count(","))
        pitch = natural + self.marked.get(upper, self.key.get(upper, 0))
        if not accidental and pitch not in self.ties:  # tied over a bar line: the accidental is not written again
            pitch = next((tied for tied, note in self.ties.items() if note.natural == natural), pitch)
        note = self.ties.pop(pitch, None)
        if note is not None and note.onset + note.duration == self.time:
            note.duration += duration
            return note, False
        return Note(self.time, duration, _into_midi(pitch), self.track, natural), True

    def advance(self, event: list[Note], duration: int, held=()) -> None:
        """Go on by an event; the notes `held` of it are open for a tie."""
        self.event, self.event_start = event, self.time
        self.time += duration
        self.ties = {note.pitch: note for note in held}

    def tie(self) -> None:
        """Open the last event for a tie."""
        self.ties |= {note.pitch: note for note in self.event}

    def bar(self) -> None:
        """Begin a bar: its accidentals are forgotten, its overlays are over."""
        self.time = self.bar_start = max(self.time, self.furthest)
        self.marked = {}

    def overlay(self) -> None:
        """Go back to the bar's start, for notes that sound with those written."""
        self.furthest = max(self.time, self.furthest)
        self.time = self.event_start = self.bar_start
        self.event, self.ties, self.marked = [], {}, {}

    def broken(self, marks: str) -> None:
        """Lengthen (>) or shorten (<) the last event, and leave the rest of the time to the next."""
        last = self.time - self.event_start
        if last == 0:
            return
        small = Fraction(1, 2 ** len(marks))
        before, self.factor_left = (2 - small, small) if marks[0] == ">" else (small, 2 - small)
        change = round(last * before) - last
        for note in self.event:
            note.duration = max(note.duration + change, 1)
        self.time += change

    def begin_tuplet(self, token: str, compound: bool) -> None:
        """Let the next r events last q/p of what is written, for a token ``(p``, ``(p:q`` or ``(p:q:r``."""
        p, q, r = [*token[1:].split(":"), "", ""][:3]
        q = int(q or _TIME_OF.get(int(p), 3 if compound else 2))
        self.tuplet, self.tuplet_left = Fraction(q, int(p)), int(r or p)


@lru_cache(4096)
def ticks(length: str, unit: Fraction, factor: Fraction) -> int:
    """Return the ticks of an event: its written length times the unit times tuplet and broken rhythm."""
    return min(max(round(multiple(length) * unit * factor * 4 * TICKS), 1), _LONGEST_NOTE)


def multiple(length: str) -> Fraction:
    """Return a written length such as 3, /, //, /4 or 3/2 in units; a 0 counts as 1."""
    number, slashes, divisor = LENGTH.match(length).groups()
    below = (int(divisor or 0) or 2 ** len(slashes)) if slashes else 1
    return Fraction(int(number or 0) or 1, below)


def _into_midi(pitch: int) -> int:
    return pitch if 0 <= pitch <= 127 else pitch % 12 + (0 if pitch < 0 else 108)
