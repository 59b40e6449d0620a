"""How good is an estimate of log Z? The same machine annealed more and more slowly, from both sides.

Annealed importance sampling underestimates log Z on average, its reverse overestimates it; with slower annealing the
two close in on the truth (`models.partition`; Grosse, Ghahramani & Adams 2015).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.models.boltzmann import Machine
from etude.models.partition import from_both_sides


def annealing_table(
    machine: Machine, base: np.ndarray, temperatures: Sequence[int], runs: int = 100, seed: int = 0
) -> list[dict]:
    """Return estimates of log Z in nats, one row per number of temperatures.

    Parameters
    ----------
    machine : Machine
    base : Float64[E, L - 1]
        Visible biases from which annealing starts (`RBM.base`).
    temperatures : sequence of int
        Steps of a walk.
    runs : int
        Walks each way.
    seed : int

    Returns
    -------
    list of dict
        temperatures, forward, forward_stderr, reverse, reverse_stderr.
    """
    return [_row(machine, base, count, runs, np.random.default_rng([seed, count])) for count in temperatures]


def _row(machine: Machine, base: np.ndarray, count: int, runs: int, rng: np.random.Generator) -> dict:
    found = from_both_sides(machine, base, rng, runs, count)
    return {
        "temperatures": count,
        "forward": found.value,
        "forward_stderr": found.stderr,
        "reverse": found.reverse,
        "reverse_stderr": found.reverse_stderr,
    }
