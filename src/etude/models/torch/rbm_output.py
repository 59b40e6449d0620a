"""The RBM output in PyTorch: a restricted Boltzmann machine over the entries of a step, biased by the context.

See `sequence.outputs`. With U hidden units the distribution is a mixture of 2^U products, one per hidden state z::

    p(x) = sum_z p(z) prod_e p(x_e | z)      p(x_e | z) = softmax(a_e + (W z)_e)
    log p(z) = d . z + sum_e log sum_l exp(a_el + (W z)_el) - log Z

For few units the sum is done: log Z, its gradient and the conditionals p(x_e | x_<e) are exact. Boulanger-Lewandowski
et al. (2012) have 150 units, learn by contrastive divergence and estimate log Z by annealed importance sampling.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from etude.models.autoregressive import Chooser
from etude.models.torch.outputs import Independent
from etude.types import Space

AT_ONCE = 2**19  # numbers in a table of (entries, steps, hidden states), in double precision: 4 MB stay in the cache
LEARNT_AT_ONCE = 2**22  # the same while learning: most of it is never written down
JOINT = 16  # codes of neighbouring entries summed together at most: 4 keys that are on or off


class ConditionalRBM(Independent):
    """Visible biases as in `Independent`, hidden biases from the features, one coupling of entries and hidden units."""

    def __init__(self, features: int, space: Space, hidden: int):
        super().__init__(features, space)
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))
        self.context = nn.Parameter(torch.zeros(features, hidden))
        self.coupling = nn.Parameter(torch.zeros(space.entries * space.levels, hidden))
        self.register_buffer("states", all_states(hidden), persistent=False)  # (S, U)

    def nats(self, features: Tensor, x: Tensor, exact: bool = False) -> Tensor:
        """Return -log p of `x` Int[..., entries] in its shape.

        Where `exact`, by the chain rule over the entries, low to high, in double precision. Else the nats of a step
        are spread evenly over its entries: the sum is what learning needs, and it costs far less.
        """
        shape, features, x = x.shape, features.flatten(0, -2), x.flatten(0, -2)
        chunk = max(1, (AT_ONCE if exact else LEARNT_AT_ONCE) // (len(self.states) * self.shape[0]))
        parts = zip(features.split(chunk), x.split(chunk), strict=True)
        if exact:
            return torch.cat([self._chain(*part) for part in parts]).view(shape)
        total = torch.cat([self.log_partition(f) - self._unnormalised(f, x) for f, x in parts])
        return (total / shape[-1])[:, None].expand(-1, shape[-1]).reshape(shape)

    def log_partition(self, features: Tensor) -> Tensor:
        """Return log Z of every step, Float[n]."""
        sums = log_sums(self.logits(features), self._shifts(), JOINT).sum(0)  # (n, S)
        return (sums + self._biases(features) @ self.states.T).logsumexp(-1)

    def choose(self, features: Tensor, choose: Chooser) -> np.ndarray:
        """Ask `choose` entry by entry; features are Float[n, H], the answer Int[n, entries]."""
        a, g, sums, mixture = self._mixture(features)
        x = np.zeros((len(features), self.shape[0]), np.int64)
        for e in range(self.shape[0]):
            given = a[:, e, None] + g[:, e] - sums[e][..., None]  # (n, S, L): log p(x_e | z)
            p = torch.einsum("ns,nsl->nl", mixture.exp(), given.exp())
            x[:, e] = choose(p.cpu().numpy()[:, None], np.array([e]))[:, 0]
            code = torch.as_tensor(x[:, e], device=features.device)
            mixture = (mixture + given[torch.arange(len(x)), :, code]).log_softmax(-1)
        return x

    def _chain(self, features: Tensor, x: Tensor) -> Tensor:
        """Return -log p(x_e | x_<e), Float64[n, E]: what each entry takes away from the sum over z of p(z, x_<e)."""
        a, g, sums, mixture = self._mixture(features)
        chosen, mixture, g = a.gather(-1, x[..., None])[..., 0], mixture.exp(), g.permute(1, 2, 0).contiguous()
        likelihoods = []
        for e in range(self.shape[0]):
            mixture = mixture * (g[e][x[:, e]] + (chosen[:, e, None] - sums[e])).exp()
            likelihoods.append(mixture.sum(-1).clamp_min(torch.finfo(mixture.dtype).tiny))
            mixture = mixture / likelihoods[-1][:, None]
        return -torch.stack(likelihoods, dim=-1).log()

    def _mixture(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the mixture in double precision.

        Visible biases [n, E, L], their shifts [S, E, L], the log of each entry's sum over codes [E, n, S], and the
        log p(z) [n, S].
        """
        a, g = self.logits(features).double(), self._shifts().double()
        sums = log_sums(a, g)
        prior = self._biases(features).double() @ self.states.T.double() + sums.sum(0)
        return a, g, sums, prior.log_softmax(-1)

    def _unnormalised(self, features: Tensor, x: Tensor) -> Tensor:
        """Return -F(x), Float[n]: the hidden units summed out."""
        codes = x + torch.arange(self.shape[0], device=x.device) * self.shape[1]
        units = self._biases(features) + nn.functional.embedding_bag(codes, self.coupling, mode="sum")
        visible = self.logits(features).gather(-1, x[..., None]).sum((1, 2))
        return visible + nn.functional.softplus(units).sum(-1)

    def _biases(self, features: Tensor) -> Tensor:
        return features @ self.context + self.hidden_bias  # (n, U)

    def _shifts(self) -> Tensor:
        """Return what each hidden state adds to the visible biases, Float[S, E, L]."""
        return (self.states @ self.coupling.T).unflatten(-1, self.shape)

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        own = {"bias": self.hidden_bias, "context": self.context, "weight": self.coupling}
        return {**super().views(), **{f"output.rbm.{name}": weight for name, weight in own.items()}}


