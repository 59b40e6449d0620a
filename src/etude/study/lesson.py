"""One lesson for all: what models that are ranked against each other have in common while they learn.

A code of one representation holds another stretch of music than a code of the next, so equal batches of equal windows
are not an equal lesson. A `Lesson` is therefore stated in seconds of music, and becomes the `Budget` of a
representation by how many codes a second of its music takes. Every fit of a lesson then sees, at each optimiser step,
as much music as any other: the same number of windows, each of the same seconds (on the average over the training
pieces where codes have no fixed length), in the same keys, with the same schedule, averaging and selection: the whole
validation pieces are scored at the same steps, and the best weights are kept.

Families may differ in their peak learning rate, which is then said. Equal music is not equal time: `curve` gives what a
fit had reached after so much of either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.bits import amounts
from etude.representations.base import Representation
from etude.study import trial as trials
from etude.study.record import Run
from etude.study.trial import Trial
from etude.types import Budget, History, Piece

LATE = 0.75  # of a fit's steps: its last quarter begins
FALLING = 0.01  # of the bits


@dataclass(frozen=True)
class Lesson:
    """What ranked models share.

    Parameters
    ----------
    steps : int
        Optimiser steps.
    seconds : float
        Seconds of music in an optimiser step.
    window : float
        Seconds of music in a window; `seconds` holds a whole number of them.
    keys : int
        Keys that every training piece is shown in, 1 to 12.
    learning_rate : float
        Peak of the schedule (`etude.training.schedule`).
    valid_every : int
        Optimiser steps between two scores of the validation pieces.
    average : float
        Decay of the moving average of the weights, see `Budget`.
    """

    steps: int = 1600
    seconds: float = 384.0
    window: float = 24.0
    keys: int = 12
    learning_rate: float = 3e-3
    valid_every: int = 200
    average: float = 0.995

    def __post_init__(self):
        windows = self.seconds / self.window if 0 < self.window <= self.seconds < inf else 0
        if not windows or windows != round(windows):
            raise EtudeError("seconds that hold a whole number of windows", f"{self.seconds:g} s, {self.window:g} s")
        if not 1 <= self.keys <= 12:
            raise EtudeError("1 to 12 keys", str(self.keys))
        self.budget(1 / self.window)  # the budget checks the rest

    @property
    def windows(self) -> int:
        """Windows in an optimiser step."""
        return round(self.seconds / self.window)

    @property
    def semitones(self) -> range:
        """Transpositions of the training pieces, those nearest to their own key."""
        return range(-(self.keys // 2), self.keys - self.keys // 2)

    @property
    def music(self) -> float:
        """Seconds of music that a whole fit sees."""
        return self.steps * self.seconds

    def encode(self, pieces: Mapping[str, Sequence[Piece]], representation: Representation) -> Trial:
        """Return the splits of a corpus as arrays, the training pieces in all keys."""
        return trials.encode(pieces, representation, self.semitones)

    def budget(self, codes_per_second: float, learning_rate: float | None = None) -> Budget:
        """Return the budget of a representation whose second of music takes so many codes.

        Parameters
        ----------
        codes_per_second : float
            Steps of a sequence in a second of music, see `codes_per_second`.
        learning_rate : float, optional
            Of a family that needs another peak than the rest.
        """
        if not 0 < codes_per_second < inf:
            raise EtudeError("codes per second above 0", str(codes_per_second))
        window, rate = max(1, round(self.window * codes_per_second)), learning_rate or self.learning_rate
        return Budget(self.steps, self.windows, window, rate, self.valid_every, average=self.average)

    def fit(
        self,
        run: Run,
        trial: Trial,
        family: str,
        seeds: Sequence[int],
        publish: bool = True,
        learning_rate: float | None = None,
        **options,
    ) -> Trial:
        """Fit a family to a trial of `encode` under every seed: `etude.study.trial.fit` with the lesson's budget."""
        budget = self.budget(codes_per_second(trial), learning_rate)
        return trials.fit(run, trial, family, budget, seeds, publish, **options)

    def scaled(self, share: float) -> Lesson:
        """Return the lesson with a share of the steps, scored as often."""
        steps, every = (max(1, round(share * n)) for n in (self.steps, self.valid_every))
        return replace(self, steps=steps, valid_every=every)


def codes_per_second(trial: Trial) -> float:
    """Return the codes of a second of music: the rate of the space, or where it has none the training pieces' mean."""
    rate = trial.representation.space.rate
    if rate is not None:
        return rate
    seconds = amounts(trial.pieces["train"], trial.representation.domain)["seconds"]
    return sum(map(len, trial.codes["train"])) / float(seconds.sum())


def still_falling(history: History) -> bool | None:
    """Say whether a fit was cut short of where it was going.

    It was where its best validation score in the last quarter of its steps lies more than 1 % below the best of all
    before. The schedule itself lowers a curve near its end, so the mark comes rather too often than too seldom.

    Returns
    -------
    bool or None
        None where there are no scores on one of the two sides.
    """
    scores = [(row["step"], row["valid"]) for row in history.rows if row["valid"] is not None]
    late = LATE * max((row["step"] for row in history.rows), default=0)
    early, last = ([bits for step, bits in scores if (step > late) == after] for after in (False, True))
    return min(last) < (1 - FALLING) * min(early) if early and last else None


def curve(history: History, trial: Trial, lesson: Lesson) -> list[dict]:
    """Return what a fit had reached, a row for each score of the validation pieces.

    Returns
    -------
    list of dict
        `step`, `music` (seconds of it seen), `cpu_seconds` (None for a fit older than that clock), `bits_per_second`
        of the validation pieces, and `best` so far.
    """
    seconds = amounts(trial.pieces["valid"], trial.representation.domain)["seconds"]
    rate, rows = sum(map(len, trial.codes["valid"])) / float(seconds.sum()), []
    for row in history.rows:
        if row["valid"] is not None:
            bits = row["valid"] * rate
            best = min([bits, *(earlier["best"] for earlier in rows[-1:])])
            seen = {"music": row["step"] * lesson.seconds, "cpu_seconds": row.get("cpu_seconds")}
            rows.append({"step": row["step"], **seen, "bits_per_second": bits, "best": best})
    return rows


def reached(rows: Sequence[Mapping], within: float, column: str = "cpu_seconds") -> float:
    """Return the best bits per second of a `curve` up to so many CPU seconds, or so much `music`; NaN before any."""
    best = [row["best"] for row in rows if row[column] is not None and row[column] <= within]
    return min(best, default=np.nan)


def costs(trial: Trial, lesson: Lesson) -> dict:
    """Return what a trial's fits took, as columns beside its bits.

    Returns
    -------
    dict
        `music_hours` seen by each fit, `parameters`, mean `cpu_seconds` (NaN for older fits), `seeds`, and
        `still_falling`, how many of them are.
    """
    cpu = [history.rows[-1].get("cpu_seconds", np.nan) for history in trial.histories]
    falling = sum(still_falling(history) is True for history in trial.histories)
    size = trial.models[0].parameters
    seen = {"music_hours": lesson.music / 3600, "parameters": size, "cpu_seconds": float(np.mean(cpu))}
    return {**seen, "seeds": len(trial.models), "still_falling": falling}
