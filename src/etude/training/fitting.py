"""What every engine does around its loop: find the checkpoint, go on or begin, and pool what was scored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from math import log as ln
from pathlib import Path
from typing import Any

from etude.errors import CorruptCheckpoint
from etude.locks import alone
from etude.training.record import Record
from etude.training.task import Task, place

log = logging.getLogger("etude.training")

Held = Any  # what a checkpoint holds, in the framework's own form


def fitted(
    task: Task,
    checkpoint: Path | None,
    last_state: Callable[[Path], Held | None],
    record_state: Callable[[Held], dict],
    go_on: Callable[[Record, Path | None, Held | None], None],
) -> Record:
    """Return the record of a fit that is over, with the best weights by validation bits.

    Parameters
    ----------
    task : Task
    checkpoint : Path, optional
        Folder of any number of fits. A finished fit of the same identity is loaded from it, an interrupted one
        continues; one that another process is at is waited for.
    last_state : callable
        What the checkpoint at a path holds, or None.
    record_state : callable
        The state of the `Record` in what a checkpoint holds.
    go_on : callable
        Learns to the end: given the record, the path of the checkpoint that it writes (None: it writes none), and what
        that holds (None: it begins).

    Raises
    ------
    EtudeError
        The loss is no longer finite.
    KeyboardInterrupt
        As it came; with a `checkpoint` the fit is resumable.
    """
    record = Record(task)
    if checkpoint is None:
        go_on(record, None, None)
        return record
    path = place(task, checkpoint).with_suffix(".ckpt")
    with alone(path):
        held = last_state(path)
        if held is not None:
            record.state = record_state(held)
        if not record.finished:
            if held is not None:
                log.info("Continuing at step %d of %d.", record.rows[-1]["step"], task.budget.steps)
            go_on(record, path, held)
    return record


def intact(path: Path, read: Callable[[Path], Held], record_state: Callable[[Held], Mapping]) -> Held | None:
    """Return what the checkpoint at `path` holds, or None; a damaged one is renamed, with a line in the log.

    `read` raises CorruptCheckpoint of a damaged file; one of another fit than its name says is no better.
    """
    if not path.is_file():
        return None
    try:
        held = read(path)
        if not record_state(held).get("digest", "").startswith(path.stem):
            raise CorruptCheckpoint("the checkpoint of this fit", f"another one's in {path}", "It was renamed.")
        return held
    except CorruptCheckpoint as error:
        aside = path.with_suffix(".damaged")
        path.replace(aside)
        log.warning("%s It is kept as %s; training starts afresh.", error, aside.name)
        return None


def train_bits(nats: float, counted: bool) -> float | None:
    """Return mean nats per step in bits; None where the loss does not count them, unless it is no longer finite."""
    bits = nats / ln(2)
    return bits if counted or not isfinite(bits) else None


def valid_bits(scores: Iterable[tuple[float, int]]) -> float | None:
    """Return bits per step over groups of pieces, pooled, from their bits and steps; None where there are none."""
    bits, steps = (sum(column) for column in zip((0.0, 0), *scores, strict=True))
    return bits / steps if steps else None
