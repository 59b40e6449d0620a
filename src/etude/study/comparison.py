"""Where two JSON values part: the walk is one for all, what counts as equal is the caller's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def is_number(value: object) -> bool:
    """Say whether a JSON value is a number: a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def close(one: Any, other: Any, relative: float, absolute: float) -> bool:
    """Say whether two values are numbers, no truth values, that differ by rounding only."""
    return is_number(one) and is_number(other) and math.isclose(one, other, rel_tol=relative, abs_tol=absolute)


def identical(one: Any, other: Any) -> bool:
    """Say whether two values are equal and of one type: 1 is not True."""
    return type(one) is type(other) and one == other


def first_difference(
    one: Any,
    other: Any,
    equal: Callable[[Any, Any], bool],
    place: str = "",
    left_out: Callable[[str], Any] = lambda key: False,
) -> str:
    """Return the first place at which two JSON values part, with both values there; "" where they are equal.

    Parameters
    ----------
    one, other : JSON values
    equal : callable
        Whether two values are equal that are not both mappings or both lists.
    place : str
        Of the values, named before the keys and numbers of what is in them.
    left_out : callable
        True of a key that does not count, in whatever mapping it stands.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in {**one, **other} if not left_out(key)]
        if missing := [key for key in keys if key not in one or key not in other]:
            return f"{place}: {', '.join(missing)} in one only"
        parts = ((one[key], other[key], f"{place}/{key}".strip("/")) for key in keys)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return f"{place}: {len(one)} and {len(other)} values"
        parts = ((a, b, f"{place}[{i}]") for i, (a, b) in enumerate(zip(one, other, strict=True)))
    else:
        return "" if equal(one, other) else f"{place}: {one!r} and {other!r}"
    found = (first_difference(a, b, equal, inside, left_out) for a, b, inside in parts)
    return next(filter(None, found), "")


def leaves(value: Any, place: str = "") -> dict[str, Any]:
    """Return the values inside a JSON value that are no mappings and no lists, by their place in it."""
    if isinstance(value, dict):
        parts = ((f"{place}/{key}".strip("/"), item) for key, item in value.items())
    elif isinstance(value, list):
        parts = ((f"{place}[{number}]", item) for number, item in enumerate(value))
    else:
        return {place: value}
    return {inside: leaf for where, item in parts for inside, leaf in leaves(item, where).items()}
