"""The PyTorch half of the restricted Boltzmann machine: only learning needs it. torch is imported when it is used."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from etude.models.energy.boltzmann import Machine
from etude.models.energy.partition import LogPartition
from etude.training import Task
from etude.training.task import data_digest, source_digest
from etude.types import History


class TorchMachine:
    """Mixin in front of `RBM`: learns through Lightning, and takes the weights over before every score."""

    framework = "torch"

    def _train(self, task: Task, frames: np.ndarray, checkpoint: Path | None) -> History:
        from etude.training.lightning import fit

        network = self._network(np.random.default_rng(task.seed).permutation(frames))

        def score(group: np.ndarray) -> tuple[float, int]:
            self._restore(network.arrays())
            total = task.score(group)
            network.set_log_z(self.log_partition().value)
            return total

        identity = self._identity(task, frames, network) if checkpoint is not None else {}
        history = fit(network, replace(task, score=score, identity=identity), checkpoint)
        self._restore(network.arrays())
        return history

    def _network(self, frames: np.ndarray):
        """Return what learns, with the weights as they are and its persistent chains at `frames`."""
        from etude.models.torch.rbm import Energy

        sizes = {name: self.options[name] for name in ("hidden", "learning", "gibbs", "chains")}
        network = Energy(self.space.entries, self.space.levels, **sizes)
        network.restore(self._arrays())
        network.start_chains(frames)
        network.set_log_z(self._quick().value)
        return network

    def _identity(self, task: Task, frames: np.ndarray, network) -> dict:
        import torch

        classes = {*type(self).__mro__, *type(network).__mro__, Machine, LogPartition}
        start = [array for _, array in sorted(self._arrays().items())]
        made_of = {"data": data_digest([frames], task.valid), "start": data_digest(start), "torch": torch.__version__}
        settings = {"budget": asdict(task.budget), "fit_seed": task.seed}
        return {**self.describe(), **settings, **made_of, "source": source_digest(classes)}
