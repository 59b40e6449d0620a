"""The rows of the benchmark chapter and the changes that take its best model apart. All were chosen on validation data.

Settings are the same for every set but for what its size decides: below `SMALL` training frames a model is held back
more (dropout, weight decay) and sees all twelve keys; above, six keys give enough music for the steps that are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from etude.study.benchmark import Setting

SMALL = 50_000  # training frames
BEST = "GRU, recall, relative"


def rows(train: Sequence[np.ndarray]) -> dict[str, Setting]:
    """Return the settings by row, in the order of the chapter, for a set with these training pieces."""
    small = sum(map(len, train)) < SMALL
    keys, dropout, decay = (12, 0.5, 0.1) if small else (6, 0.2, 0.01)
    gru = {"cell": "gru", "hidden": 256, "layers": 1, "dropout": dropout}
    tcn = {"channels": 160, "kernel": 3 if small else 4, "blocks": 4 if small else 6, "dropout": dropout}
    shared = {"keys": keys, "weight_decay": decay}
    return {
        "note 1-gram": Setting("marginal", steps=1, keys=1),
        "RBM": Setting("rbm", {"hidden": 400, "gibbs": 10}, 10_000, 0.03, average=0.999, keys=1, window=1, batch=128),
        "NADE": Setting("memoryless", {"output": "nade", "output_hidden": 256}, 1500, 5e-3, 0.05, keys=1),
        "NADE, relative": Setting("memoryless", {"output": "relative"}, 1200, 5e-3, home=600, home_rate=2e-3, **shared),
        "GRU": Setting("rnn", gru, 800, 4e-3, home=100, **shared),
        "TCN": Setting("tcn", tcn, 1200, 4e-3, home=200, home_rate=1e-3, **shared),
        "RNN-RBM": Setting("rnn", {**gru, "output": "rbm", "output_hidden": 8}, 500, 5e-3, home=100, **shared),
        "RNN-NADE": Setting("rnn", {**gru, "output": "nade"}, 1000, 3e-3, home=120, **shared),
        BEST: Setting("rnn", {**gru, "output": "relative", "recall": 4}, 1600, 3e-3, home=120, **shared),
    }


def changes(settings: Mapping[str, Setting]) -> dict[tuple[str, str], Setting]:
    """Return the best row's setting with one thing changed, by (part, change)."""
    best = settings[BEST]

    def options(**changed) -> Setting:
        return replace(best, options={**best.options, **changed})

    return {
        ("output", "independent keys"): options(output="independent"),
        ("output", "NADE"): options(output="nade"),
        ("context", "no recall"): options(recall=0),
        ("augmentation", "one key"): replace(best, keys=1, home=0, steps=best.steps + best.home),
        ("augmentation", "no steps at home"): replace(best, home=0, steps=best.steps + best.home),
        ("width", "128 units"): options(hidden=128),
        ("regularisation", "no dropout"): options(dropout=0.0),
        ("regularisation", "no averaging"): replace(best, average=0.0),
    }
