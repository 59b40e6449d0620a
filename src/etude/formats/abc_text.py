"""The text of a tune brought into one form."""

from __future__ import annotations

import re

from etude.formats import abc_fields as fields
from etude.formats.abc_clef import UNMOVED, Sounding, sounding
from etude.formats.abc_grammar import FIELD, TOKEN, in_chord, tune_lines

_KEPT = {"note", "chord", "rest", "tie", "bar", "broken", "tuplet", "overlay", "open", "close", "field"}
_INSTRUCTIONS = re.compile(
    r"(propagate-accidentals[\s=]+(?:pitch|octave|not)|MIDI[\s=]+(?:no)?barlines|MIDI[\s=]+r?transpose\s+[+-]?\d{1,3})\s*",
    re.ASCII,
)


def normalised(text: str) -> str:
    """Return a tune as `M:`, `L:` and `K:` lines and its music, in printable ASCII; it reads as the same notes.

    Titles, lyrics, comments, tempo, chord names, decorations, slurs and grace notes are left out; one space remains
    between beams, none beside a bar line; a key is written ``Ador``, ``Em``, ``G``; what changes within the tune
    stands in brackets.
    """
    form = _Form()
    for letter, value in tune_lines(text):
        if letter is None:
            form.music(value)
        else:
            form.field(letter, value)
    return form.text()


class _Form:
    """A tune while it is brought into form: its header, what the header says of voices, its music."""

    def __init__(self):
        self.header = {"M": "none", "L": "", "K": "none"}
        self.sounding = UNMOVED
        self.instructions, self.voices, self.body = [], [], []
        self.in_header, self.in_music, self.in_voice, self.first = True, False, False, ""

    def field(self, letter: str, value: str) -> None:
        """Take in a field: of the header, of a voice, or of the music."""
        if letter == "V" and self.in_header:
            self.voices.append(_inline(letter, value))
            self.in_voice = True
        elif letter == "I" and self.in_header:
            self.instructions.append(_inline(letter, value))
        elif letter == "V" or letter == "I" or self.in_music or (self.in_voice and not self.in_header):
            self.body.append(_inline(letter, value))
            if letter == "V":
                self.in_voice, self.first = True, ""
        elif letter == "K":
            self._key(value)
        elif letter in self.header:
            self.header[letter] = _value(letter, value) or self.header[letter]
        if letter == "K" and self.in_header:
            self.in_header = self.in_voice = False

    def _key(self, value: str) -> None:
        self.sounding = sounding(fields.beside_key(value))[0].over(self.sounding)
        if fields.key_signature(value) is not None:
            self.header["K"] = _printable(fields.key_name(value))

    def music(self, line: str) -> None:
        """Take in a line of music; where several voices wait, music that names none belongs to the first."""
        if len(self.voices) > 1 and not (self.in_music or self.in_voice or self.in_header):
            self.first = re.sub(r" .*", "]", self.voices[0])
        self.in_music, self.in_header = True, False
        line, names_voice = _music(line, self.first)
        self.body.append(line)
        self.first = "" if names_voice else self.first

    def text(self) -> str:
        """Return the whole."""
        header = {**self.header, "L": self.header["L"] or str(fields.default_unit(fields.bar_length(self.header["M"])))}
        header["K"] = " ".join([header["K"], *[self.sounding.words()] * (self.sounding != UNMOVED)])
        lines = (f"{letter}:{value}" for letter, value in header.items())
        return "".join(line + "\n" for line in (*lines, *self.instructions, *self.voices, *self.body) if line)


def _value(letter: str, value: str) -> str:
    """Return the value of a field in short form; empty where it says nothing."""
    if letter == "K":
        key = fields.key_name(value) if fields.key_signature(value) is not None else ""
        value = _with(key, sounding(fields.beside_key(value))[0])
    elif letter == "V":
        name, rest = [*value.split(maxsplit=1), "", ""][:2]
        name = "".join(sign if "!" <= sign <= "~" and sign != "]" else f"\\x{ord(sign):x}" for sign in name)
        value = _with(name, sounding(rest)[0]) if name else ""
    elif letter == "L":
        unit = fields.unit_length(value)
        value = value if fields.unit_length(_printable(value)) == unit else f"{unit}"
        value = "" if unit is None else value
    elif letter == "M":
        return _metre(value)
    elif letter == "I":
        match = _INSTRUCTIONS.fullmatch(value)
        value = match[1] if match else ""
    return _printable(value)


def _metre(value: str) -> str:
    short = _printable(value)
    read = [(fields.bar_length(form), fields.is_compound(form)) for form in (short, value)]
    return short if short and read[0] == read[1] else "none"


def _with(name: str, stated: Sounding) -> str:
    return " ".join(part for part in (name, stated.words()) if part)


def _printable(value: str) -> str:
    return " ".join(re.sub(r"[^ -~]|\]", "", value).split())


def _inline(letter: str, value: str) -> str:
    value = _value(letter, value) if letter in "MLKVI" else ""
    return f"[{letter}:{value}]" if value else ""


def _music(line: str, voice: str) -> tuple[str, bool]:
    """Return a line of music with what makes notes alone, its tokens still apart; and whether it says its voice.

    A line that says none begins with `voice`, a field in brackets, where that is not empty.
    """
    written, before, before_kind, gap, named = "", "", "bar", False, False
    for token in TOKEN.finditer(line):
        kind, text = token.lastgroup, token[0]
        gap |= kind == "space"
        if kind == "field":
            text = _inline(text[1], text[3:-1].strip())
            named |= text.startswith("[V:")
        elif kind == "chord":
            text = _chord(text)
        if kind not in _KEPT or not text:
            continue
        if voice and not named:
            written, named = written + voice, True
        beam_ends = gap and "bar" not in (before_kind, kind) and before_kind != "field"
        merges = before and TOKEN.match(before + text)[0] != before
        written += " " * bool(beam_ends or merges) + text
        before, before_kind, gap = text, kind, False
    return " " + written if FIELD.match(written) else written, named


def _chord(token: str) -> str:
    notes = "".join(match[0] for match in in_chord(token))
    return f"[{notes}]{token.rpartition(']')[2]}".replace(" ", "") if notes else ""
