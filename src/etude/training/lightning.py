"""Fitting a PyTorch network with Lightning: the loop, the device, clipping, early stopping and checkpoints are its.

One Lightning epoch is `valid_every` optimiser steps and ends with a score of the validation pieces; the checkpoint is
written right after it, and an interrupted fit continues at that border. Optimiser: AdamW (Loshchilov & Hutter 2019),
gradients clipped to norm 1 (Pascanu et al. 2013), learning rate as in `etude.training.schedule`.

`ETUDE_THREADS` bounds the threads of a fit. On one machine with one thread count, same task, same numbers.
"""

from __future__ import annotations

import logging
from math import log as ln
from pathlib import Path

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments import LightningEnvironment
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch.utils.data import DataLoader, Dataset

from etude.training import surroundings
from etude.training.averaging import Averaging
from etude.training.checkpoints import WholeFiles, last_state
from etude.training.record import Record
from etude.training.schedule import warm_up_cosine
from etude.training.task import Task, digest, step_seed
from etude.types import History

CLIP = 1.0

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
        with surroundings.of_a_fit():
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
            {"params": [p for p in weights if p.ndim > 1], "weight_decay": self.task.budget.weight_decay},
            {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.task.budget.learning_rate, fused=True)
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


def _trainer(task: Task, record: Record, path: Path | None) -> pl.Trainer:
    """Return a Lightning trainer that writes nothing but `path`."""
    callbacks: list[Callback] = [record]
    if task.budget.patience is not None and task.valid:
        callbacks.insert(
            0, EarlyStopping("valid", patience=task.budget.patience, check_on_train_epoch_end=False)
        )  # before the record, which asks it
    if task.budget.average:
        callbacks.append(Averaging(task.budget.average))  # after the record, which keeps the averaged weights
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
