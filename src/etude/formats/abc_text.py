"""Tune books taken apart, and the text of a tune brought into one form."""

from __future__ import annotations

import re

from etude.formats import abc_fields as fields
from etude.formats.abc_grammar import IN_CHORD, TOKEN, tune_lines

_MUSICAL = {"note", "chord", "rest", "tie", "bar", "broken", "tuplet", "overlay"}


def split_tunes(text: str) -> list[str]:
    """Return the tunes of a tune book, each from its `X:` to the next one's."""
    text = re.sub(r"\r\n?", "\n", text)
    return [part.strip() + "\n" for part in re.split(r"^(?=X:)", text, flags=re.MULTILINE) if part.startswith("X:")]


def normalised(text: str) -> str:
    """Return a tune as `M:`, `L:` and `K:` lines and its music, in printable ASCII; it reads as the same notes.

    Titles, lyrics, comments, tempo, chord names, decorations, slurs and grace notes are left out; one space remains
    between beams, none beside a bar line; a key is written ``Ador``, ``Em``, ``G``.
    """
    header = {"M": "none", "L": "", "K": "none"}
    body, in_body = [], False
    for letter, value in tune_lines(text):
        if letter is None:
            in_body = True
            body.append(_music(value))
        elif in_body and letter in "MLKV":
            body.append(_inline(letter, value))
        elif letter in header:
            header[letter] = _value(letter, value)
    header["L"] = header["L"] or str(fields.default_unit(fields.bar_length(header["M"])))
    music = "\n".join(line for line in body if line)
    return "".join(f"{letter}:{value}\n" for letter, value in header.items()) + music + "\n" * bool(music)


def _value(letter: str, value: str) -> str:
    value = fields.key_name(value) if letter == "K" else value
    return " ".join(re.sub(r"[^ -~]|\]", "", value).split())


def _inline(letter: str, value: str) -> str:
    value = value.split()[0] if letter == "V" and value else value
    return f"[{letter}:{_value(letter, value)}]"


def _music(line: str) -> str:
    kept = []
    for token in TOKEN.finditer(line):
        kind = token.lastgroup
        if kind in _MUSICAL:
            kept.append(_chord(token[0]) if kind == "chord" else token[0])
        elif kind == "field" and token[0][1] in "MLKV":
            kept.append(_inline(token[0][1], token[0][3:-1].strip()))
        elif kind == "space":
            kept.append(" ")
    return re.sub(r" *([|:\]\[&]*[|:][|:\]]*) *", r"\1", re.sub(r" +", " ", "".join(kept))).strip()


def _chord(token: str) -> str:
    inside, _, length = token[1:].partition("]")
    notes = (match[0] for match in IN_CHORD.finditer(inside) if match.lastgroup != "skip")
    return f"[{''.join(notes)}]{length}".replace(" ", "")
