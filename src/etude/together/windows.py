"""Music of any length: written window by window, each with what stands before it and what is given behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.together.lines import Lines
from etude.together.writing import write_lines

WINDOW, CONTEXT = 384, 64  # steps: the longest training pieces, and the reach of the network


def written(
    model, lines: Lines, ranges: Sequence[tuple[int, int]], rng, sweeps, temperature, rules, others=None, home=None
) -> Lines:
    """Return lines of any length with all that is open written; parameters as of `together.writing.write_lines`."""
    done = Lines(lines.keys.copy(), lines.struck.copy(), lines.given.copy(), lines.given.copy())
    for start in range(0, lines.steps, WINDOW):
        end = start + WINDOW
        if lines.given[:, start:end].all():
            continue
        here = slice(max(0, start - CONTEXT), min(lines.steps, end + CONTEXT))
        part = Lines(*(array[:, here] for array in (done.keys, done.struck, done.given, done.given)))
        beside = None if others is None else others[here]
        asked = None if home is None else home.within(here)
        found = write_lines(model, part, ranges, rng, sweeps, temperature, rules, beside, asked)
        kept = slice(start - here.start, end - here.start)
        for to, source in ((done.keys, found.keys), (done.struck, found.struck)):
            to[:, start:end] = source[:, kept]
        done.given[:, :end] = True
    return Lines(done.keys, done.struck, lines.given, np.ones(lines.given.shape, bool))
