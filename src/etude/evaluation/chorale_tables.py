"""Sets of chorales side by side: what the examiner counts, pooled over pieces, with bootstrap intervals over pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from etude.errors import unknown_name
from etude.evaluation.examiner import Examination, examine
from etude.evaluation.intervals import rate_interval
from etude.evaluation.measures import MEASURES, SIX
from etude.types import Score


def chorale_table(
    groups: Mapping[str, Sequence[Score | Examination]], measures: Sequence[str] = (), level: float = 0.95
):
    """Return the measures of several sets of scores, pooled over pieces, with bootstrap intervals over pieces.

    Parameters
    ----------
    groups : mapping of name to scores, or to what `examine` gave of them
        Give held-out music as a group. Scores are examined by height, their phrases found in the notes.
    measures : names of MEASURES
        All, by default; those that no piece of a group has are NaN there.
    level : float
        Coverage of the interval.

    Returns
    -------
    pandas.DataFrame
        group, measure, value, low, high, of (how many things the value is a share of), pieces, definition.
    """
    import pandas as pd

    chosen = [_known(measure) for measure in measures or MEASURES]
    rows = []
    for group, pieces in groups.items():
        examined = _examined(pieces)
        rows += [{"group": group, "measure": name, **_pooled(examined, name, level)} for name in chosen]
    return pd.DataFrame(rows)


def six_numbers(groups: Mapping[str, Sequence[Score | Examination]], intervals: bool = False):
    """Return the six measures that every chapter shows (`SIX`), one row a set of scores.

    Arguments as of `chorale_table`. With `intervals` each column is followed by its `_low` and `_high`.
    `six_definitions` says in words what they are, for the caption.
    """
    table = chorale_table(groups, SIX).set_index(["group", "measure"])
    wanted = [(name, part) for name in SIX for part in (("value", "low", "high") if intervals else ("value",))]
    wide = table[["value", "low", "high"]].unstack("measure").swaplevel(axis=1).reindex(list(groups))[wanted]
    wide.columns = [name if part == "value" else f"{name}_{part}" for name, part in wanted]
    return wide.rename_axis(index=None)


def chord_vocabulary(groups: Mapping[str, Sequence[Score | Examination]], most: int = 16):
    """Return the share of the beats of each set of scores whose chord is each numeral, the commonest of all first."""
    import pandas as pd

    counts = {group: sum((one.chords for one in _examined(pieces)), Counter()) for group, pieces in groups.items()}
    shares = {group: {name: n / found.total() for name, n in found.items()} for group, found in counts.items()}
    table = pd.DataFrame(shares).reindex(columns=list(groups)).fillna(0.0)
    return table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index[:most]]


def _examined(pieces: Sequence[Score | Examination]) -> list[Examination]:
    return [one if isinstance(one, Examination) else examine(one) for one in pieces]


def _pooled(examined: Sequence[Examination], measure: str, level: float) -> dict:
    scale, definition = MEASURES[measure]
    counts = np.array([one.tallies.get(measure, (0, 0)) for one in examined], float).reshape(-1, 2)
    row = {"value": np.nan, "low": np.nan, "high": np.nan}
    if counts[:, 1].any():
        interval = rate_interval(scale * counts[:, 0], counts[:, 1], level)
        row = {"value": interval.value, "low": interval.low, "high": interval.high}
    return row | {"of": counts[:, 1].sum(), "pieces": len(examined), "definition": definition}


def _known(measure: str) -> str:
    if measure not in MEASURES:
        raise unknown_name("measure", measure, MEASURES)
    return measure
