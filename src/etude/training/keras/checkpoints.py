"""The one file of a fit: `DIGEST.ckpt` holds last and best weights, optimiser, average, history and digests.

It is a safetensors file, replaced whole after every validation, so that a kill at any moment leaves a good one. Plain
values stand as JSON in its header, beside the digest over all of it. Nothing in it can execute code; a damaged file is
put aside.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from etude.errors import CorruptCheckpoint
from etude.files import replacing
from etude.training.fitting import intact

PLAIN, SEAL = "plain", "sha256"
Arrays = dict[str, np.ndarray]


def write_checkpoint(path: Path, arrays: Arrays, plain: dict) -> None:
    """Write named arrays and JSON values beside `path`, then put them in its place."""
    from safetensors.numpy import save

    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    with replacing(path) as new:
        new.write_bytes(save(arrays, {PLAIN: json.dumps(plain), SEAL: contents_digest((arrays, plain))}))


def read_checkpoint(path: Path) -> tuple[Arrays, dict]:
    """Return what `path` holds; raises CorruptCheckpoint."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as held:
            said, arrays = held.metadata() or {}, {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
        plain, seal = json.loads(said[PLAIN]), said[SEAL]
    except (OSError, SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise CorruptCheckpoint("a checkpoint that étude wrote", f"{path}: {error}") from error
    if seal != contents_digest((arrays, plain)):
        raise CorruptCheckpoint("a checkpoint that matches its digest", f"other contents in {path}")
    return arrays, plain


def contents_digest(held: tuple[Arrays, dict]) -> str:
    """Return the sha256 of named arrays, with types and shapes, and of JSON values."""
    arrays, plain = held
    sha = hashlib.sha256(json.dumps(plain).encode())
    for name, array in sorted(arrays.items()):
        sha.update(f"{name} {array.dtype}{array.shape};".encode())
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def record_state(held: tuple[Arrays, dict]) -> dict:
    """Return the state of the `Record` in a checkpoint."""
    arrays, plain = held
    return {**plain["record"], "best": numbered("best", arrays)}


def last_state(path: Path) -> tuple[Arrays, dict] | None:
    """Return the checkpoint to continue from, or None: see `etude.training.fitting.intact`."""
    return intact(path, read_checkpoint, record_state)


def gathered(prefix: str, arrays: list[np.ndarray]) -> Arrays:
    """Return arrays under numbered names."""
    return {f"{prefix}.{number}": array for number, array in enumerate(arrays)}


def numbered(prefix: str, arrays: Arrays) -> list[np.ndarray]:
    """Return the arrays that `gathered` named."""
    found = {name: array for name, array in arrays.items() if name.startswith(f"{prefix}.")}
    return [found[f"{prefix}.{number}"] for number in range(len(found))]
