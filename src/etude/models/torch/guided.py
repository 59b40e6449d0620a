"""WaveNet with a guide in PyTorch. Equations and weight layout: `etude.models.sequence.guided`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from etude.errors import EtudeError
from etude.models.sequence.dilated import named
from etude.models.torch.dilated import Linear
from etude.models.torch.network import around, sizes
from etude.models.torch.wavenet import GatedLayers, GatedNetwork
from etude.types import Space


class Along(NamedTuple):
    """Where a batch stands along its guides."""

    caches: list[Tensor] | None  # of the convolutions
    local: Tensor  # Float[F, n or 1, layers, 2R], what each frame adds to each layer's filter and gate
    at: int  # the next step


class GuidedLayers(GatedLayers):
    """The gated layers of a WaveNet, each with a term from the guide. State: `Along`."""

    def __init__(self, guide: Space, hop: int, channels: int, **sizes):
        super().__init__(**sizes)
        self.hop = hop
        spoken = guide.levels - 1  # codes that say something
        self.register_buffer("offsets", torch.arange(guide.entries) * spoken - 1, persistent=False)
        self.table = nn.Parameter(torch.zeros(guide.entries * spoken, channels))
        self.around = Linear(3 * channels, channels)
        self.local = nn.Parameter(torch.zeros(channels, len(self.layers) * 2 * sizes["residual"]))
        self.given: Along | None = None  # where `forward` begins when it gets no state

    def along(self, frames: Tensor, inside: Tensor) -> Along:
        """Return the state before the first step of pieces that follow frames Int[n, F + 2, G]; see `GuidedBatch`."""
        vectors = self._vectors(frames * inside[..., None]).transpose(0, 1)
        u = torch.tanh(self.around(torch.cat([vectors[:-2], vectors[1:-1], vectors[2:]], dim=-1)))
        return Along(None, (u @ self.local).unflatten(-1, (len(self.layers), -1)), 0)

    def _vectors(self, frames: Tensor) -> Tensor:
        """Return v Float[n, F, C] of frames Int[n, F, G]."""
        if not len(self.table):  # a guide of one level
            return self.table.new_zeros(*frames.shape[:2], self.table.shape[1])
        said = (frames > 0).flatten(0, 1)
        weights = said / said.sum(dim=1, keepdim=True).clamp(min=1).sqrt()
        rows = (frames + self.offsets).flatten(0, 1).clamp(min=0)
        bags = nn.functional.embedding_bag(rows, self.table, mode="sum", per_sample_weights=weights)
        return bags.unflatten(0, frames.shape[:2])

    def forward(self, vectors: Tensor, state: Along | None = None) -> tuple[Tensor, Along]:
        """Return features Float[n, T, S] of vectors Float[n, T, inputs], and the state after them."""
        state = self.given if state is None else state
        steps = vectors.shape[1]
        skips, _, caches = self.read(vectors, state.caches, spread(state.local, self.hop, state.at, steps))
        return self.ended(skips), state._replace(caches=caches, at=state.at + steps)

    def opened(self, vectors: Tensor) -> list[Tensor]:
        """Return the gates of each layer, Float[T, n, R], from the first step of a piece."""
        return self.read(vectors, None, spread(self.given.local, self.hop, 0, vectors.shape[1]))[1]

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return {
            **super().views(),
            "guide.table": self.table,
            **named("guide.around", self.around.views()),
            "guide.local": self.local,
        }


class GuidedNetwork(GatedNetwork):
    """A `Network` whose context is `GuidedLayers`."""

    def learning_features(self, batch) -> Tensor:
        """Return what the output of every step of a `GuidedBatch` of tensors is computed from, while learning."""
        with self._at(self.context.along(batch.frames, batch.inside)):
            return self.features(batch.past, batch.first)[0]

    def begin(self, frames: np.ndarray, inside: np.ndarray) -> Along:
        """Return the state before the first step of pieces that follow `frames`; see `GuidedBatch`."""
        with self.still():
            return self.context.along(self.tensor(frames), self.tensor(inside))

    def local(self, frames: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Return what frames add to filter and gate of every layer, Float32[n, F, layers, 2R]."""
        return self.begin(frames, inside).local.transpose(0, 1).cpu().numpy()

    @contextmanager
    def following(self, frames: np.ndarray, inside: np.ndarray):
        """Let pieces that begin inside the block follow `frames`."""
        with self._at(self.begin(frames, inside)):
            yield

    @contextmanager
    def _at(self, state: Along):
        self.context.given = state
        try:
            yield
        finally:
            self.context.given = None


def spread(local: Tensor, hop: int, at: int, steps: int) -> Callable[[int], Tensor]:
    """Return a function of the layer: what the guide adds to it at steps `at` .. `at + steps - 1`, Float[steps, n, 2R].

    Where all lie in one frame, one row that is added to each.
    """
    first, last = at // hop, (at + steps - 1) // hop
    if last >= len(local):
        raise EtudeError("a guide as long as its piece", f"{len(local)} frames of {hop} steps", "Lengthen the guide.")
    if first == last:
        return lambda layer: local[first : first + 1, :, layer]
    part, offset = local[first : last + 1], at - first * hop
    return lambda layer: part[:, None, :, layer].expand(-1, hop, -1, -1).flatten(0, 1)[offset : offset + steps]


def build(model) -> GuidedNetwork:
    """Return the network of a `GuidedWaveNet`."""
    guide = {"guide": model.guide, "hop": model.hop, "channels": model.options["guide_channels"]}
    of_wavenet = sizes(model, "residual", "skip", "kernel", "dropout")
    return around(GuidedLayers(**guide, **of_wavenet, dilations=model.dilations), model, GuidedNetwork)
