"""Fitting a PyTorch network with Lightning: the loop, the device, clipping, early stopping and checkpoints are its.

One Lightning epoch is `valid_every` optimiser steps and ends with a score of the validation pieces; the checkpoint is
written right after it, and an interrupted fit continues at that border. Optimiser and learning rate:
`etude.training.schedule`.

`ETUDE_THREADS` bounds the threads of a fit. On one machine with one thread count, same task, same numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments import LightningEnvironment
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch.utils.data import DataLoader, Dataset

from etude.errors import CorruptCheckpoint
from etude.training.fitting import fitted, train_bits, valid_bits
from etude.training.record import Record
from etude.training.schedule import CLIP, warm_up_cosine
from etude.training.task import Task, step_seed
from etude.training.torch import surroundings
from etude.training.torch.averaging import Averaging
from etude.training.torch.checkpoints import WholeFiles, last_state, record_state
from etude.types import History

REVISION = 1  # raised where a change of the engine changes what fits give


def fit(network: torch.nn.Module, task: Task, checkpoint: Path | None = None) -> History:
    """Fit `network` to `task`; it ends with the best weights by validation bits, on the CPU, in evaluation mode.

    Parameters
    ----------
    network : Module
        With `loss(batch)`: the mean nats per step of a batch of tensors, as a scalar tensor, or where `counted` is
        False a number whose gradient alone means something. Where the budget carries states, with
        `carried_loss(batch, state)`: the loss, and the state after the batch.
    task, checkpoint
        See `etude.training.fitting.fitted`, as for what it raises.
    """

    def go_on(record: Record, path: Path | None, held: dict | None) -> None:
        with surroundings.of_a_fit():
            trainer = _trainer(task, record, path)
            learner = (_Carrier if task.budget.cuts == "carried" else _Learner)(network, task)
            trainer.fit(learner, ckpt_path=path if held is not None else None, weights_only=True)

    record = fitted(task, checkpoint, last_state, record_state, go_on)
    try:
        network.load_state_dict(record.best)
    except RuntimeError as error:  # a kept fit of code whose weights had other names or shapes
        got, remedy = f"others in the kept fit {record.digest[:16]}", "Learn it anew: etude run --refit."
        raise CorruptCheckpoint("the weights of this network", got, remedy) from error
    network.cpu().eval()
    return record.history()


class Recording(Callback):
    """Tells a `Record` what happens; its state travels in the checkpoint."""

    def __init__(self, record: Record):
        self.record = record

    def on_train_start(self, trainer, lesson):
        self.record.begin(trainer.global_step)

    def on_train_batch_end(self, trainer, lesson, outputs, batch, index):
        self.record.advance()

    def on_validation_end(self, trainer, lesson):
        self.record.scored(trainer.global_step, *lesson.bits(), lesson.weights, trainer.should_stop)

    def on_train_end(self, trainer, lesson):
        self.record.close()

    def on_exception(self, trainer, lesson, exception):
        self.record.close()

    def state_dict(self):
        return self.record.state

    def load_state_dict(self, state_dict):
        self.record.state = state_dict


class _Learner(pl.LightningModule):
    """A network, its batches and its scores, as Lightning wants them."""

    def __init__(self, network: torch.nn.Module, task: Task):
        super().__init__()
        self.network, self.task = network, task
        self.learnt, self.scored = [], []

    def training_step(self, batch, index):
        loss = self.network.loss(batch)
        self.learnt.append(loss.detach())
        return loss

    def validation_step(self, number, index):
        if number is not None:
            self.scored.append(self.task.score(self.task.valid[number]))

    def on_validation_epoch_end(self):
        if self.scored:
            self.log("valid", valid_bits(self.scored))

    def bits(self) -> tuple[float | None, float | None]:
        """Bits per step of the batches since the last score, and of the validation pieces."""
        mean = float(torch.stack(self.learnt).double().mean())
        return train_bits(mean, self.network.counted), valid_bits(self.scored)

    def weights(self) -> dict[str, torch.Tensor]:
        """Return a copy of the network's weights and buffers."""
        return {name: held.detach().cpu().clone() for name, held in self.network.state_dict().items()}

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
        numbers = list(range(len(self.task.valid))) or [None]  # without pieces, still where checkpoints are written
        return DataLoader(numbers, batch_size=None, collate_fn=lambda number: number)

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


class _Carrier(_Learner):
    """A learner whose windows begin with the state in which those before them ended; it lies in the checkpoint."""

    carried: Any = None

    def training_step(self, batch, index):
        loss, state = self.network.carried_loss(batch, self.carried)
        self.carried = held_fast(state, self.device)
        self.learnt.append(loss.detach())
        return loss

    def on_train_start(self):
        self.carried = held_fast(self.carried, self.device)  # a checkpoint is read into the memory of the CPU

    def on_save_checkpoint(self, checkpoint):
        checkpoint["carried"] = self.carried

    def on_load_checkpoint(self, checkpoint):
        self.carried = checkpoint["carried"]


def held_fast(state: Any, device: torch.device) -> Any:
    """Return a network's state without its gradient, in lists: tensors and plain values, as a checkpoint holds them."""
    if isinstance(state, torch.Tensor):
        return state.detach().to(device)
    return [held_fast(part, device) for part in state] if isinstance(state, tuple | list) else state


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
    callbacks: list[Callback] = [Recording(record)]
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
