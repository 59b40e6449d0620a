"""A sequence model in PyTorch: embedding, context and output, with NumPy at its face."""

from __future__ import annotations

from math import log
from typing import Any

import torch
from torch import Tensor, nn

from etude.models.torch.outputs import build_output
from etude.models.torch.weights import Weights
from etude.types import Space

FEW_LEVELS = 4  # up to here a product with ones and zeros is faster than adding up rows


class Embedding(nn.Module):
    """Events as vectors: the sum over entries of one row per code, and a learnt vector for the start of a piece.

    That is one-hot coding of all entries followed by a linear layer. With many levels the ones and zeros are not built.
    """

    def __init__(self, space: Space, size: int):
        super().__init__()
        self.entries, self.levels = space.entries, space.levels
        self.table = nn.Parameter(torch.zeros(space.entries * space.levels, size))
        self.start = nn.Parameter(torch.zeros(size))
        self.register_buffer("offsets", torch.arange(space.entries) * space.levels, persistent=False)

    def forward(self, past: Tensor, first: Tensor) -> Tensor:
        """Return vectors Float[n, T, size] of events Int[n, T, entries]; where `first` Bool[n], step 0 is the start."""
        if not len(self.start):  # a context that remembers nothing
            return self.start.new_zeros(*past.shape[:2], 0)
        vectors = self._vectors(past)
        begin = torch.where(first[:, None, None], self.start, vectors[:, :1])
        return torch.cat([begin, vectors[:, 1:]], dim=1)

    def _vectors(self, events: Tensor) -> Tensor:
        """Return the sum over entries of the rows of their codes, Float[n, T, size], for events Int[n, T, entries]."""
        if self.entries == 1:
            return self.table[events[..., 0]]
        if self.levels <= FEW_LEVELS:
            ones = events[..., None] == torch.arange(self.levels, device=events.device)
            return ones.flatten(2).to(self.table.dtype) @ self.table
        rows = (events + self.offsets).flatten(0, 1)  # (n * T, entries)
        return nn.functional.embedding_bag(rows, self.table, mode="sum").unflatten(0, events.shape[:2])

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return {"embedding.table": self.table, "embedding.start": self.start}


class Network(Weights):
    """A context between an embedding and an output distribution.

    Parameters
    ----------
    space : Space
    embedding : int
    context : Module
        `context(vectors Float[n, T, embedding], state) -> (features Float[n, T, context.features], state)`, where the
        features of a step depend on vectors up to and with that step; `views()` gives its weights. One whose state is
        carried from window to window also has `resumes` and `resumed(state, first)`.
    output : str
        A name in `etude.models.sequence.outputs.OUTPUTS`.
    hidden : int, optional
        Units of the output's own hidden layer.
    """

    def __init__(self, space: Space, embedding: int, context: nn.Module, output: str, hidden: int | None = None):
        super().__init__()
        self.embedding = Embedding(space, embedding)
        self.context = context
        self.output = build_output(output, context.features, space, hidden)

    def features(self, past: Tensor, first: Tensor, state=None):
        """Return what the output of every step is computed from, Float[n, T, H], and the state after the last."""
        features, state = self.context(self.embedding(past, first), state)
        return self.output.given(features, past, first), state

    def loss(self, batch) -> Tensor:
        """Return the mean nats per step of a `Batch` of tensors."""
        return self._mean_nats(self.learning_features(batch), batch)

    def _mean_nats(self, features: Tensor, batch) -> Tensor:
        return self.output.nats(features[batch.mask], batch.events[:, 1:][batch.mask]).sum(-1).mean()

    @property
    def resumes(self) -> int:
        """Windows of a multiple of so many steps may begin with the state in which others ended; 0: none may."""
        return getattr(self.context, "resumes", 0)

    def carried_loss(self, batch, state=None) -> tuple[Tensor, Any]:
        """Return the mean nats per step of a `Batch` of tensors that begins in a state, and the state after it.

        Where `batch.first`, a piece begins and its state is fresh, whatever `state` says; None is fresh everywhere.
        """
        state = None if state is None or bool(batch.first.all()) else self.context.resumed(state, batch.first)
        features, state = self.features(batch.events[:, :-1], batch.first, state)
        return self._mean_nats(features, batch), state

    def learning_features(self, batch) -> Tensor:
        """Return what the output of every step of a batch of tensors is computed from, while learning."""
        return self.features(batch.events[:, :-1], batch.first)[0]

    def surprise(self, past, first, x, state=None):
        """Return -log2 p of `x` as Float64[n, T, entries] and the state: the framework-free face for scoring."""
        with self.still():
            features, state = self.features(self.tensor(past), self.tensor(first), state)
            nats = self.output.nats(features, self.tensor(x), exact=True)
            return nats.cpu().numpy() / log(2), state

    def step(self, past, first, choose, state=None):
        """Return the next event Int[n, entries] that `choose` picks, and the state: the face for generation."""
        with self.still():
            features, state = self.features(self.tensor(past)[:, None], self.tensor(first), state)
            return self.output.choose(features[:, 0], choose), state

    def views(self) -> dict[str, Tensor]:
        """Return all weights in the shared layout, as views of the parameters."""
        return {**self.embedding.views(), **self.context.views(), **self.output.views()}


def around(context: nn.Module, model, kind: type[Network] = Network) -> Network:
    """Return the network of a sequence model around its context."""
    return kind(*parts(context, model))


def parts(context: nn.Module, model) -> tuple:
    """Return what the `Network` of a model is made of; without an embedding the context reads nothing."""
    options = model.options
    return model.space, options.get("embedding", 0), context, options["output"], options["output_hidden"]


def sizes(model, *names: str) -> dict:
    """Return the options of a sequence model that its context is built with, and what it reads."""
    return {"inputs": model.options["embedding"], **{name: model.options[name] for name in names}}
