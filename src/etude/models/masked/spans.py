"""Spans of pieces, to be learnt from both sides: batches for models that fill gaps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from etude.training import Cuts


class SpanBatch(NamedTuple):
    """B spans of at most W steps, padded at their end.

    Parameters
    ----------
    events : Int[B, W, entries]
    exists : Bool[B, W]
        Steps that are there.
    borders : Bool[B, 2]
        The span begins, and ends, where its piece does.
    """

    events: np.ndarray
    exists: np.ndarray
    borders: np.ndarray


class Spans(Cuts):
    """Batches of random spans, each a function of (seed, step) alone; a start is drawn evenly among those that fit.

    Parameters: see `etude.training.Cuts`. Pieces shorter than the window come whole.
    """

    def batch(self, step: int) -> SpanBatch:
        """Return the batch of optimiser step `step`."""
        pieces, rng = self.chosen(step)
        total = np.array([len(x) for x in pieces])
        lengths = np.minimum(total, self.window)
        starts = rng.integers(total - lengths + 1)
        events = np.zeros((len(pieces), max(lengths), pieces[0].shape[1]), np.int64)
        for row, x, start, length in zip(events, pieces, starts, lengths, strict=True):
            row[:length] = x[start : start + length]
        exists = np.arange(max(lengths)) < lengths[:, None]
        return SpanBatch(events, exists, np.stack([starts == 0, starts + lengths == total], axis=1))
