"""What a fit has done so far, for every framework: rows, best weights, and whether it is over.

An engine tells it when a fit begins, when a batch is done and when the validation pieces have been scored, and writes
its `state` into the checkpoint, which is written after that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from math import isfinite
from typing import Any

from etude.errors import EtudeError
from etude.training import progress
from etude.training.task import Task, digest
from etude.types import History

DIVERGED = "Lower the learning rate."
STATE = ("digest", "rows", "best", "best_step", "seconds", "finished", "cpu_seconds")

log = logging.getLogger("etude.training")


class Record:
    """The rows of the history and the best weights so far; `best` is in the framework's own form."""

    def __init__(self, task: Task):
        self.task, self.digest = task, digest(task.identity)
        self.rows, self.best, self.best_step = [], {}, 0
        self.seconds, self.since, self.finished, self.bar = 0.0, 0.0, False, None
        self.cpu_seconds, self.cpu_since = 0.0, 0.0  # of the process, all its threads

    def begin(self, step: int) -> None:
        """Start the clock and the bar at an optimiser step."""
        self.since, self.cpu_since = time.perf_counter(), time.process_time()
        self.bar = progress.progress_bar(self.task.budget.steps, step)

    def advance(self) -> None:
        """Count an optimiser step."""
        self.bar.update()

    def scored(
        self, step: int, train: float | None, valid: float | None, weights: Callable[[], Any], stopped: bool
    ) -> None:
        """Take note of a score.

        Parameters
        ----------
        step : int
            Optimiser steps that are done.
        train, valid : float, optional
            Bits per step; None where there are none to be had.
        weights : callable
            Gives a copy of the weights that were scored.
        stopped : bool
            Whether the fit ends here, before its budget does.

        Raises
        ------
        EtudeError
            The loss is no longer finite.
        """
        self._read_clocks()
        row = {"step": step, "train": train, "valid": valid}
        if not isfinite((train or 0) + (valid or 0)):
            raise EtudeError("a finite loss", f"{progress.describe(row)} at step {step}", DIVERGED)
        if self._is_best(row):
            self.best_step, self.best = step, weights()
        self.rows.append({**row, "seconds": round(self.seconds, 3), "cpu_seconds": round(self.cpu_seconds, 3)})
        self.finished = stopped or step >= self.task.budget.steps
        self.bar.set_postfix_str(progress.describe(row), refresh=True)
        log.info("step %d of %d: %s", step, self.task.budget.steps, progress.describe(row))

    def _read_clocks(self) -> None:
        now, cpu = time.perf_counter(), time.process_time()
        self.seconds, self.since = self.seconds + now - self.since, now
        self.cpu_seconds, self.cpu_since = self.cpu_seconds + cpu - self.cpu_since, cpu

    def _is_best(self, row: dict) -> bool:
        return row["valid"] is None or row["valid"] < min((r["valid"] for r in self.rows), default=float("inf"))

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()

    @property
    def state(self) -> dict:
        """What a checkpoint has to carry."""
        return {name: getattr(self, name) for name in STATE}

    @state.setter
    def state(self, state: dict) -> None:
        for name in STATE:
            setattr(self, name, state.get(name, 0.0) if name == "cpu_seconds" else state[name])  # older ones lack it

    def history(self) -> History:
        """Return what was done."""
        fit = self.digest[:16] if self.task.identity else ""
        return History(self.rows, self.best_step, self.seconds, fit=fit)
