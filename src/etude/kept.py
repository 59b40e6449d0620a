"""What is kept on disk and believed later: sealed with a digest, so that damage is seen, and made anew where it can be.

A seal is the sha256 of what was written *and* of the name that it was written under. A file of arrays carries it behind
its last byte, where NumPy does not look; JSON carries it as an entry of its own.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from zipfile import BadZipFile

import numpy as np

from etude.errors import EtudeError
from etude.files import replacing
from etude.locks import alone

Found = TypeVar("Found")
SEAL = "seal"  # the entry of sealed JSON
BYTES = 32  # of a sha256


def kept(path: Path, read: Callable[[Path], Found | None], make: Callable[[Path], None]) -> Found:
    """Return what `read` finds at `path`; where that is None (nothing there, or damaged), `make` it first.

    One process makes it, the others wait. What is there and sound is only read: a cache may be read-only.
    """
    found = read(path)
    if found is None:
        with alone(path):
            found = read(path)
            if found is None:
                make(path)
                found = read(path)
    if found is None:
        raise EtudeError("to read back what was just written", f"something else at {path}", "Check that disk.")
    return found


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], compressed: bool = True) -> None:
    """Write named arrays (.npz) with their seal, whole or not at all."""
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    write_sealed(path, stream.getvalue())


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of a sealed file; None where there is none, or it is not what was written under this name."""
    data = read_sealed(path)
    if data is None:
        return None
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def write_sealed(path: Path, data: bytes) -> None:
    """Write bytes with their seal, whole or not at all."""
    with replacing(path) as new:
        new.write_bytes(data + _digest(path.name, data))


def read_sealed(path: Path) -> bytes | None:
    """Return the bytes of a sealed file; None where there is none, or it is not what was written under this name."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    data, digest = stored[:-BYTES], stored[-BYTES:]
    return data if digest == _digest(path.name, data) else None


def read_json(path: Path) -> object:
    """Return the JSON value in a file; None where there is none, or the file is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # bytes that are no text are a ValueError
        return None


def _digest(name: str, data: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + data).digest()


def sealed(described: Mapping, more: str = "") -> dict:
    """Return JSON values with their seal, which may depend on `more` beside them."""
    plain = {key: value for key, value in described.items() if key != SEAL}
    return {**plain, SEAL: _seal(plain, more)}


def holds(described: Mapping, more: str = "") -> bool:
    """Say whether JSON values are what they were when they were sealed; False where they carry no seal."""
    return described.get(SEAL) == _seal({key: value for key, value in described.items() if key != SEAL}, more)


def believable(described: object, more: str = "") -> bool:
    """Say whether `described` is an object that nothing speaks against: its seal holds, or it never had one."""
    return isinstance(described, Mapping) and (SEAL not in described or holds(described, more))


def _seal(plain: Mapping, more: str) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{more}\0{text}".encode()).hexdigest()
