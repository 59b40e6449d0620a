"""Tempi of a tune (ABC standard 2.1, section 3.1.8): what a `Q:` says, and the one tempo of a score.

A `Score` has one tempo; as in `etude.formats.midi`, several become their mean, so that the piece keeps its seconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from etude.types import NOMINAL_BPM

SLOWEST, FASTEST = 5, 1000  # quarters per minute
_BEAT = re.compile(r"(\d{1,4})\s*/\s*(\d{1,4})", re.ASCII)
_RATE = re.compile(r"\s*(\d{1,4}(?:\.\d{1,4})?)", re.ASCII)
_UNITS = re.compile(r"\s*C\s*(\d{0,2})\s*", re.ASCII)  # the older C3=40: three unit lengths
_WORDS = re.compile(r'"[^"]*"')


def tempo(value: str, unit: Fraction) -> float | None:
    """Return quarter notes per minute, or None where the value states none that can be played.

    `unit` counts where the value names no note (``120``, ``C=120``).
    """
    name, _, number = _WORDS.sub(" ", value).rpartition("=")
    rate = _RATE.match(number)
    if rate is None:
        return None
    beats = sum(Fraction(int(a), int(b)) for a, b in _BEAT.findall(name) if int(b))
    units = _UNITS.fullmatch(name)
    beat = beats or unit * (int(units[1] or 1) if units else 1)
    bpm = float(rate[1]) * float(beat * 4)
    return bpm if SLOWEST <= bpm <= FASTEST else None


def is_odd(value: str, unit: Fraction) -> bool:
    """Say whether a value states a tempo that cannot be read; words alone (``"Adagio"``) are no number."""
    value = _WORDS.sub(" ", value).strip()
    if "=" not in value and not re.search(r"\d", value):
        return False
    name, _, number = value.rpartition("=")
    named = not name.strip() or _UNITS.fullmatch(name) or re.fullmatch(r"[\d/\s]+", name, re.ASCII)
    return not (named and _RATE.fullmatch(number.strip()) and tempo(value, unit) is not None)


def mean_bpm(tempi: Sequence[tuple[int, float]], length: int, ticks: int) -> float:
    """Return quarters per minute of a piece of `length` ticks, `ticks` a quarter: its quarters over its minutes.

    `tempi` are (tick, quarters per minute); of several at one tick the last holds. Before the first, the tempo is
    `NOMINAL_BPM`.
    """
    at = {0: NOMINAL_BPM}
    for tick, bpm in sorted(tempi, key=lambda pair: pair[0]):
        at[tick] = bpm
    starts = [tick for tick in at if tick < length] or [0]
    if len({at[tick] for tick in starts}) == 1:
        return at[starts[0]]  # one tempo throughout: exact, no rounding
    minutes = sum((end - start) / ticks / at[start] for start, end in pairwise([*starts, length]))
    return length / ticks / minutes
