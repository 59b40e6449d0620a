"""What a row of the benchmark was taught on each set, and how far it had come when its lesson ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from etude.study.benchmark import Fitted, Setting


def passes(setting: Setting, train: Sequence[np.ndarray]) -> float:
    """Return how often the transposed steps of a fit could show each training frame in each key, were no window short.

    Counted from the setting's own steps; the pieces are Int[T, 88].
    """
    budget = setting.budget(train)
    return budget.steps * budget.batch_size * budget.window / (setting.keys * sum(map(len, train)))


def lesson_table(fitted: Mapping[str, Fitted], settings: Mapping[str, Setting], data: Mapping[str, Mapping]):
    """Return one row a set: what one row of the benchmark was taught there, and the end of its first seed's fit.

    Parameters
    ----------
    fitted : mapping of set to Fitted
        Of a row with transposed steps; what comes after in the set's own key is left out.
    settings : mapping of set to Setting
        Those that were fitted.
    data : mapping of set to splits

    Returns
    -------
    pandas.DataFrame
        set, frames (of the training pieces), keys, steps, passes; train (last windows, dropout on) and valid in nats
        per frame; fell (nats that the validation pieces fell by between the last two scores; NaN with one score).
    """
    import pandas as pd

    rows = []
    for name, one in fitted.items():
        setting, train, ends = settings[name], data[name]["train"], one.histories[0][0].rows
        valid = [np.log(2) * row["valid"] for row in ends]
        row = {"set": name, "frames": sum(map(len, train)), "keys": setting.keys, "steps": setting.steps}
        row |= {"passes": passes(setting, train), "train": np.log(2) * ends[-1]["train"], "valid": valid[-1]}
        rows.append(row | {"fell": valid[-2] - valid[-1] if len(valid) > 1 else np.nan})
    return pd.DataFrame(rows)
