"""Magnitudes as levels evenly spaced in decibels.

Level 0 is silence (a magnitude of 0); level q in 1 .. levels-1 is ``floor_db * (1 - q / (levels - 1))`` decibels, so
that the highest is 0 dB, the magnitude of a full-scale sinusoid. A magnitude goes to the nearest level in decibels:
the error is at most half a step, ``-floor_db / (levels - 1) / 2``, between the floor and 0 dB. Magnitudes nearer to
the floor than to level 1, and all below, become silence; magnitudes above 0 dB become 0 dB.
"""

from __future__ import annotations

import numpy as np


def to_decibel_levels(magnitude: np.ndarray, levels: int, floor_db: float) -> np.ndarray:
    """Return the level of each magnitude, as Int64."""
    lowest = np.float32(10 ** (floor_db / 20))
    decibels = 20 * np.log10(np.maximum(magnitude, lowest))
    codes = np.rint((1 - decibels / np.float32(floor_db)) * (levels - 1))
    return np.clip(codes, 0, levels - 1).astype(np.int64)


def from_decibel_levels(codes: np.ndarray, levels: int, floor_db: float) -> np.ndarray:
    """Return the magnitude of each level, as Float32."""
    table = 10 ** (floor_db * (1 - np.arange(levels) / (levels - 1)) / 20)
    table[0] = 0
    return table.astype(np.float32)[codes]
