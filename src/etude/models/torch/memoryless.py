"""The context that remembers nothing, in PyTorch."""

from __future__ import annotations

from torch import Tensor, nn

from etude.models.torch.network import Network, around


class Nothing(nn.Module):
    """Features of size 0 for every step."""

    features = 0

    def forward(self, vectors: Tensor, state=None) -> tuple[Tensor, tuple]:
        """Return the vectors Float[n, T, 0] of no embedding, and no state."""
        return vectors, ()

    def views(self) -> dict[str, Tensor]:
        """Return no weights."""
        return {}


def build(model) -> Network:
    """Return the network of a `Memoryless`."""
    return around(Nothing(), model)
