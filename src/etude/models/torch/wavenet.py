"""The context of WaveNet in PyTorch. Equations and weight layout: `etude.models.sequence.wavenet`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from etude.models.sequence.dilated import named
from etude.models.torch.dilated import CausalConvolution, Dropout, Linear


class GatedLayer(nn.Module):
    """A dilated causal convolution into filters and gates, and the two ways out of it."""

    def __init__(self, residual: int, skip: int, kernel: int, dilation: int, last: bool):
        super().__init__()
        self.gated = CausalConvolution(residual, 2 * residual, kernel, dilation)
        self.residual = None if last else Linear(residual, residual)
        self.skip = Linear(residual, skip)

    def forward(self, x: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return z and the gates, Float[T, n, R] each, of x Float[T, n, R], and the layer's cache."""
        activations, cache = self.gated(x, before)
        filters, gates = activations.chunk(2, dim=-1)
        gates = torch.sigmoid(gates)
        return torch.tanh(filters) * gates, gates, cache

    def views(self) -> dict[str, Tensor]:
        """Return the weights by their names in the layer."""
        parts = {"gated": self.gated, "residual": self.residual, "skip": self.skip}
        layers = {name: part for name, part in parts.items() if part is not None}
        return {name: view for prefix, part in layers.items() for name, view in named(prefix, part.views()).items()}


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
        return self.dropout(torch.relu(self.end(torch.relu(skips)))).transpose(0, 1), caches

    def read(self, vectors: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Return the sum of the skips Float[T, n, S], the gates of each layer Float[T, n, R], and all caches."""
        before = [None] * (1 + len(self.layers)) if state is None else state
        x, cache = self.input(vectors.transpose(0, 1), before[0])
        skips, opened, caches = 0, [], [cache]
        for layer, past in zip(self.layers, before[1:], strict=True):
            z, gates, cache = layer(self.dropout(x), past)
            skips, opened, caches = skips + layer.skip(z), [*opened, gates], [*caches, cache]
            x = x if layer.residual is None else x + layer.residual(z)
        return skips, opened, caches

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        parts = {"input": self.input, **{str(i): layer for i, layer in enumerate(self.layers)}, "end": self.end}
        views = {name: view for prefix, part in parts.items() for name, view in named(prefix, part.views()).items()}
        return named("wavenet", views)


def gates(network, past: np.ndarray) -> np.ndarray:
    """Return the gates of a WaveNet's `Network` before each step of a piece, Float32[T, layers, R].

    `past` Int[T, entries] holds the event before each step; the first is the start, whatever it says.
    """
    with torch.inference_mode():
        vectors = network.eval().embedding(torch.as_tensor(past)[None], torch.ones(1, dtype=torch.bool))
        return torch.stack(network.context.read(vectors)[1], dim=2)[:, 0].numpy()
