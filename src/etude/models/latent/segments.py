"""Pieces as rows of segments of a fixed length, for models that give each segment a latent of its own.

A piece of T steps is ceil(T / S) segments of S steps; the last one may be shorter. Each knows the event before it (or
that it begins the piece), which lets its decoder join it to what was. The segments of a piece, in order, are the piece.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.training.windows import Batch, pad

FEWEST = 4  # positions that an encoder's halvings leave of a segment, at most

Segment = tuple[np.ndarray, bool]  # events Int[t, entries], led by the event before unless the segment begins a piece


def cut(x: np.ndarray, segment: int) -> list[Segment]:
    """Return the segments of a piece Int[T, entries], each led by the event before it; none of an empty piece."""
    return [(x[max(start - 1, 0) : start + segment], start == 0) for start in range(0, len(x), segment)]


def join(segments: Sequence[Segment]) -> np.ndarray:
    """Return the piece Int[T, entries] of which these are the segments: what `cut` took apart."""
    return np.concatenate([events[not first :] for events, first in segments])


def halvings(segment: int) -> int:
    """Return how often a segment is halved until at most `FEWEST` positions are left."""
    times = 0
    while -(-segment // 2**times) > FEWEST:
        times += 1
    return times


def positions(segment: int) -> int:
    """Return how many positions those halvings leave; what does not divide is filled up."""
    return -(-segment // 2 ** halvings(segment))


def padded(segment: int) -> int:
    """Return the steps of a segment that is filled up so that it can be halved."""
    return positions(segment) * 2 ** halvings(segment)


class Segments:
    """Batches of random segments of the training pieces, each a function of (seed, step) alone.

    Every segment of every piece is as likely as any other. Segments stay where `cut` puts them, as in scoring.

    Parameters
    ----------
    pieces : sequence of Int[T, *E]
        Empty ones are left out.
    segment : int
        Steps in a segment, S.
    batch_size : int
        Segments in a batch.
    seed : int
    """

    def __init__(self, pieces: Sequence[np.ndarray], segment: int, batch_size: int, seed: int = 0):
        self.segments = [part for x in pieces if len(x) for part in cut(x.reshape(len(x), -1), segment)]
        self.batch_size, self.seed = batch_size, seed

    def batch(self, step: int) -> Batch:
        """Return the batch of optimiser step `step`."""
        rng = np.random.default_rng([self.seed, step])
        return pad([self.segments[i] for i in rng.integers(len(self.segments), size=self.batch_size)])

    def some(self, most: int) -> list[Segment]:
        """Return `most` segments spread evenly over all pieces, or all where there are fewer."""
        chosen = np.linspace(0, len(self.segments) - 1, min(most, len(self.segments))).round().astype(int)
        return [self.segments[i] for i in chosen]
