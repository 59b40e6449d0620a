"""Samples as one of a few levels: evenly spaced, or companded by the mu-law.

The mu-law of ITU-T Recommendation G.711 in its continuous form maps a sample x in [-1, 1] to

    F(x) = sign(x) * ln(1 + mu * |x|) / ln(1 + mu),    mu = levels - 1,

and F(x) goes to the nearest of `levels` evenly spaced points of [-1, 1], both ends included (halves up). That is the
coding of WaveNet (van den Oord et al. 2016, section 2.2) at 256 levels. G.711's 8-bit code itself replaces the curve
by line segments and is another code. Evenly spaced ("linear") levels are the same without F, as in SampleRNN (Mehri et
al. 2017), which however rescales every clip to its own extremes first; that is not done here.
"""

from __future__ import annotations

import numpy as np


def compress(samples: np.ndarray, mu: float) -> np.ndarray:
    """Return F(x) of samples in [-1, 1], as Float64."""
    samples = np.asarray(samples, np.float64)
    return np.sign(samples) * np.log1p(mu * np.abs(samples)) / np.log1p(mu)


def expand(compressed: np.ndarray, mu: float) -> np.ndarray:
    """Return the inverse of F, as Float64."""
    compressed = np.asarray(compressed, np.float64)
    return np.sign(compressed) * np.expm1(np.abs(compressed) * np.log1p(mu)) / mu


def to_levels(values: np.ndarray, levels: int) -> np.ndarray:
    """Return the nearest of `levels` evenly spaced points of [-1, 1] to each value, as Int64 codes from 0."""
    codes = np.floor((np.asarray(values, np.float64) + 1) / 2 * (levels - 1) + 0.5)
    return np.clip(codes, 0, levels - 1).astype(np.int64)


def from_levels(codes: np.ndarray, levels: int) -> np.ndarray:
    """Return the points of [-1, 1] that codes stand for, as Float64."""
    return 2 * np.asarray(codes, np.float64) / (levels - 1) - 1
