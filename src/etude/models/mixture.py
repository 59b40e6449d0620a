"""Several models as one: each step is foreseen by all of them, and paid for at the mixture of what they say.

The probability of a step is the weighted mean of its probabilities under the members (a linear mixture, as of experts
without a gate: Jacobs et al. 1991), so that the mixture is a code like any other: its bits are exact where theirs are,
and the entropy coder writes and reads its files. It never needs more than -log2(weight) bits a step more than a member.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError

import numpy as np

from etude.errors import EtudeError
from etude.models.autoregressive import Autoregressive, Chooser, Stepper
from etude.models.derived import Derived
from etude.models.totals import step_totals

ROUNDS = 100  # of expectation and maximisation


class Mixture(Derived, Autoregressive):
    """A linear mixture of fitted models of one space, step by step.

    Parameters
    ----------
    models : sequence of Autoregressive
        Two or more. Within a step they are asked for its entries in one order (the same output does that).
    weights : sequence of float, optional
        Above 0, of sum 1; equal by default. `Mixture.fitted` finds them.

    Raises
    ------
    EtudeError
        Models of several spaces, too few, or weights that are none.
    """

    name = "mixture"

    def __init__(self, models: Sequence[Autoregressive], weights: Sequence[float] | None = None):
        models = list(models)
        strange = [model for model in models if not isinstance(model, Autoregressive)]
        if len(models) < 2 or strange or any(model.space != models[0].space for model in models):
            got = f"{strange[0]!r}" if strange else ", ".join(str(model.space) for model in models) or "none"
            raise EtudeError("two or more models of one space that foresee step by step", got)
        super().__init__(models[0].space)
        shares = np.full(len(models), 1 / len(models)) if weights is None else np.asarray(weights, float)
        if shares.shape != (len(models),) or not (shares > 0).all() or not np.isclose(shares.sum(), 1):
            raise EtudeError(f"{len(models)} weights above 0 of sum 1", str(weights))
        self.models, self.shares = models, shares

    @classmethod
    def fitted(cls, models: Sequence[Autoregressive], valid: Sequence[np.ndarray]) -> Mixture:
        """Return the mixture whose weights suit the pieces `valid` best (EM from equal weights)."""
        mixed = cls(models)
        members = [model.step_bits(valid) for model in mixed.models]
        return cls(models, suited_weights(np.stack([np.concatenate(step_totals(bits)) for bits in members])))

    def stepper(self, n: int = 1) -> Walk:
        """Return a fresh state of all members for `n` pieces."""
        return Walk([model.stepper(n) for model in self.models], self.shares)

    def _step_bits(self, xs):
        members = [model.step_bits(xs) for model in self.models]
        return [self._mixed([bits[piece] for bits in members]) for piece in range(len(xs))]

    def _mixed(self, members: list[np.ndarray]) -> np.ndarray:
        """Return the bits of every entry of a piece, Float64[T, *E], of the members': each given those before it."""
        flat = np.stack([bits.reshape(len(bits), self.space.entries) for bits in members])  # (members, T, entries)
        spent = np.log2(self.shares)[:, None, None] - flat.cumsum(axis=2)
        so_far = -np.logaddexp2.reduce(spent, axis=0)
        return np.diff(so_far, axis=1, prepend=0.0).reshape(members[0].shape)

    def _made_from(self):
        return self.models

    def _about(self) -> str:
        return "; ".join(f"{share:.2f} {model!r}" for share, model in zip(self.shares, self.models, strict=True))


class Walk:
    """The state of a mixture: its members walk side by side, each in a thread, and meet before every choice."""

    def __init__(self, steppers: Sequence[Stepper], shares: np.ndarray):
        self.steppers, self.shares = list(steppers), shares
        self._threads = ThreadPoolExecutor(len(self.steppers))

    def step(self, choose: Chooser) -> np.ndarray:
        """Take a step of all members, with what `choose` makes of their mixture."""
        meeting = Meeting(self.shares, choose)
        walks = [self._threads.submit(meeting.walk, seat, member) for seat, member in enumerate(self.steppers)]
        errors = [error for walk in walks if (error := walk.exception())]
        for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):
            raise error
        return walks[0].result()


class Meeting:
    """One step: whoever is asked for an entry waits until all are, and all go on with the symbol that was chosen."""

    def __init__(self, shares: np.ndarray, choose: Chooser):
        self.choose, self.weights = choose, shares[:, None] / shares.sum()  # by piece, once it is known how many
        self.offers: list = [None] * len(shares)
        self.chosen = np.zeros((0, 0), np.int64)
        self.barrier = Barrier(len(shares), action=self._agree)

    def walk(self, seat: int, stepper: Stepper) -> np.ndarray:
        """Let a member take its step; whatever ends it ends the meeting for all."""

        def ask(probabilities, entries):
            self.offers[seat] = probabilities, entries
            self.barrier.wait()
            return self.chosen

        try:
            event = stepper.step(ask)
            self.offers[seat] = None
            self.barrier.wait()
        except BaseException:
            self.barrier.abort()
            raise
        return event

    def _agree(self) -> None:
        """Choose the entries that all members are asked for, one after the other, by the mixture given those before."""
        entries = [None if offer is None else tuple(offer[1]) for offer in self.offers]
        if any(other != entries[0] for other in entries):
            raise EtudeError("members that are asked for entries in one order", "several", "Give them the same output.")
        if entries[0] is None:
            return
        offered = np.stack([probabilities for probabilities, _ in self.offers])  # (members, n, k, levels)
        chosen = []
        for place, entry in enumerate(entries[0]):
            mixed = np.einsum("mn,mnl->nl", self.weights, offered[:, :, place])
            symbols = np.asarray(self.choose(mixed[:, None], np.array([entry])))
            weights = self.weights * np.take_along_axis(offered[:, :, place], symbols[None], axis=2)[..., 0]
            self.weights = weights / weights.sum(axis=0)
            chosen.append(symbols)
        self.chosen = np.concatenate(chosen, axis=1)


def suited_weights(steps: np.ndarray) -> np.ndarray:
    """Return the weights Float64[members] that suit steps best, of what each member needs for each: bits [members, T].

    Expectation and maximisation from equal weights, in `ROUNDS` rounds.
    """
    shares = np.full(len(steps), 1 / len(steps))
    for _ in range(ROUNDS):
        known = np.log2(shares)[:, None] - steps
        known = np.exp2(known - known.max(axis=0))
        shares = np.maximum((known / known.sum(axis=0)).mean(axis=1), 1e-9)
    return shares / shares.sum()


def mixed_steps(steps: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return what the mixture needs for each step, Float64[T], of what its members need, Float64[members, T]."""
    return -np.logaddexp2.reduce(np.log2(shares)[:, None] - steps, axis=0)
