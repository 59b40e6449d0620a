"""The context that remembers nothing, in Keras."""

from __future__ import annotations

from etude.models.keras.network import Network, around
from etude.models.keras.weights import Weights


class Nothing(Weights):
    """Features of size 0 for every step."""

    features = 0

    def specs(self):
        """Return what is carried from step to step: nothing."""
        return ()

    def call(self, vectors, state, noise=None):
        """Return Float[n, T, 0] of vectors Float[n, T, any], and no state."""
        return vectors[..., :0], ()

    def views(self):
        """Return no weights."""
        return {}


def build(model) -> Network:
    """Return the network of a `Memoryless`."""
    return around(Nothing(), model)
