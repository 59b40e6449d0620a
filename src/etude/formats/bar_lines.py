"""What the first bar lines of a notation say: its metre, and the upbeat before its first whole bar.

An upbeat is what stands before the first bar line where that is less than a bar of the metre then, and more music
follows. A repeat sign, a double bar or the end of a section may stand within a bar: what lies on both sides of it is
one bar where it is no longer than one, so ``c2 d |: e | fgab`` in 4/4 begins with a whole bar. Only the beginning is
looked at: a last bar that is short because it completes the upbeat is none, nor is a short bar anywhere else.
"""

from __future__ import annotations

from fractions import Fraction

FIRST = 8  # bar lines that are looked at
_UNITS = (1, 2, 4, 8, 16, 32)
_MOST_BEATS = 99


def stated_metre(beats: int, unit: int) -> tuple[int, int] | None:
    """Return a metre as a `Score` holds it, or None where it is none that it can hold."""
    return (beats, unit) if 0 < beats <= _MOST_BEATS and unit in _UNITS else None


class BarLines:
    """The first bar lines of a piece, as a reader meets them: when, and whether each may stand within a bar."""

    def __init__(self):
        self._lines: list[tuple[Fraction, bool]] = []

    def add(self, time: Fraction | int, divides: bool) -> None:
        """Take in a bar line; lines at one time are one, and none stands at the beginning."""
        if self._lines and self._lines[-1][0] == time:
            self._lines[-1] = time, divides or self._lines[-1][1]
        elif time > 0 and len(self._lines) < FIRST:
            self._lines.append((time, divides))

    def upbeat(self, bar: Fraction | int | None, end: Fraction | int) -> Fraction | int:
        """Return how long the upbeat is, in the unit of the times; 0 where there is none.

        Parameters
        ----------
        bar : number or None
            Length of a bar in the first metre; None where it is free.
        end : number
            Where the music ends.
        """
        times = [time for time, _ in self._lines if time < end]
        if bar is None or not times:
            return 0
        for (time, divides), after in zip(self._lines, [*times[1:], end], strict=False):
            if time >= bar:
                return 0
            if not divides or after > bar:
                return time
        return 0
