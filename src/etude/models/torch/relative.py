"""The relative output in PyTorch: keys low to high, given by intervals to the step before and to the keys below.

Equations: `models.outputs`. While learning, all entries of a step are computed side by side: an entry sees the codes of
lower entries because the kernel Q has no interval of zero or less.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from etude.models.autoregressive import Chooser
from etude.models.torch.outputs import Independent, surprise
from etude.types import Space

DROPPED = 0.25  # share of channels dropped while learning


class Relative(Independent):
    """Visible biases as in `Independent`, and a small network over the entries with the same weights for each."""

    def __init__(self, features: int, space: Space, hidden: int):
        super().__init__(features, space)
        entries, levels = self.shape
        self.hidden, self.size = hidden, features
        self.before = nn.Parameter(torch.zeros(levels - 1, 2 * entries - 1, hidden))
        self.below = nn.Parameter(torch.zeros(levels - 1, entries - 1, hidden))
        self.place = nn.Parameter(torch.zeros(entries, hidden))
        self.context = nn.Parameter(torch.zeros(features, hidden * (3 + levels)))
        self.bias_in = nn.Parameter(torch.zeros(hidden))
        self.mix, self.bias_mix = nn.Parameter(torch.zeros(hidden, hidden)), nn.Parameter(torch.zeros(hidden))
        self.write = nn.Parameter(torch.zeros(hidden, levels))
        self.dropout = nn.Dropout(DROPPED)

    def given(self, features: Tensor, past: Tensor, first: Tensor) -> Tensor:
        """Return the features Float[n, T, H] with the codes of the step before behind them; at the start, zeros."""
        start = first[:, None, None] & (torch.arange(past.shape[1], device=past.device) == 0)[:, None]
        return torch.cat([features, past.masked_fill(start, 0).to(features.dtype)], dim=-1)

    def nats(self, features: Tensor, x: Tensor, exact: bool = False) -> Tensor:
        """Return -log p of `x` Int[..., entries] in its shape, entry by entry; `exact`: in double precision."""
        shape, x = x.shape, x.flatten(0, -2)
        features, past = self._parts(features.flatten(0, -2))
        inner = self._inner(features, past) + self._read(x, self._below())
        logits = self.logits(features) + self._outer(inner, *self._modulation(features))
        return surprise(logits, x, exact).view(shape)

    def choose(self, features: Tensor, choose: Chooser) -> np.ndarray:
        """Ask `choose` entry by entry; features are Float[n, H + entries], the answer Int[n, entries]."""
        features, past = self._parts(features)
        biases, inner = self.logits(features), self._inner(features, past)
        modulation, x = self._modulation(features), np.zeros((len(features), self.shape[0]), np.int64)
        for e in range(self.shape[0]):
            logits = biases[:, e] + self._outer(inner[:, e : e + 1], *modulation)[:, 0]
            p = logits.double().softmax(-1).cpu().numpy()
            x[:, e] = choose(p[:, None], np.array([e]))[:, 0]
            code = torch.as_tensor(x[:, e], device=features.device)
            added = code > 0
            if added.any():
                inner[added, e + 1 :] += self.below[code[added] - 1, : self.shape[0] - 1 - e]
        return x

    def _parts(self, given: Tensor) -> tuple[Tensor, Tensor]:
        return given[:, : self.size], given[:, self.size :].long()

    def _inner(self, features: Tensor, past: Tensor) -> Tensor:
        """Return s Float[N, E, U] before the step's own entries are read."""
        start = features @ self.context[:, : self.hidden] + self.bias_in
        return self._read(past, by_interval(self.before)) + start[:, None] + self.place

    def _below(self) -> Tensor:
        """Return what each code adds to each entry, Float[L - 1, E, E, U]: nothing to itself and to those below."""
        return by_interval(nn.functional.pad(self.below, (0, 0, self.shape[0], 0)))

    def _read(self, codes: Tensor, table: Tensor) -> Tensor:
        """Return the sum over sounding entries f of table[code - 1, f], Float[N, E, U], for codes Int[N, E]."""
        step, entry = codes.nonzero(as_tuple=True)
        rows = (codes[step, entry] - 1) * self.shape[0] + entry
        begins = torch.searchsorted(step, torch.arange(len(codes), device=codes.device))
        total = nn.functional.embedding_bag(rows, table.flatten(0, 1).flatten(1), begins, mode="sum")
        return total.unflatten(1, (self.shape[0], self.hidden))

    def _modulation(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the context's scale [N, 1, U], shift [N, 1, U] and weights [N, U, L] of the second layer."""
        scale, shift, write = (features @ self.context[:, self.hidden :]).split(
            [self.hidden, self.hidden, self.hidden * self.shape[1]], dim=-1
        )
        return 1 + scale[:, None], (shift + self.bias_mix)[:, None], self.write + write.unflatten(-1, self.write.shape)

    def _outer(self, inner: Tensor, scale: Tensor, shift: Tensor, write: Tensor) -> Tensor:
        """Return what the network adds to the logits, Float[N, entries, L], for s Float[N, entries, U]."""
        outer = torch.relu(self.dropout(torch.relu(inner)) @ self.mix * scale + shift)
        return outer @ write

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        names = {"before": self.before, "below": self.below, "place": self.place, "context": self.context}
        names |= {"bias": self.bias_in, "mix": self.mix, "shift": self.bias_mix, "write": self.write}
        return {**super().views(), **{f"output.relative.{name}": weight for name, weight in names.items()}}


def by_interval(kernel: Tensor) -> Tensor:
    """Return Float[L - 1, E, E, U], entry (f, e) the kernel Float[L - 1, 2 E - 1, U] at the interval e - f."""
    entries = (kernel.shape[1] + 1) // 2
    windows = kernel.unfold(1, entries, 1)  # (L - 1, i, U, e): the kernel at i + e
    return windows.flip(1).transpose(2, 3)  # i = E - 1 - f
