"""log Z of a restricted Boltzmann machine: counted where the smaller layer allows, else estimated from both sides.

Annealed importance sampling (Neal 2001; for this machine Salakhutdinov & Murray 2008, section 4.1) walks from a machine
without coupling, whose log Z is known, to the one that is asked for. In between, all parameters are mixed linearly:
theta_k = (1 - b_k) base + b_k machine. A run starts with an independent frame, takes one Gibbs sweep a step and
collects ::

    log w = sum_k F_{k-1}(x_k) - F_k(x_k)        E[w] = Z / Z_base

so that by Jensen's inequality log Z is underestimated on average, and likelihoods look too good. The same walk from the
other end, begun with frames of the machine itself, gives E[w'] = Z_base / Z and errs to the other side (Burda, Grosse &
Salakhutdinov 2015; Grosse, Ghahramani & Adams 2015, "bidirectional Monte Carlo"). Where both agree, log Z is known. The
machine's own frames come from long annealed Gibbs chains: the upper side is as good as their mixing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from etude.models.boltzmann import Machine, draw_hidden, draw_visible, log_one_plus, softplus

MOST_STATES = 2**16  # of the layer that is summed over
CHUNK = 2**11  # states at once
SWEEPS = 200  # of Gibbs sampling at full coupling, after annealing, before the walk back


@dataclass(frozen=True)
class LogPartition:
    """log Z in nats.

    Parameters
    ----------
    value : float
    stderr : float
        0 where it is exact; else of the forward runs, to first order.
    reverse : float, optional
        The estimate from the machine's own frames, which errs upwards where `value` errs downwards.
    """

    value: float
    stderr: float = 0.0
    reverse: float | None = None

    @property
    def kind(self) -> Literal["exact", "estimate"]:
        """Say whether it was counted."""
        return "exact" if self.stderr == 0 and self.reverse is None else "estimate"


def can_enumerate(machine: Machine) -> bool:
    """Say whether one of the layers has few enough states to sum over."""
    return _few_hidden(machine) or _few_visible(machine)


def enumerated(machine: Machine) -> float:
    """Return log Z by the sum over all states of a layer; the other layer is summed in closed form."""
    return float(np.logaddexp.reduce(-_free_energies(machine)))


def draw_exactly(machine: Machine, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n independent frames Int64[n, E], from the enumerated states of a layer."""
    weights = -_free_energies(machine)
    cumulative = np.exp(weights - weights.max()).cumsum()
    state = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right").clip(max=len(weights) - 1)
    if _few_hidden(machine):
        return draw_visible(machine.visible_input(states(state, len(machine.hidden), 2).astype(np.float64)), rng)
    return states(state, *_frame_shape(machine))


def log_partition(
    machine: Machine, base: np.ndarray, rng: np.random.Generator, runs: int = 100, temperatures: int = 3000
) -> LogPartition:
    """Return log Z of `machine`, by enumeration or by annealing from the visible biases `base` Float64[E, L - 1]."""
    if can_enumerate(machine):
        return LogPartition(enumerated(machine))
    forward, x = annealed(machine, base, rng, runs, temperatures)
    reverse = reversed_(machine, base, machine.gibbs(resampled(x, forward, rng), rng, SWEEPS), rng, temperatures)
    value, stderr = log_mean(forward)
    return LogPartition(log_base(machine, base) + value, stderr, log_base(machine, base) - log_mean(reverse)[0])


def annealed(
    machine: Machine, base: np.ndarray, rng: np.random.Generator, runs: int, temperatures: int
) -> tuple[np.ndarray, np.ndarray]:
    """Walk from `base` to `machine`; return log w Float64[runs] and the frames at the end, Int64[runs, E]."""
    x = draw_visible(np.broadcast_to(base, (runs, *base.shape)), rng)
    return _walk(machine, base, x, np.linspace(0, 1, temperatures + 1), rng)


def reversed_(
    machine: Machine, base: np.ndarray, x: np.ndarray, rng: np.random.Generator, temperatures: int
) -> np.ndarray:
    """Walk from frames `x` Int[runs, E] of `machine` to `base`; return log w' Float64[runs]."""
    return _walk(machine, base, x, np.linspace(1, 0, temperatures + 1), rng)[0]


def resampled(x: np.ndarray, log_weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw as many of the frames as there are, in proportion to their weights: frames of the machine, nearly."""
    weights = np.exp(log_weights - log_weights.max())
    return x[rng.choice(len(x), len(x), p=weights / weights.sum())]


def log_base(machine: Machine, base: np.ndarray) -> float:
    """Return log Z of the machine without coupling and hidden biases."""
    return float(len(machine.hidden) * np.log(2) + log_one_plus(base).sum())


def log_mean(log_weights: np.ndarray) -> tuple[float, float]:
    """Return log mean(w) and its standard error by the delta method, sd(w) / (mean(w) sqrt(n))."""
    top = log_weights.max()
    weights = np.exp(log_weights - top)
    spread = weights.std(ddof=1) / np.sqrt(len(weights)) if len(weights) > 1 else np.inf
    return float(top + np.log(weights.mean())), float(spread / weights.mean())


def _walk(machine, base, x, schedule, rng):
    """Follow the schedule of b; before each change of b the weight is updated, after it a Gibbs sweep taken."""
    log_w, change = np.zeros(len(x)), (machine.visible - base).ravel()
    levels = machine.visible.shape[1]
    for before, after in zip(schedule[:-1], schedule[1:], strict=True):
        units = machine.hidden_input(x)  # b scales it: the base has neither coupling nor hidden biases
        log_w += (after - before) * (x_one_hot(x, levels) @ change)
        log_w += (softplus(after * units) - softplus(before * units)).sum(axis=1)
        if after not in (0.0, 1.0):
            z = draw_hidden(after * units, rng)
            logits = (1 - after) * base + after * machine.visible_input(z)
            x = draw_visible(logits, rng)
    return log_w, x
