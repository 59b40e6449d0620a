"""ABC read into notes: total, so that what a model writes can always be heard.

The grammar is that of the ABC standard 2.1 (section 4), as the tune books use it. A token that is not music, or not
finished, is passed over; no text raises. The choices where the standard leaves one or programs differ:

- An accidental holds to the end of the bar for its letter in all octaves (the default of the standard's directive
  `propagate-accidentals`; music21 does so only where the file begins with `%abc-2.`). A note tied over a bar line keeps
  its accidental, as in print.
- A hyphen ties equal pitches; between different ones (a slur, in old tune books) it means nothing.
- Repeats are not expanded: the notes come in the order in which they are written, each ending once.
- Grace notes have no time of their own and are left out, as are chord names, decorations and lyrics.
- A chord lasts as long as its first note; its notes keep their own lengths.
- Broken rhythm and ties act across spaces, graces and decorations between the notes.

Work is bounded by the text's length: numbers have four digits at most, a note lasts at most 256 whole notes, and what
would begin after `MAX_QUARTERS` is left out.
"""

from __future__ import annotations

import numpy as np

from etude.formats import abc_fields as fields
from etude.formats.abc_grammar import IN_CHORD, NOTE, TOKEN, tune_lines
from etude.formats.abc_voice import ONE, TICKS, Note, Voice, multiple, ticks
from etude.types import COMMON_VELOCITY, NOMINAL_BPM, Score

MAX_QUARTERS = 2**16  # over 13 hours at the nominal tempo
_MAX_VOICES = 64


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


class _Tune:
    """A tune while it is read: its fields, its voices, and the notes so far."""

    def __init__(self):
        self.notes: list[Note] = []
        self.voices: dict[str, Voice] = {}
        self.voice: Voice | None = None  # the one that is being written; opened by `V:` or by the first music
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
        """Take the header's key for the tune, one within the music for the voice that it stands in."""
        if key is None:
            return
        if self.in_header or self.voice is None:
            self.key = key
        for voice in self.voices.values() if self.in_header else [self.voice] * (self.voice is not None):
            voice.key, voice.marked = key, {}

    def _open_voice(self, name: str) -> None:
        if name not in self.voices and len(self.voices) < _MAX_VOICES:
            self.voices[name] = Voice(len(self.voices), self.key)
        self.voice = self.voices.get(name, self.voice)

    def music(self, line: str) -> None:
        """Read a line of music code."""
        self.unit = self.unit or self._default_unit()
        for token in TOKEN.finditer(line):
            kind, text = token.lastgroup, token[0]
            if kind == "field":
                self.information(text[1], text[3:-1].strip())
            elif kind not in (None, "skip", "space"):
                if self.voice is None:
                    self._open_voice("")
                if self.voice.time < MAX_QUARTERS * TICKS:
                    self._read(self.voice, kind, text)

    def _read(self, voice: Voice, kind: str, text: str) -> None:
        match kind:
            case "note":
                self._chord(voice, text, "")
            case "chord":
                inside, _, length = text[1:].partition("]")
                self._chord(voice, inside, length)
            case "rest":
                self._rest(voice, text)
            case "bar":
                voice.bar()
            case "tie":
                voice.tie()
            case "broken":
                voice.broken(text)
            case "tuplet":
                voice.begin_tuplet(text, fields.is_compound(self.metre))
            case "overlay":
                voice.overlay()

    def _chord(self, voice: Voice, notes: str, length: str) -> None:
        """Read the notes of a chord, or a single one: together they last as long as the first."""
        factor = voice.factor() * multiple(length)
        event, held, first = [], [], 0
        for match in IN_CHORD.finditer(notes):
            if match["skip"]:
                continue
            written = NOTE.match(match["note"])[4] if match["note"] else match["rest"][1:]
            duration = ticks(written, self.unit, factor)
            first = first or duration
            if match["note"]:
                note, new = voice.sound(match["note"], duration)
                self.notes += [note] * new
                event.append(note)
                held += [note] * (match["tie"] is not None)
        voice.advance(event, first, held)

    def _rest(self, voice: Voice, token: str) -> None:
        if token[0] in "ZX":  # whole bars
            duration = ticks(token[1:], fields.bar_length(self.metre) or ONE, ONE)
        else:
            duration = ticks(token[1:], self.unit, voice.factor())
        voice.advance([], duration)

    def _default_unit(self):
        return fields.default_unit(fields.bar_length(self.metre))

    def score(self) -> Score:
        """Return the notes read, at the tune's tempo; its length holds the rests at the end."""
        bpm = fields.tempo(self.tempo, self.unit or self._default_unit()) if self.tempo else NOMINAL_BPM
        rows = [(note.onset, note.duration, note.pitch, COMMON_VELOCITY, note.track) for note in self.notes]
        ends = [note.onset + note.duration for note in self.notes]
        ends += [max(voice.time, voice.furthest) for voice in self.voices.values()]
        return Score(np.array(rows, np.int64).reshape(-1, 5), TICKS, bpm, max(ends, default=0))
