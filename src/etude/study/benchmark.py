"""The polyphonic benchmark as a study: its rows, how each is fitted, and what is measured of it.

Boulanger-Lewandowski, Bengio & Vincent (2012); data, rule and published rows: `corpora.polyphonic`,
`evaluation.protocol`, `evaluation.published`. Settings are chosen on the validation split; nothing here scores the test
split but `measure`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from etude import registry
from etude.corpora.polyphonic import Polyphonic
from etude.errors import EtudeError
from etude.evaluation.protocol import FRAME, nats_per_frame
from etude.models.base import Model
from etude.models.totals import step_totals
from etude.study.record import Run
from etude.types import Budget, History

Rolls = Mapping[str, Sequence[np.ndarray]]  # split -> Int[T, 88]
FRAMES_AT_ONCE = 2048  # of a batch of windows


@dataclass(frozen=True)
class Setting:
    """How a row of the benchmark is made.

    Parameters
    ----------
    family : str
        A name in `etude.registry.MODELS`.
    options : mapping
        Of the family.
    steps : int
        Optimiser steps on the training pieces in `keys` keys.
    learning_rate, weight_decay, average
        See `Budget`.
    keys : int
        Keys that every training piece is shown in; 1: as it stands.
    home : int
        Steps that follow on the training pieces as they stand, at `home_rate`: the pieces of the benchmark were all
        moved to one key by its makers.
    window : int, optional
        Frames of a window; by default as many as `window_of` says, 1 for single frames.
    batch : int, optional
        Windows in a batch; by default those that hold `FRAMES_AT_ONCE` frames.
    scores : int
        Times that the fit is scored on the validation pieces, evenly; the best weights are kept.
    """

    family: str
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 1600
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    average: float = 0.995
    keys: int = 12
    home: int = 0
    home_rate: float = 6e-4
    window: int | None = None
    batch: int | None = None
    scores: int = 4

    def scaled(self, share: float) -> Setting:
        """Return the setting with a share of its steps, at least two of each kind that it has."""
        steps, home = (max(2, round(share * n)) if n else 0 for n in (self.steps, self.home))
        return replace(self, steps=steps, home=home)

    def budget(self, train: Sequence[np.ndarray]) -> Budget:
        """Return what the transposed steps take on training pieces Int[T, 88] in their own key."""
        window = self.window or window_of(train)
        size = self.batch or max(1, FRAMES_AT_ONCE // window)
        every = max(1, self.steps // self.scores)
        kept = {"weight_decay": self.weight_decay, "average": self.average}
        return Budget(self.steps, size, window, self.learning_rate, every, **kept)

    def narrowed(self, hidden: int) -> Setting:
        """Return the setting with layers of at most so many units."""
        sizes = {k: v for k, v in self.options.items() if k in ("hidden", "channels", "output_hidden")}
        most = {name: min(size, hidden) for name, size in sizes.items()}
        return replace(self, options={**self.options, **most})


@dataclass
class Fitted:
    """A row of one set under several seeds."""

    name: str
    models: list[Model] = field(default_factory=list)
    histories: list[list[History]] = field(default_factory=list)  # of the two parts of a fit


def rolls(collection: str, most: int = 0, folder=None) -> dict[str, list[np.ndarray]]:
    """Return the splits of a set as Int64[T, 88] of 0 and 1; of each its first `most` pieces, where that is not 0."""
    benchmark = Polyphonic(collection, folder)
    return {
        split: [roll.astype(np.int64) for roll in benchmark.rolls(split)[: most or None]] for split in benchmark.splits
    }


def transposed(pieces: Sequence[np.ndarray], keys: int) -> list[np.ndarray]:
    """Return every piece in `keys` keys around its own, without those in which a note would leave the 88 keys."""
    moved = []
    for roll in pieces:
        lowest, highest = _range(roll)
        for step in range(-(keys // 2), keys - keys // 2):
            if lowest + step >= 0 and highest + step < roll.shape[1]:
                moved.append(np.roll(roll, step, axis=1))
    return moved


def window_of(pieces: Sequence[np.ndarray]) -> int:
    """Return the length of a window that holds nine pieces of ten, in sixteens of frames, at most 256."""
    nine_of_ten = np.quantile([len(roll) for roll in pieces], 0.9)
    return int(min(256, 16 * np.ceil(nine_of_ten / 16)))


def fit(run: Run, name: str, setting: Setting, data: Rolls, collection: str, seeds: Sequence[int]) -> Fitted:
    """Fit a row under every seed on the training split, selected on the validation split; checkpoints are kept."""
    fitted = Fitted(name)
    moved = transposed(data["train"], setting.keys)
    for seed in seeds:
        model = registry.model(setting.family, FRAME, seed=seed, **setting.options)
        label = "-".join(re.findall(r"\w+", f"{collection} {name} seed{seed}"))
        budget = setting.budget(data["train"])
        parts = [(moved, budget, "")]
        if setting.home:
            parts.append((data["train"], _home(setting, budget), "-home"))
        histories = []
        for pieces, spent, suffix in parts:
            folder = run.checkpoint(label + suffix)
            histories.append(model.fit(pieces, data["valid"], spent, seed, checkpoint=folder))
            run.cost(label + suffix, histories[-1])
        fitted.models.append(model)
        fitted.histories.append(histories)
    return fitted


def measure(fitted: Fitted, data: Rolls, collection: str) -> list[dict]:
    """Return one row per seed: nats per frame of the validation and of the test split, in both framings.

    Columns: collection, model, kind, seed number, valid, test (first frame included, as the benchmark has it),
    test_without_first (as Bai et al. 2018 have it), stderr (nats per frame, where log Z is estimated), parameters,
    train_seconds.
    """
    rows = []
    for number, (model, histories) in enumerate(zip(fitted.models, fitted.histories, strict=True)):
        bits = {split: frame_bits(model, data[split]) for split in ("valid", "test")}
        row = {"collection": collection, "model": fitted.name, "kind": model.kind, "run": number}
        row |= {split: nats_per_frame(bits[split], data[split]) for split in bits}
        row["test_without_first"] = nats_per_frame(bits["test"], data["test"], first_frame=False)
        row["stderr"] = log_z_error(model)
        seconds = sum(history.seconds for history in histories)
        rows.append({**row, "parameters": model.parameters, "train_seconds": round(seconds, 1)})
    return rows


def frame_bits(model: Model, pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the bits of every frame, Float64[T] a piece, of any family that gives frames a probability."""
    for name in ("frame_bits", "step_bits"):
        if hasattr(model, name):
            return step_totals(getattr(model, name)(pieces))
    raise EtudeError("a model of frames", f"{model.name}, which scores whole pieces only")


def log_z_error(model: Model) -> float:
    """Return the standard error of log Z in nats, which is that of the nats per frame; nan where bits are exact."""
    return float(model.log_partition().stderr) if model.kind == "estimate" else float("nan")


def _home(setting: Setting, budget: Budget) -> Budget:
    return replace(budget, steps=setting.home, learning_rate=setting.home_rate, valid_every=max(1, setting.home // 2))


def _range(roll: np.ndarray) -> tuple[int, int]:
    keys = np.flatnonzero(roll.any(axis=0))
    return (int(keys[0]), int(keys[-1])) if len(keys) else (0, roll.shape[1] - 1)
