"""Spans of pieces, to be learnt from both sides: batches for models that fill gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class SpanBatch(NamedTuple):
    """B spans of at most W steps, padded at their end.

    events : Int[B, W, entries]
    exists : Bool[B, W]
        Steps that are there.
    borders : Bool[B, 2]
        The span begins, and ends, where its piece does.
    """

    events: np.ndarray
    exists: np.ndarray
    borders: np.ndarray


class Spans:
    """Batches of random spans, each a function of (seed, step) alone.

    A span's piece is drawn in proportion to its length and its start evenly among those that fit.

    Parameters
    ----------
    pieces : sequence of Int[T, *E]
        Empty ones are left out.
    window : int
        Steps in a span at most, W; shorter pieces come whole.
    batch_size : int
        Spans in a batch, B.
    seed : int
    """

    def __init__(self, pieces: Sequence[np.ndarray], window: int, batch_size: int, seed: int = 0):
        self.pieces = [x.reshape(len(x), -1) for x in pieces if len(x)]
        self.ends = np.cumsum([len(x) for x in self.pieces])
        self.window, self.batch_size, self.seed = window, batch_size, seed

    def batch(self, step: int) -> SpanBatch:
        """Return the batch of optimiser step `step`."""
        rng = np.random.default_rng([self.seed, step])
        chosen = [
            self.pieces[i]
            for i in np.searchsorted(self.ends, rng.integers(self.ends[-1], size=self.batch_size), "right")
        ]
        starts = [int(rng.integers(max(len(x) - self.window, 0) + 1)) for x in chosen]
        lengths = [min(len(x), self.window) for x in chosen]
        events = np.zeros((len(chosen), max(lengths), chosen[0].shape[1]), np.int64)
        for row, x, start, length in zip(events, chosen, starts, lengths, strict=True):
            row[:length] = x[start : start + length]
        ends = [start + length == len(x) for x, start, length in zip(chosen, starts, lengths, strict=True)]
        borders = np.stack([np.array(starts) == 0, np.array(ends)], axis=1)
        return SpanBatch(events, np.arange(max(lengths)) < np.array(lengths)[:, None], borders)
