"""The order-agnostic convolutional network in PyTorch. Equations and weight layout: `etude.models.coconet`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from etude.models.torch.dilated import Linear
from etude.models.torch.weights import Weights
from etude.types import Space

STRUCTURED = 0.5  # share of training spans with a mask of each structured kind


class Convolution(Linear):
    """A dilated convolution that looks both ways, as one matrix product over its taps side by side."""

    def __init__(self, channels: int, kernel: int, dilation: int):
        super().__init__(kernel * channels, channels)
        self.kernel, self.dilation = kernel, dilation

    def forward(self, x: Tensor) -> Tensor:
        """Return Float[n, T, channels] of x Float[n, T, channels]; outside there are zeros."""
        reach = self.kernel // 2 * self.dilation
        padded = nn.functional.pad(x, (0, 0, reach, reach))
        taps = [padded[:, j * self.dilation :][:, : x.shape[1]] for j in range(self.kernel)]
        return super().forward(torch.cat(taps, dim=-1))


class Block(nn.Module):
    """Normalise, convolve, mix the channels, and add what came out to what came in."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.convolution = Convolution(channels, kernel, dilation)
        self.mix = Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, h: Tensor, present: Tensor) -> Tensor:
        """Return Float[n, T, channels]; steps that are not `present` Float[n, T, 1] are seen as zeros."""
        return h + self.mix(self.dropout(torch.relu(self.convolution(self.norm(h) * present))))


class MaskedConvolutions(Weights):
    """From pieces with hidden entries to a distribution of every entry; its loss is that of the orderless NADE."""

    def __init__(self, space: Space, channels: int, kernel: int, blocks: int, cycle: int, dropout: float):
        super().__init__()
        self.entries, self.levels = space.entries, space.levels
        self.input = Linear(space.entries * (space.levels + 1) + 1, channels)
        self.block = nn.ModuleList(Block(channels, kernel, 2 ** (i % cycle), dropout) for i in range(blocks))
        self.norm = nn.LayerNorm(channels)
        self.output = Linear(channels, space.entries * space.levels)
        self.register_buffer("codes", torch.arange(space.levels), persistent=False)

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
        planes, present = self._planes(x, known, exists, borders)
        h = self.input(planes)
        for block in self.block:
            h = block(h, present)
        return self.output(self.norm(h[:, 1:-1])).unflatten(-1, (self.entries, self.levels))

    def _planes(self, x, known, exists, borders) -> tuple[Tensor, Tensor]:
        """Return what the network reads, Float[n, T + 2, planes], and which steps are there, Float[n, T + 2, 1].

        A step is put before the first and after the last: where the piece ends, it says so by a plane of its own;
        where a span is cut, it is a step of which all is hidden.
        """
        n, steps = exists.shape
        shown = (x[..., None] == self.codes) & known[..., None]  # (n, T, entries, levels)
        inside = torch.cat([shown.flatten(2), ~known, torch.zeros_like(exists[..., None])], dim=-1)
        outside = torch.zeros(n, 2, inside.shape[-1], dtype=torch.bool, device=x.device)
        outside[..., self.entries * self.levels : -1] = ~borders[..., None]
        outside[..., -1] = borders
        last = 1 + exists.sum(1)
        planes = torch.cat([outside[:, :1], inside & exists[..., None], torch.zeros_like(outside[:, :1])], dim=1)
        planes[torch.arange(n, device=x.device), last] = outside[:, 1]
        present = torch.arange(steps + 2, device=x.device) <= last[:, None]
        return planes.to(self.input.weight.dtype), present[..., None].to(self.input.weight.dtype)

    def loss(self, batch) -> Tensor:
        """Return the mean nats per step of a `SpanBatch`, some of it hidden at random: Uria et al. 2014, eq. 7."""
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
