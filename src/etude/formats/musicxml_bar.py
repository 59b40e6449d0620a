"""One part of a MusicXML score, bar after bar: what its cursor, its attributes and its notes say."""

from __future__ import annotations

import re
from fractions import Fraction
from xml.etree.ElementTree import Element

from etude.errors import UnreadableFile
from etude.formats.bar_lines import stated_metre
from etude.formats.notes_written import Written, on_a_grid

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NOTE_TYPES = {"maxima": Fraction(32), "long": Fraction(16), "breve": Fraction(8), "whole": Fraction(4),
               "half": Fraction(2), "quarter": Fraction(1), "eighth": Fraction(1, 2)}  # fmt: skip
_NOTE_TYPES |= {f"{n}{'nd' if n in (32, 512) else 'th'}": Fraction(4, n) for n in (16, 32, 64, 128, 256, 512, 1024)}
_AGAIN = "Export it again as MusicXML."


class Part:
    """A part while it is read.

    Attributes
    ----------
    heads : list of Written
        Onsets are counted from the bar's beginning, tracks from 0 for the part's first staff.
    tempi : list of (int, Fraction, float)
        Number of the bar, quarters from its beginning, quarters per minute.
    metres : dict
        Number of the bar -> quarters that its time signature gives it.
    signatures : dict
        Number of the bar -> beats and their unit, of time signatures that a `Score` can hold.
    within : set of int
        Bars that begin at a repeat sign or a double bar, or are implicit: they may go on with the bar before.
    """

    def __init__(self, identity: str):
        self.identity, self.staves = identity, 1
        self.heads: list[Written] = []
        self.tempi: list[tuple[int, Fraction, float]] = []
        self.metres: dict[int, Fraction] = {}
        self.signatures: dict[int, tuple[int, int] | None] = {}
        self.within: set[int] = set()
        self._divisions: Fraction | None = None
        self._transpose: dict[str | None, int] = {}  # semitones by staff, None for all
        self._metre: Fraction | None = None
        self._repeated: set[str | None] = set()  # staves, None for all, under a sign that repeats what came before

    def read(self, number: int, bar: Element) -> Fraction:
        """Take in a bar; return its length in quarters: that of its notes; rests fill the metre at most."""
        now = last = longest = notes_end = Fraction(0)
        for element in bar:
            if element.tag == "note":
                length = self._length(element)
                last = last if element.find("chord") is not None else now
                self._note(number, element, last, length)
                now = now if element.find("chord") is not None else last + length
                notes_end = max(notes_end, last + length) if element.find("rest") is None else notes_end
            elif element.tag == "backup":
                now -= self._length(element)
            elif element.tag == "forward":
                now += self._length(element)
            elif element.tag == "attributes":
                self._attributes(element)
                if element.find("time") is not None:
                    self.signatures.setdefault(number, _signature(element.find("time")))
            elif element.tag == "barline" and (element.find("repeat") is not None or _is_thick(element)):
                self.within.add(number if element.get("location") == "left" else number + 1)
            elif element.tag in ("direction", "sound"):
                self._tempo(number, now, element)
            if now < 0:
                raise UnreadableFile(
                    "a bar whose notes lie within it", f"a step back before {self._where(number)}", _AGAIN
                )
            longest = max(longest, on_a_grid(now), notes_end)
        self._check_written(number, bar)
        self.within |= {number} if bar.get("implicit") == "yes" else set()
        if self._metre is not None:
            self.metres[number] = self._metre
            longest = max(notes_end, min(longest, self._metre))
        return longest

    def _check_written(self, number: int, bar: Element) -> None:
        """Refuse a bar that only a sign (a stroke and two dots) fills."""
        staves = {note.findtext("staff", "1").strip() for note in bar.findall("note") if note.find("rest") is None}
        if any(staff not in staves if staff else not staves for staff in self._repeated):
            got = f"a sign that repeats what came before in {self._where(number)}"
            raise UnreadableFile("bars whose notes are written", got, "Write out what the sign repeats.")

    def _note(self, number: int, note: Element, onset: Fraction, length: Fraction) -> None:
        pitch = note.find("pitch")
        if pitch is None and note.find("rest") is None and note.find("unpitched") is None:
            raise UnreadableFile("notes with a pitch, or rests", f"one with neither in {self._where(number)}", _AGAIN)
        staff = int(_number(note.findtext("staff", "1"), "a staff", 1, 99))
        self.staves = max(self.staves, staff)
        if pitch is None or not length or note.find("cue") is not None:
            return
        moved = self._transpose.get(str(staff), self._transpose.get(None, 0))
        ties = {tie.get("type") for tie in [*note.iter("tie"), *note.iter("tied")]}
        sounds = self._pitch(number, pitch, moved)
        voice = f"{staff}/{note.findtext('voice', '1').strip()}"
        tied = {"tie_from": bool(ties & {"stop", "continue"}), "tie_to": bool(ties & {"start", "continue"})}
        self.heads.append(Written(onset, length, sounds, staff - 1, self.identity, voice, bar=number, **tied))

    def _pitch(self, number: int, pitch: Element, moved: int) -> int:
        step, where = pitch.findtext("step", "").strip(), self._where(number)
        alter = _number(pitch.findtext("alter", "0"), f"an accidental in {where}", -9, 9)
        octave = _number(pitch.findtext("octave", ""), f"an octave in {where}", -1, 9)
        if step not in _STEPS or octave.denominator > 1:
            raise UnreadableFile("steps A to G in whole octaves", f"{step[:20]!r} and {octave} in {where}", _AGAIN)
        if alter.denominator > 1:
            remedy = "Microtones have no place among 128 pitches: round them first."
            raise UnreadableFile(
                "pitches in semitones", f"{step} altered by {float(alter)} semitones in {where}", remedy
            )
        sounds = int(12 * (octave + 1) + _STEPS[step] + alter) + moved
        if not 0 <= sounds <= 127:
            raise UnreadableFile(
                "pitches of C-1 to G9 (MIDI 0 to 127)", f"{step}{octave} in {where}", "Mend its octave."
            )
        return sounds

    def _length(self, element: Element) -> Fraction:
        """Return the quarters that a note, backup or forward takes; a grace note takes none."""
        if element.find("grace") is not None:
            return Fraction(0)
        duration = _number(element.findtext("duration", ""), f"a duration in part {self.identity[:40]}", 0, 10**9)
        if duration and self._divisions is None:
            raise UnreadableFile("divisions before the first note", f"none in part {self.identity[:40]}", _AGAIN)
        return duration / self._divisions if duration else duration

    def _attributes(self, attributes: Element) -> None:
        if (divisions := attributes.findtext("divisions")) is not None:
            self._divisions = _number(divisions, "divisions of a quarter", Fraction(1, 10**6), 10**9)
        if (staves := attributes.findtext("staves")) is not None:
            self.staves = max(self.staves, int(_number(staves, "a count of staves", 0, 99)))
        for transpose in attributes.findall("transpose"):
            self._transpose = {} if transpose.get("number") is None else self._transpose
            self._transpose[transpose.get("number")] = _semitones(transpose)
        for style in attributes.findall("measure-style"):
            for sign in [*style.findall("measure-repeat"), *style.findall("beat-repeat")]:
                self._repeated -= {style.get("number")} if style.get("number") else self._repeated
                self._repeated |= {style.get("number")} if sign.get("type") == "start" else set()
        if (time := attributes.find("time")) is not None:
            self._metre = _metre(time)

    def _tempo(self, number: int, now: Fraction, element: Element) -> None:
        for mark in element.iter("metronome"):
            rate = re.search(r"\d{1,4}(?:\.\d{1,4})?", mark.findtext("per-minute", ""), re.ASCII)
            unit = mark.findtext("beat-unit", "").strip()
            if rate and unit in _NOTE_TYPES:
                dots = len(mark.findall("beat-unit-dot"))
                self._add_tempo(number, now, float(rate[0]) * float(_NOTE_TYPES[unit] * (2 - Fraction(1, 2**dots))))
        for sound in element.iter("sound"):
            rate = re.fullmatch(r"\s*(\d{1,4}(?:\.\d{1,9})?)\s*", sound.get("tempo", ""), re.ASCII)
            self._add_tempo(number, now, float(rate[1]) if rate else 0.0)

    def _add_tempo(self, number: int, now: Fraction, bpm: float) -> None:
        if bpm > 0:
            self.tempi.append((number, now, bpm))

    def _where(self, number: int) -> str:
        return f"bar {number + 1} of part {self.identity[:40]}"


