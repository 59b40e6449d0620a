"""The running average of the weights (Polyak & Juditsky 1992; here exponential): its decay, for every framework.

Late in a fit the weights wander around a minimum; their average lies nearer to it than they do. The average takes the
place of the weights while the validation pieces are scored and the best are kept.
"""

from __future__ import annotations


def kept(decay: float, steps: int) -> float:
    """Return the share d that the average keeps after `steps` earlier steps: m <- d m + (1 - d) w.

    The first average is the weights after the first step. With a fixed d the first weights would weigh as much as the
    last 1 / (1 - d) steps together; the growing one, (1 + t) / (10 + t) up to `decay`, forgets them.
    """
    return min(decay, (1 + steps) / (10 + steps))
