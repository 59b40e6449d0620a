"""A program that tells sizes after priming: a compressor reads what comes before once, and is forked for every piece.

`python -m etude.evaluation.primed NAME` reads blocks from standard input (8 bytes of length, then the bytes): first
what comes before, then the pieces. It prints, as JSON, the whole size of `before then piece` for an empty piece and
for each piece. A fork starts where the priming ended, so the numbers are those of compressing each concatenation from
its beginning, at the cost of one. It is a program of its own because forks want a process without threads.
"""

from __future__ import annotations

import json
import lzma
import os
import struct
import sys
from collections.abc import Callable
from typing import BinaryIO

from etude.errors import EtudeError, MissingPackage

PPMD_ORDER, PPMD_MEMORY = 24, 2**28
LZMA = [  # pb 0: bytes have no 4-byte rhythm; a dictionary that holds any corpus of scores here
    {"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME, "pb": 0, "dict_size": 2**24}
]
Stream = tuple[Callable[[bytes], bytes], Callable[[], bytes]]  # compress more, finish


def xz_stream() -> Stream:
    """Return a raw LZMA stream."""
    compressor = lzma.LZMACompressor(format=lzma.FORMAT_RAW, filters=LZMA)
    return compressor.compress, compressor.flush


def ppmd_stream() -> Stream:
    """Return a raw PPMd stream, variant H."""
    try:
        from pyppmd import Ppmd7Encoder
    except ImportError as error:
        raise MissingPackage("pyppmd", "none installed", "pip install pyppmd") from error
    encoder = Ppmd7Encoder(PPMD_ORDER, PPMD_MEMORY)
    return encoder.encode, encoder.flush


STREAMS: dict[str, Callable[[], Stream]] = {"xz": xz_stream, "ppmd": ppmd_stream}


def _sizes(name: str, before: bytes, pieces: list[bytes]) -> list[int]:
    compress, flush = STREAMS[name]()
    size = len(compress(before))
    return [size + _in_a_fork(lambda piece=piece: len(compress(piece)) + len(flush())) for piece in (b"", *pieces)]


def _in_a_fork(measure: Callable[[], int]) -> int:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.write(writing, struct.pack("<Q", measure()))
            code = 0
        finally:  # whatever happened, this process must not go on as a second parent
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    if os.waitpid(child, 0)[1] or len(answer) != 8:
        raise EtudeError("a size from each fork", "a fork that died")
    return struct.unpack("<Q", answer)[0]


def _blocks(stream: BinaryIO) -> list[bytes]:
    blocks = []
    while header := stream.read(8):
        blocks.append(stream.read(struct.unpack("<Q", header)[0]))
    return blocks


if __name__ == "__main__":
    first, *rest = _blocks(sys.stdin.buffer)
    json.dump(_sizes(sys.argv[1], first, rest), sys.stdout)
