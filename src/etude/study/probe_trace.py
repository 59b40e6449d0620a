"""What a probe leaves behind, in plain numbers, and whether two such traces say the same."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

RELATIVE, ABSOLUTE = 1e-4, 1e-6  # by which a real number may differ; whole numbers and codes may not
DIGITS = 8


def plain(value):
    """Return a value as JSON holds it: arrays as lists, real numbers with `DIGITS` digits."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else repr(value)
    return value


def of_history(history) -> list:
    """Return the rows of a fit as [step, train, valid] and its best step; seconds say nothing."""
    return [[[row["step"], row["train"], row["valid"]] for row in history.rows], history.best_step, history.parameters]


def of_weights(arrays: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    """Return of every weight its norm, and its product with a fixed pattern, which also sees a sign and an order."""
    traced = {}
    for name, array in sorted(arrays.items()):
        flat = np.asarray(array, np.float64).ravel()
        pattern = np.cos(np.arange(len(flat)))
        traced[name] = [float(np.linalg.norm(flat)), float(flat @ pattern)]
    return traced


def difference(was, now, place: str = "") -> str:
    """Return where two traces part, with both values; "" where they say the same."""
    if isinstance(was, dict) and isinstance(now, dict):
        if was.keys() != now.keys():
            return f"{place or 'trace'}: {sorted(was.keys() ^ now.keys())} in one only"
        return next((d for key in was if (d := difference(was[key], now[key], f"{place}/{key}".strip("/")))), "")
    if isinstance(was, list) and isinstance(now, list):
        if len(was) != len(now):
            return f"{place}: {len(was)} values, now {len(now)}"
        pairs = enumerate(zip(was, now, strict=True))
        return next((d for i, (one, other) in pairs if (d := difference(one, other, f"{place}[{i}]"))), "")
    return "" if _equal(was, now) else f"{place}: {was!r}, now {now!r}"


def _equal(was, now) -> bool:
    if isinstance(was, float) or isinstance(now, float):
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (was, now))
        return numbers and math.isclose(was, now, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return type(was) is type(now) and was == now
