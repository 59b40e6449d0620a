"""Models that factorise over time, p(x) = prod_t p(x_t | x_<t): exact bits, prefixes, step-by-step generation.

A family gives a `Stepper`, which walks n pieces in step. Whoever walks it brings a `Chooser`: drawing symbols gives
samples, returning known ones gives code lengths or the entropy coder's input, reading them from a file decodes it.
Samples, prefixes and the coder's proof are therefore written once, for every such family.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

import numpy as np

from etude.errors import EtudeError
from etude.models.base import Model
from etude.models.conditioned import Conditioned, check_beginnings
from etude.types import Evidence, Space

# (probabilities Float64[n, k, levels], entries: indices of the k entries in the step) -> symbols Int[n, k]
Chooser = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Stepper(Protocol):
    """The state of n pieces that grow together."""

    def step(self, choose: Chooser) -> np.ndarray:
        """Ask `choose` for the next step of each piece, remember it, and return it as Int[n, *E].

        An output whose entries are independent given the past asks once for all of them; one that orders them asks
        entry by entry, each given those chosen before.
        """
        ...


class Autoregressive(Model):
    """Base of the families whose `stepper` defines p(x_t | x_<t)."""

    @abstractmethod
    def stepper(self, n: int = 1) -> Stepper:
        """Return a fresh state for `n` pieces, before their first step."""

    @abstractmethod
    def _step_bits(self, xs: list[np.ndarray]) -> list[np.ndarray]:
        """Return -log2 p(x_t | x_<t) of each piece as Float64[T, *E]: one number per entry."""

    def step_bits(self, xs) -> list[np.ndarray]:
        """Return the surprise of every entry, in bits: Float64[T, *E] for each piece Int[T, *E]."""
        return self._step_bits([self._admitted(x) for x in xs])

    def _bits(self, xs) -> np.ndarray:
        return np.array([bits.sum() for bits in self._step_bits(xs)], np.float64)

    def _sample(self, n, steps, rng, temperature, top_p=1.0, prefix=None):
        prefix = np.zeros((0, *self.space.event_shape), np.int64) if prefix is None else prefix
        stepper, free = self.stepper(n), draw(rng, temperature, top_p)
        return grow(n, steps, self.space, lambda t: stepper.step(repeat(prefix[t]) if t < len(prefix) else free))

    def _condition(self, evidence: Evidence) -> Model:
        length = evidence.prefix_length()
        if length is None:
            raise EtudeError(
                "evidence that is a prefix (known steps, then unknown ones)",
                "a mask with a gap",
                f"{self.name} reads from left to right; use a model that fills gaps.",
            )
        return Continuation(self, evidence.values[:length])


class Continuation(Conditioned):
    """A model given how a piece begins: `bits` are those of the rest, samples begin with the prefix."""

    name = "continuation"

    def __init__(self, model: Autoregressive, prefix: np.ndarray):
        super().__init__(model)
        self.prefix = prefix

    @property
    def _begun(self):
        return len(self.prefix)

    def _bits(self, xs):
        check_beginnings(xs, self.prefix)
        return np.array([bits[len(self.prefix) :].sum() for bits in self.model._step_bits(xs)], np.float64)

    def _sample(self, n, steps, rng, temperature, top_p=1.0):
        return self.model._sample(n, max(steps, len(self.prefix)), rng, temperature, top_p, prefix=self.prefix)

    def _compiled_sample(self, n, steps, rng, temperature, top_p, prefix=None):
        return self.model._compiled_sample(n, max(steps, len(self.prefix)), rng, temperature, top_p, self.prefix)


def draw(rng: np.random.Generator, temperature: float = 1.0, top_p: float = 1.0) -> Chooser:
    """Return a chooser that draws each symbol by inverse transform, one uniform number a symbol."""

    def choose(probabilities, entries):
        if temperature == 0:
            return probabilities.argmax(axis=-1)
        cumulative = nucleus(sharpen(probabilities, temperature), top_p).cumsum(axis=-1)
        u = rng.random(cumulative.shape[:-1])[..., None] * cumulative[..., -1:]
        return np.minimum((cumulative <= u).sum(axis=-1), probabilities.shape[-1] - 1)

    return choose


def repeat(event: np.ndarray) -> Chooser:
    """Return a chooser that gives one known step to every piece."""
    known = np.reshape(event, -1)

    def choose(probabilities, entries):
        return np.broadcast_to(known[entries], (len(probabilities), len(entries)))

    return choose


def sharpen(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the distributions p^(1/temperature), normalised over the last axis; at 1, p itself."""
    if temperature == 1:
        return probabilities
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities) / temperature
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def nucleus(probabilities: np.ndarray, top_p: float) -> np.ndarray:
    """Return the distributions restricted to their likeliest symbols whose mass reaches `top_p`, normalised; at 1, p.

    Of equally likely symbols the lower code is the first to be taken (Holtzman et al. 2020, section 3.1).
    """
    if top_p >= 1:
        return probabilities
    order = np.argsort(-probabilities, axis=-1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=-1)
    likelier = ranked.cumsum(axis=-1) - ranked  # the mass of what comes before
    weights = np.zeros_like(probabilities)
    np.put_along_axis(weights, order, np.where(likelier < top_p, ranked, 0.0), axis=-1)
    return weights / weights.sum(axis=-1, keepdims=True)


def grow(n: int, steps: int, space: Space, write: Callable[[int], np.ndarray]) -> list[np.ndarray]:
    """Return n pieces of at most `steps` steps, where `write(t)` gives step t of each, Int[n, *E].

    In a space with an end code, each piece ends with its first; when all have ended, nothing more is written.
    """
    events, open_ = [], np.ones(n, bool)
    for t in range(steps):
        events.append(write(t))
        if space.end is not None:
            open_ &= events[-1] != space.end
            if not open_.any():
                break
    x = np.stack(events, axis=1) if events else np.zeros((n, 0, *space.event_shape), np.int64)
    return [cut_at_end(piece, space.end) for piece in x]


def cut_at_end(x: np.ndarray, end: int | None) -> np.ndarray:
    """Return `x` up to and including its first end code."""
    if end is None:
        return x
    ends = np.flatnonzero(x == end)
    return x[: ends[0] + 1] if len(ends) else x
