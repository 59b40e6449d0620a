"""The context of WaveNet in PyTorch. Equations and weight layout: `etude.models.sequence.wavenet`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from etude.models.sequence.dilated import named, part_views
from etude.models.torch.dilated import CausalConvolution, Dropout, Linear
from etude.models.torch.network import Network, around, sizes

Term = Callable[[int], Tensor | None]  # of a layer


class GatedLayer(nn.Module):
    """A dilated causal convolution into filters and gates, and the two ways out of it."""

    def __init__(self, residual: int, skip: int, kernel: int, dilation: int, last: bool):
        super().__init__()
        self.gated = CausalConvolution(residual, 2 * residual, kernel, dilation)
        self.residual = None if last else Linear(residual, residual)
        self.skip = Linear(residual, skip)

    def forward(self, x: Tensor, before: Tensor | None, term: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return z and the gates, Float[T, n, R] each, of x Float[T, n, R], and the layer's cache.

        A `term` Float[T or 1, n or 1, 2R] is added to filter and gate.
        """
        activations, cache = self.gated(x, before)
        filters, gates = (activations if term is None else activations + term).chunk(2, dim=-1)
        gates = torch.sigmoid(gates)
        return torch.tanh(filters) * gates, gates, cache

    def views(self) -> dict[str, Tensor]:
        """Return the weights by their names in the layer."""
        return part_views({"gated": self.gated, "residual": self.residual, "skip": self.skip})


class GatedLayers(nn.Module):
    """A causal convolution, the gated layers, and the end that reads the sum of their skips.

    State: the last (kernel - 1) * dilation inputs of the causal convolution and of every layer.
    """

    def __init__(self, inputs: int, residual: int, skip: int, kernel: int, dilations: Sequence[int], dropout: float):
        super().__init__()
        last = len(dilations) - 1
        self.input = CausalConvolution(inputs, residual, kernel, 1)
        self.layers = nn.ModuleList(GatedLayer(residual, skip, kernel, d, i == last) for i, d in enumerate(dilations))
        self.end, self.dropout, self.features = Linear(skip, skip), Dropout(dropout), skip

    def forward(self, vectors: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Return features Float[n, T, S] of vectors Float[n, T, inputs], and the caches of all layers."""
        skips, _, caches = self.read(vectors, state)
        return self.ended(skips), caches

    def opened(self, vectors: Tensor) -> list[Tensor]:
        """Return the gates of each layer, Float[T, n, R], from the first step of a piece."""
        return self.read(vectors)[1]

    def ended(self, skips: Tensor) -> Tensor:
        """Return features Float[n, T, S] of the sum of the skips Float[T, n, S]."""
        return self.dropout(torch.relu(self.end(torch.relu(skips)))).transpose(0, 1)

    def read(
        self,
        vectors: Tensor,
        state: list[Tensor] | None = None,
        term: Term = lambda layer: None,
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Return the sum of the skips Float[T, n, S], the gates of each layer Float[T, n, R], and all caches.

        `term` gives what is added to filter and gate of each layer.
        """
        before = [None] * (1 + len(self.layers)) if state is None else state
        x, cache = self.input(vectors.transpose(0, 1), before[0])
        skips, opened, caches = 0, [], [cache]
        for i, (layer, past) in enumerate(zip(self.layers, before[1:], strict=True)):
            z, gates, cache = layer(self.dropout(x), past, term(i))
            skips, opened, caches = skips + layer.skip(z), [*opened, gates], [*caches, cache]
            x = x if layer.residual is None else x + layer.residual(z)
        return skips, opened, caches

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return named("wavenet", part_views({"input": self.input, **dict(enumerate(self.layers)), "end": self.end}))


class GatedNetwork(Network):
    """A `Network` whose context is `GatedLayers`."""

    def gates(self, past: np.ndarray) -> np.ndarray:
        """Return the gates of a piece: see `etude.models.halves.GatedNetwork`."""
        with self.still():
            vectors = self.embedding(self.tensor(past)[None], self.tensor(np.ones(1, bool)))
            return torch.stack(self.context.opened(vectors), dim=2)[:, 0].cpu().numpy()


def build(model) -> GatedNetwork:
    """Return the network of a `WaveNet`."""
    layers = GatedLayers(**sizes(model, "residual", "skip", "kernel", "dropout"), dilations=model.dilations)
    return around(layers, model, GatedNetwork)
