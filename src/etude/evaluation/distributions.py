"""Sets of scores side by side: means of statistics, and how far distributions overlap with held-out music.

Two histograms are compared on one support. The overlap is 1 minus the total variation distance, sum_v min(p(v), q(v)):
1 where they are equal, 0 where no value is shared. The Jensen-Shannon divergence (Lin 1991) is given in bits, from 0 to
1. Held-out music is itself a row: no model should be asked to be nearer to the training pieces than real music is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.evaluation.statistics import DISTRIBUTIONS, entropy, histogram, statistics
from etude.types import Score


def overlap(counts: np.ndarray, other: np.ndarray) -> float:
    """Return the overlap of two histograms over 0, 1, 2, ..., in [0, 1]; NaN where one is empty."""
    p, q = _on_one_support(counts, other)
    return float(np.minimum(p, q).sum())


def jensen_shannon(counts: np.ndarray, other: np.ndarray) -> float:
    """Return the Jensen-Shannon divergence of two histograms in bits, in [0, 1]; NaN where one is empty."""
    p, q = _on_one_support(counts, other)
    if not np.isfinite(p + q).all():
        return np.nan
    return max(0.0, entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2)


def statistics_table(sets: Mapping[str, Sequence[Score]], reference: str = "held-out"):
    """Return the statistics of several sets of scores as a table.

    Parameters
    ----------
    sets : mapping of name to scores
        Samples of models, and real music; `reference` must be among them.
    reference : str
        The set whose distributions the others are held against.

    Returns
    -------
    pandas.DataFrame
        One row per set: pieces, the mean over pieces of every statistic, and, as `overlap_NAME`, the overlap of each
        distribution with that of the reference (1 for itself).
    """
    import pandas as pd

    if reference not in sets:
        raise unknown_name("set of scores", reference, sets)
    against = {name: histogram(sets[reference], name) for name in DISTRIBUTIONS}
    rows = {}
    for label, scores in sets.items():
        if not len(scores):
            raise EtudeError(f"at least one score in {label!r}", "none")
        rows[label] = {"pieces": len(scores), **_means([statistics(score) for score in scores])}
        rows[label] |= {f"overlap_{name}": overlap(histogram(scores, name), against[name]) for name in DISTRIBUTIONS}
    return pd.DataFrame.from_dict(rows, orient="index")


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {name: float(np.nanmean(v)) if np.isfinite(v).any() else np.nan for name, v in columns.items()}


def _on_one_support(counts: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = max(len(counts), len(other), 1)
    with np.errstate(invalid="ignore"):
        p, q = (np.pad(np.asarray(c, float), (0, size - len(c))) / np.sum(c) for c in (counts, other))
    return p, q
