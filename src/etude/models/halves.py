"""A neural family's halves: what a framework has to give, and which framework is asked.

A family's file holds its mathematics, its options and its initial weights, and names no framework. The rest is a half:
a network with NumPy at its face (one of the protocols below), and an engine that fits it. Each framework has a folder
here whose `__init__` is a table, and names no more than strings, so that reading it loads nothing::

    NAME       of the framework, and PLACE in the order in which frameworks are asked
    BUILDERS   family -> "module:build"; build(model) returns the network, whose weights may be anything
    ENGINE     the package under `etude.training` with `fit(network, task, checkpoint)`, `own_randomness()`, `REVISION`
    DOUBLE     "module:double"; double(build) returns what build() returns, in double precision
    lacks(family, options)    why there is no network with these options, or None
    versions()                what the numbers of a fit depend on beside étude: package -> version

The engine asks the network for more than the protocols say, in tensors of its own; no family sees it.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from etude.errors import CorruptCheckpoint, EtudeError, unknown_name
from etude.lookup import resolve
from etude.models.autoregressive import Chooser
from etude.types import History

CHOICE = "ETUDE_FRAMEWORK"  # the variable that names the framework to ask first


class Weighted(Protocol):
    """What every network has: named Float32 arrays in the layout that the frameworks share."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights."""
        ...

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take on weights; raises CorruptCheckpoint where names or shapes differ."""
        ...

    def on_fastest_device(self) -> AbstractContextManager[None]:
        """Stay on the GPU, where there is one, for the time of the block."""
        ...


class Network(Weighted, Protocol):
    """Of a sequence model. Events are Int[n, T, entries]; `state` is the framework's own, None at first."""

    def surprise(self, past: np.ndarray, first: np.ndarray, x: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """Return -log2 p of `x` as Float64[n, T, entries], and the state after reading `past`.

        `past` holds the event before each step of `x`; where `first` Bool[n], its first event is the start.
        """
        ...

    def step(self, past: np.ndarray, first: np.ndarray, choose: Chooser, state: Any) -> tuple[np.ndarray, Any]:
        """Read `past` Int[n, entries], ask `choose` for the next event, return it and the new state."""
        ...


class GatedNetwork(Network, Protocol):
    """Of a WaveNet."""

    def gates(self, past: np.ndarray) -> np.ndarray:
        """Return the gates Float32[T, layers, R] before each step of a piece.

        `past` Int[T, entries] holds the event before each step; the first is the start, whatever it says.
        """
        ...


class AttentiveNetwork(Network, Protocol):
    """Of causal self-attention."""

    def attention(self, past: np.ndarray) -> np.ndarray:
        """Return what heads look at, Float32[layers, heads, T, T], before each step of a piece.

        `past` Int[T, entries] holds the event before each step; the first is the start, whatever it says.
        """
        ...


class GuidedNetwork(GatedNetwork, Protocol):
    """Of a WaveNet with a guide. Frames are Int[n, F + 2, G], and Bool[n, F + 2] says which exist."""

    def begin(self, frames: np.ndarray, inside: np.ndarray) -> Any:
        """Return the state before the first step of pieces that follow the frames."""
        ...

    def local(self, frames: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Return what frames add to filter and gate of every layer, Float32[n, F, layers, 2R]."""
        ...

    def following(self, frames: np.ndarray, inside: np.ndarray) -> AbstractContextManager[None]:
        """Let pieces that begin inside the block follow the frames."""
        ...


class LatentNetwork(Weighted, Protocol):
    """Of an autoencoder. A batch is a `training.Batch` of n segments."""

    def encode(self, batch: Any) -> np.ndarray:
        """Return what the encoder makes of each segment, Float64[n, known]."""
        ...

    def bits_given(self, z: np.ndarray, batch: Any) -> np.ndarray:
        """Return -log2 p(x | z, c) of each segment given each of its latents z Float[n, K, D], Float64[n, K]."""
        ...

    def write(
        self, z: np.ndarray, past: np.ndarray, first: np.ndarray, choose: Chooser, state: Any
    ) -> tuple[np.ndarray, Any]:
        """Return the next event Int[n, entries] of segments with latents z Float[n, D], and the state after it."""
        ...


class CodingNetwork(LatentNetwork, Protocol):
    """Of the plain autoencoder, whose prior is counted."""

    def codes(self, batch: Any) -> np.ndarray:
        """Return the code of each segment, Int64[n, D]."""
        ...

    def counts(self) -> np.ndarray:
        """Return how often each level of each dimension was seen, Float64[D, L]."""
        ...

    def count(self, counts: np.ndarray) -> None:
        """Take on counts Int[D, L]."""
        ...


class GaussianNetwork(LatentNetwork, Protocol):
    """Of the variational autoencoder."""

    def posterior(self, batch: Any) -> np.ndarray:
        """Return mean and deviation of q(z | x) of each segment, Float64[n, 2, D]."""
        ...


class MaskedNetwork(Weighted, Protocol):
    """Of an order-agnostic model."""

    def log_probabilities(self, x: np.ndarray, known: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Return log p, in nats, of the `asked` entries of pieces x Int[n, T, entries] as Float64[n, k, levels].

        `known` and `asked` are Bool[T, entries]. The result must not depend on entries of x that are not known.
        """
        ...


class EnergyNetwork(Weighted, Protocol):
    """Of a Boltzmann machine: it only learns."""

    def start_chains(self, frames: np.ndarray) -> None:
        """Begin the persistent chains at frames Int[n, E], repeated as often as needed."""
        ...

    def set_log_z(self, value: float) -> None:
        """Take on log Z, in nats, of the weights as they are."""
        ...


@dataclass(frozen=True)
class Half:
    """The half of a `family` that the framework `name` has, as its `table` says."""

    family: str
    name: str
    table: ModuleType

    @property
    def engine(self) -> ModuleType:
        """The framework's engine, imported when it is first asked for."""
        return import_module(self.table.ENGINE)

    def build(self, model) -> Any:
        """Return the network of a model; the framework's random state stays as it was."""
        with self.engine.own_randomness():
            return resolve(self.table.BUILDERS[self.family])(model)

    def double(self, model) -> Any:
        """Return the network of a model in double precision, where frameworks can be compared to the last digits."""
        return resolve(self.table.DOUBLE)(lambda: self.build(model))

    def fit(self, network: Any, task: Any, checkpoint: Path | None) -> History:
        """Fit a network to an `etude.training.Task`."""
        return self.engine.fit(network, task, checkpoint)

    def lacks(self, options: dict) -> str | None:
        """Say why this framework has no network with these options, or None where it has."""
        return self.table.lacks(self.family, options)

    def versions(self) -> dict[str, str]:
        """Return the versions of the packages that the numbers of a fit depend on."""
        return self.table.versions()


@cache
def tables() -> dict[str, ModuleType]:
    """Return the tables of all frameworks by name, the one that is asked first at the beginning."""
    folder = import_module("etude.models").__path__
    packages = [import_module(f"etude.models.{found.name}") for found in iter_modules(folder) if found.ispkg]
    found = [package for package in packages if hasattr(package, "BUILDERS")]
    return {table.NAME: table for table in sorted(found, key=lambda table: table.PLACE)}


def halves(family: str) -> list[Half]:
    """Return the halves of a family, the one that is asked first at the beginning."""
    return [Half(family, name, table) for name, table in tables().items() if family in table.BUILDERS]


def half(family: str, options: dict, framework: str | None = None) -> Half:
    """Return the half of a family in a framework.

    Without `framework` it is that of `ETUDE_FRAMEWORK`, or the first that has the family with these options.

    Raises
    ------
    EtudeError
        There is none; the remedy names the framework that has it.
    """
    if framework is not None and framework not in tables():
        raise unknown_name("framework", framework, tables())
    reasons = {one: one.lacks(options) for one in halves(family)}
    able = [one for one, reason in reasons.items() if reason is None]
    wanted = framework or os.environ.get(CHOICE)
    for one in able:
        if one.name == wanted:
            return one
    if framework is None and able:
        return able[0]
    remedy = f"Use framework={able[0].name!r}." if able else "No framework has it."
    why = next((reason for one, reason in reasons.items() if one.name == framework and reason), None)
    raise EtudeError(f"a framework that has {family} with these options", why or f"{framework}, without it", remedy)


def check_names(expected: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Raise CorruptCheckpoint where names or shapes of weights are not those expected."""
    wanted, got = ({name: tuple(array.shape) for name, array in some.items()} for some in (expected, arrays))
    if wanted != got:
        wrong = min(k for k in wanted.keys() | got.keys() if wanted.get(k) != got.get(k))
        raise CorruptCheckpoint(f"{wrong} of shape {wanted.get(wrong)}", f"{got.get(wrong)}", "Train it again.")
