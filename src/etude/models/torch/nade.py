"""The NADE output in PyTorch: the entries of a step from low to high, each given those below. See `outputs`."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from etude.models.autoregressive import Chooser
from etude.models.torch.outputs import Independent, surprise
from etude.types import Space


class NADE(Independent):
    """Visible biases as in `Independent`, and a hidden layer that reads what sounds below an entry."""

    def __init__(self, features: int, space: Space, hidden: int):
        super().__init__(features, space)
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.context = nn.Parameter(torch.zeros(features, hidden))
        self.read = nn.Parameter(torch.zeros(space.entries * (space.levels - 1), hidden))
        self.write = nn.Parameter(torch.zeros(hidden, space.entries * space.levels))

    def nats(self, features: Tensor, x: Tensor, exact: bool = False) -> Tensor:
        """Return -log p of `x` Int[..., entries] in its shape, entry by entry; `exact`: in double precision."""
        flat = x.flatten(0, -2)
        return surprise(self.given_below(features.flatten(0, -2), flat), flat, exact).view(x.shape)

    def given_below(self, features: Tensor, x: Tensor) -> Tensor:
        """Return the logits of every entry given those below it in x Int[N, E], Float[N, E, L]."""
        units = self._units(features, *sounding(x, self.shape[1]))  # (N, K + 1, U)
        logits = (units @ self.write).unflatten(-1, self.shape) + self.logits(features)[:, None]
        below = (x > 0).cumsum(-1) - (x > 0).long()  # (N, E): sounding entries below each entry
        return logits.gather(1, below[:, None, :, None].expand(-1, 1, -1, self.shape[1]))[:, 0]

    def choose(self, features: Tensor, choose: Chooser) -> np.ndarray:
        """Ask `choose` entry by entry; features are Float[n, H], the answer Int[n, entries]."""
        walks, x = self.walks(features), np.zeros((len(features), self.shape[0]), np.int64)
        for e in range(self.shape[0]):
            probabilities = sum(walk.logits(e) for walk in walks).double().softmax(-1)
            x[:, e] = choose(probabilities.cpu().numpy()[:, None], np.array([e]))[:, 0]
            code = torch.as_tensor(x[:, e], device=features.device)
            sounds = code > 0
            if sounds.any():
                for walk in walks:
                    walk.hear(e, code, sounds)
        return x

    def walks(self, features: Tensor) -> list[Walk]:
        """Return the parts that the logits are a sum of, before the lowest entry."""
        return [HiddenLayer(self, features)]

    def _units(self, features: Tensor, rows: Tensor, exists: Tensor) -> Tensor:
        """Return the hidden layer after 0, 1, .., K sounding entries, Float[N, K + 1, U]."""
        read = self.read[rows] * exists[..., None]  # (N, K, U)
        start = (features @ self.context + self.hidden_bias)[:, None]
        return torch.sigmoid(torch.cat([start, read], dim=1).cumsum(dim=1))

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        own = {"bias": self.hidden_bias, "context": self.context, "read": self.read, "write": self.write}
        return {**super().views(), **{f"output.nade.{name}": weight for name, weight in own.items()}}


class Walk(Protocol):
    """A part of the logits of n steps, entry after entry from low to high."""

    def logits(self, e: int) -> Tensor:
        """Return the part's logits of entry e, Float[n, L]."""
        ...

    def hear(self, e: int, code: Tensor, sounds: Tensor) -> None:
        """Take notice of the codes Int[n] of entry e, which are not 0 where `sounds` Bool[n]."""
        ...


class HiddenLayer:
    """NADE's hidden layer and the visible biases."""

    def __init__(self, output: NADE, features: Tensor):
        self.output, self.biases = output, output.logits(features)
        self.before = features @ output.context + output.hidden_bias
        self.units, self.write = torch.sigmoid(self.before), output.write.unflatten(-1, output.shape)

    def logits(self, e: int) -> Tensor:
        """Return Float[n, L]."""
        return self.biases[:, e] + self.units @ self.write[:, e]

    def hear(self, e: int, code: Tensor, sounds: Tensor) -> None:
        """Add what sounds to the hidden layer."""
        self.before[sounds] += self.output.read[e * (self.output.shape[1] - 1) + code[sounds] - 1]
        self.units = torch.sigmoid(self.before)


def sounding(x: Tensor, levels: int) -> tuple[Tensor, Tensor]:
    """Return the rows of `read` that the sounding entries of x Int[N, E] have, low to high, Int[N, K], and which exist.

    K is the most that sound at once.
    """
    counts = (x > 0).sum(-1)
    most = int(counts.max()) if len(x) else 0
    order = (x > 0).to(torch.uint8).sort(dim=-1, descending=True, stable=True).indices[:, :most]  # (N, K)
    exists = torch.arange(most, device=x.device) < counts[:, None]
    rows = order * (levels - 1) + x.gather(1, order) - 1
    return rows.clamp_min(0), exists
