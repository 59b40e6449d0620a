"""What holds in a tune while it is read: its fields, how far each governs, and its voices (standard 2.1, 3 and 7).

A field of the header governs the tune. One in the body governs the voice in whose lines it stands, from there on, or
the tune where no voice is open yet. A tempo governs all voices from its moment.
"""

from __future__ import annotations

import re
from fractions import Fraction

from etude.formats import abc_fields as fields
from etude.formats import abc_tempo
from etude.formats.abc_clef import UNMOVED, Sounding, sounding
from etude.formats.abc_doubts import Doubts
from etude.formats.abc_grammar import LONGEST_FIELD
from etude.formats.abc_voice import Voice

_MAX_VOICES = 64
_REACHES = ("pitch", "octave", "not")
_SYMBOL = re.compile(r"\s*([H-Wh-w~])\s*=")
_MACRO = re.compile(r"\s*(.+?)\s*=")
_DIRECTIVE = re.compile(r"([\w-]+)[\s=]*(.*)")
_PLAYED_OTHERWISE = {"c", "ratio", "temperamentlinear", "temperamentnormal", "drummap", "snt", "bendstring"}  # of MIDI


def counts(instruction: str) -> bool:
    """Say whether a directive may change notes: their pitches, their accidentals, their number."""
    match = _DIRECTIVE.match(instruction)
    name, value = match.groups() if match else ("", "")
    of_midi = {"nobarlines", "barlines", "transpose", "rtranspose", "channel", *_PLAYED_OTHERWISE}
    if name == "MIDI":
        return value.split(maxsplit=1)[0] in of_midi if value.strip() else False
    return name in ("propagate-accidentals", "abc-include", "voicemap", "transpose") or name.startswith("begin")


