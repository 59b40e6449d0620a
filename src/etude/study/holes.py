"""A hole in a piece: what it takes to say what stood there, and whether what is drawn instead fits what follows.

Models that look back know what came before the hole. Models that fill gaps may know what follows as well, or be kept
from it, which tells what knowing it is worth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.errors import EtudeError
from etude.models.autoregressive import Autoregressive
from etude.models.masked.coconet import Coconet
from etude.models.totals import step_totals
from etude.types import Evidence

BAR = 16  # sixteenths of a bar of four quarters


def middle_hole(x: np.ndarray, steps: int, grid: int = BAR) -> Evidence:
    """Return a piece Int[T, *E] without `steps` steps of its middle, which begin on a multiple of `grid`.

    Raises
    ------
    EtudeError
        If nothing of the piece is left before the hole or after it.
    """
    start = len(x) // (2 * grid) * grid
    if not 0 < steps < len(x) - start or not start:
        raise EtudeError(f"a piece that goes on around a hole of {steps} steps", f"one of {len(x)} steps")
    known = np.ones(np.shape(x), bool)
    known[start : start + steps] = False
    return Evidence(x, known)


def span(hole: Evidence) -> slice:
    """Return the steps from the first to the last of which something is missing."""
    missing = np.flatnonzero(~hole.known.reshape(len(hole.known), -1).all(axis=1))
    return slice(int(missing[0]), int(missing[-1]) + 1)


def filling_bits(filler: Coconet, hole: Evidence, after: bool = True) -> float:
    """Return the bits of what stood in the hole, for a model that sees what is around it.

    Without `after` all that follows the hole is hidden too. Only what the network can see from the hole is looked at:
    the rest of the piece changes nothing.
    """
    gap = span(hole)
    near = slice(max(0, gap.start - filler.radius - 1), gap.stop + filler.radius + 1)
    known = hole.known.copy()
    if not after:
        known[gap.stop :] = False
    return filler.bits_of(hole.values[near], ~hole.known[near], known[near])


def foreseen_bits(model: Autoregressive, holes: Sequence[Evidence]) -> np.ndarray:
    """Return the bits of what stood in each hole, Float64[N], for a model that knows what came before alone."""
    return seam_bits(model, [hole.values for hole in holes], holes)[:, 0]


def seam_bits(judge: Autoregressive, mended: Sequence[np.ndarray], holes: Sequence[Evidence], steps: int = BAR):
    """Return what a model that looks back needs for the hole as it was mended, and for the `steps` steps after it.

    The steps after the hole are the piece's own. They are dear where what was drawn does not lead to them.

    Returns
    -------
    Float64[N, 2]
        Bits of the hole and of the steps after it (fewer where the piece ends).
    """
    found = []
    for bits, hole in zip(step_totals(judge.step_bits(mended)), holes, strict=True):
        gap = span(hole)
        found.append((bits[gap].sum(), bits[gap.stop : gap.stop + steps].sum()))
    return np.array(found)


def drawn_on(model: Autoregressive, hole: Evidence, seed: int, tries: int = 1) -> np.ndarray:
    """Return the piece with its hole filled by a model that goes on from what came before.

    While it draws it does not know where it has to lead. With several `tries` the one is kept after which the model
    finds what follows the hole the cheapest: so it is told afterwards.
    """
    gap = span(hole)
    mended = np.repeat(np.array(hole.values)[None], tries, axis=0)
    before = model.condition(Evidence.prefix(hole.values[: gap.start]))
    mended[:, gap] = [drawn[gap] for drawn in before.sample(tries, gap.stop, seed=seed)]
    if tries == 1:
        return mended[0]
    return mended[seam_bits(model, [x[: gap.stop + BAR] for x in mended], [hole] * tries)[:, 1].argmin()]


def under_the_top(x: np.ndarray) -> Evidence:
    """Return a roll Int[T, E] of which the highest sounding key of every step is known, and the silence above it."""
    highest = x.shape[1] - 1 - (x[:, ::-1] > 0).argmax(axis=1)
    return Evidence(x, np.arange(x.shape[1]) >= highest[:, None])
