"""Which entries of a piano roll are given: those of some voices, those of some bars. Arrays only.

A roll Int[T, K] has a frame of K keys, lowest first, for each step: 0 off, 1 struck, 2 held.
"""

from __future__ import annotations

import re

import numpy as np

from etude.errors import EtudeError

KEYS = ("all", "below", "above", "between")  # where, beside what is given, new notes may stand


def given_voice(own: np.ndarray, keys: str = "all") -> np.ndarray:
    """Return which entries are known, Bool[T, K], where the notes of `own` are given and stay as they are.

    Parameters
    ----------
    own : Int[T, K]
        The roll of the given voices alone.
    keys : str
        Where notes may be added: on all other keys, `below` or `above` all that is given, or `between` its outer
        notes. Where nothing given sounds, all keys are open.

    Notes
    -----
    The key of a given note is closed for one step after the note, so that no hold makes it longer.
    """
    if keys not in KEYS:
        raise EtudeError(f"keys among {', '.join(KEYS)}", repr(keys))
    sounds = own > 0
    known = sounds.copy()
    known[1:] |= sounds[:-1]  # the step after a note: no hold follows it
    reaches_up = np.logical_or.accumulate(sounds, axis=1)  # at or above the lowest given note
    reaches_down = np.logical_or.accumulate(sounds[:, ::-1], axis=1)[:, ::-1]  # at or below the highest
    some = sounds.any(axis=1, keepdims=True)
    if keys in ("below", "between"):
        known |= some & ~reaches_down
    if keys in ("above", "between"):
        known |= some & ~reaches_up
    return known


def missing_voice(others: np.ndarray, above: np.ndarray | None, below: np.ndarray | None) -> np.ndarray:
    """Return which entries are known, Bool[T, K], where a voice is to be written anew between its neighbours.

    Parameters
    ----------
    others : Int[T, K]
        The roll of all other voices, which stay.
    above, below : Int[T, K], optional
        The rolls of the nearest voices: where they sound, the new voice stays under the one and over the other.
    """
    known = given_voice(others)
    for neighbour, keys in ((above, "below"), (below, "above")):
        if neighbour is not None:
            known |= given_voice(neighbour, keys)
    return known


def bars_open(length: int, first: int, last: int, per_bar: int, pickup: int = 0) -> np.ndarray:
    """Return which of `length` steps lie in bars `first` to `last`, counted from 1, both included: Bool[length].

    Parameters
    ----------
    per_bar, pickup : int
        Steps of a bar, and of an upbeat before bar 1.
    """
    bars = max(0, -(-(length - pickup) // per_bar))
    if not 1 <= first <= last <= bars:
        raise EtudeError(f"bars among 1 to {bars}, the first not after the last", f"{first} to {last}")
    steps = np.arange(length)
    return (steps >= pickup + (first - 1) * per_bar) & (steps < pickup + last * per_bar)


def steps_of_a_bar(meter: str, grid: int) -> int:
    """Return the steps of a bar of a meter such as "4/4" with `grid` steps a quarter; raises EtudeError."""
    found = re.fullmatch(r"([1-9]\d?)/(1|2|4|8|16|32)", meter)
    steps = 4 * grid * int(found[1]) / int(found[2]) if found else 0
    if not found or steps != int(steps):
        raise EtudeError(f"a meter such as 3/4, of whole steps of a grid of {grid} a quarter", repr(meter))
    return int(steps)
