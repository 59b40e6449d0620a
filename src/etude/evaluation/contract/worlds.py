"""Spaces so small that every piece can be written down, pieces that live there, and their probabilities."""

from __future__ import annotations

from itertools import product

import numpy as np

from etude.evaluation.contract.broken import hold
from etude.models.autoregressive import Autoregressive, cut_at_end
from etude.models.base import Model
from etude.types import Space

SPACES = {
    "tokens": Space((), 3, end=2),
    "samples": Space((), 3, rate=4.0),
    "frames": Space((2,), 3),
    "keys": Space((3,), 2),
}
STEPS = {"tokens": 4, "samples": 4, "frames": 2, "keys": 2}  # lengths whose pieces are all written down: at most 81
TOLERANCE = {"numpy": 1e-9}  # bits that two ways to compute one number may differ by; float32 elsewhere


def music(space: Space, n: int = 30, seed: int = 0) -> list[np.ndarray]:
    """Return pieces with something to learn: sticky codes, a habit of beginning with 0, and lengths that vary."""
    rng, pieces = np.random.default_rng(seed), []
    codes = space.levels if space.end is None else space.levels - 1
    for _ in range(n):
        x = np.zeros((rng.integers(3, 12), *space.event_shape), np.int64)
        for t in range(1, len(x)):
            x[t] = np.where(rng.random(space.event_shape) < 0.7, x[t - 1], rng.integers(0, codes, space.event_shape))
        pieces.append(x if space.end is None else np.append(x, space.end))
    return pieces


def tolerance(model: Model) -> float:
    """Return how many bits two ways to compute one number may differ by."""
    return TOLERANCE.get(model.framework, 1e-4)


def steps_of(model: Model) -> int:
    """Return the length of the pieces of the model's small space that are all written down."""
    return next(STEPS[name] for name, space in SPACES.items() if space == model.space)


def all_pieces(model: Model) -> list[np.ndarray]:
    """Return every piece of `steps_of(model)` steps; with an end code, every shorter one that it closes too.

    What has not ended by then is a beginning of longer pieces. Only models that read from left to right say how likely
    a beginning is; for others it is left out.
    """
    space = model.space
    shape = (steps_of(model), *space.event_shape)
    arrays = [np.array(codes).reshape(shape) for codes in product(range(space.levels), repeat=int(np.prod(shape)))]
    cut = {cut_at_end(x, space.end).tobytes(): cut_at_end(x, space.end) for x in arrays}
    return [x for x in cut.values() if whole(model, x)]


def whole(model: Model, x: np.ndarray) -> bool:
    """Say whether the model has a probability for x."""
    return isinstance(model, Autoregressive) or model.space.end is None or bool(len(x) and x[-1] == model.space.end)


def scored(model: Model, pieces: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of pieces and their standard errors (0 where bits are exact)."""
    if isinstance(model, Autoregressive):  # also of pieces that have not ended
        bits, stderr = np.array([b.sum() for b in model.step_bits(pieces)]), None
    else:
        found = model.bits(pieces)
        bits, stderr = found.values, found.stderr
    p = 2.0**-bits
    return p, np.zeros(len(p)) if stderr is None else np.log(2) * p * stderr


class Recorder:
    """A chooser that returns a known piece and keeps the distributions it is shown."""

    def __init__(self, x: np.ndarray):
        self.x, self.shown = x, []

    def walk(self, model: Model) -> np.ndarray:
        """Return the surprise of every entry, as the stepper has it."""
        stepper, bits = model.stepper(1), np.full((len(self.x), model.space.entries), np.nan)
        for t, event in enumerate(self.x.reshape(bits.shape)):

            def choose(p, entries, t=t, event=event):
                hold(p.shape == (1, len(entries), model.space.levels), "a distribution for each entry asked", p.shape)
                self.shown.append(p[0])
                bits[t, entries] = -np.log2(p[0, np.arange(len(entries)), event[entries]])
                return event[entries][None]

            came = stepper.step(choose)[0].reshape(-1)
            hold(np.array_equal(came, event), "the codes that were chosen", came)
        return bits.reshape(self.x.shape)
