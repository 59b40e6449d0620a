"""What the token of a note says: its pitch and its length (standard 2.1, sections 4.1 to 4.3)."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from etude.formats.abc_fields import SEMITONES
from etude.formats.abc_grammar import LENGTH, NOTE

TICKS = 10080  # per quarter: 1/128 notes are exact, and so are triplets to nonuplets of eighths and sixteenths
LONGEST_NOTE = 1024 * TICKS
ONE = Fraction(1)
_STEPS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))


@lru_cache(4096)
def named(token: str) -> tuple[int | None, str, int, str]:
    """Return what a note's token says: semitones of its accidental, letter, pitch without it, written length."""
    accidental, letter, octave, length = NOTE.match(token).groups()
    upper = letter.upper()
    natural = 60 + _STEPS[upper] + 12 * (letter.islower() + octave.count("'") - octave.count(","))
    return SEMITONES.get(accidental), upper, natural, length


@lru_cache(4096)
def ticks(length: str, unit: Fraction, factor: Fraction) -> int:
    """Return the ticks of an event: its written length times the unit times tuplet and broken rhythm."""
    return min(max(round(multiple(length) * unit * factor * 4 * TICKS), 1), LONGEST_NOTE)


def multiple(length: str) -> Fraction:
    """Return a written length such as 3, /, //, /4 or 3/2 in units; a 0 counts as 1."""
    number, slashes, divisor = LENGTH.match(length).groups()
    below = (int(divisor or 0) or 2 ** len(slashes)) if slashes else 1
    return Fraction(int(number or 0) or 1, below)


def is_odd(length: str) -> bool:
    """Say whether programs read a written length differently: a 0, or slashes before a number (``//3``)."""
    number, slashes, divisor = LENGTH.match(length).groups()
    return "0" in (number[:1], divisor[:1]) or (len(slashes) > 1 and bool(divisor))
