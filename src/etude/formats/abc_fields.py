"""What the information fields of a tune mean: keys, metres, unit lengths, tempi (ABC standard 2.1, section 3.1).

Every function is total: a value that cannot be read returns what the standard assumes in its absence.
"""

from __future__ import annotations

import re
from fractions import Fraction

from etude.types import NOMINAL_BPM

_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_SHARPS, _FLATS = "FCGDAEB", "BEADGCF"
_MODES = {"": 0, "m": -3, "mix": -1, "dor": -2, "phr": -4, "lyd": 1, "loc": -5}  # fifths from the major key
_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)(.*)", re.DOTALL)
_KEY_ACCIDENTAL = re.compile(r"(?<![A-Za-z=])(\^{1,2}|_{1,2}|=)([A-Ga-g])(?![A-Za-z])")
_FRACTION = re.compile(r"(\d{1,4})\s*/\s*(\d{1,4})")
_METRE = re.compile(r"\(?\s*((?:\d{1,3}\s*\+\s*)*\d{1,3})\s*\)?\s*/\s*(\d{1,3})")
SEMITONES = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}


def key_signature(value: str) -> dict[str, int] | None:
    """Return the semitones by which each letter is altered (``{"F": 1}`` for G), or None where no key is named.

    Modes (`Ador`, `E Minor`), explicit accidentals (`D =c`, `D exp _b`), `none` and the pipes' `HP` and `Hp`.
    """
    name, explicit = _named_key(value)
    if name is None:
        return explicit or None
    if name in ("none", "HP", "Hp"):
        return ({"F": 1, "C": 1} if name == "Hp" else {}) | explicit
    tonic, sign, mode, _ = _KEY.fullmatch(name).groups()
    return _signature(tonic, sign, _MODES[mode]) | explicit


def key_name(value: str) -> str:
    """Return the value of a `K:` field in its short form: ``Ador`` for `A Dorian`, ``Em`` for `E Minor`."""
    name, explicit = _named_key(value)
    signs = {semitones: sign for sign, semitones in SEMITONES.items()}
    return " ".join([name or "none", *(signs[by] + letter.lower() for letter, by in explicit.items())])


def _named_key(value: str) -> tuple[str | None, dict[str, int]]:
    """Take a `K:` value apart: its key in short form (`none` for `exp`), and its explicit accidentals."""
    words = value.split()
    if words and words[0] in ("none", "HP", "Hp"):
        return words[0], _explicit(value)
    match = _KEY.fullmatch(value.strip())
    if match is None:
        return None, _explicit(value)
    tonic, sign, mode, rest = match.groups()
    if mode.lower().startswith("exp"):
        return "none", _explicit(rest)
    mode = mode[:3].lower()  # the standard's rule, so that EM is E minor too
    short = {"maj": "", "ion": "", "min": "m", "aeo": "m"}.get(mode, mode if mode in _MODES else "")
    return tonic + sign + short, _explicit(rest)


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


def tempo(value: str, unit: Fraction) -> float:
    """Return quarter notes per minute; `unit` counts where the value names no note (``Q:120``)."""
    value = re.sub(r'"[^"]*"', " ", value)
    name, _, number = value.rpartition("=")
    rate = re.match(r"\s*(\d{1,4}(?:\.\d{1,4})?)", number)
    if rate is None:
        return NOMINAL_BPM
    beats = [Fraction(int(a), int(b)) for a, b in _FRACTION.findall(name) if int(b)]
    bpm = float(rate[1]) * float((sum(beats) or unit) * 4)
    return bpm if 5 <= bpm <= 1000 else NOMINAL_BPM
