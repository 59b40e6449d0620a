"""The context of the TCN in PyTorch. Equations and weight layout: `etude.models.sequence.tcn`."""

from __future__ import annotations

from torch import Tensor, nn

from etude.models.sequence.dilated import doubling, named, part_views
from etude.models.torch.dilated import CausalConvolution, Dropout, Linear
from etude.models.torch.network import Network, around, sizes

Cache = tuple[Tensor, Tensor]  # the last inputs of a block's two convolutions, Float[(kernel - 1) * dilation, n, C]


class Block(nn.Module):
    """Two dilated causal convolutions, and the way around them."""

    def __init__(self, inputs: int, channels: int, kernel: int, dilation: int, dropout: float):
        super().__init__()
        self.first = CausalConvolution(inputs, channels, kernel, dilation)
        self.second = CausalConvolution(channels, channels, kernel, dilation)
        self.project = Linear(inputs, channels) if inputs != channels else nn.Identity()
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, cache: Cache | tuple[None, None]) -> tuple[Tensor, Cache]:
        """Return Float[T, n, channels] of x Float[T, n, inputs], and the block's cache."""
        y, first = self.first(x, cache[0])
        y, second = self.second(self.dropout(y.relu_()), cache[1])
        return (self.dropout(y.relu_()) + self.project(x)).relu_(), (first, second)

    def views(self) -> dict[str, Tensor]:
        """Return the weights by their names in the block."""
        project = self.project if isinstance(self.project, Linear) else None
        return part_views({"first": self.first, "second": self.second, "project": project})


class Blocks(nn.Module):
    """Residual blocks on top of each other, the dilation doubling from one to the next."""

    def __init__(self, inputs: int, channels: int, kernel: int, blocks: int, dropout: float):
        super().__init__()
        widths, self.features = [inputs] + [channels] * blocks, channels
        self.blocks = nn.ModuleList(
            Block(widths[i], channels, kernel, dilation, dropout) for i, dilation in enumerate(doubling(blocks))
        )

    def forward(self, vectors: Tensor, state: list[Cache] | None = None) -> tuple[Tensor, list[Cache]]:
        """Return features Float[n, T, channels] of vectors Float[n, T, inputs], and the caches of all blocks."""
        x, caches = vectors.transpose(0, 1), []
        for i, block in enumerate(self.blocks):
            x, cache = block(x, (None, None) if state is None else state[i])
            caches.append(cache)
        return x.transpose(0, 1), caches

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return named("tcn", part_views(dict(enumerate(self.blocks))))


def build(model) -> Network:
    """Return the network of a `TCN`."""
    return around(Blocks(**sizes(model, "channels", "kernel", "blocks", "dropout")), model)
