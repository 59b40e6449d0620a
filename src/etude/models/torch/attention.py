"""The context of causal self-attention in PyTorch. Equations and weight layout: `etude.models.sequence.attention`."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import torch
from torch import Tensor, nn

from etude.models.sequence.attention import WIDER
from etude.models.sequence.dilated import named, part_views
from etude.models.torch.dilated import Dropout, Linear
from etude.models.torch.network import Network, around, sizes
from etude.models.torch.recall import Recall

AT_ONCE = 128  # steps: what looks back is a band, so blocks of it need neither the memory nor the time of a square
Cache = tuple[Tensor, Tensor]  # keys and values of the last steps of a layer, Float[n, at most span - 1, C]


class Norm(nn.LayerNorm):
    """A layer normalisation that names its weights."""

    def views(self) -> dict[str, Tensor]:
        """Return scale and shift."""
        return {"weight": self.weight, "bias": self.bias}


class Layer(nn.Module):
    """Self-attention, then a layer of its own for each step, each normalised first and added to what it read."""

    def __init__(self, channels: int, heads: int, span: int, distances: int, dropout: float):
        super().__init__()
        self.heads, self.span, self.size = heads, span, channels // heads
        self.norm, self.between = Norm(channels), Norm(channels)
        self.read, self.output = Linear(channels, 3 * channels), Linear(channels, channels)
        self.inner, self.outer = Linear(channels, WIDER * channels), Linear(WIDER * channels, channels)
        self.positions = nn.Parameter(torch.zeros(heads, distances, self.size))
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, cache: Cache | None) -> tuple[Tensor, Cache, Tensor]:
        """Return Float[n, T, C] of x in its shape, the cache, and the weights Float[n, heads, T, steps looked at]."""
        query, *news = self.read(self.norm(x)).chunk(3, dim=-1)
        past = [torch.cat(parts, dim=1) for parts in zip(cache, news, strict=True)] if cache else news
        query, keys, values = (self._split(part) for part in (query, *past))
        weights = self.weights(query, keys)
        x = x + self.dropout(self.output((weights @ values).transpose(1, 2).flatten(2)))
        x = x + self.dropout(self.outer(torch.relu(self.inner(self.between(x)))))
        begin = max(0, keys.shape[2] - (self.span - 1))
        return x, (past[0][:, begin:], past[1][:, begin:]), weights

    def weights(self, query: Tensor, keys: Tensor) -> Tensor:
        """Return weights Float[n, heads, T, S] of queries Float[n, heads, T, D]; the last T of S keys are theirs."""
        steps, seen = query.shape[2], keys.shape[2]
        ago = torch.arange(seen - 1, -1, -1, device=query.device)  # of each key, from the last query
        vectors = self.positions[:, ago.clamp(max=self.positions.shape[1] - 1)]  # (heads, S, D)
        scores = query @ keys.mT + skewed(query @ vectors.mT)
        ago = ago - torch.arange(steps - 1, -1, -1, device=query.device)[:, None]
        return (scores / sqrt(self.size)).masked_fill((ago < 0) | (ago >= self.span), -inf).softmax(-1)

    def _split(self, part: Tensor) -> Tensor:
        return part.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (n, heads, steps, D)

    def views(self) -> dict[str, Tensor]:
        """Return the weights by their names in the layer."""
        names = ("norm", "read", "output", "between", "inner", "outer")
        return {**part_views({name: getattr(self, name) for name in names}), "positions": self.positions}


def skewed(by_distance: Tensor) -> Tensor:
    """Return scores by keys, Float[..., T, S], of scores by distance from S - 1 down to 0, in the same shape.

    Row t moves left by T - 1 - t (Huang et al. 2019, section 3.4.1); what comes in at its end is of later keys.
    """
    steps, seen = by_distance.shape[-2:]
    rows = nn.functional.pad(by_distance, (0, 1)).flatten(-2)
    return rows[..., steps - 1 : steps - 1 + steps * seen].unflatten(-1, (steps, seen))


class Layers(nn.Module):
    """Layers of self-attention on top of each other, and an optional look-up of the past."""

    def __init__(
        self,
        inputs: int,
        channels: int,
        heads: int,
        layers: int,
        span: int,
        distances: int,
        recall: int,
        dropout: float,
    ):
        super().__init__()
        self.features, self.dropout, self.norm = channels, Dropout(dropout), Norm(channels)
        self.input = Linear(inputs, channels) if inputs != channels else None
        self.layers = nn.ModuleList(Layer(channels, heads, span, distances, dropout) for _ in range(layers))
        self.recall = Recall(inputs, channels, recall) if recall else None

    def forward(self, vectors: Tensor, state: tuple | None = None) -> tuple[Tensor, tuple]:
        """Return features Float[n, T, C] of vectors Float[n, T, inputs], and the state after the last step.

        The state holds the caches of all layers, and of a look-up its keys and values.
        """
        caches, past = state or (None, ())
        parts = []
        for some in vectors.split(AT_ONCE, dim=1):
            features, caches, _ = self.looked(some, caches)
            if self.recall is not None:
                recalled, past = self.recall(features, some, past)
                features = features + recalled
            parts.append(features)
        return self.dropout(torch.cat(parts, dim=1)), (caches, past)

    def looked(self, vectors: Tensor, caches: list | None = None) -> tuple[Tensor, list[Cache], list[Tensor]]:
        """Return features, caches and the weights of every layer, all steps at once."""
        x = self.dropout(vectors if self.input is None else self.input(vectors))
        news, weights = [], []
        for layer, cache in zip(self.layers, caches or [None] * len(self.layers), strict=True):
            x, cache, looked = layer(x, cache)
            news, weights = [*news, cache], [*weights, looked]
        return self.norm(x), news, weights

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        parts = {"input": self.input, **dict(enumerate(self.layers)), "norm": self.norm}
        return {**named("attention", part_views(parts)), **(self.recall.views() if self.recall else {})}


class AttentiveNetwork(Network):
    """A `Network` whose context is `Layers`."""

    def attention(self, past: np.ndarray) -> np.ndarray:
        """Return what every head looks at: see `etude.models.halves.AttentiveNetwork`."""
        with self.still():
            vectors = self.embedding(self.tensor(past)[None], self.tensor(np.ones(1, bool)))
            return torch.cat(self.context.looked(vectors)[2]).cpu().numpy()


def build(model) -> AttentiveNetwork:
    """Return the network of an `Attention`."""
    names = ("channels", "heads", "layers", "span", "distances", "recall", "dropout")
    return around(Layers(**sizes(model, *names)), model, AttentiveNetwork)
