"""Strands that sound at once in one voice (standard 2.1, section 7.4): ``&`` goes back over bar lines.

``C4 & E4 |`` overlays the bar that is open, and ``&`` where no music has come since the last bar line the bar before.
Each further one (``&&``) goes back another bar, and the strand goes on over as many bar lines. Between ``(&`` and
``&)``, as abcm2ps has it, every ``&`` goes back to the beginning.
"""

from __future__ import annotations

from typing import Any

from etude.formats.abc_doubts import Doubts

_REMEMBERED = 16  # bars, more than marks in a row

Ties = dict[int, Any]  # pitch -> note that is open for a tie


class Overlay:
    """Where the strands of a voice begin and how far they reach; times in ticks."""

    def __init__(self, doubts: Doubts):
        self.doubts = doubts
        self.bars: list[tuple[int, Ties]] = [(0, {})]  # starts of the last bars, and what is tied into them
        self.region: tuple[int, Ties] | None = None  # start of a stretch (& ... &)
        self.start: tuple[int, Ties] | None = None  # of the strand that is being written, unless it is the first
        self.bars_left = 0  # bar lines that this strand has yet to cross
        self.furthest = 0
        self.held: list[Any] = []  # notes tied over the ends of earlier strands

    def bar(self, time: int, ties: Ties) -> tuple[int, Ties]:
        """Return the time after a bar line, and the notes tied over it."""
        if self.start is not None:
            self.bars_left -= time > self.start[0]  # a bar line before the strand's first note is none of its own
            if self.bars_left or self.region is not None or time == self.start[0]:
                return time, ties
            time, ties = self._join(time, ties)
        if time > self.bars[-1][0]:
            self.bars = [*self.bars[1 - _REMEMBERED :], (time, dict(ties))]
        return time, ties

    def back(self, time: int, count: int, ties: Ties) -> tuple[int, Ties]:
        """Begin a strand `count` bar lines ago; return its time and the notes tied into it."""
        if self.start is None:
            bars = count - (time > self.bars[-1][0])
            if self.region is None and bars >= len(self.bars):
                self.doubts.add("as many bars before an overlay as it has marks", "&" * count, "Write whole bars.")
            self.start, self.bars_left = self.region or self.bars[max(-1 - bars, -len(self.bars))], count
        elif self.region is None:
            self.bars_left = max(count, 1)
        self.furthest = max(time, self.furthest)
        self.held += ties.values()
        return self.start[0], dict(self.start[1])

    def open(self, time: int, ties: Ties) -> None:
        """Begin a stretch ``(& ... &)``."""
        if self.start is not None or self.region is not None:
            self.doubts.add("one overlay at a time", "(&", "Write the strands as voices (V:).")
        self.region = self.region or (time, dict(ties))

    def close(self, time: int, ties: Ties) -> tuple[int, Ties]:
        """End a stretch; return the time after it, and the notes tied over its end."""
        if self.region is None or self.start is None:
            self.doubts.add("(& and & before &)", "&)", "Mark where the overlay begins and where its strands part.")
            return time, ties
        self.region = None
        return self._join(time, ties)

    def _join(self, time: int, ties: Ties) -> tuple[int, Ties]:
        if time > self.furthest:
            self.doubts.add("overlays no longer than what they overlay", "&", "Fill up the first strand with rests.")
        time, self.start = max(time, self.furthest), None
        held, self.held = self.held, []
        return time, {note.pitch: note for note in held if note.onset + note.duration == time} | ties
