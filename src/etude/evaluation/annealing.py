"""How good is an estimate of log Z? The same machine annealed more and more slowly, from both sides.

Annealed importance sampling underestimates log Z on average, its reverse overestimates it; with slower annealing the
two close in on the truth (`models.partition`; Grosse, Ghahramani & Adams 2015).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.models.boltzmann import Machine
from etude.models.partition import SWEEPS, annealed, log_base, log_mean, resampled, reversed_


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
    weights, x = annealed(machine, base, rng, runs, count)
    own = machine.gibbs(resampled(x, weights, rng), rng, SWEEPS)  # frames of the machine, as far as chains mix
    (forward, error), (back, back_error) = log_mean(weights), log_mean(reversed_(machine, base, own, rng, count))
    start = log_base(machine, base)
    return {
        "temperatures": count,
        "forward": start + forward,
        "forward_stderr": error,
        "reverse": start - back,
        "reverse_stderr": back_error,
    }
