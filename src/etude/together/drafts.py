"""Drafts without end: the same open lines written again and again, each with a draw of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from etude.together.lines import Lines
from etude.together.ranking import Written, cost
from etude.together.rules import Home
from etude.together.windows import written
from etude.types import Score


def drafts(
    model,
    lines: Lines,
    ranges: Sequence[tuple[int, int]],
    scored: Callable[[Lines], Score],
    seed: int,
    sweeps: int,
    temperature: float,
    rules: float,
    others: np.ndarray | None = None,
    home: Home | None = None,
) -> Iterator[Written]:
    """Yield what is written, with its bits.

    Parameters
    ----------
    scored : callable
        From written lines to the score that they are part of.
    seed : int
        Draft n is the same whether those before it were asked for or not.
    model, lines, ranges, sweeps, temperature, rules, others, home
        As of `etude.together.writing.write_lines`.
    """
    for number in range(2**31):
        rng = np.random.default_rng([seed, number])
        found = written(model, lines, ranges, rng, sweeps, temperature, rules, others, home)
        yield Written(scored(found), partial(cost, model, found, others))
