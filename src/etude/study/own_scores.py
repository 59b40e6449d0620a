"""Chapter 41 on notes: three representations, their floors, families at one budget, and what they write.

All code the same common score, so their bits per second may be ranked together, and all families see the same seconds
of music in a step. What chooses (the representation, the model that is heard) looks at `valid`; `test` is scored once.
Left out are families that cannot be asked about any folder: SampleRNN is made for waveforms, the guided WaveNet
needs music in pairs, and the restricted Boltzmann machine has no past, and bits that are an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from etude import evaluation, registry
from etude.display.playing import player
from etude.errors import EtudeError
from etude.evaluation.intervals import Interval
from etude.representations.round_trip import round_trip_table
from etude.study import trial as trials
from etude.study.own_half import Half
from etude.study.own_music import Own, Verdict, beginning, cheapest, first_true, nominal_seconds, sections
from etude.study.record import Run
from etude.synthesis import render
from etude.types import DURATION, Budget, Piece

SECONDS_SEEN = 192.0  # of music in an optimiser step, whatever the family and its windows
LONGEST_DRAWN = {"midi": 500, "text": 900, "pianoroll": 256}  # steps of a sample at most
HEARD = 32  # quarters of the pieces that are played as sound, or looked at closely


class Plan(NamedTuple):
    """How a family is taught: what it reads, its windows, the peak of its learning rate, its options by size."""

    family: str
    reads: str  # a representation, or "" for the alphabet that suits the music
    seconds: float  # of music in a window
    learning_rate: float
    options: Callable[[int], dict]


FAMILIES = {
    "rnn": Plan("rnn", "", 12.0, 0.004, lambda hidden: {"cell": "lstm", "hidden": hidden, "layers": 1, "dropout": 0.1}),
    "tcn": Plan("tcn", "", 12.0, 0.004, lambda hidden: {"channels": hidden, "blocks": 5, "dropout": 0.1}),
    "wavenet": Plan("wavenet", "", 12.0, 0.004, lambda hidden: {
        "residual": hidden // 2, "skip": hidden, "stacks": 1, "dilations": 7}),
    "attention": Plan("attention", "", 12.0, 0.003, lambda hidden: {"channels": hidden - hidden % 4 or 4, "layers": 2}),
    "rnn-nade": Plan("rnn", "pianoroll", 12.0, 0.004, lambda hidden: {
        "hidden": hidden, "layers": 1, "dropout": 0.1, "output": "nade", "output_hidden": 48}),
    "vae": Plan("vae", "pianoroll", 3.0, 0.003, lambda hidden: {
        "hidden": hidden, "latent": 16, "samples": 4, "output": "nade", "output_hidden": 48}),
    "coconet": Plan("coconet", "pianoroll", 12.0, 0.01, lambda hidden: {
        "channels": max(4, min(12, hidden // 4)), "blocks": 5, "passes": 16}),
}  # fmt: skip


class Scores(Half):
    """The half of the chapter for folders of notes.

    Parameters
    ----------
    run : Run
    own : Own
    keys : int
        Keys that every training piece is shown in; drums are never moved.
    """

    unit, value, what = "bits per second", "bits_per_second", "pieces"
    columns = ("model", "representation", "kind", "bits_per_second", "low", "high", "bits_per_note", "pieces")

    def __init__(self, run: Run, own: Own, keys: int = 1):
        super().__init__(run, own)
        semitones = [0] if own.drums else range(-(keys // 2), keys - keys // 2)
        everything = [piece for split in own.pieces.values() for piece in split]
        notes = [piece.score.common().notes[:, DURATION].max(initial=0) for piece in everything]
        longest = int(np.clip(-(-max(notes) // 4), 16, 256))
        made = [registry.representation("midi", longest=longest)]
        made += [registry.representation(name) for name in ("text", "pianoroll")]
        self.trials = {one.name: trials.encode(own.pieces, one, semitones) for one in made}

    def round_trips(self):
        """Return what each of the five representations loses of test pieces, as a table."""
        import pandas as pd

        scores = {name: one.representation for name, one in self.trials.items()}
        table = round_trip_table(self.own.pieces["test"], scores)
        sounds = {"waveform": registry.representation("waveform", rate=8000)}
        sounds["spectrogram"] = registry.representation("spectrogram", rate=8000)
        heard = round_trip_table([self._played(piece) for piece in self.own.pieces["test"][:2]], sounds)
        columns = ["pieces", "exact", "notes_missing", "notes_added", "notes_merged", "onset_shift_ms"]
        columns += ["symbols_per_second", "snr_db", "log_spectral_distance_db"]
        return pd.concat([table, heard])[columns].reset_index()

    def _played(self, piece: Piece) -> Piece:
        """Return the beginning of a piece with its sound, in its own instruments."""
        some = beginning(piece, HEARD)
        programs = some.score.programs
        return some.with_audio(render(some.score, 8000, [*programs, *[programs[-1]] * 64] if programs else 0))

    def floors(self):
        """Fit the floors in each representation and return their test bits as a table."""
        for one in self.trials.values():
            trials.with_floors(one)
        return self._score_floors()

    @property
    def suited(self) -> str:
        """The tokens, event or letter, whose counts need fewer bits for the validation pieces."""
        seconds = sum(map(nominal_seconds, self.own.pieces["valid"]))
        lengths = {name: evaluation.code_lengths(self.trials[name].floors["counts"], self.trials[name].codes["valid"])
                   for name in ("midi", "text")}  # fmt: skip
        return cheapest({name: bits.total / seconds for name, bits in lengths.items()})

    def which_suits(self) -> Verdict:
        """Return which of the token representations suits the music, and why."""
        return first_true(
            (
                "Of the two alphabets, events (`midi`) need fewer bits by counting than letters (`text`) on the "
                "validation pieces. So the families that read a row of symbols are given events; the others read the "
                "piano roll.",
                self.suited == "midi",
            ),
            (
                "Of the two alphabets, letters (`text`) need fewer bits by counting than events (`midi`) on the "
                "validation pieces. So the families that read a row of symbols are given letters; the others read the "
                "piano roll.",
                self.suited == "text",
            ),
        )

    def fit(self, families: Sequence[str], steps: int, hidden: int, seed: int = 0) -> None:
        """Fit each family for so many optimiser steps; `fitted` holds a trial for each."""
        self.__dict__.pop("best", None)  # chosen anew
        for label in families:
            if label not in FAMILIES:
                raise EtudeError(f"families among {', '.join(FAMILIES)}", repr(label))
            plan = FAMILIES[label]
            one = trials.cell(self.trials[plan.reads or self.suited], label)
            window, batch = self._window(one, plan.seconds), round(SECONDS_SEEN / plan.seconds)
            budget = Budget(steps, batch, window, plan.learning_rate, max(1, steps // 4))
            options = plan.options(hidden) | ({"segment": window} if plan.family == "vae" else {})
            self.fitted[label] = trials.fit(self.run, one, plan.family, budget, [seed], publish=False, **options)

    @staticmethod
    def _window(one: trials.Trial, seconds: float) -> int:
        """Return the steps that hold so many seconds of the training music, on average."""
        whole = sum(map(nominal_seconds, one.pieces["train"])) or 1.0
        return int(np.clip(seconds * sum(map(len, one.codes["train"])) / whole, 8, 400))

    def table(self):
        """Return the code lengths of the test pieces: every family, and the best floor in each representation."""
        return self._score_families(list(self.fitted.values()), self.value, [self.value])

    def _test_bits(self, one: trials.Trial, model) -> np.ndarray:
        return evaluation.code_lengths(model, one.codes["test"]).values

    @property
    def floor(self) -> dict:
        """The row of the best floor on the test pieces, of whatever representation."""
        return self.floor_table.loc[self.floor_table[self.value].idxmin()].to_dict()

    def against_floor(self) -> Interval:
        """Return the chosen model's difference to the best floor, in bits per second, with its interval."""
        floor = self.trials[self.floor["representation"]]
        ours = self._test_bits(self.best, self.best.models[0])
        theirs = self._test_bits(floor, floor.floors[self.floor["model"]])
        seconds = evaluation.amounts(self.own.pieces["test"], "score")["seconds"]
        return evaluation.paired_difference(ours, theirs, seconds)

    def surprise(self):
        """Return the axes of a figure: the beginning of the shown piece, and what each sixteenth cost."""
        from etude.display import plot_surprise

        one, piece = self.best, beginning(self.own.shown, HEARD)
        x = one.representation.encode(piece)
        (bits,) = one.models[0].step_bits([x])
        spent = evaluation.bits_per_sixteenth(one.representation, x, bits)
        return plot_surprise(spent, piece.score.common(), label="bits per sixteenth")

    def _steps(self) -> int:
        name = self.best.representation.name
        return int(min(np.median([len(x) for x in self.best.codes["test"]]), LONGEST_DRAWN[name]))

    def samples(self, n: int, seed: int = 0) -> list[Piece]:
        """Draw pieces from the chosen model, in the tempo, metre and instruments of the shown piece."""
        return self._read(self.best.models[0].sample(n, self._steps(), seed=seed))

    def counted(self, n: int, seed: int = 0) -> list[Piece]:
        """Draw pieces from the counts, likewise."""
        return self._read(self.best.floors["counts"].sample(n, self._steps(), seed=seed))

    def _read(self, codes: Sequence[np.ndarray]) -> list[Piece]:
        """Return what codes spell; a few letters may spell hours, of which the first minutes are kept."""
        pieces = [self.best.representation.decode(x, like=self.own.shown) for x in codes]
        return [next(iter(sections(piece)), piece) for piece in pieces]

    def continuation(self, seed: int = 0) -> tuple[Piece, Piece]:
        """Return the opening of the shown piece, and how the chosen model goes on from it."""
        opening, one = beginning(self.own.shown, HEARD // 2), self.best
        x = one.representation.encode(opening)
        x = x[:-1] if one.representation.space.end is not None else x
        (drawn,) = one.models[0].sample(1, seed=seed, prefix=x, new=self._steps() // 2)
        return opening, self._read([drawn])[0]

    def picture(self, piece: Piece, name: str, title: str):
        """Show a piece as notation, or, where notation would say nothing true, as a player's outline."""
        from etude.display import engrave, say

        if self.own.drums:
            return say("Drums are not engraved: their pitch numbers name instruments, which a staff would misread.")
        if not len(piece.score):
            return say("There is nothing to engrave: no note was written.")
        try:
            return engrave(beginning(piece, 64), name, title=title, bars=6)
        except EtudeError:
            return player(piece, name, caption=f"{title} (too dense to be engraved)")

    def nearness(self, samples: Sequence[Piece], counted: Sequence[Piece]):
        """Return statistics of samples, counts and held-out pieces as a table, one column a set."""
        self.sets = {"held-out": [piece.score for piece in self.own.pieces["test"]]}
        self.sets |= {self.best.label: [p.score for p in samples], "counts": [p.score for p in counted]}
        self.statistics = evaluation.statistics_table(self.sets)
        return self.statistics

    def copies(self):
        """Return the longest runs that the sets share with the training pieces."""
        view = "texture" if self.own.drums else "melody"
        self.copied = evaluation.memorisation_table(self.sets, self.own.pieces["train"], view)
        return self.copied

    def copying(self) -> Verdict:
        """Return whether the samples share more with the training pieces than unseen music does."""
        ours, real = self.copied.loc[self.best.label, "mean_copied"], self.copied.loc["held-out", "mean_copied"]
        return first_true(
            (
                f"**The samples copy.** The longest runs that they share with the training pieces have {ours:.1f} "
                f"events on average, those of unseen music {real:.1f}. Fewer steps, or more pieces, would help.",
                ours > 1.5 * max(real, 1),
            ),
            (
                f"The longest runs that the samples share with the training pieces have {ours:.1f} events on average, "
                f"those of unseen music {real:.1f}: by this measure they copy no more than pieces of the folder copy "
                "each other.",
                ours <= real,
            ),
            (
                f"The longest runs that the samples share with the training pieces have {ours:.1f} events on average, "
                f"those of unseen music {real:.1f}: more, but too little to be called copying.",
                real < ours <= 1.5 * max(real, 1),
            ),
        )

    def verdict(self) -> Verdict:
        """Return which needs fewer bits, the chosen network or the best floor, as the interval has it."""
        row, floor = self.scored[self.scored["model"] == self.best.label].iloc[0], self.floor
        network = f"`{row['model']}` on `{row['representation']}`"
        ours, theirs = row[self.value], floor[self.value]
        named = f"`{floor['model']}` on `{floor['representation']}`"
        return self._ranked(network, ours, named, theirs, self.against_floor(), len(self.own.pieces["test"]))
