"""The running average of the weights, as a Lightning callback. Its rule: `etude.training.averaging`.

It gives the weights back before the checkpoint is written, which carries both: an interrupted fit goes on with the
same two. Only parameters are averaged. Buffers belong to the network that is scored (an estimate made while scoring,
say).
"""

from __future__ import annotations

import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from etude.training.averaging import kept


class Averaging(Callback):
    """The average of the weights after every step, in their place while they are scored.

    Parameters
    ----------
    decay : float
        In (0, 1).
    """

    def __init__(self, decay: float):
        self.decay, self.steps = decay, 0
        self.average: dict[str, Tensor] = {}

    def on_train_start(self, trainer, lesson):
        self.average = {name: weight.to(lesson.device) for name, weight in self.average.items()}

    @torch.no_grad()
    def on_train_batch_end(self, trainer, lesson, outputs, batch, index):
        weights = _learnable(lesson.network)
        if not self.average:
            self.average = {name: weight.detach().clone() for name, weight in weights.items()}
        share = kept(self.decay, self.steps)
        for name, weight in weights.items():
            self.average[name].lerp_(weight, 1 - share)
        self.steps += 1

    def on_validation_start(self, trainer, lesson):
        self._exchange(lesson.network)

    def on_validation_end(self, trainer, lesson):
        self._exchange(lesson.network)

    @torch.no_grad()
    def _exchange(self, network: torch.nn.Module) -> None:
        for name, weight in _learnable(network).items():
            held = weight.clone()
            weight.copy_(self.average[name])
            self.average[name] = held

    def state_dict(self):
        return {"steps": self.steps, "average": self.average}

    def load_state_dict(self, state_dict):
        self.steps, self.average = state_dict["steps"], state_dict["average"]


def _learnable(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
