"""The best of several: those that a model finds least surprising, given what a person gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from etude.errors import EtudeError
from etude.together.lines import Lines
from etude.types import Score

MOST = 100


@dataclass(frozen=True)
class Written:
    """What was written: the score, and how its cost is found."""

    score: Score
    spent: Callable[[], float]

    @cached_property
    def bits(self) -> float:
        """What the new notes cost the model, given the others."""
        return self.spent()


def best_of(found: Iterator[Written], among: int) -> list[Written]:
    """Return the first `among` of what is found, the least surprising first; raises EtudeError outside 1 to 100."""
    if not 1 <= among <= MOST:
        raise EtudeError(f"--among 1 to {MOST}", str(among))
    some = list(islice(found, among))
    return sorted(some, key=lambda one: one.bits) if among > 1 else some


def cost(model, lines: Lines, others: np.ndarray | None = None) -> float:
    """Return the bits of what is not given among the points of the roll, all else being known.

    Open are the points of steps at which some voice is open, but those where something given sounds.
    """
    size = model.space.entries
    whole = lines.roll(size)
    kept = Lines(lines.keys, lines.struck, lines.given, lines.given).roll(size)
    for x in (whole, kept):
        if others is not None:
            x[others > 0] = others[others > 0]
    asked = np.broadcast_to(~lines.given.all(axis=0)[:, None], whole.shape) & (kept == 0)
    return model.bits_of(whole, asked, ~asked) if asked.any() else 0.0
