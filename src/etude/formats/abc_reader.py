"""ABC read into notes: total, so that what a model writes can always be heard; or strict, so that a file is read right.

The grammar is that of the ABC standard 2.1 (section 4), as the tune books use it. A token that is not music, or not
finished, is passed over; read strictly it is refused, as is whatever programs read differently. The choices where the
standard leaves one or programs differ:

- An accidental holds to the end of the bar for its letter in all octaves (the default of the standard's directive
  `propagate-accidentals`; music21 does so only where the file begins with `%abc-2.`); that of a grace note is
  its own, and a doubt where another would sound. A note tied over a bar line keeps its accidental, as in print.
- A hyphen ties equal pitches; between different ones (a slur, in old tune books) it means nothing.
- Repeats and the order of parts (`P:`) are not expanded: the notes come in the order in which they are written, each
  ending once.
- Grace notes have no time of their own and are left out, as are chord names, decorations and lyrics.
- A chord lasts as long as its first note; its notes keep their own lengths.
- Broken rhythm and ties act across spaces, graces and decorations between the notes.
- Of abc2midi's directives those count that move notes or accidentals; drums and chords that it adds are no notes here.

Work is bounded by the text's length: numbers have four digits at most, a note lasts at most 256 whole notes, and what
would begin after `MAX_QUARTERS` is left out.
"""

from __future__ import annotations

import re

import numpy as np

from etude.formats import abc_fields as fields
from etude.formats.abc_grammar import FIELD, MICROTONE, TOKEN, in_chord, stray, tune_lines
from etude.formats.abc_notes import ONE, TICKS, multiple, named, ticks
from etude.formats.abc_tune import Tune
from etude.formats.abc_voice import Voice
from etude.types import COMMON_VELOCITY, Score

MAX_QUARTERS = 2**16  # over 13 hours at the nominal tempo


def read_abc(text: str, strict: bool = False) -> Score:
    """Return the notes of the first tune in `text`.

    A tune ends at the next `X:`, or at an empty line after its music. Voices (`V:`) become tracks, in order of
    appearance; the velocity is constant; a tune without `Q:` goes at `NOMINAL_BPM`, and one of several tempi at their
    mean. Metre and upbeat are those with which the first voice begins.

    Parameters
    ----------
    text : str
    strict : bool
        Refuse what a reader can only guess at.

    Raises
    ------
    UnreadableFile
        Where `strict` is set, for the first thing in doubt.
    """
    reader = _Reader(strict)
    for letter, value in tune_lines(str(text)):
        if letter:
            reader.tune.information(letter, value)
        else:
            reader.music(value)
    return reader.score()


