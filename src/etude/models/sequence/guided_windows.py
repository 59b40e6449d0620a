"""Windows of pieces that follow a guide, each with the frames of the guide that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from etude.errors import EtudeError
from etude.training.windows import Cuts, pad


@dataclass(frozen=True)
class Noise:
    """Normal noise on codes, rounded; the standard deviation of each window is drawn evenly from 0 to `max_std`.

    Parameters
    ----------
    max_std : float
        In codes; at 0 codes stay as they are.
    levels : int
        Codes stay in 0 .. levels - 1.
    """

    max_std: float
    levels: int

    def added_to(self, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a noisy copy of windows Int[B, W, entries]."""
        if not self.max_std:
            return codes
        size = rng.uniform(0, self.max_std, (len(codes), 1, 1))
        noise = np.rint(size * rng.standard_normal(codes.shape)).astype(np.int64)
        return (codes + noise).clip(0, self.levels - 1)


QUIET = Noise(0.0, 1)


class GuidedBatch(NamedTuple):
    """B windows of at most W steps, as a `Batch`, what is read of them, and the frames that they follow.

    events, first, mask
        See `etude.training.windows.Batch`.
    past : Int64[B, W, entries]
        The event before each step as it is read: `events` without the last, or a noisy copy of them.
    frames : Int64[B, F + 2, G]
        The frames of each window, with the one before and the one after.
    inside : Bool[B, F + 2]
        Frames that exist.
    """

    events: np.ndarray
    first: np.ndarray
    mask: np.ndarray
    past: np.ndarray
    frames: np.ndarray
    inside: np.ndarray


class GuidedWindows(Cuts):
    """Batches of random windows that begin with a frame of their guide.

    Parameters
    ----------
    pieces : sequence
        Each with `x` Int[T, entries], T > 0, and `guide` Int[F, G].
    window, batch_size, seed
        See `Cuts`.
    hop : int
        Steps in a frame.
    align : int
        Windows begin at multiples: `hop`, or 1 where one frame lasts the whole piece. So at the end of a piece up to
        `align` - 1 steps are in no window.
    noise : Noise
        Added to `past`; by default none.

    Raises
    ------
    EtudeError
        A window is shorter than a frame: then the end of each frame would never be learnt.
    """

    def __init__(
        self,
        pieces: Sequence,
        window: int,
        batch_size: int,
        seed: int,
        hop: int,
        align: int,
        noise: Noise = QUIET,
    ):
        super().__init__([piece.x for piece in pieces], window, batch_size, seed)
        if window < align:
            raise EtudeError(
                f"window >= {align}, the steps in a frame", str(window), "Lengthen it, or use shorter frames."
            )
        self.pieces, self.hop, self.align, self.noise = list(pieces), hop, align, noise
        self.count = -(-window // hop)

    def batch(self, step: int) -> GuidedBatch:
        """Return the batch of optimiser step `step`."""
        pieces, rng = self.chosen(step)
        starts = [self._start(len(piece.x), rng) for piece in pieces]
        cuts = [
            (piece.x[max(start - 1, 0) : start + self.window], start == 0)
            for piece, start in zip(pieces, starts, strict=True)
        ]
        frames, inside = zip(
            *(framed(p.guide, start // self.hop, self.count) for p, start in zip(pieces, starts, strict=True)),
            strict=True,
        )
        batch = pad(cuts)
        past = self.noise.added_to(batch.events[:, :-1], rng)
        return GuidedBatch(*batch, past, np.stack(frames), np.stack(inside))

    def _start(self, length: int, rng: np.random.Generator) -> int:
        half = self.window // 2
        start = int(np.clip(rng.integers(-half, length - half + 1), 0, max(length - self.window, 0)))
        return start // self.align * self.align


def framed(guide: np.ndarray, begin: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return frames begin - 1 .. begin + count of a guide Int[F, G] as Int64, and which exist as Bool[count + 2]."""
    if not len(guide):
        return np.zeros((count + 2, guide.shape[1]), np.int64), np.zeros(count + 2, bool)
    places = np.arange(begin - 1, begin + count + 1)
    inside = (places >= 0) & (places < len(guide))
    return guide[places.clip(0, len(guide) - 1)].astype(np.int64), inside
