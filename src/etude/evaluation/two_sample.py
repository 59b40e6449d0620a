"""Can samples be told from real music? Two tests of two sets of scores, on windows of eight beats.

Both look at the same features of each window (`etude.evaluation.windows`), free of key. Windows of one piece
are not independent, so everything that is split, resampled or permuted is pieces.

classifier (C2ST)
    Lopez-Paz and Oquab, "Revisiting classifier two-sample tests" (ICLR 2017). Logistic regression on the standardised
    features and their squares, both sets of equal weight, is asked which set a window is from, cross-validated by
    piece. Its *accuracy* is the mean of the two sets' shares of windows told right: 0.5 where they cannot be told
    apart, 1 where they always can. The interval is of a bootstrap over pieces, with what each fold learnt held fixed.
kernel distance (MMD)
    Gretton et al., "A kernel two-sample test" (JMLR 13, 2012), equation 3, the unbiased estimate of the squared
    maximum mean discrepancy, over pairs of windows of two pieces: it may be negative, and is 0 in the mean where the
    sets are alike. The kernel is exp(-|x - y|^2 / (2 b^2)) on features standardised over both sets, b their median
    distance. The p-value is that of permuting the pieces.

A test sees what its features see: a set that passes may still be poor music. Give two parts of real music as a row, so
that it is seen what a difference of nothing looks like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.evaluation.intervals import Interval, percentile_interval
from etude.evaluation.windows import window_features
from etude.types import Score

FAR = 5  # standard deviations: a feature that is nearly always 0 must not decide by one window
FOLDS, RESAMPLES, PERMUTATIONS = 5, 2000, 1000
MOST_IN_MEDIAN = 2000  # windows
Features = Sequence[np.ndarray]  # of each piece, Float[W, F]


class Discrepancy(NamedTuple):
    """The squared MMD, its p-value, and the kernel's width b."""

    squared: float
    p: float
    bandwidth: float


def c2st(one: Features, other: Features, level: float = 0.95, seed: int = 0) -> Interval:
    """Return the accuracy of the classifier test on the features of two sets of pieces.

    Parameters
    ----------
    one, other : sequences of Float[W, F]
        `window_features` of each piece; pieces without a window are left out.
    level : float
        Coverage of the interval.
    seed : int
        Of the folds and the bootstrap.

    Raises
    ------
    EtudeError
        Fewer pieces in a set than folds.
    """
    one, other = _usable(one, other)
    right = _told_right(one, other, seed)
    counts = np.array([[len(piece), marks.sum()] for piece, marks in zip([*one, *other], right, strict=True)], float)
    sets = counts[: len(one)], counts[len(one) :]
    rng = np.random.default_rng(seed)
    resampled = np.zeros(RESAMPLES)
    for part in sets:
        picked = part[rng.integers(0, len(part), (RESAMPLES, len(part)))].sum(axis=1)
        resampled += picked[:, 1] / picked[:, 0] / 2
    accuracy = np.mean([part[:, 1].sum() / part[:, 0].sum() for part in sets])
    return percentile_interval(accuracy, resampled, level)


def mmd(one: Features, other: Features, permutations: int = PERMUTATIONS, seed: int = 0) -> Discrepancy:
    """Return the kernel distance of the features of two sets of pieces; arguments as of `c2st`."""
    one, other = _usable(one, other)
    x, sizes = _standardised(np.concatenate([*one, *other])), np.array([len(piece) for piece in [*one, *other]])
    width = _median_distance(x)
    sums = _kernel_sums(x, sizes, width)
    pairs = np.outer(sizes, sizes).astype(float)
    for matrix in (sums, pairs):
        np.fill_diagonal(matrix, 0)
    first = np.arange(len(sizes)) < len(one)
    found, rng = _squared(sums, pairs, first), np.random.default_rng(seed)
    chance = [_squared(sums, pairs, rng.permutation(first)) for _ in range(permutations)]
    return Discrepancy(found, float((1 + np.sum(np.array(chance) >= found)) / (1 + permutations)), width)


def two_sample_table(sets: Mapping[str, Sequence[Score]], reference: str = "held-out", seed: int = 0):
    """Return both tests of several sets of scores against the reference, one row a set.

    Columns: pieces and windows (of the set), c2st, low, high (accuracy and its interval), mmd (squared), p. The
    reference itself has no row.
    """
    import pandas as pd

    if reference not in sets:
        raise unknown_name("set of scores", reference, sets)
    features = {name: [window_features(score) for score in scores] for name, scores in sets.items()}
    rows = {name: _row(found, features[reference], seed) for name, found in features.items() if name != reference}
    return pd.DataFrame.from_dict(rows, orient="index")


