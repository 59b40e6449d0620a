"""The plain autoencoder as a two-part code: first the latent of each segment, then the segment given its latent.

The encoder's numbers a are quantised to a grid, by finite scalar quantisation (Mentzer et al. 2023)::

    u = L sigmoid(a) - 1/2    code = round(u), one of 0 .. L - 1    z = sqrt(3) (2 code / (L - 1) - 1)

The gradient passes through the rounding as if it were not there (straight-through: Bengio, Leonard & Courville 2013).
The prior treats the D dimensions of the code as independent; it is counted on codes of training segments, with one
added to every count. The code length of a segment x is ::

    -log2 P(code(x)) - log2 p(x | z(x), c)

Since it is one term of the mixture sum_z P(z) p(x | z, c), it bounds the mixture's code length from above. Unlike the
mixture's, this code can be written down: a receiver who reads the latent first can decode the segment.

Weights: `etude.models.latent.coders`, and `prior.counts` [D, L].
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from etude.errors import EtudeError
from etude.models.autoregressive import draw
from etude.models.latent.latent import LatentModel
from etude.models.latent.segments import Segments
from etude.types import Space

COUNTED = 4096  # training segments, at most, on whose codes the prior is counted


class Autoencoder(LatentModel):
    """A discrete latent per segment.

    Parameters
    ----------
    space : Space
    levels : int
        Values of a dimension, L: a code has at most D log2 L bits.
    **options
        See `etude.models.latent.latent.LatentModel`.
    """

    name = "autoencoder"

    def __init__(self, space: Space, *, levels: int = 8, **options):
        if levels < 2:
            raise EtudeError("2 or more levels of a code", str(levels))
        super().__init__(space, {"levels": levels}, **options)

    def codes(self, x) -> np.ndarray:
        """Return the code of each segment of a piece Int[T, *E], Int64[segments, D]."""
        return self._codes(self._cut(self.space.check(x)))

    def prior(self) -> np.ndarray:
        """Return the distribution of each dimension of a code, Float64[D, L]."""
        counts = self.network.counts() + 1
        return counts / counts.sum(axis=1, keepdims=True)

    def two_parts(self, xs) -> np.ndarray:
        """Return the bits of the codes and those of the segments given them, Float64[n, 2] for n pieces."""
        xs = [self.space.check(x, complete=True) for x in xs]
        first = self._sums(xs, lambda s: (self._code_bits(self._codes(s)), np.zeros(len(s)))).values
        return np.stack([first, self._bits(xs).values - first], axis=1)

    def _initial(self, rng):
        counts = np.zeros((self.options["latent"], self.options["levels"]), np.float32)
        return {**super()._initial(rng), "prior.counts": counts}

    def _prepare(self, segments: Segments):
        codes, levels = self._codes(segments.some(COUNTED)), self.options["levels"]
        self.network.count(np.stack([np.bincount(column, minlength=levels) for column in codes.T]))

    def _codes(self, segments) -> np.ndarray:
        return self._through(self.network.codes, segments, self.options["latent"])

    def _code_bits(self, codes: np.ndarray) -> np.ndarray:
        return -np.log2(self.prior())[np.arange(codes.shape[1]), codes].sum(axis=1)

    def _segment_bits(self, segments):
        codes = self._codes(segments)
        bits = self._code_bits(codes) + self._given(self._values(codes)[:, None], segments)[:, 0]
        return bits, np.zeros(len(bits))

    def _values(self, codes: np.ndarray) -> np.ndarray:
        """Return the latents that codes stand for, Float64[n, D]; their variance is about 1."""
        return sqrt(3) * (2 * codes / (self.options["levels"] - 1) - 1)

    def _nearest(self, z):
        top = self.options["levels"] - 1
        return self._values(np.clip(np.round((np.asarray(z) / sqrt(3) + 1) / 2 * top), 0, top))

    def _latents(self, segments):
        return self._values(self._codes(segments))

    def _draw_prior(self, n, rng, temperature, top_p):
        p = np.broadcast_to(self.prior(), (n, self.options["latent"], self.options["levels"]))
        return self._values(draw(rng, temperature, top_p)(p, np.arange(self.options["latent"])))

    def _draw_posterior(self, segments, rng, temperature):
        return self._latents(segments)
