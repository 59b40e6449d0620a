"""Chapter 41 on recordings: samples and frames, their floors, small networks, and what they sound like.

The waveform and the spectrogram keep different things, so their bits are never ranked together: bits per sample stand
beside bits per sample, bits per frame beside bits per frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from etude import evaluation, registry
from etude.corpora.one_file import read_piece
from etude.errors import EtudeError
from etude.evaluation.compressors import compressor_bits, flac_bits
from etude.evaluation.floors import fitted_floors
from etude.representations.round_trip import round_trip_table
from etude.study import spectrograms
from etude.study import trial as trials
from etude.study.own_half import Half
from etude.study.own_music import EXCERPT, RATE, Own, Verdict, cheapest, excerpt, first_true
from etude.study.record import Run
from etude.types import Bits, Budget, Piece

COUNTED = 60.0  # seconds of training sound that the floors count
PICTURED = 300.0  # seconds of training sound that are turned into spectrograms
RUN = 32  # samples of a run that counts as copied
MULTIPLIER = 1099511628211  # of the hash of a run, a prime
FAMILIES = {  # label -> family, options by size, windows (batch, samples) of equal music
    "wavenet": ("wavenet", lambda hidden: {"residual": hidden // 4, "skip": hidden, "stacks": 1, "dilations": 9,
                                           "dropout": 0.0}, (2, 2048)),
    "samplernn": ("samplernn", lambda hidden: {"hidden": hidden, "embedding": 16, "dropout": 0.0}, (4, 1024)),
    "rnn": ("rnn", lambda hidden: {"cell": "gru", "hidden": hidden, "layers": 1, "dropout": 0.0}, (8, 512)),
}  # fmt: skip


class Sounds(Half):
    """The half of the chapter for folders of recordings.

    Parameters
    ----------
    run : Run
    own : Own
    """

    unit, value, what = "bits per sample", "bits_per_sample", "excerpts"
    columns = ("model", "representation", "kind", "kbit_per_second", "low", "high", "bits_per_sample", "bits_per_step")

    def __init__(self, run: Run, own: Own, keys: int = 1):
        super().__init__(run, own)
        self.waveform = registry.representation("waveform", rate=RATE)
        self.spectrogram = registry.representation("spectrogram", **spectrograms.SETTING)
        self.trials = {"waveform": self._trial(self.waveform, own.pieces)}
        train = [excerpt(piece, PICTURED / len(own.pieces["train"])) for piece in own.pieces["train"]]
        self.trials["spectrogram"] = self._trial(self.spectrogram, {**own.pieces, "train": train})

    @staticmethod
    def _trial(representation, pieces: dict[str, list[Piece]]) -> trials.Trial:
        codes = {split: [representation.encode(piece) for piece in some] for split, some in pieces.items()}
        return trials.Trial(representation, pieces, codes, codes["train"])

    def round_trips(self):
        """Return what samples and frames lose of excerpts of the files; notes are not in a recording to be kept."""
        made = {"waveform": self.waveform, "spectrogram": self.spectrogram}
        files = dict.fromkeys(piece.source for piece in self.own.pieces["test"])
        table = round_trip_table([excerpt(read_piece(file, RATE)) for file in list(files)[:3]], made)
        columns = ["pieces", "symbols_per_second", "snr_db", "spectral_convergence", "log_spectral_distance_db"]
        return table[columns].reset_index()

    def floors(self):
        """Fit the floors, on samples and on frames, and return their test bits as a table."""
        samples, frames = self.trials["waveform"], self.trials["spectrogram"]
        few = [excerpt(piece, COUNTED / len(self.own.pieces["train"])) for piece in self.own.pieces["train"]]
        few = [self.waveform.encode(piece) for piece in few]
        samples.floors |= fitted_floors(self.waveform.space, few, samples.codes["valid"])
        samples.floors["FLAC"] = flac_bits(samples.codes["test"], self.waveform.space)
        frames.floors |= fitted_floors(self.spectrogram.space, frames.train, frames.codes["valid"])
        frames.floors["xz alone"] = compressor_bits("xz", frames.codes["test"], self.spectrogram.space)
        return self._score_floors()

    def which_suits(self) -> Verdict:
        """Return which representation the families read."""
        return (
            "Samples keep the sound itself and are many; frames are few and keep a picture of it. The families of "
            "sound read samples, and one recurrent network reads frames, in table rows of its own.",
            self.trials["waveform"].representation.space.event_shape == (),
            self.trials["spectrogram"].representation.space.event_shape != (),
        )

    def fit(self, families: Sequence[str], steps: int, hidden: int, seed: int = 0) -> None:
        """Fit each family on equally many samples, and the recurrent network on frames."""
        self.__dict__.pop("best", None)  # chosen anew
        for label in families:
            if label not in FAMILIES:
                raise EtudeError(f"families of sound among {', '.join(FAMILIES)}", repr(label))
            family, options, (batch, window) = FAMILIES[label]
            one = trials.cell(self.trials["waveform"], label)
            budget = Budget(steps, batch, window, 0.003, max(1, steps // 4))
            self.fitted[label] = trials.fit(self.run, one, family, budget, [seed], publish=False, **options(hidden))
        frames = trials.cell(self.trials["spectrogram"], "rnn on frames")
        size = {"cell": "gru", "hidden": hidden, "layers": 1, "embedding": hidden, "dropout": 0.1}
        budget = Budget(steps, 6, 40, 0.006, max(1, steps // 2))
        self.frames = trials.fit(self.run, frames, "rnn", budget, [seed], publish=False, **size)

    def table(self):
        """Return the code lengths of the test excerpts: networks and the best floor of each representation."""
        fitted = [*self.fitted.values(), self.frames]
        return self._score_families(fitted, "bits_per_step", ["representation", "bits_per_step"])

    def surprise(self):
        """Return the axes of a figure: a stretch of the shown recording, and what each hundredth of a second cost."""
        import matplotlib.pyplot as plt

        one = self.best
        x = one.codes["test"][0][: 2 * RATE]
        (bits,) = one.models[0].step_bits([x])
        size = RATE // 100
        each = bits[: len(bits) // size * size].reshape(-1, size).mean(axis=1)
        _, (above, below) = plt.subplots(2, 1, figsize=(9, 4), sharex=True)
        above.plot(np.arange(len(x)) / RATE, self.waveform.decode(x).audio.samples, linewidth=0.4)
        below.plot(np.arange(len(each)) / 100, each)
        above.set(ylabel="amplitude")
        below.set(xlabel="seconds", ylabel="bits per sample")
        return below

    def samples(self, n: int, seed: int = 0) -> list[Piece]:
        """Draw sounds from the chosen model, by compiled code where there is any."""
        return self._drawn(self.best.models[0], n, seed)

    def counted(self, n: int, seed: int = 0) -> list[Piece]:
        """Draw sounds from the counts."""
        return self._drawn(self.best.floors["counts"], n, seed)

    def _drawn(self, model, n: int, seed: int) -> list[Piece]:
        return [self.waveform.decode(x) for x in model.sample(n, round(EXCERPT / 2 * RATE), seed=seed, fast=True)]

    def continuation(self, seed: int = 0) -> tuple[Piece, Piece]:
        """Return a second of the shown recording, and how the chosen model goes on from it."""
        x = self.best.codes["test"][0][:RATE]
        (drawn,) = self.best.models[0].sample(1, seed=seed, prefix=x, new=2 * RATE, fast=True)
        return self.waveform.decode(x), self.waveform.decode(drawn)

    def picture(self, piece: Piece, name: str, title: str):
        """Keep the spectrogram of a sound with the run's figures; the notebook shows it."""
        from etude.display.spectrograms import plot_spectrograms

        codes = self.spectrogram.encode(piece)
        fig = plot_spectrograms({title: codes}, self.spectrogram, highest=3000)
        self.run.figure(name, fig, alt=f"Spectrogram: {title}")
        return None

    def nearness(self, samples: Sequence[Piece], counted: Sequence[Piece]):
        """Return measures of the sounds between real excerpts and white noise, one row a set."""
        real = self.own.pieces["test"]
        real = real if len(real) > 1 else halves(real[0])
        self.sets = {"held-out": [self._plain(p) for p in real], self.best.label: [p.audio for p in samples]}
        self.sets |= {"counts": [p.audio for p in counted]}
        table = evaluation.sound_table(self.sets).set_index("measure")
        self.statistics = table[[c for c in table if "nearer" not in c and c != "spread"]].T
        return self.statistics

    def _plain(self, piece: Piece):
        return self.waveform.decode(self.waveform.encode(piece)).audio

    def copies(self):
        """Return how much of the sets stands, run for run of samples, in the training sound."""
        import pandas as pd

        known = known_runs(self.trials["waveform"].codes["train"])
        rows = []
        for name, sounds in self.sets.items():
            xs = [self.waveform.encode(Piece(name, audio=sound)) for sound in sounds]
            rows.append({"set": name, "sounds": len(xs), "copied": copied_share(xs, known)})
        self.copied = pd.DataFrame(rows).set_index("set")
        return self.copied

    def copying(self) -> Verdict:
        """Return whether the samples repeat training sound, sample for sample."""
        ours, real = self.copied["copied"][self.best.label], self.copied["copied"]["held-out"]
        return first_true(
            (
                f"**{ours:.1%} of the runs of {RUN} samples in what the network wrote stand in the training sound**, "
                f"where unseen recordings share {real:.1%} with it: the network repeats what it has heard.",
                ours > max(0.01, 2 * real),
            ),
            (
                f"Of the runs of {RUN} samples in what the network wrote {ours:.1%} stand in the training sound, of "
                f"unseen recordings {real:.1%}: by this measure it repeats no more than recordings of the folder do.",
                ours <= real,
            ),
            (
                f"Of the runs of {RUN} samples in what the network wrote {ours:.1%} stand in the training sound, of "
                f"unseen recordings {real:.1%}: more, but either next to nothing or not twice as much.",
                real < ours <= max(0.01, 2 * real),
            ),
        )

    def verdict(self) -> Verdict:
        """Return which needs fewer bits per sample, the chosen network or the best floor, as the interval has it."""
        one, xs = self.best, self.trials["waveform"].codes["test"]
        lengths = {k: evaluation.code_lengths(f, xs) for k, f in self.trials["waveform"].floors.items()}
        floor = cheapest({name: bits.total for name, bits in lengths.items()})
        ours, per = evaluation.code_lengths(one.models[0], xs), [len(x) for x in xs]
        gap = evaluation.paired_difference(ours.values, lengths[floor].values, per)
        rates = Bits(ours.values).per(per), lengths[floor].per(per)
        return self._ranked(f"`{one.label}`", rates[0], f"`{floor}`", rates[1], gap, len(xs))


