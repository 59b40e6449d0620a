"""Where known music went on after the same last frames, wherever on the keyboard: a table of suffixes.

What followed the last frames in music that is known foresees what follows now, without any learning: contexts of any
length (Cleary, Teahan & Witten 1995, "Unbounded length contexts for PPM"; Liu et al. 2024, "Infini-gram", beside a
neural model). For melodies Conklin & Witten (1995, "Multiple viewpoint systems for music prediction") did it with a
long-term model of other pieces and a short-term model of the piece itself, both over intervals. Here frames of many
voices are compared by their shapes and by the steps between them, and what followed is moved to where the piece is.
Nothing is written into the table twice, and no piece is transposed.

A silent frame keeps the place of the last one that sounded. Where nothing has sounded yet, no place is known: from
there, only silence can be foreseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.errors import EtudeError, SpaceMismatch, unknown_name
from etude.types import Space

ORDERS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48, 64)  # frames of a suffix that are asked for
PARTS = ("frame", "top")  # of a frame that are compared: all that sounds, or its highest entry alone
NOTHING = -1  # no frame: a piece has ended, or nobody knows where on the keyboard it lies
BEGINS = np.iinfo(np.int32).min  # no step: a piece begins
SHAPE, MOVED, NEXT, LOW, WIDTH = range(5)


@dataclass(frozen=True)
class Found:
    """What a table knows at every step of some pieces, of what follows the frames before it.

    Parameters
    ----------
    counts : Int[T, orders]
        How many continuations of the last so many frames are known that fit into the entries.
    right : Float64[T, orders]
        The share of these that are the frame that comes; 0 where there are none.
    """

    counts: np.ndarray
    right: np.ndarray

    def __add__(self, other: Found) -> Found:
        """Return what a table of all that both tables know would have found."""
        counts = self.counts + other.counts
        return Found(counts, (self.counts * self.right + other.counts * other.right) / np.maximum(counts, 1))


class Shapes:
    """A number for every frame wherever it lies: the frame moved to the lowest entry.

    Parameters
    ----------
    known : Shapes, optional
        Shapes that have numbers already, and are left as they are.
    """

    def __init__(self, known: Shapes | None = None):
        self._known, self._first = known, len(known) if known else 0
        self._numbers: dict[bytes, int] = {}
        self._rows: list[np.ndarray] = []

    def __len__(self) -> int:
        """Return how many shapes have a number."""
        return self._first + len(self._rows)

    def find(self, frame: np.ndarray) -> tuple[int, int, int]:
        """Return the number of a frame Int[E] (`NOTHING`: it has none), and its lowest and highest entry that sounds.

        The entries are -1 where nothing sounds.
        """
        name, low, high = _shape(frame)
        return self._number(name), low, high

    def add(self, frame: np.ndarray) -> tuple[int, int, int]:
        """Return the same, with a number for every frame."""
        name, low, high = _shape(frame)
        number = self._number(name)
        if number == NOTHING:
            number = self._numbers[name] = len(self)
            self._rows.append(np.array(frame[low : high + 1] if low >= 0 else frame[:0]))
        return number, low, high

    def frames(self, numbers: Sequence[int], lows: Sequence[int], entries: int) -> np.ndarray:
        """Return the frames Int[U, E] of these numbers whose lowest entries are `lows`."""
        found = np.zeros((len(numbers), entries), np.int64)
        for frame, number, low in zip(found, numbers, lows, strict=True):
            row = self._row(number)
            frame[low : low + len(row)] = row
        return found

    def _number(self, name: bytes) -> int:
        known = self._known._number(name) if self._known else NOTHING
        return self._numbers.get(name, NOTHING) if known == NOTHING else known

    def _row(self, number: int) -> np.ndarray:
        return self._known._row(number) if number < self._first else self._rows[number - self._first]


class Line:
    """Frames one after the other, as a table compares them: all pieces that are known, or one that is being heard.

    A frame has the numbers `SHAPE` (of the part that is compared), `MOVED` (entries from the frame before, by its
    reference; `BEGINS` at the first frame of a piece), `NEXT` (shape of the whole frame that follows; `NOTHING` where
    none does), `LOW` (the lowest entry of that, from the reference) and `WIDTH` (the entries that it covers).

    Parameters
    ----------
    shapes, parts : Shapes
        Of whole frames, and of what is compared of them.
    part : {"frame", "top"}
    shortest : int
        Frames of the shortest suffix that is looked up.
    """

    def __init__(self, shapes: Shapes, parts: Shapes, part: str, shortest: int):
        self.shapes, self.parts, self.part, self.shortest = shapes, parts, part, shortest
        self._columns = np.zeros((5, 16), np.int32)
        self._places: dict[tuple, list[int]] = {}
        self._found: dict[tuple, np.ndarray] = {}  # the same as arrays, as far as they were asked for
        self._begun = 0  # frames of the piece so far
        self.length = 0
        self.reference: int | None = None  # entry that the last frame is counted from; None where nothing has sounded

    def column(self, number: int) -> np.ndarray:
        """Return one number of all frames, Int[length]."""
        return self._columns[number, : self.length]

    def suffix(self) -> tuple:
        """Return the last `shortest` frames, wherever they lie; () where the piece has not so many."""
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

    def append(self, frame: np.ndarray) -> None:
        """Let the piece go on with a frame Int[E]."""
        whole, low, high = self.shapes.add(frame)
        if self._begun and (low < 0 or self.reference is not None):
            self._columns[NEXT:, self.length - 1] = (
                (whole, low - self.reference, high - low + 1) if low >= 0 else (whole, 0, 0)
            )
        compared, at = whole, low
        if self.part == "top":
            compared, at = self.parts.add(np.where(np.arange(len(frame)) == high, frame, 0))[0], high
        before, self.reference = self.reference, at if at >= 0 else self.reference
        moved = BEGINS if not self._begun else 0 if before is None else self.reference - before
        if self.length == self._columns.shape[1]:
            self._columns = np.concatenate([self._columns, np.zeros_like(self._columns)], axis=1)
        self._columns[:, self.length] = compared, moved, NOTHING, 0, 0
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
        What of a frame is compared: all that sounds, or the highest entry alone. What follows is a whole frame.
    longest, shortest : int
        Frames of the longest and of the shortest suffix that is looked up. Between them, the lengths `ORDERS` are.
    own : bool
        Whether the past of the piece that is heard is known as well.

    Raises
    ------
    SpaceMismatch
        Steps are no frames, or pieces are of another space.
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
        self.space, self.part, self.own = space, part, own
        self.orders = np.array(sorted({shortest, *(order for order in ORDERS if shortest < order < longest), longest}))
        self.known = Line(Shapes(), Shapes(), part, shortest)
        for x in map(np.asarray, train):
            if x.ndim != 2 or x.shape[1] != space.entries or (x.size and not 0 <= x.min() <= x.max() < space.levels):
                raise SpaceMismatch(f"pieces of {space}", f"one of shape {x.shape}", "Encode them as the model's.")
            for frame in x:
                self.known.append(frame)
            self.known.end()

    def __len__(self) -> int:
        """Return the frames that are known."""
        return self.known.length

    def walk(self) -> Walk:
        """Return the state of a piece that has not begun."""
        return Walk(self)

    def ask(self, xs: Sequence[np.ndarray]) -> Found:
        """Return what was found at every step of pieces Int[T, E], one piece after the other."""
        counts, right = [], []
        for x in xs:
            walk = self.walk()
            for frame in np.asarray(x):
                follows = walk.follows()
                counts.append(follows.counts(self.orders))
                right.append(follows.share(walk.line.shapes.find(frame), self.orders))
                walk.hear(frame)
        orders = len(self.orders)
        return Found(np.array(counts).reshape(-1, orders), np.array(right, np.float64).reshape(-1, orders))


@dataclass(frozen=True)
class Follows:
    """All that once followed a suffix of the piece: Int[P] each.

    Parameters
    ----------
    lengths : how many of the last frames stood there, at most the longest order
    shapes, lows : of the frame that followed, moved to where the piece is
    """

    lengths: np.ndarray
    shapes: np.ndarray
    lows: np.ndarray

    def counts(self, orders: np.ndarray) -> np.ndarray:
        """Return how many followed each order, Int[orders]."""
        return at_least(self.lengths, orders)

    def share(self, frame: tuple[int, int, int], orders: np.ndarray) -> np.ndarray:
        """Return the share of them that are a frame (as `Shapes.find` gives it), by order, 0 where there are none."""
        shape, low, _ = frame
        same = (self.shapes == shape) & (self.lows == max(low, 0))
        return at_least(self.lengths[same], orders) / np.maximum(self.counts(orders), 1)


class Walk:
    """A piece as far as it has come, and where its last frames stand in the known music and in itself.

    The table is left as it is: shapes that are new are the walk's own, in the order in which it heard them.
    """

    def __init__(self, table: SuffixTable):
        known = table.known
        self.table = table
        self.line = Line(Shapes(known.shapes), Shapes(known.parts), table.part, known.shortest)
        self._trails = [Trail(known), *([Trail(self.line)] if table.own else [])]

    def hear(self, frame: np.ndarray) -> None:
        """Let the piece go on with a frame Int[E]."""
        self.line.append(frame)
        for trail in self._trails:
            trail.hear(self.line)

    def follows(self) -> Follows:
        """Return what once followed the last frames, whatever fits into the entries where the piece is."""
        entries, at, longest = self.table.space.entries, self.line.reference or 0, self.table.orders[-1]
        shapes, lows, widths = (
            np.concatenate([trail.line.column(number)[trail.there] for trail in self._trails])
            for number in (NEXT, LOW, WIDTH)
        )
        lengths, lows = np.concatenate([trail.lengths for trail in self._trails]), np.where(widths, lows + at, 0)
        placed = (widths == 0) | (self.line.reference is not None)
        fits = (shapes != NOTHING) & placed & (lows >= 0) & (lows + widths <= entries)
        return Follows(np.minimum(lengths, longest)[fits], shapes[fits], lows[fits])


def at_least(lengths: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Return how many of `lengths` are at least each of `orders`, Int[orders]."""
    of_length = np.bincount(lengths, minlength=orders[-1] + 1)
    return of_length[::-1].cumsum()[::-1][orders]


def _shape(frame: np.ndarray) -> tuple[bytes, int, int]:
    """Return a name for the shape of a frame Int[E], and its lowest and highest entry that sounds (-1: none does)."""
    sounding = np.flatnonzero(frame)
    low, high = (int(sounding[0]), int(sounding[-1])) if len(sounding) else (-1, -1)
    return np.ascontiguousarray(frame[low : high + 1] if len(sounding) else frame[:0], np.int64).tobytes(), low, high
