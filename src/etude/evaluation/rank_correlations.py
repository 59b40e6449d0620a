"""Does one number order models as another does? Rank correlations with bootstrap intervals over models.

Spearman's rho is the correlation of the ranks, tied ones at their mean; Kendall's tau-b is the share of pairs of models
that both numbers order alike, less the share that they order otherwise, corrected for ties. Both are 1 where one number
rises whenever the other does, and -1 where it falls. The unit that is resampled is the model, so an interval says how
far the correlation would move with other models of the same kind; with fewer than ten it says little. The p-value is
that of permuting one of the two against the other, two-sided.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.evaluation.intervals import Interval, percentile_interval

FEWEST = 4  # models


def spearman(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return rho of each row of Float[..., n] with the same row of another, NaN where a row is constant."""
    from scipy.stats import rankdata

    x, y = (rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2 for values in (x, y))
    return _ratio((x * y).sum(axis=-1), (x * x).sum(axis=-1), (y * y).sum(axis=-1))


def kendall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return tau-b of each row of Float[..., n] with the same row of another, NaN where a row is constant."""
    x, y = (np.sign(values[..., :, None] - values[..., None, :]) for values in (x, y))
    return _ratio(*((one * other).sum(axis=(-2, -1)) for one, other in ((x, y), (x, x), (y, y))))


METHODS = {"spearman": spearman, "kendall": kendall}


def rank_correlation(
    x: Sequence[float],
    y: Sequence[float],
    method: str = "spearman",
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the rank correlation of two numbers of each model, with its percentile interval.

    Parameters
    ----------
    x, y : Float[n]
        One of each per model; models of which one is not a number are left out.
    method : {"spearman", "kendall"}
    level, resamples, seed
        As of `rate_interval`.
    """
    x, y = _pairs(x, y, method)
    picked = np.random.default_rng(seed).integers(0, len(x), (resamples, len(x)))
    return percentile_interval(METHODS[method](x, y), METHODS[method](x[picked], y[picked]), level)


def permutation_p(
    x: Sequence[float], y: Sequence[float], method: str = "spearman", permutations: int = 2000, seed: int = 0
) -> float:
    """Return how often chance gives a rank correlation at least as far from 0, in (0, 1]; NaN where one is constant."""
    x, y = _pairs(x, y, method)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    shuffled = np.random.default_rng(seed).permuted(np.tile(y, (permutations, 1)), axis=1)
    chance = METHODS[method](np.broadcast_to(x, shuffled.shape), shuffled)
    reached = np.abs(chance) >= abs(METHODS[method](x, y)) - 1e-12
    return float((1 + reached.sum()) / (1 + permutations))


def rank_correlation_table(table, by: str, measures: Sequence[str], method: str = "spearman", level: float = 0.95):
    """Return the rank correlation of one column of a table with others, one row a measure.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a model, failures included.
    by : str
        The column that orders the models, for example bits per second.
    measures : names of columns
        Give distances from real music (a difference from Bach's rate, an accuracy of `c2st`) where nearer is better.

    Returns
    -------
    pandas.DataFrame
        measure, models (that have both), correlation, low, high, p.
    """
    import pandas as pd

    for column in (by, *measures):
        if column not in table:
            raise unknown_name("column", column, list(table.columns))
    rows = []
    for measure in measures:
        pair = table[by].to_numpy(float), table[measure].to_numpy(float)
        found = rank_correlation(*pair, method=method, level=level)
        row = {"measure": measure, "models": int(np.isfinite(pair).all(axis=0).sum()), "correlation": found.value}
        rows.append(row | {"low": found.low, "high": found.high, "p": permutation_p(*pair, method=method)})
    return pd.DataFrame(rows)


def _pairs(x: Sequence[float], y: Sequence[float], method: str) -> tuple[np.ndarray, np.ndarray]:
    if method not in METHODS:
        raise unknown_name("rank correlation", method, METHODS)
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise EtudeError("two numbers of each model", f"{x.shape} and {y.shape}")
    usable = np.isfinite(x) & np.isfinite(y)
    if usable.sum() < FEWEST:
        raise EtudeError(f"at least {FEWEST} models with both numbers", str(usable.sum()))
    return x[usable], y[usable]


def _ratio(both: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return both / np.sqrt(one * other)
