"""What learns the restricted Boltzmann machine in PyTorch: see `models.energy.boltzmann` and `.learning`."""

from __future__ import annotations

from math import log

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from etude.models.energy.learning import Learning
from etude.models.torch.rbm_output import all_states
from etude.models.torch.weights import Weights

WEIGHTS = ("visible", "hidden", "weight", "base")


class Energy(Weights):
    """The weights of a machine, its chains, and the loss whose gradient they estimate."""

    def __init__(self, plan: Learning):
        super().__init__()
        self.plan, self.counted = plan, plan.counted
        self.visible = nn.Parameter(torch.zeros(plan.visible))
        self.hidden = nn.Parameter(torch.zeros(plan.hidden))
        self.weight = nn.Parameter(torch.zeros(plan.visible, plan.hidden))
        self.register_buffer("base", torch.zeros(plan.visible))
        self.register_buffer("chains", torch.zeros(plan.chains, plan.visible))
        self.register_buffer("log_z", torch.zeros((), dtype=torch.float64))
        self.register_buffer("log_weights", torch.zeros(plan.chains, dtype=torch.float64))
        self.register_buffer("energies", torch.zeros(plan.chains))

    def loss(self, batch) -> Tensor:
        """Return the mean nats per frame of a batch of `frames` Int[B, E]; its value: `models.energy.learning`."""
        data = one_hot(batch.frames, self.plan.above).to(self.weight)
        positive = self.free_energy(data).mean()
        if self.plan.learning == "exact":
            return positive + self.log_partition()
        self.follow_log_z()
        negative = self.free_energy(self.model_frames(data)).mean()
        return positive - negative + (negative.detach() + self.log_z + self.log_weights.logsumexp(0)).to(negative)

    @torch.no_grad()
    def follow_log_z(self) -> None:
        """Weigh the persistent chains by the change of their free energy since they moved: E[w] = Z_now / Z_then.

        Without such chains, count log Z where that can be done.
        """
        if self.plan.learning == "pcd":
            self.log_weights += self.energies - self.free_energy(self.chains)
        elif self.counted:
            sums = self.log_partition() if self.plan.by_hidden else (-self.free_energy(self.all_frames())).logsumexp(0)
            self.set_log_z(float(sums))

    @torch.no_grad()
    def set_log_z(self, value: float) -> None:
        """Take on an estimate of log Z for the weights as they are."""
        self.log_z.fill_(value)
        self.log_weights.fill_(-log(len(self.chains)))
        self.energies.copy_(self.free_energy(self.chains))

    def free_energy(self, v: Tensor) -> Tensor:
        """Return F, Float[n], of one-hot frames Float[n, E * (L - 1)]."""
        return -(v @ self.visible) - softplus(self.hidden + v @ self.weight).sum(-1)

    @torch.no_grad()
    def model_frames(self, data: Tensor) -> Tensor:
        """Return frames after k sweeps, begun at the data or where the persistent chains stand."""
        v = self.gibbs(data if self.plan.learning == "cd" else self.chains)
        if self.plan.learning == "pcd":
            self.chains.copy_(v)
            self.energies.copy_(self.free_energy(v))
        return v

    def gibbs(self, v: Tensor) -> Tensor:
        """Return frames after k sweeps of the hidden units, then of the entries."""
        for _ in range(self.plan.gibbs):
            z = torch.bernoulli(torch.sigmoid(self.hidden + v @ self.weight))
            logits = (self.visible + z @ self.weight.T).unflatten(-1, (-1, self.plan.above))
            if self.plan.above == 1:
                v = torch.bernoulli(torch.sigmoid(logits[..., 0]))
            else:
                p = nn.functional.pad(logits, (1, 0)).softmax(-1)
                v = one_hot(torch.multinomial(p.flatten(0, 1), 1).view(p.shape[:2]), self.plan.above).to(self.weight)
        return v

    def log_partition(self) -> Tensor:
        """Return log Z by the sum over all hidden states, differentiable."""
        z = all_states(len(self.hidden)).to(self.weight)
        logits = (self.visible + z @ self.weight.T).unflatten(-1, (-1, self.plan.above))
        sums = softplus(logits[..., 0]) if self.plan.above == 1 else nn.functional.pad(logits, (1, 0)).logsumexp(-1)
        return (z @ self.hidden + sums.sum(-1)).logsumexp(-1)

    def all_frames(self) -> Tensor:
        """Return every frame, one-hot."""
        return one_hot(torch.from_numpy(self.plan.all_frames()).to(self.device), self.plan.above)

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return {f"rbm.{name}": getattr(self, name) for name in WEIGHTS}

    def start_chains(self, frames: np.ndarray) -> None:
        """Begin the persistent chains at frames Int[n, E], repeated as often as needed."""
        self.chains.copy_(one_hot(torch.from_numpy(self.plan.first_frames(frames)), self.plan.above))


def one_hot(x: Tensor, above: int) -> Tensor:
    """Return codes Int[n, E] as Float[n, E * (L - 1)]: code 0 is all zeros, code l sets place l - 1."""
    return (x[..., None] == torch.arange(1, above + 1, device=x.device)).flatten(1).float()


def build(model) -> Energy:
    """Return what learns the weights of an `RBM`."""
    return Energy(Learning.of(model))
