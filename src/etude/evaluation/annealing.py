"""How good is an estimate of log Z? The same machine annealed more and more slowly, from both sides.

A walk forwards has a log weight whose mean is below log Z, a walk back from the machine's own frames one whose mean is
above: a sandwich, up to the errors of the two means (Grosse, Ghahramani & Adams 2015; `energy.partition`). The log of
the mean weight lies between them on average and is the better guess. With slower annealing all close in on the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.models.energy.boltzmann import Machine
from etude.models.energy.partition import (
    SWEEPS,
    annealed,
    can_enumerate,
    draw_exactly,
    log_base,
    log_mean,
    resampled,
    reversed_,
)


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
        temperatures; forward, reverse, the logs of the mean weights, with forward_stderr, reverse_stderr; lower,
        upper, the means of the log weights.

    Notes
    -----
    The way back begins at frames of the machine: exact draws where a layer can be summed over, else the frames at the
    end of the walks forwards, drawn by weight and followed by Gibbs sweeps.
    """
    return [_row(machine, base, count, runs, np.random.default_rng([seed, count])) for count in temperatures]


def _row(machine: Machine, base: np.ndarray, count: int, runs: int, rng: np.random.Generator) -> dict:
    there, x = annealed(machine, base, rng, runs, count)
    if can_enumerate(machine):
        own = draw_exactly(machine, runs, rng)
    else:
        own = machine.gibbs(resampled(x, there, rng), rng, SWEEPS)
    back = reversed_(machine, base, own, rng, count)
    start, (forward, forward_stderr), (reverse, reverse_stderr) = (
        log_base(machine, base),
        log_mean(there),
        log_mean(back),
    )
    return {
        "temperatures": count,
        "forward": start + forward,
        "forward_stderr": forward_stderr,
        "reverse": start - reverse,
        "reverse_stderr": reverse_stderr,
        "lower": start + float(there.mean()),
        "upper": start - float(back.mean()),
    }