class Tune:
    """The fields and voices of a tune."""

    def __init__(self):
        self.doubts = Doubts()
        self.voices: dict[str, Voice] = {}
        self.voice: Voice | None = None  # the one that is being written; opened by `V:` or by the first music
        self.in_header = True
        self.key: dict[str, int] = {}
        self.metre, self.unit, self.sounding, self.moved = "", None, UNMOVED, 0
        self.reach = _REACHES[0]
        self.symbols: set[str] = set()
        self.macros: list[str] = []
        self.tempi: list[tuple[int, str, Fraction | None]] = []  # tick, value, unit length there

    def information(self, letter: str, value: str) -> None:
        """Take in a field, from a line of its own or in brackets."""
        if len(value) > LONGEST_FIELD and letter in "IKLMQVm":
            self.doubts.add(f"a field of at most {LONGEST_FIELD} characters", f"{letter}:{value}", "Shorten it.")
        take = {"K": self._key, "M": self._metre, "L": self._unit, "V": self._voice, "I": self._instruction}.get(letter)
        if take is not None:
            take(value[:LONGEST_FIELD])
        elif letter == "Q":
            self._tempo(value)
        elif letter == "U" and (match := _SYMBOL.match(value)):
            self.symbols.add(match[1])
        elif letter == "m" and (match := _MACRO.match(value)):
            self.macros.append(match[1])

    def _tempo(self, value: str) -> None:
        """Take in a tempo; of two in the header the first counts, of two at one moment of the body the last."""
        tick = self.voice.time if self.voice and not self.in_header else -1
        unit = self.voice.unit if self.voice and not self.in_header else None
        others = [said for at, said, _ in self.tempi if at == tick and abc_tempo.tempo(said, Fraction(1, 8))]
        if others and others[0] != value:
            self._doubt_field("one tempo at a time", f"Q:{value}")
        if tick >= 0 or not others:
            self.tempi.append((tick, value, unit))

    def _governed(self) -> list[Voice]:
        """The voices that a field governs which stands here."""
        return list(self.voices.values()) if self.in_header or self.voice is None else [self.voice]

    def _key(self, value: str) -> None:
        key, beside = fields.key_signature(value), fields.beside_key(value)
        stated, doubt, unknown = sounding(beside)
        if doubt or unknown or (key is None and stated == UNMOVED and beside != ""):
            self._doubt_field("a key such as G, Ador or F#m, a clef, octave= or transpose=", f"K:{value}")
        of_tune = self.in_header or self.voice is None
        if of_tune:
            self.key, self.sounding = key if key is not None else self.key, stated.over(self.sounding)
        for voice in self._governed():
            if key is not None:
                voice.key, voice.marked = key, {}
            self._move(voice, voice.sounding.over(stated) if of_tune else stated.over(voice.sounding), stated)
        if self.in_header:
            self.in_header, self.voice = False, None

    def _move(self, voice: Voice, to: Sounding, stated: Sounding = UNMOVED) -> None:
        voice.sounding, voice.moved = to, to.semitones + self.moved
        if (to.clef and to.octave) or (stated.clef is not None and to.clef != stated.clef):
            self._doubt_field("octaves stated once, by the clef or by octave=", to.words())

    def _doubt_field(self, expected: str, got: str) -> None:
        self.doubts.add(expected, got, "State it as the ABC standard 2.1 does.")

    def _metre(self, value: str) -> None:
        if fields.names_no_metre(value):
            self._doubt_field("a metre such as 6/8, C, C| or none", f"M:{value}")
        if self.voice is None or self.in_header:
            self.metre = value
        for voice in self._governed():
            voice.set_metre(value)

    def _unit(self, value: str) -> None:
        unit = fields.unit_length(value)
        if unit is None:
            self._doubt_field("a unit length such as 1/8", f"L:{value}")
            return
        if self.voice is None or self.in_header:
            self.unit = unit
        for voice in self._governed():
            voice.set_unit(unit)

    def _voice(self, value: str) -> None:
        name, rest = [*value.split(maxsplit=1), "", ""][:2]
        if not name:
            return
        if name == "*" or (len(self.voices) >= _MAX_VOICES and name not in self.voices):
            self._doubt_field(f"a voice by its name, {_MAX_VOICES} at most", f"V:{value}")
        self.open_voice(name)
        stated, doubt, _ = sounding(rest)
        if doubt or "|" in re.sub(r'"[^"]*"', "", rest):
            self._doubt_field("a clef, octave=, transpose= or a name in quotes", f"V:{value}")
        if self.voice is not None and stated != UNMOVED:
            self._move(self.voice, stated.over(self.voice.sounding))

    def open_voice(self, name: str) -> Voice | None:
        """Go on with a voice, new or known; its fields are the tune's until it has its own."""
        if name not in self.voices and len(self.voices) < _MAX_VOICES:
            voice = Voice(len(self.voices), self.key, self.doubts, self.metre, self.unit)
            self._move(voice, self.sounding)
            self.voices[name] = voice
        self.voice = self.voices.get(name, self.voice)
        return self.voice

    def first_voice(self) -> Voice:
        """Return the voice of music that stands before any `V:` of the body."""
        if len(self.voices) > 1:
            self._doubt_field("music that says its voice, where there are several", "no V: before the music")
        return self.open_voice(next(iter(self.voices), ""))

    def _instruction(self, value: str) -> None:
        match = _DIRECTIVE.match(value)
        name, value = (match[1], match[2].strip()) if match else ("", "")
        if name == "propagate-accidentals":
            self._reach(value)
        elif name == "MIDI":
            self._midi(*[*value.split(maxsplit=1), "", ""][:2])
        elif name in ("abc-include", "voicemap") or (name == "transpose" and value.strip("0")):
            self.doubts.add("a tune that stands by itself", f"%%{name} {value}", "Write out what it does.")
        elif name.startswith("begin"):
            self.doubts.add(f"an end to the text: %%end{name[5:]}", f"%%{name} alone", "Close it.")

    def _reach(self, value: str) -> None:
        if value in _REACHES:
            self.reach = value
        else:
            self._doubt_field("propagate-accidentals not, octave or pitch", value)

    def _midi(self, name: str, value: str) -> None:
        """Take in what abc2midi's directives change of the notes; sounds and accompaniments are left out."""
        if name in ("nobarlines", "barlines"):
            self.reach = "not" if name == "nobarlines" else _REACHES[0]
        elif name in ("transpose", "rtranspose") and re.fullmatch(r"[+-]?\d{1,3}", value, re.ASCII):
            self._transpose(int(value), name == "rtranspose")
        elif name in _PLAYED_OTHERWISE or name.endswith("transpose") or (name == "channel" and value == "10"):
            self.doubts.add("notes that sound as written", f"%%MIDI {name} {value}", "Write out what it does.")

    def _transpose(self, semitones: int, further: bool) -> None:
        if self.voice is None or self.in_header:
            self.moved = semitones + self.moved * further
        for voice in self._governed():
            voice.moved = voice.sounding.semitones + semitones + (voice.moved - voice.sounding.semitones) * further

    def bpm(self, length: int, ticks: int) -> float:
        """Return the quarters per minute of a piece of `length` ticks."""
        first = next((voice.unit for voice in self.voices.values()), None) or self.unit or self.default_unit()
        tempi = [(max(tick, 0), abc_tempo.tempo(value, unit or first)) for tick, value, unit in self.tempi]
        if odd := next((value for _, value, unit in self.tempi if abc_tempo.is_odd(value, unit or first)), ""):
            self._doubt_field("a tempo such as 1/4=120, of 5 to 1000 quarters a minute", f"Q:{odd}")
        return abc_tempo.mean_bpm([(tick, bpm) for tick, bpm in tempi if bpm is not None], length, ticks)

    def default_unit(self) -> Fraction:
        """Return the unit length where no `L:` states it."""
        return fields.default_unit(fields.bar_length(self.metre))