def halves(piece: Piece) -> list[Piece]:
    """Return the two halves of a sound."""
    audio, middle = piece.audio, len(piece.audio) // 2
    parts = (audio.samples[:middle], audio.samples[middle:])
    return [replace(piece, audio=type(piece.audio)(part, audio.rate)) for part in parts]


def copied_share(xs: Sequence[np.ndarray], known: np.ndarray, run: int = RUN) -> float:
    """Return the share of runs of `run` samples, of 8 levels or more each, that are `known`.

    Parameters
    ----------
    xs : sequence of Int[T]
    known : UInt64[n], `known_runs` of the training sound
    """
    hashes = [run_hashes(x, run)[lively(x, run)] for x in xs]
    hashes = np.concatenate(hashes or [known[:0]])
    return float(np.isin(hashes, known).mean()) if len(hashes) else 0.0


def known_runs(train: Sequence[np.ndarray], run: int = RUN) -> np.ndarray:
    """Return the hashes of all runs of sounds Int[T], each once, in order, UInt64[n]."""
    return np.unique(np.concatenate([run_hashes(x, run) for x in train] or [np.zeros(0, np.uint64)]))


def run_hashes(x: np.ndarray, run: int) -> np.ndarray:
    """Return a hash of each run of a sound Int[T]: the polynomial of its samples modulo 2^64, UInt64[T - run + 1].

    That of n samples comes from those of n / 2: an hour takes log2(run) passes.
    """
    if len(x) < run:
        return np.zeros(0, np.uint64)
    if run == 1:
        return np.asarray(x).astype(np.uint64) + np.uint64(1)
    half, rest = run // 2, run - run // 2
    first, second = run_hashes(x, half), run_hashes(x, rest) if rest != half else None
    second = first if second is None else second
    n, power = len(x) - run + 1, np.uint64(pow(MULTIPLIER, rest, 2**64))
    return first[:n] * power + second[half : half + n]


def lively(x: np.ndarray, run: int) -> np.ndarray:
    """Return which runs of a sound Int[T] move over 8 levels or more, Bool[T - run + 1]."""
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    x = np.asarray(x, np.int32)
    if len(x) < run:
        return np.zeros(0, bool)
    span = maximum_filter1d(x, run) - minimum_filter1d(x, run)
    return span[run // 2 : run // 2 + len(x) - run + 1] >= 8
