"""The variational autoencoder (Kingma & Welling 2014; Rezende et al. 2014), over sequences as in Bowman et al. 2016.

Each segment x has a Gaussian latent, p(z) = N(0, 1) in each of D dimensions, and the encoder gives a Gaussian guess
q(z | x) of it, whose mean m and deviation s differ from dimension to dimension. For any q the code length of x obeys ::

    -log p(x | c)  <=  -ELBO  =  KL(q(z | x) || p(z)) - E_q log p(x | z, c)
    KL = sum over dimensions of (m^2 + s^2 - 1) / 2 - log s

The gradient of the expectation passes through z = m + s e, e drawn from N(0, 1) (the reparametrisation). With K draws
from q, the importance-weighted bound (Burda, Grosse & Salakhutdinov 2016) is tighter, the more so the larger K::

    -log p(x | c)  <=  -E log (1/K) sum_k w_k,    w_k = p(x | z_k, c) p(z_k) / q(z_k | x)

One draw (K = 1) gives the ELBO on average. The noise of a segment follows from the segment itself, so that code lengths
are the same at every call and in any company; they bound on average over noise, with the standard error given.

Posterior collapse: a strong decoder learns to do without z, and the encoder gives up (q = p, KL = 0).
Options that act on it while learning:

`warm_up` raises the weight b of the KL from 0 to 1 (Bowman et al. 2016). Where it outlasts the fit, b stays below 1, at
steps / warm_up in the end: z is sold below its price, for good. That is the objective of Higgins et al. (2017) with
b < 1, and a point of the rate-distortion curve of Alemi et al. (2018): with R = KL and D = E_q -log p(x | z, c), least
D + b R lies where one more bit of R saves b bits of D.
`free_bits` lets each dimension carry some bits at no cost (Kingma et al. 2016, section 3.3 and appendix C.8).
`word_dropout` weakens the decoder.

Bits are the bounds above whatever was done: b is 1 in them and nothing is free. A KL above 0 is what the encoder says,
not what the decoder hears. `reliance` measures that: the bits that a segment costs more when it is given the latent of
another one.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple
from zlib import crc32

import numpy as np

from etude.errors import EtudeError
from etude.models.latent.latent import LatentModel, SegmentBits
from etude.models.latent.segments import Segment, Segments
from etude.types import Bits, Space

ACTIVE = 0.01  # variance of a dimension's mean over segments, from which it counts as active (Burda et al. 2016)


class WeightedBatch(NamedTuple):
    """A `training.Batch` of segments with the weight of the KL, Float32[B], the same for all of them."""

    events: np.ndarray
    first: np.ndarray
    mask: np.ndarray
    kl_weight: np.ndarray


class VAE(LatentModel):
    """A Gaussian latent per segment.

    Parameters
    ----------
    space : Space
    warm_up : int
        Optimiser steps in which the weight of the KL would rise from 0 to 1. More than the fit has: it ends below 1.
    free_bits : float
        Bits that each dimension of a segment's latent may carry before they cost anything while learning.
    samples : int
        Latents drawn for each segment in `bits`, K.
    **options
        See `etude.models.latent.latent.LatentModel`.
    """

    name = "vae"
    known = 2

    def __init__(self, space: Space, *, warm_up: int = 0, free_bits: float = 0.0, samples: int = 8, **options):
        if warm_up < 0 or not free_bits >= 0 or samples < 1:
            got = f"warm_up={warm_up}, free_bits={free_bits}, samples={samples}"
            raise EtudeError("warm_up, free_bits >= 0 and samples >= 1", got)
        super().__init__(space, {"warm_up": warm_up, "free_bits": free_bits, "samples": samples}, **options)

    def elbo(self, xs, samples: int = 1) -> Bits:
        """Return the negative evidence lower bound of complete pieces Int[T, *E]: the KL and a mean over `samples`."""
        xs = self._complete(xs, samples)
        return self._sums(xs, lambda segments: self._elbo_bits(segments, samples))

    def iwae(self, xs, samples: int) -> Bits:
        """Return the importance-weighted bound with K = `samples`; `bits` is this with the model's own K."""
        xs = self._complete(xs, samples)
        return self._sums(xs, lambda segments: self._importance_bits(segments, samples))

    def kl(self, xs) -> np.ndarray:
        """Return KL(q(z | x) || p(z)) of every segment of the pieces, dimension by dimension: bits Float64[n, D]."""
        return gaussian_kl(*self._posterior(self._all_segments(xs))) / log(2)

    def active_units(self, xs) -> int:
        """Return how many dimensions of the latent tell segments apart: variance of the mean above `ACTIVE`."""
        mean, _ = self._posterior(self._all_segments(xs))
        return int((mean.var(axis=0) > ACTIVE).sum()) if len(mean) else 0

    def reliance(self, xs, samples: int = 4) -> np.ndarray:
        """Return the bits that each segment of the pieces costs more, given what was drawn for another: Float64[n].

        On average over `samples` draws from q, -log2 p(x | z of another) + log2 p(x | z of its own). All values are 0
        where the decoder does without z. Draw k of K takes z from the segment that lies k n / (K + 1) further on, in
        a circle: another chorale's, where there are many.

        Raises
        ------
        EtudeError
            Of fewer than two segments.
        """
        if samples < 1:
            raise EtudeError("1 or more samples", str(samples))
        segments = self._all_segments(xs)
        if len(segments) < 2:
            raise EtudeError("2 or more segments, to give one the latent of another", str(len(segments)))
        mean, deviation = self._posterior(segments)
        z = mean[:, None] + deviation[:, None] * self._noise(segments, samples)  # (n, K, D)
        others = np.stack([np.roll(z[:, k], -shift, 0) for k, shift in enumerate(shifts(len(z), samples))], axis=1)
        return (self._given(others, segments) - self._given(z, segments)).mean(axis=1)

    def _all_segments(self, xs) -> list[Segment]:
        return [segment for x in xs for segment in self._cut(self.space.check(x))]

    def _complete(self, xs, samples: int) -> list[np.ndarray]:
        if samples < 1:
            raise EtudeError("1 or more samples", str(samples))
        return [self.space.check(x, complete=True) for x in xs]

    def _batches(self, segments: Segments):
        warm_up = self.options["warm_up"]

        def batch(step: int) -> WeightedBatch:
            drawn = segments.batch(step)
            weight = min(1.0, step / warm_up) if warm_up else 1.0
            return WeightedBatch(*drawn, np.full(len(drawn.first), weight, np.float32))

        return batch

    def _posterior(self, segments: list[Segment]) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and deviation of q(z | x) of each segment, Float64[n, D] both."""
        found = self._through(self.network.posterior, segments, 2, self.options["latent"])
        return found[:, 0], found[:, 1]

    def _segment_bits(self, segments):
        return self._importance_bits(segments, self.options["samples"])

    def _elbo_bits(self, segments: list[Segment], samples: int) -> SegmentBits:
        mean, deviation = self._posterior(segments)
        bits = self._given(mean[:, None] + deviation[:, None] * self._noise(segments, samples), segments)
        return gaussian_kl(mean, deviation).sum(axis=1) / log(2) + bits.mean(axis=1), mean_variance(bits)

    def _importance_bits(self, segments: list[Segment], samples: int) -> SegmentBits:
        mean, deviation = self._posterior(segments)
        noise = self._noise(segments, samples)  # (n, K, D)
        z = mean[:, None] + deviation[:, None] * noise
        log_ratio = np.log(deviation)[:, None] + (noise**2 - z**2) / 2  # of p(z) to q(z | x)
        log_w = log_ratio.sum(axis=2) - log(2) * self._given(z, segments)
        top = log_w.max(axis=1, keepdims=True)
        w = np.exp(log_w - top)
        bits = -(top[:, 0] + np.log(w.mean(axis=1))) / log(2)
        return bits, mean_variance(w / w.mean(axis=1, keepdims=True)) / log(2) ** 2  # of a logarithm, to first order

    def _noise(self, segments: list[Segment], samples: int) -> np.ndarray:
        """Return standard normal numbers Float64[n, K, D], a function of each segment; the first are those of fewer."""
        shape = (samples, self.options["latent"])
        seeds = [crc32(events.astype(np.int64).tobytes() + bytes([first])) for events, first in segments]
        return np.reshape([np.random.default_rng(seed).normal(size=shape) for seed in seeds], (len(seeds), *shape))

    def _latents(self, segments):
        return self._posterior(segments)[0]

    def _draw_prior(self, n, rng, temperature, top_p):
        # p^(1 / temperature) is Gaussian; `top_p` is of codes, and a latent here is none
        return rng.normal(size=(n, self.options["latent"])) * np.sqrt(temperature)

    def _draw_posterior(self, segments, rng, temperature):
        mean, deviation = self._posterior(segments)
        return mean + deviation * rng.normal(size=mean.shape) * np.sqrt(temperature)


def gaussian_kl(mean, deviation) -> np.ndarray:
    """Return KL(N(mean, deviation^2) || N(0, 1)) of each dimension, in nats (Kingma & Welling 2014, appendix B)."""
    return (mean**2 + deviation**2 - 1) / 2 - np.log(deviation)


def shifts(n: int, samples: int) -> list[int]:
    """Return distances round a circle of n >= 2, spread evenly, none of which leads back to where it began."""
    return [max(1, k * n // (samples + 1)) for k in range(1, samples + 1)]


def mean_variance(draws: np.ndarray) -> np.ndarray:
    """Return the estimated variance of the mean over K draws Float[n, K]; 0 where one draw tells nothing of it."""
    samples = draws.shape[1]
    return draws.var(axis=1, ddof=1) / samples if samples > 1 else np.zeros(len(draws))
