"""The text of a tune brought into one form."""

from __future__ import annotations

import re

from etude.formats import abc_fields as fields
from etude.formats.abc_clef import UNMOVED, Sounding, sounding
from etude.formats.abc_grammar import FIELD, IN_CHORD, TOKEN, tune_lines

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
        self.in_header, self.in_music, self.in_voice = True, False, False

    def field(self, letter: str, value: str) -> None:
        """Take in a field: of the header, of a voice, or of the music."""
        if letter == "V" and self.in_header:
            self.voices.append(_inline(letter, value))
            self.in_voice = True
        elif letter == "I" and self.in_header:
            self.instructions.append(_inline(letter, value))
        elif letter == "V" or letter == "I" or self.in_music or (self.in_voice and not self.in_header):
            self.body.append(_inline(letter, value))
            self.in_voice |= letter == "V"
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
        """Take in a line of music."""
        if len(self.voices) > 1 and not (self.in_music or self.in_voice or self.in_header):
            line = _in_voice(line, re.sub(r" .*", "]", self.voices[0]))
        self.in_music, self.in_header = True, False
        self.body.append(_music(line))

    def text(self) -> str:
        """Return the whole."""
        header = {**self.header, "L": self.header["L"] or str(fields.default_unit(fields.bar_length(self.header["M"])))}
        header["K"] = " ".join([header["K"], *[self.sounding.words()] * (self.sounding != UNMOVED)])
        lines = (f"{letter}:{value}" for letter, value in header.items())
        return "".join(line + "\n" for line in (*lines, *self.instructions, *self.voices, *self.body) if line)


def _in_voice(line: str, voice: str) -> str:
    """Return a line of music with `voice`, a field in brackets, before its first note, unless it says its own."""
    for token in TOKEN.finditer(line):
        if token.lastgroup == "field" and token[0].startswith("[V:"):
            return line
        if token.lastgroup not in (None, "skip", "space", "field"):
            return line[: token.start()] + voice + line[token.start() :]
    return line


def _value(letter: str, value: str) -> str:
    """Return the value of a field in short form; empty where it says nothing."""
    if letter == "K":
        key = fields.key_name(value) if fields.key_signature(value) is not None else ""
        value = _with(key, sounding(fields.beside_key(value))[0])
    elif letter == "V":
        name, rest = [*value.split(maxsplit=1), "", ""][:2]
        name = name.replace("]", "\\x5d").encode("ascii", "backslashreplace").decode()
        value = _with(name, sounding(rest)[0]) if name else ""
    elif letter == "I":
        match = _INSTRUCTIONS.fullmatch(value)
        value = match[1] if match else ""
    return _printable(value)


def _with(name: str, stated: Sounding) -> str:
    return " ".join(part for part in (name, stated.words()) if part)


def _printable(value: str) -> str:
    return " ".join(re.sub(r"[^ -~]|\]", "", value).split())


def _inline(letter: str, value: str) -> str:
    value = _value(letter, value) if letter in "MLKVI" else ""
    return f"[{letter}:{value}]" if value else ""


def _music(line: str) -> str:
    """Return a line of music with what makes notes alone, its tokens still apart."""
    written, before, before_kind, gap = "", "", "bar", False
    for token in TOKEN.finditer(line):
        kind, text = token.lastgroup, token[0]
        gap |= kind == "space"
        if kind == "field":
            text = _inline(text[1], text[3:-1].strip())
        elif kind == "chord":
            text = _chord(text)
        if kind not in _KEPT or not text:
            continue
        beam_ends = gap and "bar" not in (before_kind, kind) and before_kind != "field"
        merges = before and TOKEN.match(before + text)[0] != before
        written += " " * bool(beam_ends or merges) + text
        before, before_kind, gap = text, kind, False
    return " " + written if FIELD.match(written) else written


def _chord(token: str) -> str:
    inside, _, length = token[1:].partition("]")
    notes = (match[0] for match in IN_CHORD.finditer(inside) if match.lastgroup != "skip")
    return f"[{''.join(notes)}]{length}".replace(" ", "")