def _metre(time: Element) -> Fraction | None:
    """Return the quarters that a time signature, perhaps a sum (3/8 + 2/4), gives a bar; None where it gives none."""
    beats, units = (
        [(one.text or "").replace(" ", "") for one in time.findall(name)] for name in ("beats", "beat-type")
    )
    sound = all(re.fullmatch(r"\d{1,3}(\+\d{1,3})*", one, re.ASCII) for one in beats)
    if not sound or not all(re.fullmatch(r"[1-9]\d{0,2}", one, re.ASCII) for one in units) or len(beats) != len(units):
        return None
    pairs = zip(beats, units, strict=True)
    return sum((Fraction(4 * sum(map(int, some.split("+"))), int(unit)) for some, unit in pairs), Fraction(0)) or None


def _signature(time: Element) -> tuple[int, int] | None:
    """Return beats of a bar and their unit where a time signature has one unit, else None."""
    beats, units = time.findtext("beats", "").replace(" ", ""), time.findtext("beat-type", "")
    if _metre(time) is None or len(time.findall("beats")) > 1:
        return None
    return stated_metre(sum(map(int, beats.split("+"))), int(units))


def _is_thick(line: Element) -> bool:
    """Say whether a bar line is a double one, of whatever strokes."""
    return "-" in line.findtext("bar-style", "")


def _semitones(transpose: Element) -> int:
    chromatic = _number(transpose.findtext("chromatic", "0"), "a transposition", -127, 127)
    if transpose.find("double") is not None:
        remedy = "Write the doubled part out, or take <double> away."
        raise UnreadableFile("a part of the notes that are written", "one that sounds in two octaves", remedy)
    octaves = _number(transpose.findtext("octave-change", "0"), "octaves of a transposition", -10, 10)
    if chromatic.denominator > 1 or octaves.denominator > 1:
        raise UnreadableFile("a transposition in semitones", f"{chromatic} and {octaves} octaves", _AGAIN)
    return int(chromatic + 12 * octaves)


def _number(text: str, what: str, low, high) -> Fraction:
    """Return the number in `text`; raises UnreadableFile where there is none of `low` to `high`."""
    found = re.fullmatch(r"\s*([+-]?\d{1,12}(?:\.\d{0,12})?)\s*", text, re.ASCII)
    number = Fraction(found[1].rstrip(".")) if found else None
    if number is None or not low <= number <= high:
        raise UnreadableFile(f"{what} of {low} to {high}", repr(text.strip()[:40]), _AGAIN)
    return number
