"""The running average of the weights (Polyak & Juditsky 1992; here exponential), as a Lightning callback.

Late in a fit the weights wander around a minimum; their average lies nearer to it than they do. The average takes the
place of the weights while the validation pieces are scored and the best are kept, and gives it back before the
checkpoint is written, which carries both: an interrupted fit goes on with the same two.

Only parameters are averaged. Buffers belong to the network that is scored (an estimate made while scoring, say).
"""

from __future__ import annotations

import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor


class Averaging(Callback):
    """m <- d m + (1 - d) w after every step, with d = min(decay, (1 + t) / (10 + t)); t counts the earlier steps.

    The first average is the weights after the first step. With a fixed d the first weights would weigh as much as the
    last 1 / (1 - d) steps together; the growing one forgets them (the warm-up of TensorFlow's
    `ExponentialMovingAverage(num_updates)`).

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
        kept = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, weight in weights.items():
            self.average[name].lerp_(weight, 1 - kept)
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
