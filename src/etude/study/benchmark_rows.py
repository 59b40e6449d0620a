"""The rows of the benchmark chapter and the changes that take its best model apart. All were chosen on validation data.

Settings are the same for every set but for what its size decides: below `SMALL` training frames a model is held back
more (dropout, weight decay), sees all twelve keys and goes over them more often. Above, six keys give enough music for
the steps that are taken, and most published rows, whose weights are of single keys, keep to the set's own key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from etude.study.benchmark import Setting

SMALL = 50_000  # training frames
BEST = "GRU, recall, relative"
AS_IT_IS = ("nothing", "as it is")  # the best row's setting among its changes


def rows(train: Sequence[np.ndarray]) -> dict[str, Setting]:
    """Return the settings by row, in the order of the chapter, for a set with these training pieces."""
    small = sum(map(len, train)) < SMALL
    return {**_memoryless(small), **_independent(small), **_joint(small)}


def changes(settings: Mapping[str, Setting]) -> dict[tuple[str, str], Setting]:
    """Return the best row's setting as it is, and with one thing changed, by (part, change).

    In one key a model soon learns the pieces by heart: it is scored more often, so that its best step is found, and is
    also fitted for a quarter of the steps, so that its learning rate falls before that happens.
    """
    best = settings[BEST]
    one_key = replace(best, keys=1, home=0, steps=best.steps + best.home, scores=24)

    def options(**changed) -> Setting:
        return replace(best, options={**best.options, **changed})

    return {
        AS_IT_IS: best,
        ("output", "independent keys"): options(output="independent"),
        ("output", "NADE"): options(output="nade"),
        ("context", "no recall"): options(recall=0),
        ("augmentation", "one key"): one_key,
        ("augmentation", "one key, a quarter of the steps"): one_key.scaled(0.25),
        ("width", "128 units"): options(hidden=128),
        ("regularisation", "no dropout"): options(dropout=0.0),
    }


def _memoryless(small: bool) -> dict[str, Setting]:
    """Return the rows in which a frame knows of no other."""
    nade, relative = ({"output": "nade", "output_hidden": 256}, {"output": "relative"})
    sees_intervals = Setting("memoryless", relative, 1200, 5e-3, home=600, home_rate=2e-3, **_held_back(small))
    return {
        "note 1-gram": Setting("marginal", steps=1, keys=1),
        "RBM": Setting("rbm", {"hidden": 400, "gibbs": 10}, 10_000, 0.03, average=0.999, keys=1, window=1, batch=128),
        "NADE": Setting("memoryless", nade, 1500, 5e-3, 0.05, keys=1),
        **({"NADE, relative": sees_intervals} if small else {}),
    }


def _independent(small: bool) -> dict[str, Setting]:
    """Return the rows whose keys are independent given the past."""
    shared, gru = _held_back(small), _gru(small)
    if small:
        tcn = {"channels": 160, "kernel": 3, "blocks": 4, "dropout": 0.5}
        return {
            "GRU": Setting("rnn", gru, 800, home=100, **shared),
            "TCN": Setting("tcn", tcn, 1200, home=200, home_rate=1e-3, **shared),
        }
    tcn = {"channels": 160, "kernel": 4, "blocks": 6, "dropout": 0.3}
    return {
        "GRU": Setting("rnn", {**gru, "dropout": 0.1}, 1200, window=64, **{**shared, "keys": 1}),
        "TCN": Setting("tcn", tcn, 1200, **{**shared, "keys": 1}),
        "GRU, recall": Setting("rnn", {**gru, "recall": 4}, 800, home=100, **shared),
    }


def _joint(small: bool) -> dict[str, Setting]:
    """Return the rows whose keys know of each other and of the past."""
    shared, gru = _held_back(small), _gru(small)
    steps, dropout = (2400, 0.5) if small else (1000, 0.2)
    rbm, nade = {**gru, "output": "rbm", "recall": 4}, {**gru, "output": "nade"}
    if small:
        published = {
            "RNN-RBM": Setting("rnn", rbm, 500, 5e-3, home=100, **shared),
            "RNN-NADE": Setting("rnn", nade, 1000, 3e-3, home=120, **shared),
        }
    else:
        own_key = {**shared, "keys": 1}
        published = {
            "RNN-RBM": Setting("rnn", rbm, 600, 5e-3, **own_key),
            "RNN-NADE": Setting("rnn", nade, 1100, 3e-3, **own_key),
        }
    best = {**gru, "dropout": dropout, "output": "relative", "recall": 4}
    return {**published, BEST: Setting("rnn", best, steps, 3e-3, home=120, **shared)}


def _gru(small: bool) -> dict:
    return {"cell": "gru", "hidden": 256, "layers": 1, "dropout": 0.5 if small else 0.2}


def _held_back(small: bool) -> dict:
    return {"keys": 12, "weight_decay": 0.1} if small else {"keys": 6, "weight_decay": 0.01}
