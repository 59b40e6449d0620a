"""What the information fields of a tune mean: keys, metres, unit lengths (ABC standard 2.1, section 3.1).

Every function is total: a value that cannot be read returns what the standard assumes in its absence.
"""

from __future__ import annotations

import re
from fractions import Fraction

from etude.formats.bar_lines import stated_metre

_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_SHARPS, _FLATS = "FCGDAEB", "BEADGCF"
_MODES = {"": 0, "m": -3, "mix": -1, "dor": -2, "phr": -4, "lyd": 1, "loc": -5}  # fifths from the major key
_KEY = re.compile(r"([A-G])([#b]?)(\s*)([A-Za-z]*)(.*)", re.DOTALL | re.ASCII)
_KEY_ACCIDENTAL = re.compile(r"(?<![\^_=])(\^{1,2}|_{1,2}|(?<![A-Za-z])=)([A-Ga-g])(?![A-Za-z])")
_PIPES = ("HP", "Hp")  # played alike; only the print differs
_FRACTION = re.compile(r"(\d{1,4})\s*/\s*(\d{1,4})", re.ASCII)
_METRE = re.compile(r"\(?\s*((?:\d{1,3}\s*\+\s*)*\d{1,3})\s*\)?\s*/\s*(\d{1,3})", re.ASCII)
SEMITONES = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}


def key_signature(value: str) -> dict[str, int] | None:
    """Return the semitones by which each letter is altered (``{"F": 1}`` for G), or None where no key is named.

    Modes (`Ador`, `E Minor`), explicit accidentals (`D =c`, `D exp _b`), `none` and the pipes' `HP` and `Hp`.
    """
    name, explicit, _ = _named_key(value)
    if name is None:
        return explicit or None
    if name == "none" or name in _PIPES:
        return ({"F": 1, "C": 1} if name in _PIPES else {}) | explicit
    tonic, sign, _, mode, _ = _KEY.fullmatch(name).groups()
    return _signature(tonic, sign, _MODES[mode]) | explicit


def key_name(value: str) -> str:
    """Return the value of a `K:` field in its short form: ``Ador`` for `A Dorian`, ``Em`` for `E Minor`."""
    name, explicit, _ = _named_key(value)
    signs = {semitones: sign for sign, semitones in SEMITONES.items()}
    return " ".join([name or "none", *(signs[by] + letter.lower() for letter, by in explicit.items())])


def beside_key(value: str) -> str:
    """Return what a `K:` field says apart from the key: clef, octave and transposition, or what is no key at all."""
    return _KEY_ACCIDENTAL.sub(" ", _named_key(value)[2]).strip()


def _named_key(value: str) -> tuple[str | None, dict[str, int], str]:
    """Take a `K:` value apart: its key in short form (`none` for `exp`), its explicit accidentals, and the rest."""
    words = value.split(maxsplit=1)
    if words and words[0] in ("none", *_PIPES):
        return words[0], _explicit(value), "".join(words[1:])
    match = _KEY.fullmatch(value.strip())
    if match is None:
        return None, _explicit(value), value
    tonic, sign, gap, word, rest = match.groups()
    if word.lower().startswith("exp"):
        return "none", _explicit(rest), rest
    mode = word[:3].lower()  # the standard's rule, so that EM is E minor too
    short = {"maj": "", "ion": "", "min": "m", "aeo": "m"}.get(mode, mode if mode in _MODES else None)
    if short is None or (gap and word == "m" and rest.startswith("=")):  # a clef, or a specifier such as m=B
        return tonic + sign, _explicit(rest), word + rest
    return tonic + sign + short, _explicit(rest), rest


def _signature(tonic: str, sign: str, mode: int) -> dict[str, int]:
    fifths = _FIFTHS[tonic] + {"#": 7, "b": -7, "": 0}[sign] + mode
    order, step = (_SHARPS, 1) if fifths > 0 else (_FLATS, -1)
    altered: dict[str, int] = {}
    for i in range(abs(fifths)):
        altered[order[i % 7]] = altered.get(order[i % 7], 0) + step
    return altered


def _explicit(text: str) -> dict[str, int]:
    return {letter.upper(): SEMITONES[sign] for sign, letter in _KEY_ACCIDENTAL.findall(text)}


def bar_length(value: str) -> Fraction | None:
    """Return the length of a bar in whole notes (``C|`` is 1), or None for free metre."""
    value = value.strip()
    if value.startswith("C"):
        return Fraction(1)
    match = _METRE.match(value)
    if match is None:
        return None
    beats, unit = sum(map(int, match[1].split("+"))), int(match[2])
    return Fraction(beats, unit) if beats and unit else None


def metre(value: str) -> tuple[int, int] | None:
    """Return beats of a bar and their unit (``C|`` is 2/2, ``2+3/8`` is 5/8), or None for free metre."""
    value = value.strip()
    if value.startswith("C"):
        return (2, 2) if value.startswith("C|") else (4, 4)
    match = _METRE.match(value)
    return stated_metre(sum(map(int, match[1].split("+"))), int(match[2])) if match else None


def is_compound(value: str) -> bool:
    """Say whether beats divide in three (6/8, 9/8, 12/8): tuplets of 5, 7 and 9 then stand in the time of 3."""
    match = _METRE.match(value.strip())
    return match is not None and match[1] in ("6", "9", "12")


def unit_length(value: str) -> Fraction | None:
    """Return the `L:` of a tune in whole notes, or None where the value states none."""
    match = _FRACTION.match(value.strip())
    if match and int(match[1]) and int(match[2]):
        return Fraction(int(match[1]), int(match[2]))
    return Fraction(1) if value.strip() == "1" else None


def default_unit(bar: Fraction | None) -> Fraction:
    """Return the unit length of a tune without `L:`: 1/16 where a bar is shorter than 3/4, else 1/8."""
    return Fraction(1, 16) if bar is not None and bar < Fraction(3, 4) else Fraction(1, 8)


def names_no_metre(value: str) -> bool:
    """Say whether a `M:` value states neither a metre nor that there is none."""
    return value.strip() not in ("", "none", "C", "C|") and (
        (match := _METRE.match(value.strip())) is None or match.end() < len(value.strip())
    )
