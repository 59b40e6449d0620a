"""One voice of a tune while it is read: where it is in time, what holds in its bar, what waits for the next note."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from etude.formats.abc_clef import UNMOVED, Sounding
from etude.formats.abc_doubts import Doubts
from etude.formats.abc_grammar import NOTE
from etude.formats.abc_notes import LONGEST_NOTE, ONE, is_odd, named, ticks
from etude.formats.abc_overlay import Overlay
from etude.formats.bar_lines import BarLines

_TIME_OF = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # a tuplet of p notes stands in the time of q; 5, 7, 9 ask the metre


@dataclass(eq=False, slots=True)
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
    doubts: Doubts
    metre: str = ""
    unit: Fraction | None = None
    sounding: Sounding = UNMOVED
    moved: int = 0  # semitones of `sounding`, and of MIDI transposition
    time: int = 0
    marked: dict = field(default_factory=dict)  # accidentals of this bar: letter (and octave) -> semitones
    ties: dict[int, Note] = field(default_factory=dict)  # pitch -> note that is open for a tie
    event: list[Note] = field(default_factory=list)
    event_start: int = 0
    factor_left: Fraction = ONE  # what a broken rhythm leaves for the next event
    due: int = 0  # length that a broken rhythm between equal notes leaves for the next event
    tuplet: Fraction = ONE
    tuplet_left: int = 0

    def __post_init__(self):
        self.overlays = Overlay(self.doubts)
        self.graced: dict[str, int] = {}  # accidentals of this bar's grace notes
        self.lengths: dict[str, int] = {}  # written length -> ticks, outside of tuplets and broken rhythms
        self.first_metre, self.bar_lines = self.metre, BarLines()

    def factor(self) -> Fraction:
        """Return what tuplet and broken rhythm make of the next event's length."""
        factor, self.factor_left = self.factor_left, ONE
        if self.tuplet_left:
            self.tuplet_left -= 1
            factor = factor * self.tuplet
        return factor

    def sound(self, token: str, duration: int, reach: str) -> tuple[Note, bool]:
        """Return the note that `token` names, and whether it is new: a tied one is prolonged.

        `reach` says how far an accidental holds within its bar: "pitch" (its letter in all octaves), "octave", "not".
        """
        accidental, letter, natural, _ = named(token)
        place = (letter, natural) if reach == "octave" else letter
        if accidental is not None and reach != "not":
            self.marked[place] = accidental
        if accidental is None:
            accidental = self.marked.get(place)
        if accidental is None:
            accidental = self.key.get(letter, 0)
        if self.graced and self.graced.get(letter, accidental) != accidental and token[0] not in "^_=":
            self.doubts.add("accidentals that are written again after a grace note's", token, "Write ^, = or _ there.")
        natural += self.moved
        pitch = natural + accidental
        if self.ties:
            if token[0] not in "^_=" and pitch not in self.ties:  # tied over a bar line: its accidental is not repeated
                pitch = next((tied for tied, note in self.ties.items() if self._continues(note, natural)), pitch)
            note = self.ties.pop(pitch, None)
            if note is not None and note.onset + note.duration == self.time:
                note.duration += duration
                return note, False
        if not 0 <= pitch <= 127:
            self.doubts.add("pitches of MIDI, C,,,,, to g'''''", token, "Write it in its octave.")
            pitch = pitch % 12 + (0 if pitch < 0 else 108)
        return Note(self.time, duration, pitch, self.track, natural), True

    def _continues(self, note: Note, natural: int) -> bool:
        return note.natural == natural and note.onset + note.duration == self.time

    def grace(self, token: str) -> None:
        """Remember the accidentals of grace notes: programs differ whether they hold for their bar."""
        for match in NOTE.finditer(token):
            accidental, letter, _, _ = named(match[0])
            if accidental is not None:
                self.graced[letter] = accidental

    def advance(self, event: list[Note], duration: int, held=()) -> None:
        """Go on by an event; the notes `held` of it are open for a tie."""
        self.event, self.event_start = event, self.time
        self.time += duration
        if self.due:
            if abs(self.due - duration) > 1:
                self.doubts.add("broken rhythm between notes of one length", "others", "Write the lengths as numbers.")
            self.due = 0
        self.ties = {note.pitch: note for note in held}

    def tie(self) -> None:
        """Open the last event for a tie."""
        self.ties |= {note.pitch: note for note in self.event}

    def bar(self, mark: str) -> None:
        """Begin a bar: its accidentals are forgotten, its overlays are over."""
        self.time, self.ties = self.overlays.bar(self.time, self.ties)
        self.marked, self.graced = {}, {}
        if self.overlays.start is None and ("|" in mark or "::" in mark):  # not the number of an ending, [1
            self.bar_lines.add(self.time, mark.rstrip("-,.0123456789[") != "|")

    def set_metre(self, value: str) -> None:
        """Take a metre for the bars to come."""
        self.metre = value
        if not self.time:
            self.first_metre = value

    def overlay(self, count: int) -> None:
        """Go back over `count` bar lines, for notes that sound with those written."""
        self.time, self.ties = self.overlays.back(self.time, count, self.ties)
        self.event, self.event_start, self.marked = [], self.time, {}
        self.factor_left, self.tuplet_left = ONE, 0

    def region(self, opens: bool) -> None:
        """Begin or end a stretch ``(& ... &)`` whose strands may take several bars."""
        if opens:
            self.overlays.open(self.time, self.ties)
        else:
            self.time, self.ties = self.overlays.close(self.time, self.ties)

    def broken(self, marks: str) -> None:
        """Lengthen (>) or shorten (<) the last event, and leave the rest of the time to the next."""
        last = self.time - self.event_start
        if last == 0 or self.factor_left != ONE:
            self.doubts.add("a note before and after a broken rhythm", marks, "Write the lengths as numbers.")
        if last == 0:
            return
        small = Fraction(1, 2 ** len(marks))
        before, self.factor_left = (2 - small, small) if marks[0] == ">" else (small, 2 - small)
        change = round(last * before) - last
        for note in self.event:
            note.duration = max(note.duration + change, 1)
        self.time += change
        self.due = round(last * self.factor_left)

    def finish(self) -> None:
        """Doubt what the tune's end leaves open."""
        if self.due or self.tuplet_left or self.overlays.region is not None:
            left = "a broken rhythm" if self.due else "a tuplet" if self.tuplet_left else "an overlay"
            self.doubts.add("a tune that ends when all is closed", f"{left} that is open", "Write out its end.")

    def set_unit(self, unit: Fraction) -> None:
        """Take a unit length for the notes to come."""
        self.unit, self.lengths = unit, {}

    def duration(self, length: str, factor: Fraction) -> int:
        """Return the ticks of an event of this voice; see `ticks`."""
        if factor is not ONE:
            return ticks(length, self.unit, factor)
        found = self.lengths.get(length)
        if found is None:
            found = self.lengths[length] = ticks(length, self.unit, ONE)
            if is_odd(length) or found >= LONGEST_NOTE:
                got = f"the length {length}"
                self.doubts.add("lengths such as 2, /2 or 3/4, of 256 whole notes at most", got, "Write it so.")
        return found

    def begin_tuplet(self, token: str, compound: bool) -> None:
        """Let the next r events last q/p of what is written, for a token ``(p``, ``(p:q`` or ``(p:q:r``."""
        if self.tuplet_left:
            self.doubts.add("a tuplet that ends before the next begins", token, "Write the lengths as numbers.")
        p, q, r = [*token[1:].split(":"), "", ""][:3]
        q = int(q or 0) or _TIME_OF.get(int(p), 3 if compound else 2)
        self.tuplet, self.tuplet_left = Fraction(q, int(p)), int(r or 0) or int(p)
