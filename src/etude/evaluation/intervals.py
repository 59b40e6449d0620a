"""Bootstrap intervals over pieces: how far a rate would move with other pieces of the same kind.

The unit that is resampled is the piece, since the steps of one piece are not independent. A rate is a ratio of sums,
all bits over all seconds, so both sums are resampled together (Efron and Tibshirani 1993, "An Introduction to the
Bootstrap", sections 10.3 and 13.3: the ratio estimator, the percentile interval). Two models on the same pieces are
compared by resampling the difference, which is far narrower than what two separate intervals suggest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.errors import EtudeError

BLOCK = 2**22  # resampled weights at once


@dataclass(frozen=True)
class Interval:
    """An estimate and the percentile interval around it."""

    value: float
    low: float
    high: float
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


def rate_interval(
    bits: Sequence[float], amounts: Sequence[float], level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> Interval:
    """Return the pooled rate sum(bits) / sum(amounts) with its interval.

    Parameters
    ----------
    bits, amounts : Float[n]
        One of each per piece: code length, and seconds (or notes, samples, frames).
    level : float
        Coverage, in (0, 1).
    resamples, seed : int
        Same seed, same interval.
    """
    bits, amounts = _pieces(bits, amounts, level)
    return percentile_interval(bits.sum() / amounts.sum(), _resampled_rates(bits, amounts, resamples, seed), level)


def paired_difference(
    bits: Sequence[float],
    other: Sequence[float],
    amounts: Sequence[float],
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Return the rate of `bits` minus the rate of `other` on the same pieces; below 0 the first is better.

    An interval that holds 0 does not tell the two apart.
    """
    bits, amounts = _pieces(bits, amounts, level)
    other, _ = _pieces(other, amounts, level)
    return rate_interval(bits - other, amounts, level, resamples, seed)


def unpaired_difference(
    bits: Sequence[float],
    amounts: Sequence[float],
    other_bits: Sequence[float],
    other_amounts: Sequence[float],
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Return the rate of some pieces minus the rate of others, the two sets resampled apart (section 8.3).

    An interval that holds 0 does not tell the two sets apart.
    """
    sets = [_pieces(bits, amounts, level), _pieces(other_bits, other_amounts, level)]
    rates, resampled = [], []
    for number, (some, per) in enumerate(sets):
        rates.append(some.sum() / per.sum())
        resampled.append(_resampled_rates(some, per, resamples, seed + number))
    return percentile_interval(rates[0] - rates[1], resampled[0] - resampled[1], level)


def _pieces(bits, amounts, level) -> tuple[np.ndarray, np.ndarray]:
    bits, amounts = np.asarray(bits, np.float64), np.asarray(amounts, np.float64)
    if bits.ndim != 1 or bits.shape != amounts.shape or not len(bits):
        raise EtudeError("bits and amounts of at least one piece, one number each", f"{bits.shape} and {amounts.shape}")
    if (amounts < 0).any() or not amounts.sum() > 0 or not 0 < level < 1:
        raise EtudeError("amounts that add up to more than 0, and a level in (0, 1)", f"{amounts.sum()}, {level}")
    return bits, amounts


def _resampled_rates(bits: np.ndarray, amounts: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return the rate of each resample, Float64[resamples]: NaN where its pieces have no amounts."""
    sums, per = (_resampled_sums(values, resamples, seed) for values in (bits, amounts))
    return np.divide(sums, per, out=np.full(resamples, np.nan), where=per > 0)


def _resampled_sums(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    rng, n, sums = np.random.default_rng(seed), len(values), []
    rows = max(1, BLOCK // n)
    for start in range(0, resamples, rows):
        picked = rng.integers(0, n, (min(rows, resamples - start), n))
        sums.append(values[picked].sum(axis=1))
    return np.concatenate(sums)


def percentile_interval(value: float, resampled: np.ndarray, level: float) -> Interval:
    """Return an estimate with the middle `level` of what it became when resampled, where that was a number.

    Where it never was one there is no interval: its ends are NaN.
    """
    usable = resampled[np.isfinite(resampled)]  # a resample of pieces without notes has no rate
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(usable, ends) if len(usable) else (np.nan, np.nan)
    return Interval(float(value), float(low), float(high), level)
