"""What contrastive divergence learns once chance is taken out: its expected gradient, by enumeration.

The chains of a machine with E binary entries have a distribution over its 2^E frames, and one Gibbs sweep moves it.
Where all frames can be written down, that is arithmetic. Learning then has no noise, and what is left between two ways
to learn is their bias (Carreira-Perpinan & Hinton 2005, "On contrastive divergence learning"). All three follow the
difference between a mean over the data and one over frames x'; they differ in where x' comes from::

    exact    x' from p, the machine's own distribution
    cd       x' k sweeps after the data
    pcd      x' k sweeps after the x' of the step before

Frames are numbered by their digits, lowest entry first (`models.energy.partition.states`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.models.energy.boltzmann import Machine, sigmoid
from etude.models.energy.partition import states

WAYS = ("exact", "cd", "pcd")
MOST_ENTRIES, MOST_UNITS = 12, 10  # whose states are all written down in every step


@dataclass(frozen=True, eq=False)
class Learnt:
    """A machine after some steps, and the distribution Float64[2^E] of the frames x' of its last gradient."""

    machine: Machine
    chains: np.ndarray


def frequencies(frames: np.ndarray) -> np.ndarray:
    """Return the share of every frame, Float64[2^E], among binary frames Int[n, E]."""
    entries = frames.shape[1]
    return np.bincount(frames @ 2 ** np.arange(entries), minlength=2**entries) / len(frames)


def probabilities(machine: Machine) -> np.ndarray:
    """Return p of every frame of a binary machine, Float64[2^E]."""
    logs = -machine.free_energy(_frames(machine))
    return np.exp(logs - np.logaddexp.reduce(logs))


def swept(machine: Machine, p: np.ndarray, sweeps: int = 1) -> np.ndarray:
    """Return the distribution of frames Float64[2^E] after Gibbs sweeps of chains that begin with p Float64[2^E]."""
    frames = _frames(machine)
    units = states(np.arange(2 ** len(machine.hidden)), len(machine.hidden), 2)
    up = _products(sigmoid(machine.hidden_input(frames)))  # (2^E, 2^U): p(z given x)
    down = _products(sigmoid(machine.visible_input(units)[..., 0]))  # (2^U, 2^E): p(x given z)
    for _ in range(sweeps):
        p = p @ up @ down
    return p


def follow(machine: Machine, data: np.ndarray, way: str, sweeps: int, steps: int, rate: float = 0.1) -> Learnt:
    """Follow an expected gradient from `machine` for some steps of plain gradient ascent.

    Parameters
    ----------
    machine : Machine
        Of at most 12 binary entries and 10 hidden units.
    data : Float64[2^E]
        The share of every frame (`frequencies`).
    way : {"exact", "cd", "pcd"}
    sweeps : int
        Of a step, k; without meaning for `exact`.
    steps : int
    rate : float
        Of the ascent.
    """
    if way not in WAYS:
        raise unknown_name("way of learning", way, WAYS)
    chains = data
    for _ in range(steps):
        begin = chains if way == "pcd" else data
        chains = probabilities(machine) if way == "exact" else swept(machine, begin, sweeps)
        machine = _moved(machine, data - chains, rate)
    return Learnt(machine, chains)


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """Return half the sum of |p - q|: the share of frames that would have to change to turn one into the other."""
    return float(np.abs(p - q).sum() / 2)


def _moved(machine: Machine, difference: np.ndarray, rate: float) -> Machine:
    """Step along the gradient, which is the mean of x, z and their products under a difference of distributions."""
    frames = _frames(machine)
    units = sigmoid(machine.hidden_input(frames))  # (2^E, U)
    weighted = difference[:, None] * frames  # (2^E, E)
    return Machine(
        machine.visible + rate * weighted.sum(axis=0)[:, None],
        machine.hidden + rate * difference @ units,
        machine.weight + rate * (weighted.T @ units)[:, None],
    )


def _frames(machine: Machine) -> np.ndarray:
    (entries, above), units = machine.visible.shape, len(machine.hidden)
    if above != 1 or entries > MOST_ENTRIES or units > MOST_UNITS:
        got = f"{entries} entries of {above + 1} levels, {units} hidden units"
        limit = f"at most {MOST_ENTRIES} binary entries and {MOST_UNITS} hidden units"
        raise EtudeError(limit, got, "Fold the keys into pitch classes, or take fewer units.")
    return states(np.arange(2**entries), entries, 2)


def _products(p: np.ndarray) -> np.ndarray:
    """Return the probability of every pattern of k independent bits, Float64[n, 2^k], for p(1) Float64[n, k]."""
    table = np.ones((len(p), 1))
    for one in p.T[:, :, None]:  # the next bit doubles the table
        table = np.concatenate([table * (1 - one), table * one], axis=1)
    return table