class _Reader:
    """A tune while it is read: what holds in it, and the notes so far."""

    def __init__(self, strict: bool):
        self.strict, self.tune, self.notes, self.graces = strict, Tune(), [], []

    def music(self, line: str) -> None:
        """Read a line of music code."""
        tune = self.tune
        tune.in_header, tune.unit = False, tune.unit or tune.default_unit()
        tokens = list(TOKEN.finditer(line))
        if self.strict:
            self._check(line, tokens)
        for token in tokens:
            kind = token.lastgroup
            if kind == "field":
                if token[0][1] in "KLM" and tune.voice is None and tune.voices:
                    tune.first_voice()
                tune.information(token[0][1], token[0][3:-1].strip())
            elif kind == "grace":
                self.graces.append(token[0])
            elif kind not in (None, "skip", "space") and (kind != "chord" or in_chord(token[0])):
                voice = tune.voice or tune.first_voice()
                if voice.unit is None:
                    voice.set_unit(tune.unit)
                if self.graces:
                    voice.grace("".join(self.graces))
                    self.graces = []
                if voice.time < MAX_QUARTERS * TICKS:
                    self._read(voice, kind, token[0])
                else:
                    tune.doubts.add(f"at most {MAX_QUARTERS} quarters", "more", "Cut it into parts.")

    def _read(self, voice: Voice, kind: str, text: str) -> None:
        match kind:
            case "note":
                self._note(voice, text)
            case "bar":
                voice.bar(text)
            case "rest":
                self._rest(voice, text)
            case "chord":
                self._chord(voice, in_chord(text), text.rpartition("]")[2])
            case "tie":
                voice.tie()
            case "broken":
                voice.broken(text)
            case "tuplet":
                voice.begin_tuplet(text, fields.is_compound(voice.metre))
            case "overlay":
                voice.overlay(len(text))
            case "open" | "close":
                voice.region(kind == "open")

    def _note(self, voice: Voice, token: str) -> None:
        duration = voice.duration(named(token)[3], voice.factor())
        note, new = voice.sound(token, duration, self.tune.reach)
        if new:
            self.notes.append(note)
        voice.advance([note], duration)

    def _chord(self, voice: Voice, inside: list[re.Match], length: str) -> None:
        """Read the notes of a chord: together they last as long as the first."""
        factor = voice.factor() * multiple(length) if length else voice.factor()
        event, held, first = [], [], 0
        for match in inside:
            written = named(match["note"])[3] if match["note"] else match["rest"][1:]
            duration = voice.duration(written, factor)
            first = first or duration
            if match["note"]:
                note, new = voice.sound(match["note"], duration, self.tune.reach)
                self.notes += [note] * new
                event.append(note)
                held += [note] * (match["tie"] is not None)
        voice.advance(event, first, held)

    def _rest(self, voice: Voice, token: str) -> None:
        if token[0] in "ZX":  # whole bars
            bar = fields.bar_length(voice.metre)
            if bar is None:
                self.tune.doubts.add("a metre, for rests of whole bars", f"M:{voice.metre}", "State it.")
            duration = ticks(token[1:], bar or ONE, ONE)
        else:
            duration = voice.duration(token[1:], voice.factor())
        voice.advance([], duration)

    def _check(self, line: str, tokens: list[re.Match]) -> None:
        """Doubt what is no music code, and what stands for something that is not read."""
        doubt, tune = self.tune.doubts.add, self.tune
        if line[0] in " \t" and FIELD.match(line.lstrip()):
            doubt("fields that begin their line", line, "Take the space away.")
        odd = stray(line, tokens, tune.symbols)
        if MICROTONE.search(odd):
            doubt("pitches in semitones", odd, "Microtones have no place among 128 pitches: round them first.")
        elif odd:
            doubt("ABC music code", odd, "Correct it, or put it into quotes, a comment (%) or a text line (N:).")
        if macro := next((macro for macro in tune.macros if "n" in macro or macro in line), ""):
            doubt("music without macros", f"m:{macro}", "Write out what the macro stands for.")

    def score(self) -> Score:
        """Return the notes read, at the tune's tempo; its length holds the rests at the end."""
        voices = self.tune.voices.values()
        rows = [(note.onset, note.duration, note.pitch, COMMON_VELOCITY, note.track) for note in self.notes]
        ends = [note.onset + note.duration for note in self.notes]
        length = max([*ends, *(max(voice.time, voice.overlays.furthest) for voice in voices)], default=0)
        bpm = self.tune.bpm(length, TICKS)
        for voice in voices:
            voice.finish()
        if self.strict and self.tune.doubts.first is not None:
            raise self.tune.doubts.first
        return Score(np.array(rows, np.int64).reshape(-1, 5), TICKS, bpm, length, **self._metre())

    def _metre(self) -> dict:
        """Return the first metre of the first voice that has music, and the upbeat before its first whole bar."""
        first = next((voice for voice in self.tune.voices.values() if voice.time), None)
        value = self.tune.metre if first is None else first.first_metre
        bar, meter = fields.bar_length(value), fields.metre(value)
        if first is None or bar is None or meter is None:
            return {"meter": meter}
        return {"meter": meter, "pickup": first.bar_lines.upbeat(4 * TICKS * bar, first.time) / TICKS}