def all_states(units: int) -> Tensor:
    """Return every state of `units` binary units, Float[2^units, units]."""
    return (torch.arange(2**units)[:, None] >> torch.arange(units) & 1).float()


def log_sums(a: Tensor, g: Tensor, most: int = 1) -> Tensor:
    """Return log sum_l exp(a[n, e, l] + g[s, e, l]) as Float[groups, n, S]: a matrix product of exponentials.

    Entries whose joint codes are at most `most` form a group, whose logarithms come added up; else a group is an entry.
    """
    size, levels = 1, a.shape[-1]
    while levels > 1 and levels ** (size + 1) <= most:
        size += 1
    tops = [part.detach().amax(-1, keepdim=True) for part in (a, g)]  # so that no exponential overflows
    weights = [in_groups((part - top).exp(), size) for part, top in zip((a, g), tops, strict=True)]
    products = weights[0] @ weights[1].mT
    top_a, top_g = (nn.functional.pad(top[..., 0], (0, -a.shape[1] % size)) for top in tops)
    top_a, top_g = (top.unflatten(1, (-1, size)).sum(-1).T for top in (top_a, top_g))  # (groups, n or S)
    tiny = torch.finfo(a.dtype).tiny
    return products.clamp_min(tiny).log().add_(top_a[:, :, None]).add_(top_g[:, None])


def in_groups(weights: Tensor, size: int) -> Tensor:
    """Return the products of neighbouring entries' weights, Float[groups, n, L^size], of weights Float[n, E, L].

    A short last group is filled with entries that are certainly 0.
    """
    certain = torch.eye(weights.shape[-1], device=weights.device, dtype=weights.dtype)[0]
    missing = certain.expand(len(weights), -weights.shape[1] % size, -1)
    groups = torch.cat([weights, missing], dim=1).unflatten(1, (-1, size))  # (n, groups, size, L)
    product = groups[:, :, 0]
    for i in range(1, size):
        product = (product[..., None] * groups[:, :, i, None]).flatten(-2)
    return product.transpose(0, 1)
