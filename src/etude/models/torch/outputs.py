"""Output distributions in PyTorch: from features to log-probabilities, and to a choice."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from etude.models.autoregressive import Chooser
from etude.types import Space


class Independent(nn.Module):
    """A softmax per entry, independent given the features; for scalar steps, the categorical distribution."""

    def __init__(self, features: int, space: Space):
        super().__init__()
        self.shape = (space.entries, space.levels)
        self.weight = nn.Parameter(torch.zeros(features, space.entries * space.levels))
        self.bias = nn.Parameter(torch.zeros(space.entries * space.levels))

    def logits(self, features: Tensor) -> Tensor:
        """Return Float[..., entries, levels]."""
        return nn.functional.linear(features, self.weight.T, self.bias).unflatten(-1, self.shape)

    def nats(self, features: Tensor, x: Tensor, exact: bool = False) -> Tensor:
        """Return -log p of `x` Int[..., entries] in its shape; where `exact`, normalised in double precision."""
        logits = self.logits(features)
        if exact:
            return -logits.double().log_softmax(-1).gather(-1, x[..., None])[..., 0]
        return nn.functional.cross_entropy(logits.flatten(0, -2), x.flatten(), reduction="none").view(x.shape)

    def choose(self, features: Tensor, choose: Chooser) -> np.ndarray:
        """Ask `choose` once for all entries of a step; features are Float[n, H], the answer Int[n, entries]."""
        probabilities = self.logits(features).double().softmax(-1).cpu().numpy()
        return np.array(choose(probabilities, np.arange(self.shape[0])), np.int64)

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return {"output.weight": self.weight, "output.bias": self.bias}


OUTPUTS: dict[str, type[nn.Module]] = {"categorical": Independent, "independent": Independent}
