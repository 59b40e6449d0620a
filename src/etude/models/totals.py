"""What whole steps cost: the bits of their entries, added."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def step_totals(bits: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the bits of whole steps, Float64[T] for each piece, of those of their entries, Float64[T, *E].

    A piece may have no step at all, and a step may be one entry.
    """
    return [piece.sum(axis=tuple(range(1, piece.ndim))) for piece in bits]
