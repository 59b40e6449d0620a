"""The learning rate of a step: a linear warm-up, then half a cosine (Loshchilov & Hutter 2017, without restarts).

The optimiser is AdamW (Loshchilov & Hutter 2019) with decay for matrices alone, gradients are clipped to norm `CLIP`
(Pascanu et al. 2013).
"""

from __future__ import annotations

from math import cos, pi

CLIP = 1.0  # the norm of all gradients together, at most
WARM_UP = 0.05  # of the budget, at most LONGEST_WARM_UP steps
LONGEST_WARM_UP = 200
FLOOR = 0.02  # of the peak, at the end


def warm_up_cosine(step: int, steps: int) -> float:
    """Return the factor on the peak learning rate at `step` of `steps`, in (0, 1]."""
    warm = max(1, min(LONGEST_WARM_UP, round(WARM_UP * steps)))
    if step < warm:
        return (step + 1) / warm
    through = min(1.0, (step - warm) / max(1, steps - warm))
    return FLOOR + (1 - FLOOR) * (1 + cos(pi * through)) / 2
