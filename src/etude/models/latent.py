"""Models that give each segment of a piece a latent: what the autoencoders share. No framework is named.

A piece is a row of segments of S steps (`etude.models.segments`). A segment x has a latent z and is written by a
decoder that knows z and the event c before the segment::

    p(piece) = product over its segments of p(x | c),    p(x | c) = sum or integral over z of p(z) p(x | z, c)

The sum is out of reach, so the bits are a bound: those of one z, or of some that are drawn. Decoders and weights:
`etude.models.coders`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from etude.errors import EtudeError
from etude.models.autoregressive import Chooser, cut_at_end, draw
from etude.models.base import Model
from etude.models.coders import coder_arrays, coder_options
from etude.models.outputs import too_large
from etude.models.segments import Segment, Segments, cut
from etude.models.sequence import SequenceModel, adapted, compact, marginals
from etude.training import Task
from etude.training.windows import Batch, pad
from etude.types import Bits, Evidence, Space

LOGITS_AT_ONCE = 2**21  # of segments scored side by side: 16 MB in double precision

SegmentBits = tuple[np.ndarray, np.ndarray]  # bits of each segment Float64[n], and their variances


class LatentModel(Model):
    """Base of the autoencoders: all but what a latent is and what it costs."""

    kind = "bound"
    known = 1  # numbers that the encoder gives for each dimension of z

    def __init__(self, space: Space, *, seed: int = 0, **options):
        super().__init__(space, seed=seed, **coder_options(space, options))
        self._network, self._untouched = None, True

    # A network is drawn, identified and stored as that of a sequence model is.
    network, _identity = SequenceModel.network, SequenceModel._identity
    _arrays, _restore = SequenceModel._arrays, SequenceModel._restore

    @classmethod
    def refuses(cls, space: Space) -> str | None:
        """Refuse steps whose softmax layers would be too large."""
        return too_large(space)

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
    def _segment_bits(self, segments: list[Segment]) -> SegmentBits:
        """Return a bound on -log2 p(x | c) of each segment, and its variance."""

    @abstractmethod
    def _draw_prior(self, n: int, rng: np.random.Generator, temperature: float) -> np.ndarray:
        """Return n latents drawn from p(z), Float64[n, latent]."""

    @abstractmethod
    def _draw_posterior(self, segments: list[Segment], rng: np.random.Generator) -> np.ndarray:
        """Return a latent that could have written each segment, Float64[n, latent]."""

    @abstractmethod
    def _latents(self, segments: list[Segment]) -> np.ndarray:
        """Return the latent that stands for each segment, Float64[n, latent]."""

    def _nearest(self, z: np.ndarray) -> np.ndarray:
        """Return the latents that are nearest to z Float64[n, latent], where not all are latents."""
        return z

    # Learning --------------------------------------------------------------------------------------------------------

    def _initial(self, rng):
        return coder_arrays(self.space, self.options, self.known * self.options["latent"], rng)

    def _fit(self, train, valid, budget, seed, checkpoint):
        train, valid = compact(train, self.space), compact([x for x in valid if len(x)], self.space)
        segments = Segments(train, self.options["segment"], budget.batch_size, seed)
        if self._untouched:
            self._restore(adapted(self._arrays(), marginals(train, self.space)))
        identity = self._identity(train, valid, budget, seed) if checkpoint is not None else {}

        def score(group):
            self._prepare(segments)
            return self._bits(group).total, sum(map(len, group))

        task = Task(self._batches(segments), [valid] if valid else [], score, budget, seed, identity)
        history = self._train(task, checkpoint)
        self._prepare(segments)
        history.parameters = self.parameters
        return history

    def _batches(self, segments: Segments) -> Callable[[int], tuple]:
        """Return what gives the batch of an optimiser step."""
        return segments.batch

    def _prepare(self, segments: Segments) -> None:
        """Count on the training segments what a score needs beside the weights."""

    # Scoring ---------------------------------------------------------------------------------------------------------

    def _bits(self, xs):
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

    def _given(self, z: np.ndarray, segments: Sequence[Segment]) -> np.ndarray:
        """Return -log2 p(x | z, c) of segments given latents z Float[n, K, D], Float64[n, K]."""
        bits, done = np.zeros(z.shape[:2]), 0
        for batch in self._batched(segments, copies=z.shape[1]):
            here = slice(done, done := done + len(batch.first))
            bits[here] = self.network.bits_given(z[here], batch)
        return bits

    # Generation ------------------------------------------------------------------------------------------------------

    def _sample(self, n, steps, rng, temperature):
        choose = draw(rng, temperature)
        return self._write(n, steps, lambda s: self._draw_prior(n, rng, temperature), lambda t: choose)

    def _write(self, n: int, steps: int, latent: Callable[[int], np.ndarray], chooser: Callable[[int], Chooser]):
        """Return n pieces: segment s is decoded from latent(s) Float[n, latent], its step t picked by chooser(t)."""
        past, first = np.zeros((n, self.space.entries), np.int64), np.ones(n, bool)
        events, state, open_ = [], None, np.ones(n, bool)
        for t in range(steps):
            if t % self.options["segment"] == 0:
                z, state = latent(t // self.options["segment"]), None
            past, state = self.network.write(z, past, first, chooser(t), state)
            first = np.zeros(n, bool)
            events.append(past.reshape(n, *self.space.event_shape))
            if self.space.end is not None:
                open_ &= events[-1] != self.space.end
                if not open_.any():
                    break
        x = np.stack(events, axis=1) if events else np.zeros((n, 0, *self.space.event_shape), np.int64)
        return [cut_at_end(piece, self.space.end) for piece in x]

    def _condition(self, evidence: Evidence) -> Model:
        from etude.models.filling import Filling

        return Filling(self, evidence)
