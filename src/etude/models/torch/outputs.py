"""Output distributions in PyTorch: from features to log-probabilities, and to a choice. See `sequence.outputs`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from etude.lookup import resolve
from etude.models.autoregressive import Chooser
from etude.types import Space

OUTPUTS = {  # name -> "module:Class", called with (features, space, hidden)
    "categorical": "etude.models.torch.outputs:Independent",
    "independent": "etude.models.torch.outputs:Independent",
    "nade": "etude.models.torch.nade:NADE",
    "intervals": "etude.models.torch.relative:Intervals",
    "relative": "etude.models.torch.relative:Relative",
    "rbm": "etude.models.torch.rbm_output:ConditionalRBM",
}


def build_output(name: str, features: int, space: Space, hidden: int | None) -> nn.Module:
    """Return the output `name` over `features`, its weights zero."""
    return resolve(OUTPUTS[name])(features, space, hidden)


class Independent(nn.Module):
    """A softmax per entry, independent given the features; for scalar steps, the categorical distribution."""

    def __init__(self, features: int, space: Space, hidden: int | None = None):
        super().__init__()
        self.shape = (space.entries, space.levels)
        self.weight = nn.Parameter(torch.zeros(features, space.entries * space.levels))
        self.bias = nn.Parameter(torch.zeros(space.entries * space.levels))

    def logits(self, features: Tensor) -> Tensor:
        """Return Float[..., entries, levels]."""
        return nn.functional.linear(features, self.weight.T, self.bias).unflatten(-1, self.shape)

    def given(self, features: Tensor, past: Tensor, first: Tensor) -> Tensor:
        """Return what a step's distribution is computed from: the features of the context alone.

        `past` Int[n, T, entries] holds the event before each step, but where `first` Bool[n] nothing before step 0.
        """
        return features

    def nats(self, features: Tensor, x: Tensor, exact: bool = False) -> Tensor:
        """Return -log p of `x` Int[..., entries] in its shape; where `exact`, normalised in double precision."""
        return surprise(self.logits(features), x, exact)

    def choose(self, features: Tensor, choose: Chooser) -> np.ndarray:
        """Ask `choose` once for all entries of a step; features are Float[n, H], the answer Int[n, entries]."""
        probabilities = self.logits(features).double().softmax(-1).cpu().numpy()
        return np.array(choose(probabilities, np.arange(self.shape[0])), np.int64)

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return {"output.weight": self.weight, "output.bias": self.bias}


def surprise(logits: Tensor, x: Tensor, exact: bool) -> Tensor:
    """Return -log softmax(logits)[x] for logits Float[..., levels] and codes Int[...]."""
    if exact:
        return -logits.double().log_softmax(-1).gather(-1, x[..., None])[..., 0]
    if logits.shape[-1] == 2:  # a softmax over two levels is a sigmoid of their difference, which is cheaper
        difference = logits[..., 1] - logits[..., 0]
        return nn.functional.binary_cross_entropy_with_logits(difference, x.to(difference.dtype), reduction="none")
    return nn.functional.cross_entropy(logits.flatten(0, -2), x.flatten(), reduction="none").view(x.shape)
