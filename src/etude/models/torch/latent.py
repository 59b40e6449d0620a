"""The network of an autoencoder in PyTorch, with NumPy at its face: all but what is between encoder and decoder."""

from __future__ import annotations

from math import log

import numpy as np
import torch
from torch import Tensor

from etude.models.torch.coders import DECODERS, Encoder
from etude.models.torch.network import Network, parts


class LatentNetwork(Network):
    """Of a `LatentModel`: a `Network` whose context is the decoder, and an encoder."""

    def __init__(self, model):
        super().__init__(*parts(DECODERS[model.options["decoder"]](model.options), model))
        self.encoder = Encoder(model.options, model.known * model.options["latent"])

    def encoded(self, batch) -> Tensor:
        """Return what the encoder makes of each segment of a batch of tensors, Float[n, known]."""
        inside = torch.zeros_like(batch.first)  # the first event of a segment is an event, not a start
        return self.encoder(self.embedding(batch.events[:, 1:], inside), batch.mask)

    def features_given(self, z: Tensor, past: Tensor, first: Tensor, state=None):
        """Return what the output of every step is computed from, Float[n, T, H], and the state after the last."""
        features, state = self.context(z, self.embedding(past, first), state)
        return self.output.given(features, past, first), state

    def nats(self, z: Tensor, batch, exact: bool = False) -> Tensor:
        """Return -log p(x | z, c) of each segment of a batch of tensors given z Float[n, latent], Float[n]."""
        features, _ = self.features_given(z, batch.events[:, :-1], batch.first)
        steps = self.output.nats(features[batch.mask], batch.events[:, 1:][batch.mask], exact).sum(-1)
        return steps.new_zeros(batch.mask.shape).masked_scatter(batch.mask, steps).sum(-1)

    def bits_given(self, z: np.ndarray, batch) -> np.ndarray:
        """Return -log2 p(x | z, c) of each segment given each of its latents z Float[n, K, latent], Float64[n, K]."""
        n, copies = z.shape[:2]
        with self.still():
            batch = type(batch)(*(self.tensor(part).repeat_interleave(copies, dim=0) for part in batch))
            nats = self.nats(self._latent(z).flatten(0, 1), batch, exact=True)
        return nats.view(n, copies).cpu().numpy() / log(2)

    def write(self, z: np.ndarray, past: np.ndarray, first: np.ndarray, choose, state=None):
        """Return the next event Int[n, entries] of segments with latents z Float[n, latent], and the state after it.

        `past` Int[n, entries] is the event before; `state` is None where the step begins the segment.
        """
        with self.still():
            features, state = self.features_given(
                self._latent(z), self.tensor(past)[:, None], self.tensor(first), state
            )
            return self.output.choose(features[:, 0], choose), state

    def _latent(self, z: np.ndarray) -> Tensor:
        return self.tensor(np.asarray(z)).to(self.embedding.table.dtype)

    def encode(self, batch) -> np.ndarray:
        """Return what the encoder makes of a batch of arrays, as Float64[n, known]."""
        with self.still():
            return self.encoded(type(batch)(*map(self.tensor, batch))).double().cpu().numpy()

    def views(self) -> dict[str, Tensor]:
        """Return all weights in the shared layout, as views of the parameters."""
        return {**super().views(), **self.encoder.views()}
