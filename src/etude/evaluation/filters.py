"""Which chord is a hidden unit? Its weights folded into pitch classes, beside every triad.

A unit excites keys (positive weights) and forbids others. The weights that excite, added up over octaves, are a profile
of twelve pitch classes; its match with a triad is the correlation with the triad's profile of ones and zeros. The best
of 36 triads always matches somewhat. So a unit counts as a triad only where its three most excited classes are one; any
three classes are one in 36 of 220 cases.
"""

from __future__ import annotations

from math import comb

import numpy as np

from etude.types import LOWEST_KEY

TRIADS = {"major": (0, 4, 7), "minor": (0, 3, 7), "diminished": (0, 3, 6)}  # semitones above the root
BY_CHANCE = 12 * len(TRIADS) / comb(12, 3)  # three classes at random are a triad


def filter_table(weights: np.ndarray, lowest: int = LOWEST_KEY) -> list[dict]:
    """Return the triad that each unit's weights are closest to, one row a unit.

    Parameters
    ----------
    weights : Float[K, U]
        Of keys in rising order and hidden units.
    lowest : int
        MIDI pitch of the first key.

    Returns
    -------
    list of dict
        unit, root (pitch class, 0 is C), triad, match (correlation, 1 at most), is_triad (its three most excited
        classes are this triad).
    """
    profiles = _folded(weights, lowest)
    matches = _unit_length(_triads()).T @ _unit_length(profiles)  # (36, U)
    names = [(root, kind) for kind in TRIADS for root in range(12)]
    best = matches.argmax(axis=0)
    inside = np.where(_triads()[:, best] > 0, profiles, np.inf).min(axis=0)
    outside = np.where(_triads()[:, best] > 0, 0, profiles).max(axis=0)
    return [
        {
            "unit": u,
            "root": names[k][0],
            "triad": names[k][1],
            "match": float(matches[k, u]),
            "is_triad": bool(inside[u] > outside[u]),
        }
        for u, k in enumerate(best)
    ]


def _folded(weights: np.ndarray, lowest: int) -> np.ndarray:
    """Return the excitation of each pitch class, Float64[12, U]."""
    classes = (lowest + np.arange(len(weights))) % 12
    return np.stack([np.maximum(weights[classes == c], 0).sum(axis=0) for c in range(12)])


def _triads() -> np.ndarray:
    """Return the 36 triads as columns of ones and zeros, Float64[12, 36]."""
    above = (np.arange(12)[:, None] - np.arange(12)) % 12  # (classes, roots): semitones above the root
    return np.concatenate([np.isin(above, steps) for steps in TRIADS.values()], axis=1).astype(np.float64)


def _unit_length(columns: np.ndarray) -> np.ndarray:
    """Return the columns less their means, of length 1; a constant one becomes zero."""
    centred = columns - columns.mean(axis=0)
    return centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-12)
