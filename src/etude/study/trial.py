"""A trial: one family of models on one representation of a corpus, fitted under several seeds and scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from etude import registry
from etude.corpora.augmentation import transpositions
from etude.evaluation.bits import amounts, code_lengths, score_table
from etude.evaluation.floors import compressor_floors, fitted_floors
from etude.evaluation.intervals import paired_difference
from etude.models.base import Model
from etude.representations.base import Representation
from etude.study.record import Run
from etude.types import Bits, Budget, History, Piece


@dataclass
class Trial:
    """What a trial holds.

    `pieces` and `codes` are by split, `train` the training arrays (transpositions included), `models` and `histories`
    one per seed, `floors` what `table` sets them against, `label` what the models are called: by default their family.
    """

    representation: Representation
    pieces: Mapping[str, Sequence[Piece]]
    codes: dict[str, list[np.ndarray]]
    train: list[np.ndarray]
    models: list[Model] = field(default_factory=list)
    histories: list[History] = field(default_factory=list)
    floors: dict[str, Model | Bits] = field(default_factory=dict)
    label: str = ""

    @property
    def name(self) -> str:
        """Label or family, and representation, as in `rnn-midi`."""
        return f"{self.label or self.models[0].name}-{self.representation.name}"

    def table(self, split: str = "test"):
        """Return the models and their floors on a split: `evaluation.bits.score_table`."""
        rows = {**self.floors, self.label or self.models[0].name: self.models}
        return score_table(rows, self.codes[split], self.pieces[split], self.representation)


def encode(
    pieces: Mapping[str, Sequence[Piece]], representation: Representation, semitones: Sequence[int] = range(-6, 6)
) -> Trial:
    """Return the splits of a corpus as arrays, the training split in every transposition of `semitones`."""
    codes = {split: [representation.encode(piece) for piece in some] for split, some in pieces.items()}
    moved = pieces["train"] if list(semitones) == [0] else transpositions(pieces["train"], semitones)
    return Trial(representation, pieces, codes, [representation.encode(piece) for piece in moved])


def fit(
    run: Run, trial: Trial, family: str, budget: Budget, seeds: Sequence[int], publish: bool = True, **options
) -> Trial:
    """Fit the family once per seed, keep checkpoints, costs and the first model with `run`; returns the trial.

    With `publish`, a `full` run puts the first model into `data/pretrained`, under `trial.name`.
    """
    for seed in seeds:
        model = registry.model(family, trial.representation.space, seed=seed, **options)
        name = f"{trial.label or family}-{trial.representation.name}-seed{seed}"
        history = model.fit(trial.train, trial.codes["valid"], budget, seed, checkpoint=run.checkpoint(name))
        run.cost(name, history)
        trial.models.append(model)
        trial.histories.append(history)
    run.model(trial.name, trial.models[0], trial.representation, publish=publish, steps=budget.steps)
    return trial


def against_best_floor(trial: Trial, split: str = "test") -> dict:
    """Return the model beside its best floor: rates in bits per second, their paired difference and its interval.

    The model's code lengths are means over seeds. The best floor is the best on the split itself, which favours the
    floor.
    """
    xs, seconds = trial.codes[split], amounts(trial.pieces[split], "score")["seconds"]
    floors = {name: code_lengths(floor, xs) for name, floor in trial.floors.items()}
    best = min(floors, key=lambda name: floors[name].total)
    ours = np.mean([code_lengths(model, xs).values for model in trial.models], axis=0)
    gap = paired_difference(ours, floors[best].values, seconds)
    rates = {
        trial.label or trial.models[0].name: Bits(ours).per(seconds),
        "best_floor": best,
        "floor": floors[best].per(seconds),
    }
    return {
        "representation": trial.representation.name,
        **rates,
        "difference": gap.value,
        "low": gap.low,
        "high": gap.high,
    }


def cell(trial: Trial, label: str) -> Trial:
    """Return a trial on the same data and with the same floors, without models yet."""
    return replace(trial, label=label, models=[], histories=[])


def with_floors(trial: Trial) -> Trial:
    """Fit every floor on what the models learn from, and compress the test split with every compressor."""
    space, valid, test = trial.representation.space, trial.codes["valid"], trial.codes["test"]
    trial.floors |= fitted_floors(space, trial.train, valid)
    trial.floors |= compressor_floors(space, trial.codes["train"], test, moved=trial.train)
    return trial
