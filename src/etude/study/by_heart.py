"""Models beside what is known by heart: which music a table holds, what it brings, and how far it is trusted.

Every choice (parts of a frame, trusts) is made on validation pieces; the test pieces are only scored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from etude.models.matched import TIMES, matched_steps, suited_trusts
from etude.models.suffixes import PARTS, Found, SuffixTable
from etude.study import many_keys
from etude.study.many_keys import Readings
from etude.types import Space

KNOWN = {"its own past": (False, True), "the training pieces": (True, False), "a table": (True, True)}  # train, own
SHORTEST = {"frame": 1, "top": 2}  # frames of the shortest suffix: one note, wherever it lies, says nothing
CHOICES = [("frame",), ("top",), PARTS]  # parts of a frame that may be compared, each in a table of its own


def tables(
    space: Space, train: Sequence[np.ndarray], longest: int, known: str = "a table", parts: Sequence[str] = PARTS
) -> list[SuffixTable]:
    """Return a table of music that is known (a name in `KNOWN`) for each of the parts of a frame that are compared."""
    training, own = KNOWN[known]
    return [
        SuffixTable(space, train if training else [], part, longest, min(SHORTEST[part], longest), own)
        for part in parts
    ]


def ask(
    space: Space, train: Sequence[np.ndarray], longest: int, xs: Sequence[np.ndarray], parts: Sequence[str] = PARTS
) -> dict[str, list[Found]]:
    """Return what tables of every name in `KNOWN` find at each step of pieces Int[T, E], one for each of the parts."""
    found = {}
    for known in ("its own past", "the training pieces"):
        found[known] = [table.ask(xs) for table in tables(space, train, longest, known, parts)]
    found["a table"] = [own + training for own, training in zip(*found.values(), strict=True)]
    return found


def of_parts(found: Mapping[str, Sequence[Found]], parts: Sequence[str]) -> dict[str, list[Found]]:
    """Return what tables of these parts alone find, of what `ask` found with all."""
    return {known: [some[PARTS.index(part)] for part in parts] for known, some in found.items()}


def beside(
    steps: np.ndarray, found: Sequence[Found], valid_steps: np.ndarray, valid_found: Sequence[Found]
) -> np.ndarray:
    """Return what a model beside tables needs for each step, Float64[T], trusted as suits the validation steps."""
    return matched_steps(steps, found, suited_trusts(valid_steps, valid_found))


def ways(
    test: Readings,
    valid: Readings,
    keys: int,
    test_found: Mapping[str, Sequence[Found]],
    valid_found: Mapping[str, Sequence[Found]],
) -> dict[str, list[np.ndarray]]:
    """Return what each way to use the fits needs for each step, Float64[T], without and with a table.

    One network in its own key stands beside every table of `KNOWN`, the others beside that of all: "one network with
    its own past".
    """
    found = {}
    on_valid = many_keys.ways(valid, valid, keys)
    for way, some in many_keys.ways(test, valid, keys).items():
        found[way] = some
        for known in KNOWN if way == "one network" else ["a table"]:
            found[f"{way} with {known}"] = [
                beside(steps, test_found[known], valid_steps, valid_found[known])
                for steps, valid_steps in zip(some, on_valid[way], strict=True)
            ]
    return found


def parts_table(steps: np.ndarray, found: Mapping[str, Found], scale: float):
    """Return one row a choice of `CHOICES`: parts, and what a model beside such tables needs on validation pieces.

    Parameters
    ----------
    steps : Float64[T]
        Bits of each step that the model needs alone.
    found : mapping of part to Found
    scale : float
        Of bits per step in the unit of the table.
    """
    import pandas as pd

    rows = [{"parts": "none", "valid": scale * steps.mean(), "tables": 0}]
    for parts in CHOICES:
        some = [found[part] for part in parts]
        rows.append({"parts": " and ".join(parts), "valid": scale * beside(steps, some, steps, some).mean()})
        rows[-1]["tables"] = len(parts)
    return pd.DataFrame(rows)


def enough_parts(choices, within: float) -> tuple[str, ...]:
    """Return the fewest parts whose number is at most so large a part above the lowest of a `parts_table`."""
    near = choices[(choices["tables"] > 0) & (choices["valid"] <= (1 + within) * choices["valid"].min())]
    return tuple(near.sort_values(["tables", "valid"])["parts"].iloc[0].split(" and "))


def known_table(found: Mapping[str, Found], orders: Sequence[int], groups: Mapping[str, np.ndarray] | None = None):
    """Return how much is known, one row a table, group of steps and order.

    Parameters
    ----------
    found : mapping of name to Found
    orders : sequence of int
        Of the tables.
    groups : mapping of name to Bool[T], optional
        Steps that are counted apart, beside "all".

    Returns
    -------
    pandas.DataFrame
        known (the name), group, order, share (of the steps, those whose last frames stand there), right (of what
        followed there, the mean share that comes here as well).
    """
    import pandas as pd

    rows = []
    for name, table in found.items():
        apart = {"all": np.ones(len(table.counts), bool), **(groups or {})}
        for group, here in apart.items():
            for column, order in enumerate(orders):
                seen = here & (table.counts[:, column] > 0)
                right = table.right[seen, column].mean() if seen.any() else np.nan
                share = seen.sum() / max(here.sum(), 1)
                rows.append({"known": name, "group": group, "order": int(order), "share": share, "right": right})
    return pd.DataFrame(rows)


def trust_table(trust: np.ndarray, orders: Sequence[int]):
    """Return a trust Float64[orders, classes] with a row an order and a column for how often the suffix is known."""
    import pandas as pd

    starts = [1, *TIMES]
    names = [f"{a}" if b == a + 1 else f"{a} to {b - 1}" for a, b in zip(starts, TIMES, strict=False)]
    return pd.DataFrame(trust, columns=[*names, f"{starts[-1]} or more"]).assign(frames=[int(o) for o in orders])
