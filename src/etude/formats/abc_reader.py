"""ABC read into notes: total, so that what a model writes can always be heard.

The grammar is that of the ABC standard 2.1 (section 4), as the tune books use it. A token that is not music, or not
finished, is passed over; no text raises. The choices where the standard leaves one or programs differ:

- An accidental holds to the end of the bar for its letter in all octaves (standard 2.1, 11.3; music21 does so only
  where the file says `%abc-2.x`). A note tied over a bar line keeps its accidental, as in print.
- A hyphen ties equal pitches; between different ones (a slur, in old tune books) it means nothing.
- Repeats are not expanded: the notes come in the order in which they are written, each ending once.
- Grace notes have no time of their own and are left out, as are chord names, decorations and lyrics.
- A chord lasts as long as its first note; its notes keep their own lengths.
- Broken rhythm and ties act across spaces, graces and decorations between the notes.

Work is bounded by the text's length: numbers have four digits at most, a note lasts at most 256 whole notes, and what
would begin after `MAX_QUARTERS` is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

import numpy as np

from etude.formats import abc_fields as fields
from etude.formats.abc_grammar import IN_CHORD, LENGTH, NOTE, TOKEN, tune_lines
from etude.types import COMMON_VELOCITY, NOMINAL_BPM, Score

TICKS = 10080  # per quarter: holds 1/256 notes, and triplets to nonuplets of the usual ones, exactly
MAX_QUARTERS = 2**16  # over 13 hours at the nominal tempo
_MAX_NOTE = 1024 * TICKS
_MAX_VOICES = 64
_STEPS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
_TIME_OF = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}  # a tuplet of p notes stands in the time of q; 5, 7, 9 ask the metre
_ONE = Fraction(1)


def read_abc(text: str) -> Score:
    """Return the notes of the first tune in `text`.

    A tune ends at the next `X:`, or at an empty line after its music. Voices (`V:`) become tracks, in order of
    appearance; the velocity is constant; a tune without `Q:` goes at `NOMINAL_BPM`.
    """
    tune = _Tune()
    for letter, value in tune_lines(str(text)):
        if letter:
            tune.information(letter, value)
        else:
            tune.music(value)
    return tune.score()


@dataclass
class _Voice:
    track: int
    key: dict[str, int]
    time: int = 0  # ticks
    bar_start: int = 0
    bar_end: int = 0  # furthest time that an overlay reached
    marked: dict[str, int] = field(default_factory=dict)  # accidentals of this bar: letter -> semitones
    ties: dict[int, list] = field(default_factory=dict)  # pitch -> note that is open for a tie
    event: list = field(default_factory=list)  # notes of the last note, chord or rest
    event_start: int = 0
    broken: Fraction = _ONE  # factor that a broken rhythm leaves for the next event
    tuplet: Fraction = _ONE
    tuplet_left: int = 0


class _Tune:
    """State of a tune while it is read. Notes are lists [onset, duration, pitch, track, pitch without accidental]."""

    def __init__(self):
        self.notes: list[list] = []
        self.voices: dict[str, _Voice] = {}
        self.voice: _Voice | None = None  # the one that is being written; opened by `V:` or by the first music
        self.in_header = True
        self.key: dict[str, int] = {}
        self.metre, self.unit, self.tempo = "", None, ""

    def information(self, letter: str, value: str) -> None:
        """Take in a field, from a line of its own or in brackets."""
        if letter == "K":
            self._change_key(fields.key_signature(value))
            self.in_header = False
        elif letter == "M":
            self.metre = value
        elif letter == "L":
            self.unit = fields.unit_length(value) or self.unit
        elif letter == "Q":
            self.tempo = self.tempo or value
        elif letter == "V" and value.split():
            self._open_voice(value.split()[0])

    def _change_key(self, key: dict[str, int] | None) -> None:
        if key is None:
            return
        if self.in_header or self.voice is None:
            self.key = key
        for voice in self.voices.values() if self.in_header else [self.voice] * (self.voice is not None):
            voice.key, voice.marked = key, {}

    def _open_voice(self, name: str) -> None:
        if name not in self.voices and len(self.voices) < _MAX_VOICES:
            self.voices[name] = _Voice(len(self.voices), self.key)
        self.voice = self.voices.get(name, self.voice)

    def music(self, line: str) -> None:
        """Read a line of music code."""
        self.unit = self.unit or fields.default_unit(fields.bar_length(self.metre))
        if self.voice is None:
            self._open_voice("")
        for token in TOKEN.finditer(line):
            if token.lastgroup == "field":
                self.information(token[0][1], token[0][3:-1].strip())
            elif token.lastgroup in _READ and self.voice.time < MAX_QUARTERS * TICKS:
                _READ[token.lastgroup](self, self.voice, token[0])

    def _note(self, voice: _Voice, token: str) -> None:
        duration = _duration(NOTE.match(token)[4], self.unit, _factor(voice))
        _advance(voice, [self._sound(voice, token, duration)], duration)

    def _chord(self, voice: _Voice, token: str) -> None:
        inside, _, length = token[1:].partition("]")
        factor = _factor(voice) * _length(length)
        event, held, first = [], [], 0
        for match in IN_CHORD.finditer(inside):
            if match["note"]:
                duration = _duration(NOTE.match(match["note"])[4], self.unit, factor)
                event.append(self._sound(voice, match["note"], duration))
                held += event[-1:] if match["tie"] else []
            elif match["rest"]:
                duration = _duration(match["rest"][1:], self.unit, factor)
            else:
                continue
            first = first or duration
        _advance(voice, event, first, held)

    def _rest(self, voice: _Voice, token: str) -> None:
        if token[0] in "ZX":  # whole bars
            duration = _duration(token[1:], fields.bar_length(self.metre) or _ONE, _ONE)
        else:
            duration = _duration(token[1:], self.unit, _factor(voice))
        _advance(voice, [], duration)

    def _sound(self, voice: _Voice, token: str, duration: int) -> list:
        """Add a note to the tune, or prolong the one that is tied to it; return it."""
        accidental, letter, octave, _ = NOTE.match(token).groups()
        upper = letter.upper()
        if accidental:
            voice.marked[upper] = fields.SEMITONES[accidental]
        natural = 60 + _STEPS[upper] + 12 * (letter.islower() + octave.count("'") - octave.count(","))
        pitch = natural + voice.marked.get(upper, voice.key.get(upper, 0))
        if not accidental and pitch not in voice.ties:  # tied over a bar line: the accidental is not written again
            pitch = next((tied for tied, note in voice.ties.items() if note[4] == natural), pitch)
        note = voice.ties.pop(pitch, None)
        if note is not None and note[0] + note[1] == voice.time:
            note[1] += duration
            return note
        note = [voice.time, duration, _into_midi(pitch), voice.track, natural]
        self.notes.append(note)
        return note

    def _tie(self, voice: _Voice, token: str) -> None:
        voice.ties |= {note[2]: note for note in voice.event}

    def _bar(self, voice: _Voice, token: str) -> None:
        voice.time = voice.bar_start = max(voice.time, voice.bar_end)
        voice.marked = {}

    def _overlay(self, voice: _Voice, token: str) -> None:
        voice.bar_end = max(voice.time, voice.bar_end)
        voice.time = voice.event_start = voice.bar_start
        voice.event, voice.ties, voice.marked = [], {}, {}

    def _broken(self, voice: _Voice, token: str) -> None:
        """Lengthen or shorten the last event, and leave the rest of the time to the next."""
        last = voice.time - voice.event_start
        if last == 0:
            return
        small = Fraction(1, 2 ** len(token))
        before, voice.broken = (2 - small, small) if token[0] == ">" else (small, 2 - small)
        change = round(last * before) - last
        for note in voice.event:
            note[1] = max(note[1] + change, 1)
        voice.time += change

    def _tuplet(self, voice: _Voice, token: str) -> None:
        p, q, r = [*token[1:].split(":"), "", ""][:3]
        time_of = _TIME_OF.get(int(p), 3 if fields.is_compound(self.metre) else 2)
        voice.tuplet, voice.tuplet_left = Fraction(int(q or time_of), int(p)), int(r or p)

    def score(self) -> Score:
        """Return the notes read, at the tune's tempo; its length holds the rests at the end."""
        unit = self.unit or fields.default_unit(fields.bar_length(self.metre))
        bpm = fields.tempo(self.tempo, unit) if self.tempo else NOMINAL_BPM
        rows = [(onset, duration, pitch, COMMON_VELOCITY, track) for onset, duration, pitch, track, _ in self.notes]
        notes = np.array(rows, np.int64).reshape(-1, 5)
        ends = [max(voice.time, voice.bar_end) for voice in self.voices.values()]
        return Score(notes, TICKS, bpm, max(*ends, *notes[:, :2].sum(axis=1).tolist(), 0, 0))


