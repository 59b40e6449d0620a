"""Models that give each segment of a piece a latent: what the autoencoders share. No framework is named.

A piece is a row of segments of S steps (`etude.models.latent.segments`). A segment x has a latent z and is written by a
decoder that knows z and the event c before the segment::

    p(piece) = product over its segments of p(x | c),    p(x | c) = sum or integral over z of p(z) p(x | z, c)

The sum is out of reach, so the bits are a bound: those of one z, or of some that are drawn. Decoders and weights:
`etude.models.latent.coders`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from etude.models.autoregressive import Chooser, draw, grow
from etude.models.base import Model
from etude.models.latent.coders import check_coders, coder_arrays
from etude.models.latent.filling import Filling
from etude.models.latent.latent_space import LatentSpace
from etude.models.latent.segments import Segment, Segments, cut
from etude.models.neural import Material, Neural, marginals
from etude.models.sequence.dilated import reading_size
from etude.models.sequence.outputs import output_options, too_large
from etude.models.sequence.sequence import adapted
from etude.training.windows import Batch, pad
from etude.types import Bits, Evidence, Space

LOGITS_AT_ONCE = 2**21  # of segments scored side by side: 16 MB in double precision

SegmentBits = tuple[np.ndarray, np.ndarray]  # bits of each segment Float64[n], and their variances


class LatentModel(LatentSpace, Neural):
    """Base of the autoencoders: all but what a latent is and what it costs.

    Parameters
    ----------
    space : Space
    own : dict
        The options that the family has beside these.
    seed : int
        Of the initial weights.
    segment : int
        Steps of a segment, S. It takes the place of the budget's window.
    latent : int
        Dimensions of the latent, D.
    decoder : {"sequence", "convolution"}
        See `etude.models.latent.coders`.
    hidden : int
        Units of the decoder's RNN, channels of all convolutions, H.
    embedding : int, optional
        Size of the vector that an event is read as; by default 64 for scalar steps, for vectors the roll itself.
    dropout : float
        Share of the decoder's features dropped while learning.
    word_dropout : float
        Share of events that the sequence decoder does not get to read while learning (Bowman et al. 2016).
    rounds : int
        Of alternation where a mask is filled (`etude.models.latent.filling`).
    output, output_hidden
        See `etude.models.sequence.outputs.output_options`.
    """

    kind = "bound"
    known = 1  # numbers that the encoder gives for each dimension of z

    def __init__(
        self,
        space: Space,
        own: dict,
        /,
        *,
        seed: int = 0,
        segment: int = 32,
        latent: int = 16,
        decoder: str = "sequence",
        hidden: int = 128,
        embedding: int | None = None,
        dropout: float = 0.1,
        word_dropout: float = 0.0,
        rounds: int = 8,
        output: str | None = None,
        output_hidden: int | None = None,
    ):
        embedding = embedding or reading_size(space, scalar=64)
        sizes = {"segment": segment, "latent": latent, "hidden": hidden, "embedding": embedding, "rounds": rounds}
        coders = {"decoder": decoder, "dropout": dropout, "word_dropout": word_dropout}
        options = {**own, **sizes, **coders, **output_options(space, output, output_hidden)}
        super().__init__(space, seed=seed, **check_coders(space, options))

    @classmethod
    def refuses(cls, space: Space) -> str | None:
        """Refuse steps whose softmax layers would be too large."""
        return too_large(space)

    @abstractmethod
    def _segment_bits(self, segments: list[Segment]) -> SegmentBits:
        """Return a bound on -log2 p(x | c) of each segment, and its variance."""

    @abstractmethod
    def _draw_prior(self, n: int, rng: np.random.Generator, temperature: float, top_p: float) -> np.ndarray:
        """Return n latents drawn from p(z), Float64[n, latent]."""

    @abstractmethod
    def _draw_posterior(self, segments: list[Segment], rng: np.random.Generator, temperature: float) -> np.ndarray:
        """Return a latent that could have written each segment, Float64[n, latent]."""

    # Learning --------------------------------------------------------------------------------------------------------

    def _initial(self, rng):
        return coder_arrays(self.space, self.options, self.known * self.options["latent"], rng)

    def _adapted(self, arrays, train):
        return adapted(arrays, marginals(train, self.space))

    def _material(self, train, valid, budget, seed):
        segments = Segments(train, self.options["segment"], budget.batch_size, seed)

        def score(group):
            self._prepare(segments)
            return self._bits(group).total, sum(map(len, group))

        groups = [valid] if valid else []
        return Material(self._batches(segments), groups, score, lambda: self._prepare(segments))

    def _batches(self, segments: Segments) -> Callable[[int], tuple]:
        """Return what gives the batch of an optimiser step."""
        return segments.batch

    def _prepare(self, segments: Segments) -> None:
        """Count on the training segments what a score needs beside the weights."""

    # Scoring ---------------------------------------------------------------------------------------------------------

    def _bits(self, xs):
        with self.network.on_fastest_device():
            return self._sums(xs, self._segment_bits)

    def _sums(self, xs, segment_bits: Callable[[list[Segment]], SegmentBits], begin: int = 0) -> Bits:
        """Return the bits of pieces: the sums over their segments, those before `begin` left out."""
        pieces = [self._cut(x)[begin:] for x in xs]
        owner = np.repeat(np.arange(len(pieces)), list(map(len, pieces)))
        values, variances = segment_bits([segment for piece in pieces for segment in piece])
        bits, variance = (np.bincount(owner, part, len(pieces)) for part in (values, variances))
        return Bits(bits, self.kind, np.sqrt(variance) if variance.any() else None)

    def _cut(self, x: np.ndarray) -> list[Segment]:
        return cut(x.reshape(len(x), self.space.entries), self.options["segment"])

    def _batched(self, segments: Sequence[Segment], copies: int = 1) -> list[Batch]:
        """Return segments as batches, each small enough to be decoded in `copies`."""
        logits = copies * self.options["segment"] * self.space.entries * self.space.levels
        size = max(1, LOGITS_AT_ONCE // logits)
        return [pad(segments[i : i + size]) for i in range(0, len(segments), size)]

    def _through(self, encode: Callable[[Batch], np.ndarray], segments: Sequence[Segment], *shape: int) -> np.ndarray:
        """Return what the network's `encode` gives of each segment, [n, *shape]."""
        found = [encode(batch) for batch in self._batched(segments)]
        return np.concatenate(found) if found else np.zeros((0, *shape), np.int64)

    def _given(self, z: np.ndarray, segments: Sequence[Segment]) -> np.ndarray:
        """Return -log2 p(x | z, c) of segments given latents z Float[n, K, D], Float64[n, K]."""
        bits, done = np.zeros(z.shape[:2]), 0
        for batch in self._batched(segments, copies=z.shape[1]):
            here = slice(done, done := done + len(batch.first))
            bits[here] = self.network.bits_given(z[here], batch)
        return bits

    # Generation ------------------------------------------------------------------------------------------------------

    def _sample(self, n, steps, rng, temperature, top_p=1.0):
        choose = draw(rng, temperature, top_p)
        return self._write(n, steps, lambda s: self._draw_prior(n, rng, temperature, top_p), lambda t: choose)

    def _write(self, n: int, steps: int, latent: Callable[[int], np.ndarray], chooser: Callable[[int], Chooser]):
        """Return n pieces: segment s is decoded from latent(s) Float[n, latent], its step t picked by chooser(t)."""
        z, past, state = None, np.zeros((n, self.space.entries), np.int64), None

        def step(t: int) -> np.ndarray:
            nonlocal z, past, state
            if t % self.options["segment"] == 0:
                z, state = latent(t // self.options["segment"]), None
            past, state = self.network.write(z, past, np.full(n, t == 0), chooser(t), state)
            return past.reshape(n, *self.space.event_shape)

        return grow(n, steps, self.space, step)

    def _condition(self, evidence: Evidence) -> Model:
        return Filling(self, evidence)
