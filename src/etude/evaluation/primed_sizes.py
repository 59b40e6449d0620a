"""What pieces add to a compressed stream that begins with other music, asked of a program of its own and kept.

Many chapters ask for the same sizes, so they are kept in the cache: under a digest of the bytes, of the program
(`evaluation.primed`, with its settings) and of the compressor's version.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.evaluation import primed
from etude.files import cache_dir
from etude.kept import kept, read_arrays, write_arrays

VERSIONS: dict[str, Callable[[], str]] = {  # Python's lzma does not tell its own
    "xz": platform.python_version,
    "ppmd": partial(metadata.version, "pyppmd"),
}


def sizes_after(name: str, before: bytes, pieces: Sequence[bytes]) -> list[int]:
    """Return how many bytes each piece adds to the stream that begins with `before`, in the order of the pieces.

    Raises
    ------
    EtudeError
        An unknown compressor, or a run of it that failed.
    MissingPackage
        The compressor is not installed.
    Unwritable
        The sizes are not kept yet, and the cache cannot be written.
    """
    if name not in primed.STREAMS:
        raise unknown_name("compressor", name, primed.STREAMS)
    primed.STREAMS[name]()  # a package that is missing is told here and not by the program
    blocks = b"".join(struct.pack("<Q", len(block)) + block for block in (before, *pieces))
    made_by = f"{name} {VERSIONS[name]()}|".encode() + Path(primed.__file__).read_bytes()
    digest = hashlib.sha256(made_by + b"|" + blocks).hexdigest()
    path = cache_dir() / f"primed-{digest[:32]}.npz"
    return kept(path, _read, partial(_write, name=name, blocks=blocks))


def _read(path: Path) -> list[int] | None:
    arrays = read_arrays(path)
    return None if arrays is None else arrays["sizes"].tolist()


def _write(path: Path, name: str, blocks: bytes) -> None:
    write_arrays(path, {"sizes": np.array(_asked(name, blocks), np.int64)})


def _asked(name: str, blocks: bytes) -> list[int]:
    """Return the sizes that the program gives for its blocks."""
    command, one_thread = [sys.executable, "-m", primed.__name__, name], {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, input=blocks, capture_output=True, env=one_thread)
    if done.returncode:
        said = (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        remedy = "Free some memory and try again."
        raise EtudeError(f"a run of {name}", f"a process that ended with: {said[:300]}", remedy)
    empty, *whole = json.loads(done.stdout)
    return [size - empty for size in whole]