_READ = {
    "note": _Tune._note,
    "chord": _Tune._chord,
    "rest": _Tune._rest,
    "tie": _Tune._tie,
    "bar": _Tune._bar,
    "broken": _Tune._broken,
    "tuplet": _Tune._tuplet,
    "overlay": _Tune._overlay,
}


def _factor(voice: _Voice) -> Fraction:
    """Return what tuplet and broken rhythm make of the next event's length."""
    factor, voice.broken = voice.broken, _ONE
    if voice.tuplet_left:
        voice.tuplet_left -= 1
        factor *= voice.tuplet
    return factor


def _advance(voice: _Voice, event: list, duration: int, held=()) -> None:
    voice.event, voice.event_start = event, voice.time
    voice.time += duration
    voice.ties = {note[2]: note for note in held}


@lru_cache(4096)
def _duration(length: str, unit: Fraction, factor: Fraction) -> int:
    """Return the ticks of a note: its written length times the unit times tuplet and broken rhythm."""
    return min(max(round(_length(length) * unit * factor * 4 * TICKS), 1), _MAX_NOTE)


def _length(text: str) -> Fraction:
    """Return a length such as 3, /, //, /4 or 3/2; a 0 counts as 1."""
    number, slashes, divisor = LENGTH.match(text).groups()
    below = (int(divisor or 0) or 2 ** len(slashes)) if slashes else 1
    return Fraction(int(number or 0) or 1, below)


def _into_midi(pitch: int) -> int:
    return pitch if 0 <= pitch <= 127 else pitch % 12 + (0 if pitch < 0 else 108)
