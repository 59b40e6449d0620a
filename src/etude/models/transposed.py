"""A fitted model that hears and foresees music some keys higher or lower: the same weights, another code.

Music that is moved by an interval is the same music, but a network that was taught in twelve keys has learnt each of
them a little differently. What it says of a frame in several keys can be averaged, as one averages over crops of a
picture (Krizhevsky et al. 2012, section 4.1): the readings are members of a `Mixture`, and that is a code like any
other, of one network, for as many times the computing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.errors import EtudeError, SpaceMismatch
from etude.models.autoregressive import Autoregressive, Chooser, Stepper
from etude.models.derived import Derived
from etude.models.mixture import Mixture

OUTSIDE = 2.0**-12  # probability that a key sounds which the model, so moved, does not have


class Transposed(Derived, Autoregressive):
    """A model of frames read `by` keys higher: entry e of a step is entry e + by of the model's.

    The model's keys that no entry has are at rest, as it is told; it is asked for the others given that. An entry that
    the model does not have sounds with the probability `OUTSIDE`.

    Parameters
    ----------
    model : Autoregressive
        Of frames Int[E] whose code 0 is a key at rest; it asks for a frame's entries from low to high, or for all at
        once, as all outputs of `models.sequence` do.
    by : int
        Keys; below 0: lower.

    Raises
    ------
    SpaceMismatch
        The model's steps are no frames of keys.
    EtudeError
        The model does not foresee step by step, or `by` leaves it no key.
    """

    name = "transposed"

    def __init__(self, model: Autoregressive, by: int):
        if not isinstance(model, Autoregressive):
            raise EtudeError("a model that foresees step by step", repr(model))
        if len(model.space.event_shape) != 1:
            remedy = "Tokens are transposed as music: encode the transposed score."
            raise SpaceMismatch("frames of keys", str(model.space), remedy)
        if not abs(by) < model.space.entries:
            raise EtudeError(f"fewer than {model.space.entries} keys up or down", str(by))
        super().__init__(model.space)
        self.model, self.by = model, int(by)
        entries = np.arange(model.space.entries)
        self._inside = (entries + self.by >= 0) & (entries + self.by < len(entries))  # entries that the model has
        self._theirs = (entries - self.by >= 0) & (entries - self.by < len(entries))  # of the model's, those it is
        rest, other = 1 - OUTSIDE, OUTSIDE / max(model.space.levels - 1, 1)
        self._outside = np.array([rest, *[other] * (model.space.levels - 1)])

    def stepper(self, n: int = 1) -> Moved:
        """Return a fresh state for `n` pieces, before their first step."""
        return Moved(self, self.model.stepper(n))

    def _made_from(self):
        return [self.model]

    def _step_bits(self, xs):
        found = self.model._step_bits([self._moved(x) for x in xs])
        return [self._back(bits, x) for bits, x in zip(found, xs, strict=True)]

    def _moved(self, x: np.ndarray) -> np.ndarray:
        """Return a piece as the model hears it; notes that would leave its keys are lost to it."""
        moved = np.zeros_like(x)
        moved[:, self._theirs] = x[:, self._inside]
        return moved

    def _back(self, bits: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the bits of a piece's own entries, of what the model says of the moved piece."""
        own = -np.log2(self._outside)[x]
        own[:, self._inside] = bits[:, self._theirs]
        return own

    def _about(self) -> str:
        return f"by {self.by:+d} of {self.model!r}"


class Moved:
    """The state of a transposed model: its own stepper, and a chooser between that and the one who walks it."""

    def __init__(self, reading: Transposed, stepper: Stepper):
        self.reading, self.stepper = reading, stepper

    def step(self, choose: Chooser) -> np.ndarray:
        """Ask `choose` for every entry of the next step, from low to high; return the step as Int[n, E]."""
        frame = Frame(self.reading, choose)
        moved = self.stepper.step(frame.choose)
        return frame.finished(len(moved))


class Frame:
    """One step: asks for the entries that the model has as it comes to them, and for the others where they stand."""

    def __init__(self, reading: Transposed, choose: Chooser):
        self.reading, self.ask = reading, choose
        self.chosen: list[np.ndarray] = []  # Int[n, k], of the entries so far, from the lowest

    def choose(self, probabilities: np.ndarray, entries: np.ndarray) -> np.ndarray:
        """Return the codes Int[n, k] of the model's `entries`."""
        n, k, size = len(probabilities), len(entries), self.reading.space.entries
        if k not in (1, size):
            raise EtudeError("a model that asks for one entry or for all", f"one that asks for {k}")
        theirs = self.reading._theirs[entries]
        codes = np.zeros((n, k), np.int64)
        if k == size:
            offered = np.broadcast_to(self.reading._outside, probabilities.shape).copy()
            offered[:, self.reading._inside] = probabilities[:, theirs]
            self.chosen.append(self.ask(offered, np.arange(size)))
            codes[:, theirs] = self.chosen[-1][:, self.reading._inside]
        elif theirs[0]:
            self._ask_outside(n, int(entries[0]) - self.reading.by)
            self.chosen.append(self.ask(probabilities, entries - self.reading.by))
            codes = self.chosen[-1]
        return codes

    def finished(self, n: int) -> np.ndarray:
        """Ask for the entries above the model's highest; return the whole step, Int[n, E]."""
        self._ask_outside(n, self.reading.space.entries)
        return np.concatenate(self.chosen, axis=1)

    def _ask_outside(self, n: int, end: int) -> None:
        """Ask for the entries that are left below `end`: the model does not have them."""
        for entry in range(sum(codes.shape[1] for codes in self.chosen), end):
            offered = np.broadcast_to(self.reading._outside, (n, 1, self.reading.space.levels))
            self.chosen.append(self.ask(offered, np.array([entry])))


def nearest(keys: int) -> list[int]:
    """Return the intervals to so many keys, the own one first and then the nearest, alternately below and above."""
    if keys < 1:
        raise EtudeError("keys >= 1", str(keys))
    return [(k + 1) // 2 * (-1 if k % 2 else 1) for k in range(keys)]


def in_keys(models: Sequence[Autoregressive], keys: int, valid: Sequence[np.ndarray] = ()) -> Autoregressive:
    """Return models as one that hears music in `keys` keys: the mixture of all their readings.

    Parameters
    ----------
    models : sequence of Autoregressive
        Fits of one space, one or several.
    keys : int
        Readings of each: its own key and the nearest, see `nearest`.
    valid : sequence of Int[T, E], optional
        Pieces that the weights of the mixture are to suit; without any they are equal.
    """
    readings = [model if by == 0 else Transposed(model, by) for model in models for by in nearest(keys)]
    if len(readings) == 1:
        return readings[0]
    return Mixture.fitted(readings, valid) if len(valid) else Mixture(readings)
