"""Sizes after priming: a compressor reads the training pieces once, and is then forked for every piece.

`python -m etude.evaluation.primed NAME` reads blocks from standard input (8 bytes of length, then the bytes): first
what comes before, then the pieces. It prints, as JSON, the whole size of `before then piece` for an empty piece and
for each piece. A fork starts where the priming ended, so the numbers are those of compressing each concatenation from
its beginning, at the cost of one. It is a program of its own because forks want a process without threads.

What was found is kept in the cache, under a digest of the bytes, of the compressor's settings and of this file: many
chapters ask for the same sizes.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from etude.errors import EtudeError, MissingPackage
from etude.files import cache_dir
from etude.kept import kept, read_arrays, write_arrays

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


def sizes_after(name: str, before: bytes, pieces: Sequence[bytes]) -> list[int]:
    """Return how many bytes each piece adds to the stream that begins with `before`."""
    blocks = b"".join(struct.pack("<Q", len(block)) + block for block in (before, *pieces))
    settings = repr((name, LZMA, PPMD_ORDER, PPMD_MEMORY)).encode()
    digest = hashlib.sha256(settings + Path(__file__).read_bytes() + blocks).hexdigest()
    path = cache_dir() / f"primed-{digest[:32]}.npz"
    return kept(path, _read, partial(_write, name=name, blocks=blocks))


def _read(path: Path) -> list[int] | None:
    arrays = read_arrays(path)
    return None if arrays is None else arrays["sizes"].tolist()


def _write(path: Path, name: str, blocks: bytes) -> None:
    write_arrays(path, {"sizes": np.array(_asked(name, blocks), np.int64)})


def _asked(name: str, blocks: bytes) -> list[int]:
    """Return the sizes that the program gives for its blocks."""
    command = [sys.executable, "-m", "etude.evaluation.primed", name]
    done = subprocess.run(command, input=blocks, capture_output=True)
    if done.returncode:
        raise EtudeError(f"a run of {name}", done.stderr.decode(errors="replace").strip()[-300:])
    empty, *whole = json.loads(done.stdout)
    return [size - empty for size in whole]


def _sizes(name: str, before: bytes, pieces: list[bytes]) -> list[int]:
    compress, flush = STREAMS[name]()
    size = len(compress(before))
    return [size + _in_a_fork(lambda piece=piece: len(compress(piece)) + len(flush())) for piece in (b"", *pieces)]


def _in_a_fork(measure: Callable[[], int]) -> int:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, struct.pack("<Q", measure()))
        os._exit(0)
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
