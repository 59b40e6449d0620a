"""NADE and a small network that sees by interval, in PyTorch: intervals, relative. See `models.sequence.outputs`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from etude.models.sequence.outputs import INTERVAL_CHANNELS, INTERVAL_DROPPED, interval_shapes
from etude.models.torch.dilated import Dropout
from etude.models.torch.nade import NADE, Walk
from etude.types import Space

NAMES = {"bias": "bias_in", "shift": "bias_mix", "write": "out"}  # of weights: those that kept fits have


class Intervals(NADE):
    """NADE, and beside it a small network over the entries with the same weights for each."""

    past = False  # whether it sees the step before

    def __init__(self, features: int, space: Space, hidden: int):
        super().__init__(features, space, hidden)
        for name, shape in interval_shapes(features, space, self.past).items():
            setattr(self, NAMES.get(name, name), nn.Parameter(torch.zeros(shape)))
        self.size, self.channels = features, INTERVAL_CHANNELS
        self.dropout = Dropout(INTERVAL_DROPPED)

    def given_below(self, given: Tensor, x: Tensor) -> Tensor:
        """Return the logits of every entry given those below it in x Int[N, E], Float[N, E, L]."""
        features, inner = given[:, : self.size], self.inner(given) + self._read(x, self._below())
        return super().given_below(features, x) + self.outer(inner, *self.modulations(features))

    def walks(self, given: Tensor) -> list[Walk]:
        """Return the parts that the logits are a sum of, before the lowest entry."""
        return [*super().walks(given[:, : self.size]), ByInterval(self, given)]

    def inner(self, given: Tensor) -> Tensor:
        """Return s Float[N, E, U] before the step's own entries are read."""
        return self._started(given) + self.place

    def _started(self, given: Tensor) -> Tensor:
        return (given[:, : self.size] @ self.modulation[:, : self.channels] + self.bias_in)[:, None]

    def _below(self) -> Tensor:
        """Return what each code adds to each entry, Float[L - 1, E, E, U]: nothing to itself and to those below."""
        return by_interval(nn.functional.pad(self.below, (0, 0, self.shape[0], 0)))

    def _read(self, codes: Tensor, table: Tensor) -> Tensor:
        """Return the sum over sounding entries f of table[code - 1, f], Float[N, E, U], for codes Int[N, E]."""
        step, entry = codes.nonzero(as_tuple=True)
        rows = (codes[step, entry] - 1) * self.shape[0] + entry
        begins = torch.searchsorted(step, torch.arange(len(codes), device=codes.device))
        total = nn.functional.embedding_bag(rows, table.flatten(0, 1).flatten(1), begins, mode="sum")
        return total.unflatten(1, (self.shape[0], self.channels))

    def modulations(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the context's scale [N, 1, U], shift [N, 1, U] and weights [N, U, L] of the second layer."""
        sizes = [self.channels, self.channels, self.channels * self.shape[1]]
        scale, shift, out = (features @ self.modulation[:, self.channels :]).split(sizes, dim=-1)
        write = self.out + out.unflatten(-1, self.out.shape)
        return 1 + scale[:, None], (shift + self.bias_mix)[:, None], write

    def outer(self, inner: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> Tensor:
        """Return what the network adds to the logits, Float[N, entries, L], for s Float[N, entries, U]."""
        return torch.relu(self.dropout(torch.relu(inner)) @ self.mix * scale + shift) @ out

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        names = interval_shapes(self.size, Space((self.shape[0],), self.shape[1]), self.past)
        own = {f"output.relative.{name}": getattr(self, NAMES.get(name, name)) for name in names}
        return {**super().views(), **own}


class Relative(Intervals):
    """As `Intervals`, and its small network looks at the step before, too."""

    past = True

    def given(self, features: Tensor, past: Tensor, first: Tensor) -> Tensor:
        """Return the features Float[n, T, H] with the codes of the step before behind them.

        At the start they are zeros, and everywhere under a context of no features: it remembers nothing.
        """
        start = first[:, None, None] & (torch.arange(past.shape[1], device=past.device) == 0)[:, None]
        unknown = start | (self.size == 0)
        return torch.cat([features, past.masked_fill(unknown, 0).to(features.dtype)], dim=-1)

    def _started(self, given: Tensor) -> Tensor:
        return self._read(given[:, self.size :].long(), by_interval(self.before)) + super()._started(given)


class ByInterval:
    """What the network over the entries adds to the logits."""

    def __init__(self, output: Intervals, given: Tensor):
        self.output, self.inner = output, output.inner(given)
        self.modulations = output.modulations(given[:, : output.size])

    def logits(self, e: int) -> Tensor:
        """Return Float[n, L]."""
        return self.output.outer(self.inner[:, e : e + 1], *self.modulations)[:, 0]

    def hear(self, e: int, code: Tensor, sounds: Tensor) -> None:
        """Tell the entries above e how far below them something sounds."""
        above = self.inner.shape[1] - 1 - e
        self.inner[sounds, e + 1 :] += self.output.below[code[sounds] - 1, :above]


def by_interval(kernel: Tensor) -> Tensor:
    """Return Float[L - 1, E, E, U], entry (f, e) the kernel Float[L - 1, 2 E - 1, U] at the interval e - f."""
    entries = (kernel.shape[1] + 1) // 2
    windows = kernel.unfold(1, entries, 1)  # (L - 1, i, U, e): the kernel at i + e
    return windows.flip(1).transpose(2, 3)  # i = E - 1 - f
