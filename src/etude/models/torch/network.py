"""A sequence model in PyTorch: embedding, context and output, with NumPy at its face."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import log

import numpy as np
import torch
from torch import Tensor, nn

from etude.errors import CorruptCheckpoint
from etude.models.torch.outputs import build
from etude.types import Space


class Embedding(nn.Module):
    """Events as vectors: the sum over entries of one row per code, and a learnt vector for the start of a piece.

    That is one-hot coding of all entries followed by a linear layer, without building the ones and zeros.
    """

    def __init__(self, space: Space, size: int):
        super().__init__()
        self.entries = space.entries
        self.table = nn.Parameter(torch.zeros(space.entries * space.levels, size))
        self.start = nn.Parameter(torch.zeros(size))
        self.register_buffer("offsets", torch.arange(space.entries) * space.levels, persistent=False)

    def forward(self, past: Tensor, first: Tensor) -> Tensor:
        """Return vectors Float[n, T, size] of events Int[n, T, entries]; where `first` Bool[n], step 0 is the start."""
        if not len(self.start):  # a context that remembers nothing
            return self.start.new_zeros(*past.shape[:2], 0)
        rows = (past + self.offsets).flatten(0, 1)  # (n * T, entries)
        vectors = (
            nn.functional.embedding_bag(rows, self.table, mode="sum") if self.entries > 1 else self.table[rows[:, 0]]
        )
        vectors = vectors.unflatten(0, past.shape[:2])
        begin = torch.where(first[:, None, None], self.start, vectors[:, :1])
        return torch.cat([begin, vectors[:, 1:]], dim=1)

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return {"embedding.table": self.table, "embedding.start": self.start}


class Network(nn.Module):
    """A context between an embedding and an output distribution.

    Parameters
    ----------
    space : Space
    embedding : int
    context : Module
        `context(vectors Float[n, T, embedding], state) -> (features Float[n, T, context.features], state)`, where the
        features of a step depend on vectors up to and with that step; `views()` gives its weights.
    output : str
        A name in `etude.models.outputs.OUTPUTS`.
    hidden : int, optional
        Units of the output's own hidden layer.
    """

    def __init__(self, space: Space, embedding: int, context: nn.Module, output: str, hidden: int | None = None):
        super().__init__()
        self.embedding = Embedding(space, embedding)
        self.context = context
        self.output = build(output, context.features, space, hidden)

    def features(self, past: Tensor, first: Tensor, state=None):
        """Return the context of every step, Float[n, T, H], and the state after the last."""
        return self.context(self.embedding(past, first), state)

    def loss(self, batch) -> Tensor:
        """Return the mean nats per step of a `Batch` of tensors."""
        features, _ = self.features(batch.events[:, :-1], batch.first)
        return self.output.nats(features[batch.mask], batch.events[:, 1:][batch.mask]).sum(-1).mean()

    def surprise(self, past, first, x, state=None):
        """Return -log2 p of `x` as Float64[n, T, entries] and the state: the framework-free face for scoring."""
        with self._still():
            features, state = self.features(self._tensor(past), self._tensor(first), state)
            nats = self.output.nats(features, self._tensor(x), exact=True)
            return nats.cpu().numpy() / log(2), state

    def step(self, past, first, choose, state=None):
        """Return the next event Int[n, entries] that `choose` picks, and the state: the face for generation."""
        with self._still():
            features, state = self.features(self._tensor(past)[:, None], self._tensor(first), state)
            return self.output.choose(features[:, 0], choose), state

    def views(self) -> dict[str, Tensor]:
        """Return all weights in the shared layout, as views of the parameters."""
        return {**self.embedding.views(), **self.context.views(), **self.output.views()}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all weights in the shared layout, as Float32 copies."""
        return {name: view.detach().cpu().numpy().copy() for name, view in self.views().items()}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take on weights in the shared layout."""
        views = self.views()
        expected = {name: tuple(view.shape) for name, view in views.items()}
        got = {name: array.shape for name, array in arrays.items()}
        if got != expected:
            wrong = sorted(k for k in expected.keys() | got.keys() if expected.get(k) != got.get(k))[0]
            raise CorruptCheckpoint(f"{wrong} of shape {expected.get(wrong)}", f"{got.get(wrong)}", "Train it again.")
        with torch.no_grad():
            for name, view in views.items():
                view.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name], np.float32)))
        self.eval()

    @contextmanager
    def on_fastest_device(self) -> Iterator[None]:
        """Stay on the GPU, where there is one, for the time of the block."""
        before = self.embedding.start.device
        self.to("cuda" if torch.cuda.is_available() else before)
        try:
            yield
        finally:
            self.to(before)

    @contextmanager
    def _still(self) -> Iterator[None]:
        """Neither dropout nor gradients."""
        learning = self.training
        self.eval()
        try:
            with torch.inference_mode():
                yield
        finally:
            self.train(learning)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), device=self.embedding.start.device)
