"""Which chord is a hidden unit? Its weights folded into pitch classes, beside every triad, and beside chance.

A unit excites keys (positive weights) and forbids others. The weights that excite, added up over octaves, are a profile
of twelve pitch classes; its match with a triad is the correlation with the triad's profile of ones and zeros. The best
of 36 triads always matches somewhat: so each match comes with the one that shuffled profiles reach in 95 of 100 cases.
"""

from __future__ import annotations

import numpy as np

from etude.types import LOWEST_KEY

TRIADS = {"major": (0, 4, 7), "minor": (0, 3, 7), "diminished": (0, 3, 6)}  # semitones above the root


def filter_table(weights: np.ndarray, lowest: int = LOWEST_KEY, shuffles: int = 200, seed: int = 0) -> list[dict]:
    """Return the triad that each unit's weights are closest to, one row a unit.

    Parameters
    ----------
    weights : Float[K, U]
        Of keys in rising order and hidden units.
    lowest : int
        MIDI pitch of the first key.
    shuffles : int
        Shuffled profiles a unit.
    seed : int
        Of the shuffles.

    Returns
    -------
    list of dict
        unit, root (pitch class, 0 is C), triad, match (correlation, 1 at most), chance (the 95 % quantile of the best
        match of the same profile shuffled).
    """
    profiles, rng = _unit_length(_folded(weights, lowest)), np.random.default_rng(seed)
    matches = _triads() @ profiles  # (36, U)
    shuffled = [(_triads() @ rng.permuted(profiles, axis=0)).max(axis=0) for _ in range(shuffles)]
    chance, best = np.quantile(shuffled, 0.95, axis=0), matches.argmax(axis=0)
    names = [(root, kind) for kind in TRIADS for root in range(12)]
    return [
        {
            "unit": u,
            "root": names[k][0],
            "triad": names[k][1],
            "match": float(matches[k, u]),
            "chance": float(chance[u]),
        }
        for u, k in enumerate(best)
    ]


def _folded(weights: np.ndarray, lowest: int) -> np.ndarray:
    """Return the excitation of each pitch class, Float64[12, U]."""
    classes = (lowest + np.arange(len(weights))) % 12
    return np.stack([np.maximum(weights[classes == c], 0).sum(axis=0) for c in range(12)])


def _triads() -> np.ndarray:
    roots = np.arange(12)[:, None]
    ones = [np.isin((np.arange(12) - roots) % 12, steps) for steps in TRIADS.values()]  # each (12 roots, 12 classes)
    return _unit_length(np.concatenate(ones).astype(np.float64).T).T


def _unit_length(columns: np.ndarray) -> np.ndarray:
    """Return the columns less their means, of length 1; a constant one becomes zero."""
    centred = columns - columns.mean(axis=0)
    return centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-12)
