"""The order in which an order-agnostic model reveals the entries of a piece, some at once in every pass.

All that is open is ranked, then cut into `passes` groups: after pass k of K, the first (k / K)^growth of it is known.
The first groups are small, for little is known when they are guessed, and their entries are guessed independently of
each other; the last are large (with growth 1 all are alike). Two rankings:

==========  ==========================================================================================================
random      a fixed pseudo-random permutation (Uria, Murray & Larochelle 2014)
coarse      steps on the coarsest grid first: 0, then the middle of what is left, as in 0 8 4 12 2 6 10 14 1 3 ..; the
            entries of one grid in a fixed pseudo-random permutation
==========  ==========================================================================================================

The pass of an entry depends on the shape, the mask of what is open and these settings, never on a code. That is what
makes the product of the passes' distributions a distribution over pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from etude.errors import EtudeError, unknown_name

ORDERS = ("random", "coarse")


@dataclass(frozen=True)
class Ordering:
    """A schedule of passes.

    Parameters
    ----------
    passes : int
        Passes over a piece, K; fewer where fewer entries are open.
    order : {"random", "coarse"}
    growth : float
        Exponent of the share that is known after k of K passes, at least 1.
    seed : int
        Of the permutation.
    """

    passes: int
    order: str = "coarse"
    growth: float = 2.0
    seed: int = 0

    def __post_init__(self):
        if self.order not in ORDERS:
            raise unknown_name("order", self.order, ORDERS)
        if self.passes < 1 or not self.growth >= 1:
            raise EtudeError("passes >= 1 and growth >= 1", f"passes={self.passes}, growth={self.growth}")

    def revealed_in(self, open_: np.ndarray) -> np.ndarray:
        """Return the pass 0 .. K - 1 that reveals each entry as Int[T, entries]; -1 where `open_` Bool is False."""
        ranked = self._ranking(open_.shape)
        ranked = ranked[open_.ravel()[ranked]]
        result = np.full(open_.size, -1)
        result[ranked] = np.searchsorted(self._ends(len(ranked)), np.arange(len(ranked)), side="right")
        return result.reshape(open_.shape)

    def _ends(self, n: int) -> np.ndarray:
        """Return how many of n entries are known after each pass: every pass reveals one at least, while there are."""
        k = np.arange(1, self.passes + 1)
        return np.maximum(np.rint(n * (k / self.passes) ** self.growth), np.minimum(k, n)).astype(np.int64)

    def _ranking(self, shape: tuple[int, int]) -> np.ndarray:
        chance = np.random.default_rng([self.seed, *shape]).permutation(shape[0] * shape[1])
        if self.order == "random":
            return chance
        return np.lexsort((chance, np.repeat(-grid(shape[0]), shape[1])))


def grid(steps: int) -> np.ndarray:
    """Return the distance of neighbours on the coarsest grid of powers of two that holds each step, Int[T].

    Step 0 lies on every grid; it counts as one of the coarsest that the piece has.
    """
    t = np.arange(steps)
    spacing = t & -t  # the lowest bit that is set
    spacing[:1] = 1 << max(steps - 1, 1).bit_length()
    return spacing
