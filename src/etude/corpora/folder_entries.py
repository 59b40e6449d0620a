"""What is known of the files in a folder: where they are, what of them can be used, and why the others cannot."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from etude.corpora.book_store import Place


class Source(NamedTuple):
    """A file of music: where, its name in the folder, what its bytes say it is, and their sha256."""

    path: Path
    name: str
    kind: str
    sha256: str


class Entry(NamedTuple):
    """A usable piece: its name, its file, the number it has in that file, the sha256 of its content, its seconds.

    A recording that is cut has `parts` entries of one content; a tune of a book has a `place` in the book's records; a
    section of a piece has a `span`, in ticks of a score or seconds of a recording.
    """

    name: str
    source: Source
    part: int
    content: str
    seconds: float
    parts: int = 1
    place: Place | None = None
    title: str = ""
    span: tuple[float, float] | None = None


class Loss(NamedTuple):
    """A file, or a tune of a book, that cannot be used: why, and the parsers that tried."""

    file: str
    reason: str
    tried: str


class Limits(NamedTuple):
    """What one file may take: seconds of music, seconds of work, bytes of memory; and how many workers there are.

    With `cut`, a recording of more music than `longest` is several pieces; without, its samples, at `rate` or its own,
    have to fit into memory. With `drums`, files of percussion alone are used.
    """

    longest: float
    seconds: float
    memory: int
    workers: int
    cut: bool = False
    rate: int | None = None
    drums: bool = False
