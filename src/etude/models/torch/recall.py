"""The look-up of a piece's own past in PyTorch: what followed the moments that were like this one?

Equations and weight layout: `etude.models.sequence.rnn`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Recall(nn.Module):
    """Attention from the state of a step to earlier states, whose values are the events that followed them.

    Parameters
    ----------
    inputs : int
        Size of an event's vector.
    hidden : int
        Size of a state.
    heads : int
    """

    def __init__(self, inputs: int, hidden: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.keys, self.output = (nn.Parameter(torch.zeros(hidden, hidden)) for _ in range(3))
        self.values, self.key = nn.Parameter(torch.zeros(inputs, hidden)), nn.Parameter(torch.zeros(hidden))
        self.sharpness = nn.Parameter(torch.ones(heads))

    def forward(self, states: Tensor, vectors: Tensor, past: tuple[Tensor, ...]) -> tuple[Tensor, tuple]:
        """Return what is recalled, Float[n, T, hidden], and the past for the steps that follow.

        `states` Float[n, T, hidden] and `vectors` Float[n, T, inputs] are of the same steps: the vector of step t is
        the event that followed the state of step t - 1. The past holds the keys and values of the steps before; it is
        empty at first.
        """
        keys, values = past or (self.key.expand(len(states), 1, -1), vectors.new_zeros(len(states), 1, states.shape[2]))
        before, steps = keys.shape[1] - 1, states.shape[1]
        near = self._directions(states @ self.keys)
        keys = torch.cat([keys, near], dim=1)  # (n, 1 + P + T, hidden): nothing, then states 0, 1, ..
        new = vectors if past else vectors[:, 1:]  # the start of a piece follows no state
        values = torch.cat([values, new @ self.values], dim=1)  # (n, P + T, hidden): nothing, what followed state 0, ..
        now = torch.arange(before, before + steps, device=states.device)
        allowed = torch.arange(before + steps, device=states.device) <= now[:, None]
        query, near, follow = map(self._split, (self._directions(states @ self.query), keys[:, :-1], values))
        query = query * self.sharpness[:, None, None]
        recalled = nn.functional.scaled_dot_product_attention(query, near, follow, attn_mask=allowed, scale=1.0)
        return recalled.transpose(1, 2).flatten(2) @ self.output, (keys, values)

    def _directions(self, part: Tensor) -> Tensor:
        """Return Float[n, T, hidden] with the part of each head scaled to length 1."""
        return nn.functional.normalize(part.unflatten(2, (self.heads, -1)), dim=-1).flatten(2)

    def _split(self, part: Tensor) -> Tensor:
        return part.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (n, heads, steps, size)

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        weights = {name: getattr(self, name) for name in ("query", "keys", "values", "output", "key", "sharpness")}
        return {f"recall.{name}": weight for name, weight in weights.items()}
