"""What a fit has done so far, as a Lightning callback: rows, best weights, and whether it is over.

It acts when the validation pieces have been scored and before the checkpoint is written, which carries its state.
"""

from __future__ import annotations

import logging
import time
from math import isfinite

from pytorch_lightning.callbacks import Callback

from etude.errors import EtudeError
from etude.training import progress
from etude.training.task import Task, digest
from etude.types import History

DIVERGED = "Lower the learning rate."

log = logging.getLogger("etude.training")


class Record(Callback):
    """The rows of the history and the best weights so far; its state travels in the checkpoint."""

    def __init__(self, task: Task):
        self.task, self.digest = task, digest(task.identity)
        self.rows, self.best, self.best_step = [], {}, 0
        self.seconds, self.since, self.finished, self.bar = 0.0, 0.0, False, None

    def on_train_start(self, trainer, lesson):
        self.since = time.perf_counter()
        self.bar = progress.progress_bar(self.task.budget.steps, trainer.global_step)

    def on_train_batch_end(self, trainer, lesson, outputs, batch, index):
        self.bar.update()

    def on_validation_end(self, trainer, lesson):
        now = time.perf_counter()
        self.seconds, self.since = self.seconds + now - self.since, now
        row = {"step": trainer.global_step, "train": lesson.train_bits(), "valid": lesson.valid_bits()}
        if not isfinite(row["train"] + (row["valid"] or 0)):
            raise EtudeError("a finite loss", f"{progress.describe(row)} at step {row['step']}", DIVERGED)
        if self._is_best(row):
            self.best_step = row["step"]
            self.best = {k: v.detach().cpu().clone() for k, v in lesson.network.state_dict().items()}
        self.rows.append({**row, "seconds": round(self.seconds, 3)})
        self.finished = trainer.should_stop or row["step"] >= self.task.budget.steps
        self.bar.set_postfix_str(progress.describe(row), refresh=True)
        log.info("step %d of %d: %s", row["step"], self.task.budget.steps, progress.describe(row))

    def _is_best(self, row: dict) -> bool:
        return row["valid"] is None or row["valid"] < min((r["valid"] for r in self.rows), default=float("inf"))

    def on_train_end(self, trainer, lesson):
        self.bar.close()

    def on_exception(self, trainer, lesson, exception):
        if self.bar is not None:
            self.bar.close()

    def state_dict(self):
        return {name: getattr(self, name) for name in ("digest", "rows", "best", "best_step", "seconds", "finished")}

    def load_state_dict(self, state_dict):
        for name, value in state_dict.items():
            setattr(self, name, value)

    def history(self) -> History:
        return History(list(self.rows), self.best_step, self.seconds)
