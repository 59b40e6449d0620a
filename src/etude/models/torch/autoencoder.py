"""The network of the plain autoencoder in PyTorch. Equations: `etude.models.latent.autoencoder`."""

from __future__ import annotations

from math import sqrt

import numpy as np
import torch
from torch import Tensor

from etude.models.torch.latent import LatentNetwork


class AutoencoderNetwork(LatentNetwork):
    """Encoder, quantiser, decoder, and the counts of the prior."""

    def __init__(self, model):
        super().__init__(model)
        self.levels = model.options["levels"]
        self.register_buffer("prior", torch.zeros(model.options["latent"], self.levels))

    def loss(self, batch) -> Tensor:
        """Return the mean nats per step of a batch of segments: both parts of the code.

        The first part has no gradient: the prior follows the codes, not the codes the prior.
        """
        u = self._position(self.encoded(batch))
        codes = u.detach().round()
        z = sqrt(3) * (2 * (u + (codes - u.detach())) / (self.levels - 1) - 1)  # straight-through
        return (self._code_nats(codes.long()) + self.nats(z, batch)).sum() / batch.mask.sum()

    def codes(self, batch) -> np.ndarray:
        """Return the code of each segment of a batch of arrays, Int64[n, D]."""
        return self._position(torch.from_numpy(self.encode(batch))).round().long().numpy()

    def counts(self) -> np.ndarray:
        """Return how often each level of each dimension was seen, Float64[D, L]."""
        return self.prior.double().cpu().numpy()

    def count(self, counts: np.ndarray) -> None:
        """Take on counts Int[D, L]."""
        self.prior.copy_(torch.as_tensor(counts))

    def _position(self, a: Tensor) -> Tensor:
        """Return u, which is rounded to a code, kept where it rounds to 0 .. L - 1."""
        edge = 0.499
        return (self.levels * torch.sigmoid(a) - 0.5).clamp(-edge, self.levels - 1 + edge)

    def _code_nats(self, codes: Tensor) -> Tensor:
        smoothed = self.prior + 1
        table = (smoothed.sum(dim=1, keepdim=True) / smoothed).log()
        return table.expand(len(codes), -1, -1).gather(2, codes[..., None]).sum(dim=(1, 2))

    def views(self) -> dict[str, Tensor]:
        """Return all weights in the shared layout, and the counts."""
        return {**super().views(), "prior.counts": self.prior}
