"""The restricted Boltzmann machine over single frames: harmony without time (Smolensky 1986, Hinton 2002).

Every frame is an independent draw from p(x) = exp(-F(x)) / Z (`boltzmann`). Code lengths need log Z: exact where
a layer is small, else by annealed importance sampling (`partition`). Any entries of a frame can be given, the
others then follow by Gibbs sampling with the known ones held fast.

Weights: `rbm.visible` a [E * (L - 1)], `rbm.hidden` d [U], `rbm.weight` W [E * (L - 1), U], and `rbm.base`, the visible
biases of the best machine without coupling, from which annealing starts. Level 0 is the zero of energy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.models.base import Model
from etude.models.energy.boltzmann import Machine
from etude.models.energy.clamped import Clamped, draw_frames
from etude.models.energy.partition import LogPartition, can_enumerate, log_partition
from etude.models.halves import check_names
from etude.models.neural import Material, Neural, marginals
from etude.models.sequence.outputs import too_large
from etude.types import Bits, Evidence, Space

LEARNING = ("cd", "pcd", "exact")
MOST_EXACT_UNITS = 14  # whose states are all written down in every step of learning
QUICK = {"runs": 64, "temperatures": 1000}  # of annealing while learning
CAREFUL = {"runs": 128, "temperatures": 4000}  # and for what is reported


class Frames(NamedTuple):
    """A batch of single frames, Int[B, E]."""

    frames: np.ndarray


class RBM(Neural):
    """A restricted Boltzmann machine. The weights are NumPy's; a network takes them only to learn.

    Parameters
    ----------
    space : Space
        Of vector steps.
    seed : int
    hidden : int
        Hidden units.
    learning : {"pcd", "cd", "exact"}
        Persistent chains, chains from the data, or the exact gradient (few hidden units only).
    gibbs : int
        Sweeps of the chains a step, k.
    chains : int
        Persistent chains.

    Notes
    -----
    A batch of a fit is `batch_size` frames; the budget's `window` has no meaning here.
    """

    name = "rbm"
    revision = 2  # since 2, training nats are true, or there are none

    def __init__(
        self,
        space: Space,
        *,
        seed: int | None = 0,
        hidden: int = 150,
        learning="pcd",
        gibbs: int = 1,
        chains: int = 128,
    ):
        if learning not in LEARNING:
            raise unknown_name("way of learning", learning, LEARNING)
        if min(hidden, gibbs, chains) < 1:
            raise EtudeError("hidden, gibbs, chains >= 1", f"hidden={hidden}, gibbs={gibbs}, chains={chains}")
        if learning == "exact" and hidden > MOST_EXACT_UNITS:
            remedy = "Every step of learning sums over all their states: use learning='pcd'."
            raise EtudeError(f"at most {MOST_EXACT_UNITS} hidden units for learning='exact'", str(hidden), remedy)
        super().__init__(space, seed=seed, hidden=hidden, learning=learning, gibbs=gibbs, chains=chains)
        self._restore(self._initial(np.random.default_rng(self.seed)))
        self._untouched = True  # weights as drawn
        self.kind = "exact" if can_enumerate(self.machine) else "estimate"

    @classmethod
    def refuses(cls, space: Space) -> str | None:
        """Refuse scalar steps, which have nothing to relate, and those with a single level or too many."""
        if not space.event_shape:
            return "A machine relates the entries of a step, and a scalar step has one: use a sequence model."
        if space.levels < 2:
            return "With one level there is nothing to learn."
        return too_large(space)

    @property
    def machine(self) -> Machine:
        """The weights in double precision."""
        a, d, w = (self._weights[f"rbm.{name}"].astype(np.float64) for name in ("visible", "hidden", "weight"))
        shape = (self.space.entries, self.space.levels - 1)
        return Machine(a.reshape(shape), d, w.reshape(*shape, len(d)))

    def free_energy(self, x: np.ndarray) -> np.ndarray:
        """Return F of every frame of a piece Int[T, *E], in nats, Float64[T]."""
        return self.machine.free_energy(self._flat(self.space.check(x)))

    def log_partition(self) -> LogPartition:
        """Return log Z in nats; an estimate comes with its standard error and with one that errs upwards."""
        if self._log_partition is None:
            self._log_partition = self._anneal(**CAREFUL)
        return self._log_partition

    def frame_bits(self, xs) -> list[np.ndarray]:
        """Return -log2 p of every frame, Float64[T], for each piece Int[T, *E]."""
        log_z = self.log_partition().value
        return [(self.free_energy(x) + log_z) / np.log(2) for x in xs]

    def _bits(self, xs):
        values = [bits.sum() for bits in self.frame_bits(xs)]
        found = self.log_partition()
        stderr = None if found.kind == "exact" else np.array([len(x) for x in xs]) * found.stderr / np.log(2)
        return Bits(values, found.kind, stderr)

    def _sample(self, n, steps, rng, temperature, top_p=1.0):
        frames = draw_frames(self.machine, self.base, n * steps, rng, temperature, top_p)
        return list(frames.reshape(n, steps, *self.space.event_shape))

    def _condition(self, evidence: Evidence) -> Model:
        return Clamped(self, evidence)

    @property
    def base(self) -> np.ndarray:
        """Visible biases Float64[E, L - 1] of the best machine without coupling."""
        return self._weights["rbm.base"].astype(np.float64).reshape(self.space.entries, -1)

    def _quick(self) -> LogPartition:
        """Return log Z as it is followed while learning."""
        return self._anneal(**QUICK)

    def _anneal(self, runs: int, temperatures: int) -> LogPartition:
        return log_partition(self.machine, self.base, np.random.default_rng(self.seed), runs, temperatures)

    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return initial weights: hardly coupled and uniform, until a fit sets the biases."""
        above, hidden = self.space.entries * (self.space.levels - 1), self.options["hidden"]
        arrays = {"visible": np.zeros(above), "hidden": np.zeros(hidden), "base": np.zeros(above)}
        arrays["weight"] = rng.normal(size=(above, hidden)) * 0.01  # Hinton 2010, section 8
        return {f"rbm.{name}": array.astype(np.float32) for name, array in arrays.items()}

    def _compact(self, pieces):
        return [self._flat(x) for x in super()._compact(pieces)]

    def _adapted(self, arrays, train):
        p = marginals(train, self.space)
        biases = (np.log(p[:, 1:]) - np.log(p[:, :1])).ravel().astype(np.float32)
        return {**arrays, "rbm.visible": biases, "rbm.base": biases}

    def _material(self, train, valid, budget, seed):
        frames, network = np.concatenate(train), self.network
        network.restore(self._arrays())
        network.start_chains(np.random.default_rng(seed).permutation(frames))
        network.set_log_z(self._quick().value)

        def batch(step: int) -> Frames:
            chosen = np.random.default_rng([seed, step]).integers(len(frames), size=budget.batch_size)
            return Frames(frames[chosen].astype(np.int64))

        def take_over() -> None:
            self._restore(network.arrays())

        def score(group: np.ndarray) -> tuple[float, int]:
            take_over()
            total = self._total(group)
            network.set_log_z(self.log_partition().value)
            return total

        return Material(batch, [np.concatenate(valid)] if valid else [], score, take_over)

    def _total(self, frames: np.ndarray) -> tuple[float, int]:
        """Return bits and number of frames Int[n, E], by the quick log Z, which is kept until weights change."""
        self._log_partition = self._quick()
        return float((self.machine.free_energy(frames) + self._log_partition.value).sum() / np.log(2)), len(frames)

    def _flat(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(len(x), self.space.entries)  # (T, E)

    def _arrays(self):
        return dict(self._weights)

    def _restore(self, arrays):
        check_names(self._initial(np.random.default_rng(0)), arrays)
        self._weights = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
        self._log_partition: LogPartition | None = None
        self._untouched = False
