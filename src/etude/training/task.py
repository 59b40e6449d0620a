"""What a fit needs, without naming a framework: batches by number, a score, a budget and an identity.

The batch of an optimiser step, and the seed of its dropout, are functions of (seed, step). A fit that is cut short
therefore has no state of its own to restore beside weights, optimiser and step: it continues as if nothing had
happened. `identity` says of what a checkpoint is a checkpoint: equal identities, equal fits.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etude.files import meaning
from etude.types import Budget


@dataclass(frozen=True, eq=False)
class Task:
    """What to learn and for how long.

    Parameters
    ----------
    batch : callable
        The batch of an optimiser step, a named tuple of arrays with B rows each; `network.loss(batch)` gives its
        mean nats per step.
    valid : sequence
        Validation pieces in groups that are scored together; may be empty.
    score : callable
        Bits and steps of one such group, with the weights as they are.
    budget : Budget
    seed : int
    identity : dict
        JSON values: everything that the result depends on (model, data, budget, seed, source).
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


def digest(identity: dict) -> str:
    """Return the sha256 of an identity."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def data_digest(*splits: Sequence[np.ndarray]) -> str:
    """Return the sha256 of sequences of integer arrays, order and shapes included."""
    sha = hashlib.sha256()
    for split in splits:
        sha.update(f"{len(split)};".encode())
        for x in split:
            sha.update(f"{x.dtype}{x.shape}".encode())
            sha.update(np.ascontiguousarray(x))
    return sha.hexdigest()


def source_digest(classes: Iterable[type]) -> str:
    """Return the sha256 of what this package's modules that define `classes` mean, and of the engine itself.

    A checkpoint made by other code is another checkpoint: a finished fit is only believed while its source stands.
    Comments, docstrings and layout change no weight, so they do not count.
    """
    package = __name__.partition(".")[0]
    modules = {c.__module__ for c in classes if c.__module__.partition(".")[0] == package}
    files = {Path(sys.modules[name].__file__) for name in modules} | set(Path(__file__).parent.glob("*.py"))
    sha = hashlib.sha256()
    for path in sorted(files):
        sha.update(f"{path.name} {meaning(path.read_text(encoding='utf-8'))}".encode())
    return sha.hexdigest()
