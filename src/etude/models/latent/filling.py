"""What an autoencoder makes of a piece of which some entries are known: any mask.

Known entries stay; the others are drawn by alternation. The unknown entries are first written with latents drawn from
the prior. Then, for some rounds, each segment that holds known entries is encoded as it stands, and written again from
that latent, its known entries clamped. This is pseudo-Gibbs sampling (Rezende, Mohamed & Wierstra 2014, section 6.4):
it reaches the posterior only where the encoder is the decoder's exact inverse, so its samples are approximate (Mattei &
Frellsen 2018). A sequence decoder knows what stands behind a gap through the latent alone.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.models.autoregressive import Chooser, Continuation, draw
from etude.models.base import Model
from etude.models.conditioned import check_beginnings
from etude.types import Evidence


class Filling(Continuation):
    """An autoencoder given some entries of a piece.

    Bits are defined where the evidence is a prefix of whole segments: a segment depends on the past through the event
    before it alone, so the bits of the rest are those of the segments that follow.
    """

    name = "filling"

    def __init__(self, model: Model, evidence: Evidence):
        super().__init__(model, evidence.values[: evidence.prefix_length()])
        self.segment = model.options["segment"]
        shape = (len(evidence.values), self.space.entries)
        self.values, self.known = evidence.values.reshape(shape), evidence.known.reshape(shape)
        self.gaps = evidence.prefix_length() is None
        self.reach = int(np.flatnonzero(self.known.any(axis=1)).max(initial=-1)) + 1  # steps to the last known entry

    def _bits(self, xs):
        begin, inside = divmod(len(self.prefix), self.segment)
        if self.gaps or inside:
            raise EtudeError(
                f"evidence that is a prefix of whole segments, {self.segment} steps each, for conditional bits",
                "a mask with gaps" if self.gaps else f"a prefix of {len(self.prefix)} steps",
                "Others would be the difference of two bounds, which bounds nothing; draw samples instead.",
            )
        check_beginnings(xs, self.prefix)
        return self.model._sums(xs, self.model._segment_bits, begin)

    def _sample(self, n, steps, rng, temperature, top_p=1.0):
        steps, pieces = max(steps, self.reach), []
        horizon = min(steps, -(-self.reach // self.segment) * self.segment)  # beyond it nothing is known
        for last in [*[horizon] * self.model.options["rounds"], steps]:
            pieces = self._write(pieces, n, last, rng, temperature, top_p)
        return pieces

    def _write(self, pieces, n, steps, rng, temperature, top_p) -> list[np.ndarray]:
        """Write n pieces, the segments that hold known entries from the latents of `pieces`, if there are any."""
        cuts, choose = [self.model._cut(x) for x in pieces], draw(rng, temperature, top_p)

        def latent(s: int) -> np.ndarray:
            if cuts and self.known[s * self.segment :][: self.segment].any():
                return self.model._draw_posterior([segments[s] for segments in cuts], rng, temperature)
            return self.model._draw_prior(n, rng, temperature, top_p)

        return self.model._write(n, steps, latent, lambda t: self._clamped(t, choose))

    def _clamped(self, t: int, choose: Chooser) -> Chooser:
        """Return a chooser that gives what is known of step t, and lets nothing end before the last known entry."""
        if t >= self.reach:
            return choose
        known, values, end = self.known[t], self.values[t], self.space.end

        def clamped(p, entries):
            if end is not None:
                p = np.where(np.arange(p.shape[-1]) == end, 0, p)
                p = p / p.sum(axis=-1, keepdims=True)
            return np.where(known[entries], values[entries], choose(p, entries))

        return clamped
