"""How far a voice sounds from what is written: clefs with octaves, `octave=`, `transpose=` (standard 2.1, section 4.6).

`middle=` says which pitch stands on the third line. A player need not move the notes for it, and some do: where it
would make an octave's difference, it is a doubt; so is an octave that is stated both by the clef and by `octave=`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_CLEF = re.compile(
    r"(?:(?:clef=)?(treble|bass|alto|tenor|soprano|mezzo-?soprano|baritone|perc|none|auto)|clef=([GCFP]))"
    r"\d?([+^_-](?:8|15))?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?\d{1,3}", re.ASCII)
_PITCH = re.compile(r"([A-Ga-g])([,']*)")
_QUOTED = re.compile(r'"[^"]*"?')
_MIDDLE = {"treble": "B", "alto": "C", "tenor": "A,", "bass": "D,"}
_SIGNS = {-2: "-15", -1: "-8", 0: "", 1: "+8", 2: "+15"}
_MOVES_NOTES = ("sound", "shift", "instrument", "score", "map")  # specifiers of single programs


@dataclass(frozen=True)
class Sounding:
    """Octaves of the clef, octaves stated, semitones stated: what is not stated is None."""

    clef: int | None = None
    octave: int | None = None
    transpose: int | None = None

    @property
    def semitones(self) -> int:
        """From the written to the sounding pitch."""
        return 12 * ((self.clef or 0) + (self.octave or 0)) + (self.transpose or 0)

    def over(self, other: Sounding) -> Sounding:
        """Return this, with what it does not state taken from `other`."""
        names = ("clef", "octave", "transpose")
        missing = {name: getattr(other, name) for name in names if getattr(self, name) is None}
        return replace(self, **missing)

    def words(self) -> str:
        """Return specifiers that say the same."""
        clef = "" if self.clef is None else "treble" + _SIGNS[self.clef]
        numbers = (("octave", self.octave), ("transpose", self.transpose))
        return " ".join([*[clef] * bool(clef), *(f"{name}={by}" for name, by in numbers if by is not None)])


UNMOVED = Sounding()


def sounding(value: str) -> tuple[Sounding, str, list[str]]:
    """Read the specifiers of a `K:` or `V:` field: what they state, the first that is doubtful, the unknown words."""
    stated, doubt, unknown, middle, name = UNMOVED, "", [], "", "treble"
    for word in _QUOTED.sub('""', value).replace(" =", "=").replace("= ", "=").split():
        specifier, equals, number = word.partition("=")
        clef = _CLEF.fullmatch(word)
        if clef:
            name = clef[1] or ""
            stated = replace(stated, clef=_octaves(clef[3]))
            doubt = doubt or word * ("perc" in word or clef[2] == "P")
        elif specifier in ("octave", "transpose", "t") and equals:
            field = "octave" if specifier == "octave" else "transpose"
            stated = replace(stated, **{field: int(number)}) if _NUMBER.fullmatch(number) else stated
            doubt = doubt or word * (_NUMBER.fullmatch(number) is None)
        elif specifier in ("middle", "m") and equals:
            middle = number
        elif (specifier in _MOVES_NOTES and equals) or specifier == "clef" or re.fullmatch(r"[+-](8|15)", word):
            doubt = doubt or word
        elif not equals:
            unknown.append(word)
    if middle and _far(middle, _MIDDLE.get(name, "B")):
        doubt = doubt or f"middle={middle}"
    return stated, doubt, unknown


def _octaves(sign: str | None) -> int:
    return 0 if sign is None else (1 if sign[0] in "+^" else -1) * (1 if sign[1:] == "8" else 2)


def _far(middle: str, usual: str) -> bool:
    """Say whether two pitches are an octave or more apart, or the first is none."""
    match = _PITCH.fullmatch(middle)
    return match is None or abs(_step(match) - _step(_PITCH.fullmatch(usual))) >= 7


def _step(pitch: re.Match) -> int:
    return "CDEFGAB".index(pitch[1].upper()) + 7 * (pitch[1].islower() + pitch[2].count("'") - pitch[2].count(","))
