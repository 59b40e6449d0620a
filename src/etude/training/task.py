"""What a fit needs, without naming a framework: batches by number, a score, a budget and an identity.

The batch of an optimiser step, and the seed of its dropout, are functions of (seed, step). A fit that is cut short
therefore has no state of its own to restore beside weights, optimiser and step: it continues as if nothing had
happened. `identity` says of what a checkpoint is a checkpoint: equal identities, equal fits. It holds what was asked
for, and the revisions of those who do it (a family, its output, an engine); text of programs is no part of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etude.errors import EtudeError
from etude.files import replacing
from etude.types import Budget


@dataclass(frozen=True, eq=False)
class Task:
    """What to learn and for how long.

    Parameters
    ----------
    batch : callable
        The batch of an optimiser step, a named tuple of arrays with B rows each. An engine asks the network for its
        loss, the mean nats per step.
    valid : sequence
        Validation pieces in groups that are scored together; may be empty.
    score : callable
        Bits and steps of one such group, with the weights as they are.
    budget : Budget
    seed : int
    identity : dict
        JSON values: everything that the result depends on; empty where nothing is kept.
    """

    batch: Callable[[int], Any]
    valid: Sequence[Any]
    score: Callable[[Any], tuple[float, int]]
    budget: Budget
    seed: int
    identity: dict


def step_seed(seed: int, step: int) -> int:
    """Return the seed of what is random inside one optimiser step (dropout)."""
    return int(np.random.SeedSequence([seed, step, 1]).generate_state(1, np.uint64)[0] >> 1)


def strict(identity: dict) -> dict:
    """Return an identity as it comes back from its JSON; raises EtudeError of what JSON does not know."""
    try:
        return json.loads(json.dumps(identity, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise EtudeError("settings that JSON holds, numbers finite", f"{error}") from error


def digest(identity: dict) -> str:
    """Return the sha256 of an identity."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True, allow_nan=False).encode()).hexdigest()


def place(task: Task, folder: Path) -> Path:
    """Return the path in a folder of fits, without a suffix, at which files of this one lie; none meets another's.

    Beside them lies `DIGEST.json`, which is written here: the identity.
    """
    path = Path(folder) / digest(task.identity)[:16]
    text = json.dumps(task.identity, indent=1, sort_keys=True, allow_nan=False) + "\n"
    described = path.with_suffix(".json")
    if not _holds(described, text.encode()):
        with replacing(described) as new:
            new.write_bytes(text.encode())
    return path


def _holds(path: Path, content: bytes) -> bool:
    """Say whether a file holds these bytes; one that is not there, damaged or unreadable does not."""
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def data_digest(*splits: Sequence[np.ndarray]) -> str:
    """Return the sha256 of sequences of integer arrays, order and shapes included."""
    sha = hashlib.sha256()
    for split in splits:
        sha.update(f"{len(split)};".encode())
        for x in split:
            sha.update(f"{x.dtype}{x.shape}".encode())
            sha.update(np.ascontiguousarray(x))
    return sha.hexdigest()
