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

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from etude.models.energy.boltzmann import Machine, draw_hidden, draw_visible, log_one_plus, one_hot, softplus

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
    reverse, reverse_stderr : float, optional
        The estimate from the machine's own frames, which errs upwards where `value` errs downwards, and its error.
    """

    value: float
    stderr: float = 0.0
    reverse: float | None = None
    reverse_stderr: float | None = None

    @property
    def kind(self) -> Literal["exact", "estimate"]:
        """Say whether it was counted."""
        return "exact" if self.stderr == 0 and self.reverse is None else "estimate"


def can_enumerate(machine: Machine) -> bool:
    """Say whether one of the layers has few enough states to sum over."""
    return min(_hidden_states(machine), _visible_states(machine)) <= MOST_STATES


def enumerated(machine: Machine) -> float:
    """Return log Z by the sum over all states of the smaller layer; the other is summed in closed form."""
    return float(np.logaddexp.reduce(-_free_energies(machine)))


def draw_exactly(machine: Machine, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n independent frames Int64[n, E]: a state of the smaller layer, then the other layer given it."""
    weights = -_free_energies(machine)
    cumulative = np.exp(weights - weights.max()).cumsum()
    chosen = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right").clip(max=len(weights) - 1)
    if _sums_hidden(machine):
        return draw_visible(machine.visible_input(states(chosen, len(machine.hidden), 2)), rng)
    return states(chosen, *_frame(machine))


def likeliest(machine: Machine) -> np.ndarray:
    """Return the frame Int64[E] of the state (x, z) with the least energy, by enumeration."""
    if _sums_hidden(machine):
        best, least = None, np.inf
        for z in _chunks(_hidden_states(machine), len(machine.hidden), 2):
            logits = machine.visible_input(z)
            energies = -z @ machine.hidden - np.maximum(logits.max(axis=-1, initial=0.0), 0).sum(axis=1)
            if energies.min() < least:
                best, least = logits[energies.argmin()], energies.min()
        return np.where((best > 0).any(axis=-1), best.argmax(axis=-1) + 1, 0)
    frames = states(np.arange(_visible_states(machine)), *_frame(machine))
    energies = -one_hot(frames, machine.visible.shape[1]) @ machine.visible.ravel()
    return frames[(energies - np.maximum(machine.hidden_input(frames), 0).sum(axis=1)).argmin()]


def states(numbers: np.ndarray, places: int, base: int) -> np.ndarray:
    """Return numbers Int[n] as their digits Int64[n, places], lowest first."""
    return numbers[:, None] // base ** np.arange(places) % base


def log_partition(
    machine: Machine, base: np.ndarray, rng: np.random.Generator, runs: int = 100, temperatures: int = 3000
) -> LogPartition:
    """Return log Z of `machine`, by enumeration or by annealing from the visible biases `base` Float64[E, L - 1]."""
    if can_enumerate(machine):
        return LogPartition(enumerated(machine))
    return from_both_sides(machine, base, rng, runs, temperatures)


def from_both_sides(
    machine: Machine, base: np.ndarray, rng: np.random.Generator, runs: int, temperatures: int
) -> LogPartition:
    """Return log Z as annealing estimates it, forwards and in reverse, however small the machine is."""
    forward, x = annealed(machine, base, rng, runs, temperatures)
    own = machine.gibbs(resampled(x, forward, rng), rng, SWEEPS)  # frames of the machine, as far as chains mix
    (value, stderr), start = log_mean(forward), log_base(machine, base)
    back, back_stderr = log_mean(reversed_(machine, base, own, rng, temperatures))
    return LogPartition(start + value, stderr, start - back, back_stderr)


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
    log_w, change, levels = np.zeros(len(x)), (machine.visible - base).ravel(), base.shape[1]
    for before, after in pairwise(schedule):
        v = one_hot(x, levels)
        units = machine.hidden + v @ machine.matrix  # b scales it: the base has neither coupling nor hidden biases
        log_w += (after - before) * (v @ change)
        log_w += (softplus(after * units) - softplus(before * units)).sum(axis=1)
        if after not in (0.0, 1.0):
            logits = machine.visible_input(draw_hidden(after * units, rng))
            x = draw_visible((1 - after) * base + after * logits, rng)
    return log_w, x


def _hidden_states(machine: Machine) -> int:
    return 2 ** len(machine.hidden)


def _visible_states(machine: Machine) -> int:
    places, base = _frame(machine)
    return base**places


def _sums_hidden(machine: Machine) -> bool:
    return _hidden_states(machine) <= _visible_states(machine)


def _frame(machine: Machine) -> tuple[int, int]:
    entries, above = machine.visible.shape
    return entries, above + 1


def _free_energies(machine: Machine) -> np.ndarray:
    """Return the free energy of every state of the smaller layer, Float64[states]."""
    if _sums_hidden(machine):
        parts = map(machine.hidden_free_energy, _chunks(_hidden_states(machine), len(machine.hidden), 2))
    else:
        parts = map(machine.free_energy, _chunks(_visible_states(machine), *_frame(machine)))
    return np.concatenate(list(parts))


def _chunks(count: int, places: int, base: int) -> Iterator[np.ndarray]:
    for begin in range(0, count, CHUNK):
        yield states(np.arange(begin, min(begin + CHUNK, count)), places, base)
