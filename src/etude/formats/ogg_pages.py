"""The pages of an Ogg file (RFC 3533): which sounds are chained in it, and whether all of them are there.

A page names its stream, counts up, and carries a checksum, so what is cut off, missing or damaged can be told. Decoders
pass over such places in silence and read on: a shorter piece than the file was.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from etude.errors import UnreadableFile

CODECS = {b"\x01vorbis": "Vorbis", b"OpusHead": "Opus", b"\x7fFLAC": "FLAC", b"Speex   ": "Speex",
          b"\x80theora": "Theora", b"fishead\0": "Skeleton"}  # fmt: skip
_HEADER = struct.Struct("<4sBBqIIIB")  # capture pattern, version, flags, granule, serial, number, checksum, segments
_FIRST, _LAST = 2, 4
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Link(NamedTuple):
    """One stream of a chain: its bytes in the file, and its codec."""

    start: int
    end: int
    codec: str


class _Page(NamedTuple):
    start: int
    end: int
    flags: int
    serial: int
    number: int
    body: bytes


def links(path: Path | str) -> list[Link]:
    """Return the streams of a chain in order; raises UnreadableFile where one is cut off, damaged, or not alone."""
    found: list[Link] = []
    last: _Page | None = None
    with Path(path).open("rb") as file:
        for page in _pages(file):
            if page.flags & _FIRST:
                if last is not None and not last.flags & _LAST:
                    raise _damaged("streams one after the other", "two at once, or one that is cut off")
                found.append(Link(page.start, page.end, _codec(page.body)))
            elif last is None or page.serial != last.serial or page.number != last.number + 1:
                raise _damaged("pages that count up", f"a page missing at byte {page.start}")
            else:
                found[-1] = found[-1]._replace(end=page.end)
            last = page
    if last is None or not last.flags & _LAST:
        raise _damaged("a whole Ogg file", "one that is cut off: its last page is missing")
    return found


def _pages(file: BinaryIO) -> Iterator[_Page]:
    start = 0
    while header := file.read(_HEADER.size):
        if len(header) < _HEADER.size or not header.startswith(b"OggS"):
            raise _damaged("Ogg pages to the end", f"something else at byte {start}")
        _, _, flags, _, serial, number, seal, segments = _HEADER.unpack(header)
        table = file.read(segments)
        body = file.read(sum(table))
        if len(table) < segments or len(body) < sum(table):
            raise _damaged("a whole Ogg file", f"one that is cut off in its page at byte {start}")
        if checksum(header[:22] + bytes(4) + header[26:] + table + body) != seal:
            raise _damaged("pages that agree with their checksums", f"a damaged one at byte {start}")
        end = start + len(header) + len(table) + len(body)
        yield _Page(start, end, flags, serial, number, body[:16])
        start = end


def checksum(page: bytes) -> int:
    """Return Ogg's CRC-32: that of zlib with all bits in the other order, from 0 and not inverted."""
    mirrored = ~zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) & 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def _codec(body: bytes) -> str:
    return next((name for magic, name in CODECS.items() if body.startswith(magic)), "an unknown codec")


def _damaged(expected: str, got: str) -> UnreadableFile:
    return UnreadableFile(expected, got, "Copy it again, or convert it to WAV.")
