"""Where known music went on after the same last frames, in whatever key: a table of suffixes.

The longest suffix of what was heard that also stands in known music, and what followed there, foresee the next symbol
of a text without any learning (Liu et al. 2024, "Infini-gram", with a neural model beside it; before them the contexts
of unbounded length of Cleary, Teahan & Witten 1995, "Unbounded length contexts for PPM"). Music repeats itself in other
keys, so frames are compared by their shapes and by the intervals between them, and what followed is moved to the key
that the piece is in. No key has to be written into the table, and no piece moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.errors import EtudeError, SpaceMismatch, unknown_name
from etude.types import Space

ORDERS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48, 64)  # frames of a suffix that are asked for
PARTS = ("frame", "top")  # of a frame that are compared: all that sounds, or its highest key alone
NOTHING = -1  # no frame: a piece has ended
BEGINS = np.iinfo(np.int32).min  # no interval: a piece begins
SHAPE, MOVED, NEXT, LOW = range(4)


@dataclass(frozen=True)
class Found:
    """What a table knows after every step of some pieces, put in the places of the steps that follow.

    Parameters
    ----------
    counts : Int[T, orders]
        How many times the last so many frames stand in what is known.
    hits : Float64[T, orders]
        The share of these after which the frame came that comes here.
    """

    counts: np.ndarray
    hits: np.ndarray

    def __add__(self, other: Found) -> Found:
        """Return what a table of all that both tables know would have found."""
        counts = self.counts + other.counts
        return Found(counts, (self.counts * self.hits + other.counts * other.hits) / np.maximum(counts, 1))


class Shapes:
    """A number for every frame, without its key: the frame moved to the lowest entry."""

    def __init__(self):
        self._numbers: dict[bytes, int] = {}
        self._rows: list[np.ndarray] = []
        self._widths = np.zeros(16, np.int32)

    def number(self, frame: np.ndarray) -> tuple[int, int, int]:
        """Return the number of a frame Int[E], its lowest and its highest entry that sounds (-1 where none does)."""
        sounding = np.flatnonzero(frame)
        low, high = (int(sounding[0]), int(sounding[-1])) if len(sounding) else (-1, -1)
        row = frame[low : high + 1] if len(sounding) else frame[:0]
        name = np.ascontiguousarray(row, np.int64).tobytes()
        if name not in self._numbers:
            self._numbers[name] = len(self._rows)
            if len(self._rows) == len(self._widths):
                self._widths = np.append(self._widths, np.zeros_like(self._widths))
            self._widths[len(self._rows)] = len(row)
            self._rows.append(np.array(row))
        return self._numbers[name], low, high

    def frames(self, numbers: np.ndarray, lows: np.ndarray, entries: int) -> np.ndarray:
        """Return the frames Int[U, E] of these numbers whose lowest entries are `lows`."""
        found = np.zeros((len(numbers), entries), np.int64)
        for frame, number, low in zip(found, numbers, lows, strict=True):
            row = self._rows[number]
            frame[low : low + len(row)] = row
        return found

    @property
    def widths(self) -> np.ndarray:
        """Return how many entries every shape covers, Int[shapes or more]."""
        return self._widths


class Line:
    """Frames one after the other, as a table compares them: all pieces that are known, or one that is being heard.

    A frame is a row of `SHAPE` (of the part that is compared), `MOVED` (entries from the frame before, by its
    reference; `BEGINS` at the first frame of a piece), `NEXT` (shape of the whole frame that follows; `NOTHING` where
    none does) and `LOW` (the lowest entry of that, from the reference).
    """

    def __init__(self, shortest: int = 1):
        self.shortest = shortest
        self._columns = np.zeros((4, 16), np.int32)
        self._places: dict[tuple, list[int]] = {}
        self._found: dict[tuple, np.ndarray] = {}  # the same as arrays, as far as they were asked for
        self._begun = 0  # frames of the piece so far
        self.length = 0
        self.reference: int | None = None  # entry that the last frame is counted from; None before a piece begins

    def column(self, number: int) -> np.ndarray:
        """Return one number of all frames, Int[length]."""
        return self._columns[number, : self.length]

    def suffix(self) -> tuple:
        """Return the last `shortest` frames, whatever their key; () where the piece has not so many."""
        if self._begun < self.shortest:
            return ()
        last = self._columns[: MOVED + 1, self.length - self.shortest : self.length].T.ravel().tolist()
        return (last[0], *last[2:])  # the step to the first of them does not count

    def places(self, suffix: tuple) -> np.ndarray:
        """Return where such frames end, Int[P], in their order."""
        places, found = self._places.get(suffix, ()), self._found.get(suffix)
        if found is None or len(found) != len(places):
            found = self._found[suffix] = np.array(places, np.int64)
        return found

    def follow(self, shape: int, low: int) -> None:
        """Say which whole frame comes next in the piece, if one has begun; `low` is -1 where nothing sounds."""
        if self.reference is not None:
            self._columns[NEXT:, self.length - 1] = shape, low - self.reference if low >= 0 else 0

    def append(self, shape: int, reference: int) -> None:
        """Let the piece go on with a frame; a frame that is silent has the reference -1, and keeps the last one."""
        before, self.reference = self.reference, reference if reference >= 0 else self.reference or 0
        if self.length == self._columns.shape[1]:
            self._columns = np.concatenate([self._columns, np.zeros_like(self._columns)], axis=1)
        moved = BEGINS if before is None else self.reference - before
        self._columns[:, self.length] = shape, moved, NOTHING, 0
        self.length, self._begun = self.length + 1, self._begun + 1
        if suffix := self.suffix():
            self._places.setdefault(suffix, []).append(self.length - 1)

    def end(self) -> None:
        """Let the next frame be the first of another piece."""
        self.reference, self._begun = None, 0


class Trail:
    """Where in a line the last frames of a piece stand, and how many of them end there."""

    def __init__(self, line: Line):
        self.line, self.there = line, np.zeros(0, np.int64)
        self._lengths = np.zeros(line.length, np.int32)  # by place, 0 but `there`

    @property
    def lengths(self) -> np.ndarray:
        """Return how many of the last frames end at the places `there`."""
        return self._lengths[self.there]

    def hear(self, heard: Line) -> None:
        """Go on to the places where the last frames of what was heard end now."""
        grown = self.line.length - len(self._lengths)
        if grown > 0:
            self._lengths = np.append(self._lengths, np.zeros(max(grown, len(self._lengths)), np.int32))
        there, moved = self.line.places(heard.suffix()), heard.column(MOVED)[-1]
        before = self._lengths[there - 1]
        before[(self.line.column(MOVED)[there] != moved) | (moved == BEGINS)] = 0
        self._lengths[self.there] = 0
        self._lengths[there] = np.maximum(before + 1, self.line.shortest)
        self.there = there


class SuffixTable:
    """Known music, asked what came after the last frames of a piece.

    Parameters
    ----------
    space : Space
        Of frames Int[E] whose code 0 is an entry at rest.
    train : sequence of Int[T, E]
        The pieces that are known; none makes a table of nothing but the past of the piece itself.
    part : {"frame", "top"}
        What of a frame is compared: all that sounds, or the highest key alone. What follows is a whole frame.
    longest, shortest : int
        Frames of the longest and of the shortest suffix that is looked up.
    own : bool
        Whether the past of the piece that is heard is known as well.

    Raises
    ------
    SpaceMismatch
        Steps are no frames.
    EtudeError
        Another part, or no suffix.
    """

    def __init__(
        self,
        space: Space,
        train: Sequence[np.ndarray],
        part: str = "frame",
        longest: int = 16,
        shortest: int = 1,
        own: bool = True,
    ):
        if len(space.event_shape) != 1:
            raise SpaceMismatch("frames of keys", str(space), "A table of tokens would be one of another kind.")
        if part not in PARTS:
            raise unknown_name("part of a frame", part, PARTS)
        if not 1 <= shortest <= longest:
            raise EtudeError("suffixes of one frame or more", f"shortest={shortest}, longest={longest}")
        self.space, self.part, self.shortest, self.own = space, part, shortest, own
        self.orders = np.array([shortest, *(order for order in ORDERS if shortest < order <= longest)])
        self.shapes, self._parts = Shapes(), Shapes()
        self.known = Line(shortest)
        for x in train:
            for frame in np.asarray(x):
                self.append(self.known, frame)
            self.known.end()

    def __len__(self) -> int:
        """Return the frames that are known."""
        return self.known.length

    def append(self, line: Line, frame: np.ndarray) -> None:
        """Let a line go on with a frame Int[E]."""
        whole, low, high = self.shapes.number(frame)
        line.follow(whole, low)
        if self.part == "top":
            only = np.where(np.arange(len(frame)) == high, frame, 0)
            line.append(self._parts.number(only)[0], high)
        else:
            line.append(whole, low)

    def walk(self) -> Walk:
        """Return the state of a piece that has not begun."""
        return Walk(self)

    def ask(self, xs: Sequence[np.ndarray]) -> Found:
        """Return what was found at every step of pieces Int[T, E], one piece after the other."""
        counts, hits = [], []
        for x in xs:
            walk = self.walk()
            for frame in np.asarray(x):
                follows = walk.follows()
                counts.append(follows.counts(self.orders))
                hits.append(follows.share(self, frame))
                walk.hear(frame)
        orders = len(self.orders)
        return Found(np.array(counts).reshape(-1, orders), np.array(hits, np.float64).reshape(-1, orders))


@dataclass(frozen=True)
class Follows:
    """All that once followed a suffix of the piece: Int[P] each.

    Parameters
    ----------
    lengths : how many of the last frames stood there, at most the longest order
    shapes, lows : of the frame that followed, in the key of the piece
    """

    lengths: np.ndarray
    shapes: np.ndarray
    lows: np.ndarray

    def counts(self, orders: np.ndarray) -> np.ndarray:
        """Return how many followed each order, Int[orders]."""
        return at_least(self.lengths, orders)

    def share(self, table: SuffixTable, frame: np.ndarray) -> np.ndarray:
        """Return the share of them that are `frame` Int[E], by order, 0 where there are none."""
        shape, low, _ = table.shapes.number(frame)
        same = (self.shapes == shape) & ((self.lows == low) | (low < 0))
        counts = self.counts(table.orders)
        return at_least(self.lengths[same], table.orders) / np.maximum(counts, 1)


class Walk:
    """A piece as far as it has come, and where its last frames stand in the known music and in itself."""

    def __init__(self, table: SuffixTable):
        self.table, self.line = table, Line(table.shortest)
        self._trails = [Trail(table.known), *([Trail(self.line)] if table.own else [])]

    def hear(self, frame: np.ndarray) -> None:
        """Let the piece go on with a frame Int[E]."""
        self.table.append(self.line, frame)
        for trail in self._trails:
            trail.hear(self.line)

    def follows(self) -> Follows:
        """Return what once followed the last frames, whatever fits into the keys here."""
        entries, at, orders = self.table.space.entries, self.line.reference or 0, self.table.orders
        shapes, lows = (
            np.concatenate([trail.line.column(number)[trail.there] for trail in self._trails]) for number in (NEXT, LOW)
        )
        lengths, lows = np.concatenate([trail.lengths for trail in self._trails]), lows + at
        widths = self.table.shapes.widths[shapes]
        fits = (shapes != NOTHING) & ((widths == 0) | ((lows >= 0) & (lows + widths <= entries)))
        lows = np.where(widths == 0, 0, lows)
        return Follows(np.minimum(lengths, orders[-1])[fits], shapes[fits], lows[fits])


def at_least(lengths: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Return how many of `lengths` are at least each of `orders`, Int[orders]."""
    of_length = np.bincount(lengths, minlength=orders[-1] + 1)
    return of_length[::-1].cumsum()[::-1][orders]
