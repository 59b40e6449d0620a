"""The NADE output in PyTorch: the entries of a step from low to high, each given those below. See `models.outputs`."""

from __future__ import annotations

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
        shape, features, x = x.shape, features.flatten(0, -2), x.flatten(0, -2)
        units = self._units(features, *sounding(x, self.shape[1]))  # (N, K + 1, U)
        logits = (units @ self.write).unflatten(-1, self.shape) + self.logits(features)[:, None]
        below = (x > 0).cumsum(-1) - (x > 0).long()  # (N, E): sounding entries below each entry
        chosen = logits.gather(1, below[:, None, :, None].expand(-1, 1, -1, self.shape[1]))[:, 0]  # (N, E, L)
        return surprise(chosen, x, exact).view(shape)

    def choose(self, features: Tensor, choose: Chooser) -> np.ndarray:
        """Ask `choose` entry by entry; features are Float[n, H], the answer Int[n, entries]."""
        entries, levels = self.shape
        biases, before = self.logits(features), features @ self.context + self.hidden_bias
        write, x = self.write.unflatten(-1, self.shape), np.zeros((len(features), entries), np.int64)
        units = torch.sigmoid(before)
        for e in range(entries):
            probabilities = (biases[:, e] + units @ write[:, e]).double().softmax(-1)
            x[:, e] = choose(probabilities.cpu().numpy()[:, None], np.array([e]))[:, 0]
            code = torch.as_tensor(x[:, e], device=features.device)
            added = code > 0
            if added.any():
                before[added] += self.read[e * (levels - 1) + code[added] - 1]
                units = torch.sigmoid(before)
        return x

    def _units(self, features: Tensor, rows: Tensor, exists: Tensor) -> Tensor:
        """Return the hidden layer after 0, 1, .., K sounding entries, Float[N, K + 1, U]."""
        read = self.read[rows] * exists[..., None]  # (N, K, U)
        start = (features @ self.context + self.hidden_bias)[:, None]
        return torch.sigmoid(torch.cat([start, read], dim=1).cumsum(dim=1))

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        own = {"bias": self.hidden_bias, "context": self.context, "read": self.read, "write": self.write}
        return {**super().views(), **{f"output.nade.{name}": weight for name, weight in own.items()}}


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
