"""Fitting a PyTorch network with Lightning: the loop, the device, clipping, early stopping and checkpoints are its.

One Lightning epoch is `valid_every` optimiser steps and ends with a score of the validation pieces; the checkpoint is
written right after it, and an interrupted fit continues at that border. Optimiser: AdamW (Loshchilov & Hutter 2019),
gradients clipped to norm 1 (Pascanu et al. 2013), learning rate as in `etude.training.schedule`.

`ETUDE_THREADS` bounds the threads of a fit. On one machine with one thread count, same task, same numbers.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from math import log as ln
from pathlib import Path

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments import LightningEnvironment
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch.utils.data import DataLoader, Dataset

from etude.errors import EtudeError
from etude.training import progress
from etude.training.checkpoints import WholeFiles, last_state
from etude.training.schedule import warm_up_cosine
from etude.training.task import Task, digest, step_seed
from etude.types import History

WEIGHT_DECAY = 0.01  # of matrices
CLIP = 1.0
DIVERGED = "Lower the learning rate."

log = logging.getLogger("etude.training")


def fit(network: torch.nn.Module, task: Task, checkpoint: Path | None = None) -> History:
    """Fit `network` to `task`; it ends with the best weights by validation bits, on the CPU, in evaluation mode.

    Parameters
    ----------
    network : Module
        With `loss(batch)`: the mean nats per step of a batch of tensors, as a scalar tensor.
    task : Task
    checkpoint : Path, optional
        Folder. A finished fit of the same identity is loaded from it, an interrupted one continues.

    Raises
    ------
    EtudeError
        The loss is no longer finite.
    KeyboardInterrupt
        As it came; with a `checkpoint` the fit is resumable.
    """
    path = None if checkpoint is None else Path(checkpoint) / f"{digest(task.identity)[:16]}.ckpt"
    held = None if path is None else last_state(path)
    record = Record(task)
    if held is not None:
        record.load_state_dict(held["callbacks"]["Record"])
    if not record.finished:
        if held is not None:
            log.info("Continuing at step %d of %d.", held["global_step"], task.budget.steps)
        with _quiet(), _threads(), _own_randomness(), _interrupts():
            trainer = _trainer(task, record, path)
            trainer.fit(_Lesson(network, task), ckpt_path=path if held is not None else None, weights_only=True)
    network.load_state_dict(record.best)
    network.cpu().eval()
    return record.history()


class _Lesson(pl.LightningModule):
    """A network, its batches and its scores, as Lightning wants them."""

    def __init__(self, network: torch.nn.Module, task: Task):
        super().__init__()
        self.network, self.task = network, task
        self.learnt, self.scored = [], []

    def training_step(self, batch, index):
        loss = self.network.loss(batch)
        self.learnt.append(loss.detach())
        return loss

    def validation_step(self, group, index):
        if group is not None:
            self.scored.append(self.task.score(group))

    def on_validation_epoch_end(self):
        self.log("valid", self.valid_bits() or 0.0, logger=False)

    def train_bits(self) -> float:
        """Mean bits per step of the batches since the last score."""
        return float(torch.stack(self.learnt).double().mean()) / ln(2)

    def valid_bits(self) -> float | None:
        """Bits per step of the validation pieces, pooled; None where there are none."""
        bits, steps = (sum(column) for column in zip(*self.scored, strict=True)) if self.scored else (0.0, 0)
        return bits / steps if steps else None

    def on_train_epoch_start(self):
        self.network.train()  # weights are restored in evaluation mode, which Lightning would keep: no dropout
        self.learnt, self.scored = [], []

    def on_train_batch_start(self, batch, index):
        torch.manual_seed(step_seed(self.task.seed, self.global_step))

    def train_dataloader(self):
        done, budget = self.global_step, self.task.budget
        steps = range(done, min(done + budget.valid_every, budget.steps))
        return DataLoader(_Batches(self.task.batch, steps), batch_size=None)

    def val_dataloader(self):
        groups = list(self.task.valid) or [None]  # without pieces, still the border where checkpoints are written
        return DataLoader(groups, batch_size=None, collate_fn=lambda group: group)

    def configure_optimizers(self):
        weights = [p for p in self.network.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in weights if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.task.budget.learning_rate)
        steps = self.task.budget.steps
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_up_cosine(step, steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _Batches(Dataset):
    """The batches of some optimiser steps, as tensors."""

    def __init__(self, batch, steps: range):
        self.batch, self.steps = batch, steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int):
        batch = self.batch(self.steps[index])
        return type(batch)(*map(torch.from_numpy, batch))


class Record(Callback):
    """The rows of the history and the best weights so far; its state travels in the checkpoint."""

    def __init__(self, task: Task):
        self.task, self.rows, self.best, self.best_step = task, [], {}, 0
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
        return {name: getattr(self, name) for name in ("rows", "best", "best_step", "seconds", "finished")}

    def load_state_dict(self, state_dict):
        for name, value in state_dict.items():
            setattr(self, name, value)

    def history(self) -> History:
        return History(list(self.rows), self.best_step, self.seconds)


def _trainer(task: Task, record: Record, path: Path | None) -> pl.Trainer:
    """Return a Lightning trainer that writes nothing but `path`."""
    callbacks: list[Callback] = [record]
    if task.budget.patience is not None and task.valid:
        callbacks.insert(
            0, EarlyStopping("valid", patience=task.budget.patience, check_on_train_epoch_end=False)
        )  # before the record, which asks it
    if path is not None:
        callbacks.append(ModelCheckpoint(path.parent, path.stem, save_on_train_epoch_end=False, **_ONE_FILE))
    return pl.Trainer(
        accelerator="gpu" if torch.cuda.is_available() else "cpu",
        devices=1,
        max_steps=task.budget.steps,
        max_epochs=-1,
        gradient_clip_val=CLIP,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        plugins=[WholeFiles(), LightningEnvironment()],  # one process, also inside a Slurm job
        enable_checkpointing=path is not None,
        default_root_dir=None if path is None else path.parent,
        **_SILENT,
    )


_ONE_FILE = {"save_top_k": 1, "monitor": None, "enable_version_counter": False, "auto_insert_metric_name": False}
_SILENT = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's banners and hints to itself; numerical warnings still pass."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            for category in (UserWarning, FutureWarning, DeprecationWarning):
                warnings.simplefilter("ignore", category)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _threads() -> Iterator[None]:
    """Bound torch's threads by `ETUDE_THREADS` while the fit lasts."""
    before, wanted = torch.get_num_threads(), os.environ.get("ETUDE_THREADS", "")
    if wanted.isdigit() and int(wanted):
        torch.set_num_threads(int(wanted))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Give the caller's random state back after the fit."""
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        yield


@contextmanager
def _interrupts() -> Iterator[None]:
    """Let Ctrl-C arrive as KeyboardInterrupt: Lightning turns it into an exit and leaves the signal ignored."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if main else None
    try:
        yield
    except SystemExit as exit_:
        if isinstance(exit_.__context__, KeyboardInterrupt):
            raise exit_.__context__ from None
        raise
    finally:
        if main and handler is not None:
            signal.signal(signal.SIGINT, handler)
