"""The network of the variational autoencoder in PyTorch. Equations: `etude.models.latent.vae`."""

from __future__ import annotations

from math import log

import numpy as np
import torch
from torch import Tensor

from etude.models.torch.latent import LatentNetwork

LONGEST = 8.0  # |log variance| at most


class VAENetwork(LatentNetwork):
    """Encoder to a Gaussian, a draw from it, decoder."""

    def __init__(self, model):
        super().__init__(model)
        self.free_nats = model.options["free_bits"] * log(2)

    def loss(self, batch) -> Tensor:
        """Return the mean nats per step of a batch of segments: the negative ELBO with one draw of z.

        The KL has the batch's weight; `free_bits` of each dimension, on average over the batch, have no gradient.
        """
        mean, deviation = self.gaussian(self.encoded(batch))
        z = mean + deviation * torch.randn_like(mean)
        kl = ((mean**2 + deviation**2 - 1) / 2 - deviation.log()).mean(dim=0)  # (D,)
        cost = batch.kl_weight[0] * kl.clamp_min(self.free_nats).sum() * len(mean)
        return (self.nats(z, batch).sum() + cost) / batch.mask.sum()

    def gaussian(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and deviation of q(z | x), Float[n, D] both, of what the encoder gave."""
        mean, log_variance = encoded.chunk(2, dim=-1)
        return mean, (log_variance.clamp(-LONGEST, LONGEST) / 2).exp()

    def posterior(self, batch) -> np.ndarray:
        """Return mean and deviation of q(z | x) of each segment of a batch of arrays, Float64[n, 2, D]."""
        return torch.stack(self.gaussian(torch.from_numpy(self.encode(batch))), dim=1).numpy()
