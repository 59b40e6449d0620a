"""The order-agnostic convolutional network in PyTorch. Equations and weight layout: `etude.models.masked.coconet`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from etude.models.torch.weights import Weights
from etude.types import Space

STRUCTURED = 0.5  # share of training spans with a mask of each structured kind


class Convolution(nn.Module):
    """A convolution along one axis of Float[n, channels, T, entries]; outside there are zeros."""

    def __init__(self, channels: int, kernel: int, axis: int, dilation: int = 1):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(kernel * channels, channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.kernel, self.axis = kernel, axis
        self.dilation = (dilation, 1) if axis == 0 else (1, dilation)
        self.padding = tuple(d * (kernel // 2) if i == axis else 0 for i, d in enumerate(self.dilation))

    def forward(self, x: Tensor) -> Tensor:
        """Return Float[n, channels, T, entries]."""
        taps = self.weight.unflatten(0, (self.kernel, -1)).permute(2, 1, 0).unsqueeze(3 - self.axis)  # (out, in, k)
        return nn.functional.conv2d(x, taps, self.bias, padding=self.padding, dilation=self.dilation)


class Block(nn.Module):
    """Normalise, look along time, look along the entries, and add what came out to what came in."""

    def __init__(self, channels: int, kernel: int, dilation: int, reach: int, dropout: float):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.time = Convolution(channels, kernel, 0, dilation)
        self.entries = Convolution(channels, reach, 1)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """Return Float[n, channels, T, entries]; steps not `present` Float[n, 1, T, 1] are seen as zeros."""
        x = self.norm(h.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) * present
        return h + self.entries(self.dropout(torch.relu(self.time(x))))


class MaskedConvolutions(Weights):
    """From pieces with hidden entries to a distribution of every entry; its loss is that of the orderless NADE."""

    def __init__(self, space: Space, channels: int, kernel: int, reach: int, blocks: int, cycle: int, dropout: float):
        super().__init__()
        self.entries, self.levels = space.entries, space.levels
        self.read = nn.Parameter(torch.zeros(space.levels + 2, channels))
        self.place = nn.Parameter(torch.zeros(space.entries, channels))
        self.block = nn.ModuleList(Block(channels, kernel, 2 ** (i % cycle), reach, dropout) for i in range(blocks))
        self.norm = nn.LayerNorm(channels)
        self.write = nn.Parameter(torch.zeros(channels, space.levels))
        self.bias = nn.Parameter(torch.zeros(space.entries, space.levels))

    def forward(self, x: Tensor, known: Tensor, exists: Tensor, borders: Tensor) -> Tensor:
        """Return logits Float[n, T, entries, levels].

        Parameters
        ----------
        x, known : Int[n, T, entries], Bool[n, T, entries]
        exists : Bool[n, T]
            False for the padding at the end of shorter pieces.
        borders : Bool[n, 2]
            Whether the first and the last step are those of the piece, or of a span cut out of it.
        """
        seen, present = self._seen(x, known, exists, borders)
        h = (self.read[seen] + self.place).permute(0, 3, 1, 2)  # (n, channels, T + 2, entries), channels innermost
        present = present[:, None, :, None].to(h.dtype)
        for block in self.block:
            h = block(h, present)
        return self.norm(h[:, :, 1:-1].permute(0, 2, 3, 1)) @ self.write + self.bias

    def _seen(self, x, known, exists, borders) -> tuple[Tensor, Tensor]:
        """Return what the network reads, Int[n, T + 2, entries], and which steps are there, Bool[n, T + 2].

        It reads a code, or that one is hidden, or that the piece does not go on. A step is put before the first and
        after the last: where the piece ends, it says so; where a span is cut, all of it is hidden.
        """
        hidden, outside = self.levels, self.levels + 1
        steps, last = exists.shape[1], 1 + exists.sum(1)
        seen = nn.functional.pad(torch.where(known, x, hidden), (0, 0, 1, 1), value=hidden)
        around = torch.where(borders, outside, hidden)
        seen[:, 0] = around[:, :1]
        seen[torch.arange(len(x), device=x.device), last] = around[:, 1:]
        return seen, torch.arange(steps + 2, device=x.device) <= last[:, None]

    def loss(self, batch) -> Tensor:
        """Return the mean nats per step of a `SpanBatch`, some of it hidden at random: Uria et al. 2014, section 3."""
        x, exists, borders = batch
        known = random_masks(x.shape, x.device) & exists[..., None]
        logits = self(x, known, exists, borders)
        nats = nn.functional.cross_entropy(logits.flatten(0, 2), x.flatten(), reduction="none").view(x.shape)
        hidden = ~known & exists[..., None]
        per_entry = (nats * hidden).sum((1, 2)) / hidden.sum((1, 2)).clamp_min(1)
        return (per_entry * exists.sum(1)).sum() / exists.sum() * self.entries

    def log_probabilities(self, x: np.ndarray, known: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Return log p, in nats, of the `asked` Bool[T, entries] entries of x Int[n, T, entries]: Float64[n, k, L]."""
        with self.still():
            x, known, asked = self.tensor(x), self.tensor(known), self.tensor(asked)
            exists, borders = x.new_ones(x.shape[:2], dtype=torch.bool), x.new_ones(len(x), 2, dtype=torch.bool)
            logits = self(x, known.expand(x.shape), exists, borders)
            return logits[:, asked].double().log_softmax(-1).cpu().numpy()


def build(model) -> MaskedConvolutions:
    """Return the network of a `Coconet`."""
    names = ("channels", "kernel", "reach", "blocks", "cycle", "dropout")
    return MaskedConvolutions(model.space, **{name: model.options[name] for name in names})


def random_masks(shape: tuple[int, int, int], device: torch.device) -> Tensor:
    """Return what is known of n spans, Bool[n, T, entries]: random entries, as the orderless NADE wants it, and more.

    Gaps in music are seldom random entries. For some spans, random whole steps are known too, or the random entries
    lie in random steps only, or the entries above a random one are known in all steps. Every share is even in [0, 1].
    """
    n, steps, entries = shape
    rates = torch.rand(4, n, 1, 1, device=device)
    drawn = torch.rand(3, n, 1, 1, device=device) < STRUCTURED
    known = torch.rand(shape, device=device) < rates[0]
    if entries == 1:
        return known
    known &= ~drawn[0] | (torch.rand(n, steps, 1, device=device) < rates[1])
    known |= drawn[1] & (torch.rand(n, steps, 1, device=device) < rates[2])
    above = torch.arange(entries, device=device) >= entries * rates[3]
    return known | (drawn[2] & above)