def two_sample_curve(
    samples: Sequence[Score], reference: Sequence[Score], sizes: Sequence[int] = (10, 20, 40, 80), seed: int = 0
):
    """Return both tests by the number of pieces taken from each set (the first of a shuffle), one row a number.

    Columns as of `two_sample_table`, after `size`. A test of few pieces finds less; where the accuracy still climbs
    with the number, more samples would tell the sets further apart. Sizes that a set does not reach are left out.
    """
    import pandas as pd

    rng, sets = np.random.default_rng(seed), [map(window_features, scores) for scores in (samples, reference)]
    sets = [[found for found in one if len(found)] for one in sets]
    shuffled = [[one[place] for place in rng.permutation(len(one))] for one in sets]
    reached = [size for size in sizes if size <= min(map(len, shuffled))]
    return pd.DataFrame([{"size": size, **_row(*(one[:size] for one in shuffled), seed)} for size in reached])


def _row(found: Features, reference: Features, seed: int) -> dict:
    accuracy, distance = c2st(found, reference, seed=seed), mmd(found, reference, seed=seed)
    row = {"pieces": len(found), "windows": sum(map(len, found))}
    row |= {"c2st": accuracy.value, "low": accuracy.low, "high": accuracy.high}
    return row | {"mmd": distance.squared, "p": distance.p}


def _told_right(one: Features, other: Features, seed: int) -> list[np.ndarray]:
    """Return, piece by piece, which windows a classifier that has not seen the piece tells right."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    x, sizes = np.concatenate([*one, *other]), [len(piece) for piece in [*one, *other]]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    label, right = owner >= len(one), np.zeros(len(x), bool)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for learn, ask in folds.split(x, label, owner):
        shown, asked = _with_squares(x[learn], x[learn]), _with_squares(x[ask], x[learn])
        fitted = LogisticRegression(C=0.05, class_weight="balanced", max_iter=1000).fit(shown, label[learn])
        right[ask] = fitted.predict(asked) == label[ask]
    return np.split(right, np.cumsum(sizes)[:-1])


def _median_distance(x: np.ndarray) -> float:
    """Return the median distance of two windows, of `MOST_IN_MEDIAN` evenly spaced ones where there are more."""
    some = x[np.linspace(0, len(x) - 1, min(len(x), MOST_IN_MEDIAN)).astype(int)]
    return float(np.median(np.sqrt(_squared_distances(some, some)[np.triu_indices(len(some), 1)])))


def _kernel_sums(x: np.ndarray, sizes: np.ndarray, width: float) -> np.ndarray:
    """Return the kernel of all pairs of windows, summed by the pieces they are from, Float64[pieces, pieces]."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rows = []
    for start, size in zip(starts, sizes, strict=True):  # one piece's rows at a time: memory is linear in the windows
        kernel = np.exp(-_squared_distances(x[start : start + size], x) / (2 * width**2 or 1))
        rows.append(np.add.reduceat(kernel.sum(axis=0), starts))
    return np.array(rows)


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum((x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T, 0)


def _squared(sums: np.ndarray, pairs: np.ndarray, first: np.ndarray) -> float:
    """Return the unbiased estimate, from kernels summed piece by piece; a piece is not paired with itself."""
    sides = [first.astype(float), (~first).astype(float)]
    within = sum((side @ sums @ side) / (side @ pairs @ side) for side in sides)
    return float(within - 2 * (sides[0] @ sums @ sides[1]) / (sides[0] @ pairs @ sides[1]))


def _standardised(x: np.ndarray, by: np.ndarray | None = None) -> np.ndarray:
    by = x if by is None else by
    spread = by.std(axis=0)
    return (x - by.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _with_squares(x: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Return features and their squares, both standardised by what the classifier learns from, rare ones clipped."""
    clipped = [_standardised(values, by).clip(-FAR, FAR) for values in (x, by)]
    return _standardised(*(np.concatenate([z, z**2], axis=1) for z in clipped))


def _usable(*sets: Features) -> list[list[np.ndarray]]:
    usable = [[piece for piece in pieces if len(piece)] for pieces in sets]
    if min(map(len, usable)) < FOLDS:
        counts = " and ".join(str(len(pieces)) for pieces in usable)
        raise EtudeError(f"two sets of at least {FOLDS} pieces of eight beats or more", counts, "Draw more, or longer.")
    return usable
