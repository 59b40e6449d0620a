"""Tune books taken apart, and the text of a tune brought into one form."""

from __future__ import annotations

import re

from etude.formats import abc_fields as fields
from etude.formats.abc_grammar import FIELD, IN_CHORD, TOKEN, tune_lines

_KEPT = {"note", "chord", "rest", "tie", "bar", "broken", "tuplet", "overlay", "field"}


def split_tunes(text: str) -> list[str]:
    """Return the tunes of a tune book, each from its `X:` to the next one's."""
    text = re.sub(r"\r\n?", "\n", text)
    return [part.strip() + "\n" for part in re.split(r"^(?=X:)", text, flags=re.MULTILINE) if part.startswith("X:")]


def normalised(text: str) -> str:
    """Return a tune as `M:`, `L:` and `K:` lines and its music, in printable ASCII; it reads as the same notes.

    Titles, lyrics, comments, tempo, chord names, decorations, slurs and grace notes are left out; one space remains
    between beams, none beside a bar line; a key is written ``Ador``, ``Em``, ``G``; what changes within the tune
    stands in brackets.
    """
    header = {"M": "none", "L": "", "K": "none"}
    body, in_music = [], False
    for letter, value in tune_lines(text):
        if letter is None:
            in_music = True
            body.append(_music(value))
        elif letter == "V" or in_music:
            body.append(_inline(letter, value))
        elif letter in header:
            header[letter] = _value(letter, value) or header[letter]
    header["L"] = header["L"] or str(fields.default_unit(fields.bar_length(header["M"])))
    fields_first = (f"{letter}:{value}\n" for letter, value in header.items())
    return "".join([*fields_first, *(line + "\n" for line in body if line)])


def _value(letter: str, value: str) -> str:
    """Return the value of a field in short form; empty where it says nothing."""
    if letter == "K":
        value = fields.key_name(value) if fields.key_signature(value) is not None else ""
    elif letter == "V":
        value = value.partition(" ")[0]
    return " ".join(re.sub(r"[^ -~]|\]", "", value).split())


def _inline(letter: str, value: str) -> str:
    value = _value(letter, value) if letter in "MLKV" else ""
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
