"""From pieces to their latents and back: encoding, reconstruction, and the line between two pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from etude.errors import EtudeError
from etude.models.autoregressive import draw
from etude.models.latent.segments import Segment


class LatentSpace(ABC):
    """Mixin of the models that give each segment a latent: what a user may do with latents."""

    def encode(self, x) -> np.ndarray:
        """Return the latent of each segment of a piece Int[T, *E], Float64[segments, latent]."""
        return self._latents(self._cut(self.space.check(x)))

    def decode(self, z, steps: int | None = None, seed: int = 0, temperature: float = 0.0) -> np.ndarray:
        """Return the piece that latents Float[segments, latent] are decoded to.

        Parameters
        ----------
        z : Float[segments, latent]
        steps : int, optional
            Of the piece; by default as many as its segments have. In a space with an end code it may end sooner.
        seed, temperature
            Of the steps drawn given z; at temperature 0, the likeliest one after the other.
        """
        z, segment = np.asarray(z, np.float64), self.options["segment"]
        if z.ndim != 2 or z.shape[1] != self.options["latent"]:
            raise EtudeError(f"latents (segments, {self.options['latent']})", f"{z.shape}")
        steps = len(z) * segment if steps is None else steps
        if not 0 <= steps <= len(z) * segment:
            raise EtudeError(f"0 to {len(z) * segment} steps, which {len(z)} latents give", str(steps))
        choose = draw(np.random.default_rng(seed), temperature)
        return self._write(1, steps, lambda s: z[s : s + 1], lambda t: choose)[0]

    def reconstruct(self, x) -> np.ndarray:
        """Return the piece as it comes back: its latents, decoded to as many steps, the likeliest ones."""
        return self.decode(self.encode(x), len(x))

    def interpolate(self, x, y, steps: int, seed: int = 0, temperature: float = 0.0) -> list[np.ndarray]:
        """Return `steps` pieces on the straight line between the latents of two, as long as the shorter of them."""
        if steps < 2:
            raise EtudeError("2 or more steps, the ends included", str(steps))
        length = min(len(x), len(y))
        segments = -(-length // self.options["segment"])
        a, b = (self.encode(piece)[:segments] for piece in (x, y))
        line = [(1 - u) * a + u * b for u in np.linspace(0, 1, steps)]
        return [self.decode(self._nearest(z), length, seed, temperature) for z in line]

    @abstractmethod
    def _latents(self, segments: list[Segment]) -> np.ndarray:
        """Return the latent that stands for each segment, Float64[n, latent]."""

    def _nearest(self, z: np.ndarray) -> np.ndarray:
        """Return the latents that are nearest to z Float64[n, latent], where not all are latents."""
        return z
