"""What a probe leaves behind, in plain numbers, and whether two such traces say the same."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from etude.study.comparison import close, first_difference, identical

RELATIVE, ABSOLUTE = 1e-4, 1e-6  # by which a real number may differ; whole numbers and codes may not
DIGITS = 8
QUERY_KEY_VALUE = re.compile(r"attention\.\d+\.read\.bias")  # the bias of keys moves all scores of a query alike


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
    """Return of every weight its norm, and the norm of its sum with a fixed pattern as long as itself.

    The second also sees a sign and an order. Neither is a small difference of large numbers, so that what another
    processor rounds otherwise stays as small in the trace as in the weight. The bias of attention's keys is left out:
    softmax takes it out again, its gradient is nothing but rounding, and an optimiser that divides by the size of
    gradients makes whole steps of that.
    """
    traced = {}
    for name, array in sorted(arrays.items()):
        flat = np.asarray(array, np.float64).ravel()
        if QUERY_KEY_VALUE.fullmatch(name):
            query, _, value = np.split(flat, 3)
            flat = np.concatenate([query, value])
        norm, pattern = np.linalg.norm(flat), np.cos(np.arange(len(flat)))
        traced[name] = [float(norm), float(np.linalg.norm(flat + norm * pattern / np.linalg.norm(pattern)))]
    return traced


def difference(was, now) -> str:
    """Return where two traces part, with both values; "" where they say the same."""
    said = first_difference(was, now, _equal)
    return f"trace{said}" if said.startswith(":") else said  # it is the trace itself that has no place


def _equal(was, now) -> bool:
    if isinstance(was, float) or isinstance(now, float):
        return close(was, now, RELATIVE, ABSOLUTE)
    return identical(was, now)
