"""Long pieces as batches of windows, and pieces of similar length as groups to score.

A piece of thousands of steps is learnt in windows: truncated back-propagation through time with a state that begins
at zero in every window (Mikolov 2012, section 2.5, "truncated BPTT"; Sutskever 2013, section 2.8.6). The model then
sees two kinds of zero state: with the start vector before the first step of a piece, where it is the true one, and with
some event before a later step, where it means "I come in late". Scoring always carries the state from the first step,
so bits are exact whatever the windows were; windows only decide what is learnt. Windows in order, whose states may be
carried while learning too: `etude.training.consecutive`.

A window's piece is drawn in proportion to its length and its start from -W/2 .. T - W/2, moved into 0 .. T - W.
Every step is then seen about equally often, and so is the beginning: about half a window of starts fall on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Batch(NamedTuple):
    """B windows of at most W steps, padded at their end.

    events : Int[B, W + 1, entries]
        The event before the window (any, where `first`), then its W steps.
    first : Bool[B]
        The window begins its piece: the event before it is the start of the piece.
    mask : Bool[B, W]
        Steps that exist.
    """

    events: np.ndarray
    first: np.ndarray
    mask: np.ndarray


class Cuts:
    """Base of what cuts batches from pieces, each batch a function of (seed, step) alone.

    Parameters
    ----------
    pieces : sequence of Int[T, *E]
        Empty ones are left out.
    window : int
        Steps in a cut at most, W.
    batch_size : int
        Cuts in a batch, B.
    seed : int
    """

    def __init__(self, pieces: Sequence[np.ndarray], window: int, batch_size: int, seed: int = 0):
        self.pieces = [x.reshape(len(x), -1) for x in pieces if len(x)]
        self.ends = np.cumsum([len(x) for x in self.pieces])
        self.window, self.batch_size, self.seed = window, batch_size, seed

    def chosen(self, step: int) -> tuple[list[np.ndarray], np.random.Generator]:
        """Return B pieces, drawn in proportion to their lengths, and what is left of the randomness of `step`."""
        rng = np.random.default_rng([self.seed, step])
        places = np.searchsorted(self.ends, rng.integers(self.ends[-1], size=self.batch_size), side="right")
        return [self.pieces[i] for i in places], rng


class Windows(Cuts):
    """Batches of random windows."""

    def batch(self, step: int) -> Batch:
        """Return the batch of optimiser step `step`."""
        pieces, rng = self.chosen(step)
        return pad([self._cut(x, rng) for x in pieces])

    def _cut(self, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
        last = max(len(x) - self.window, 0)
        half = self.window // 2
        start = int(np.clip(rng.integers(-half, len(x) - half + 1), 0, last))
        return x[max(start - 1, 0) : start + self.window], start == 0


def pad(cuts: Sequence[tuple[np.ndarray, bool]]) -> Batch:
    """Return one batch of windows (events Int[t, entries], whether they begin their piece).

    A window that does not begin its piece brings the event before it as its first row.
    """
    steps = [len(x) - (not first) for x, first in cuts]
    events = np.zeros((len(cuts), max(steps) + 1, cuts[0][0].shape[1]), np.int64)
    for row, (x, first) in zip(events, cuts, strict=True):
        row[int(first) : int(first) + len(x)] = x
    mask = np.arange(max(steps)) < np.array(steps)[:, None]
    return Batch(events, np.array([first for _, first in cuts]), mask)


def similar_lengths(lengths: Sequence[int], most: int) -> list[np.ndarray]:
    """Return groups of indices, longest first, each of at most `most` padded steps or of one piece."""
    groups, group = [], []
    for i in np.argsort(-np.asarray(lengths), kind="stable"):
        if group and lengths[group[0]] * (len(group) + 1) > most:
            groups.append(np.array(group))
            group = []
        group.append(int(i))
    return [*groups, np.array(group)] if group else groups
