"""The one file of a fit: `DIGEST.ckpt` holds last and best weights, optimiser, schedule, history and identity.

It is replaced whole after every validation, so that a kill at any moment leaves a good one. Its name is the digest of
what the result depends on: other fits lie beside it and never meet. It is read with `weights_only=True`, which builds
tensors and plain values and nothing else, and carries a digest over all of them; a damaged file is put aside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from etude.errors import CorruptCheckpoint
from etude.files import replacing
from etude.training.fitting import intact

SEAL = "sha256"


class WholeFiles(TorchCheckpointIO):
    """Lightning's checkpoint files, written whole or not at all, and read without executing anything."""

    def save_checkpoint(self, checkpoint, path, storage_options=None):
        """Write `checkpoint` beside `path`, then put it in its place."""
        with replacing(Path(path)) as new:
            torch.save({**checkpoint, SEAL: contents_digest(checkpoint)}, new)

    def load_checkpoint(self, path, map_location=None, weights_only=True):
        """Return the checkpoint; raises CorruptCheckpoint where it is damaged or holds more than data."""
        return read_checkpoint(Path(path))


def read_checkpoint(path: Path) -> dict:
    """Return what `path` holds, on the CPU; raises CorruptCheckpoint."""
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load fails in as many ways as a file can be damaged
        first_line = str(error).strip().partition("\n")[0]
        raise CorruptCheckpoint("a checkpoint of tensors and plain values", f"{path}: {first_line}") from error
    if not isinstance(held, dict) or not {"state_dict", "callbacks", "global_step", SEAL} <= held.keys():
        raise CorruptCheckpoint("a checkpoint that étude wrote", str(path))
    if held.pop(SEAL) != contents_digest(held):
        raise CorruptCheckpoint("a checkpoint that matches its digest", f"other contents in {path}")
    return held


def contents_digest(held: Any) -> str:
    """Return the sha256 of tensors and plain values in mappings and sequences, with names, order, types and shapes."""
    sha = hashlib.sha256()
    _add(held, sha)
    return sha.hexdigest()


def _add(held: Any, sha) -> None:
    if isinstance(held, torch.Tensor):
        sha.update(f"{held.dtype}{tuple(held.shape)};".encode())
        sha.update(held.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    elif isinstance(held, Mapping | list | tuple):
        named = isinstance(held, Mapping)
        sha.update(f"{'{' if named else '['}{len(held)};".encode())
        for part in held.items() if named else held:
            _add(part, sha)
    else:
        sha.update(f"{held!r};".encode())


def record_state(held: dict) -> dict:
    """Return the state of the `Record` in a checkpoint."""
    return held["callbacks"].get("Recording", {})


def last_state(path: Path) -> dict | None:
    """Return the checkpoint to continue from, or None: see `etude.training.fitting.intact`."""
    return intact(path, read_checkpoint, record_state)
