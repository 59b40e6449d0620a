"""The folder of chapter 41: opened, told about, and brought to an amount of music that a budget can bear.

Nothing is assumed of it: any number of files, voices or bars, any metre, drums, silence, sound. What is done with it is
said in whole sentences, each chosen by a condition, so that none is false of a folder that nobody has seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from etude import registry
from etude.clock import at_nominal_tempo, music_seconds
from etude.corpora.folder import Folder
from etude.corpora.folder_frame import is_drums
from etude.corpora.tune_books import BOOKS
from etude.errors import EtudeError
from etude.files import cache_dir
from etude.formats.midi import write_midi
from etude.representations.coded_audio import CodedAudio
from etude.representations.grid import fitting_grid, off_grid
from etude.study.record import Run
from etude.types import Audio, Piece

SECTION = 160  # quarters: longer scores are cut into sections of so many
EXCERPT = 6.0  # seconds: of longer recordings that is scored, an excerpt
RATE = 8000  # samples per second at which recordings are learnt
LONGEST = 6 * 3600.0  # seconds of a file
MINUTES = {"score": {"train": 60, "valid": 6, "test": 12}, "audio": {"train": 20, "valid": 0.4, "test": 0.6}}
BOOK, FLUTE = "ryansMammoth", 73  # whose tunes stand in where no folder is given, and what plays them
Verdict = tuple  # a sentence, and the truth values of all that it asserts: what `Run.claim` and `Run.answer` take
GRIDS = {  # steps a quarter, and the notes that fall on them
    4: "sixteenths",
    6: "sixteenth triplets",
    8: "thirty-seconds",
    12: "sixteenths and their triplets",
    24: "thirty-seconds and their triplets",
}


@dataclass
class Own:
    """A folder as the chapter takes it: `kind` is "score" or "audio"; `pieces` by split; `whole` seconds by split."""

    folder: Folder
    kind: str
    pieces: dict[str, list[Piece]]
    whole: dict[str, float]
    others: int

    @property
    def drums(self) -> bool:
        """True where all is percussion, whose pitches name instruments."""
        return self.kind == "score" and all(is_drums(piece.score) for piece in self.pieces["train"])

    @property
    def shown(self) -> Piece:
        """The piece that the chapter follows: the first of the test side, its beginning where it is long."""
        return self.pieces["test"][0]

    @cached_property
    def frame(self):
        """The folder's frame, read once."""
        return self.folder.frame()

    def ledger(self):
        """Return what could not be used, a DataFrame with at least one row."""
        lost = self.folder.ledger
        if len(lost):
            return lost.assign(reason=lost["reason"].str.slice(0, 160)).head(12)
        return lost.__class__([{"file": "none", "reason": "every file of music could be used", "tried": ""}])

    def told(self) -> str:
        """Return what is in the folder, how it was split and how much of it is used."""
        counts = {split: self.folder.count(split) for split in self.folder.splits}
        unit = "minutes at the study's 80 quarters a minute" if self.kind == "score" else "minutes"
        lines = [
            f"The folder holds {sum(counts.values())} usable pieces: {counts['train']} to learn from, "
            f"{counts['valid']} to choose by, {counts['test']} to test on. {self.folder.division}"
        ]
        for split, pieces in self.pieces.items():
            used = float(sum(music_seconds(pieces, self.kind)))
            if used < 0.98 * self.whole[split]:
                lines.append(
                    f"- Of `{split}`, {used / 60:.1f} of {self.whole[split] / 60:.1f} {unit} are used: "
                    f"{len(pieces)} pieces or sections of pieces, picked by a digest of their names."
                )
        if self.others:
            lines.append(f"- {self.others} pieces of the other kind (notes beside sound) are left aside here.")
        return "\n".join(lines)

    def facts(self):
        """Return what the music is, measure by measure: least, median and most over the pieces of all sides."""
        from pandas import DataFrame

        frame = self.frame
        columns = {"seconds": "seconds", "quarters": "quarters", "notes": "notes", "voices": "tracks with notes",
                   "bpm": "tempo (quarters a minute)", "lowest": "lowest note (MIDI)", "highest": "highest note (MIDI)",
                   "off_grid": "share of onsets off the sixteenth grid", "rate": "samples a second read"}  # fmt: skip
        rows = [
            {"measure": words, "least": frame[name].min(), "median": frame[name].median(), "most": frame[name].max()}
            for name, words in columns.items()
            if name in frame and frame[name].notna().any()
        ]
        if self.kind == "score":
            heard = [sounding_together(piece) for split in self.pieces.values() for piece in split]
            row = {"measure": "notes that sound together (mean)", "least": min(heard)}
            rows.append({**row, "median": float(np.median(heard)), "most": max(heard)})
        return DataFrame(rows)

    def commonest(self):
        """Return how many pieces state each metre, begin with each upbeat and are estimated in each key.

        The six commonest of each.
        """
        from pandas import DataFrame

        frame, rows = self.frame, []
        metres = frame["metre"].replace("", "none stated").value_counts() if "metre" in frame else {}
        upbeats = frame["pickup"].dropna().map(_said_upbeat).value_counts() if "pickup" in frame else {}
        keys = frame[["key", "mode"]].agg(" ".join, axis=1).str.strip() if "key" in frame else []
        keys = keys[keys != ""].value_counts() if len(keys) else {}
        for kind, counted in (("metre", metres), ("upbeat", upbeats), ("key (estimated)", keys)):
            rows += [{"what": kind, "value": value, "pieces": int(n)} for value, n in list(dict(counted).items())[:6]]
        return DataFrame(rows or [{"what": "metre and key", "value": "sound states none", "pieces": len(frame)}])

    @property
    def figure_says(self) -> str:
        """The text alternative of `figure`."""
        of_sound = "Waveform of the recording that is followed, whole and from near"
        return "Pitch classes and note lengths of the music, as shares" if self.kind == "score" else of_sound

    def figure(self):
        """Return a figure: pitch classes and durations of the training scores, or a recording as wave and picture."""
        import matplotlib.pyplot as plt

        from etude import display

        fig, (one, other) = plt.subplots(1, 2, figsize=(10, 3))
        if self.kind == "score":
            music = {split: self.pieces[split] for split in ("train", "test")}
            display.plot_pitch_classes(music, one, title="Pitch classes")
            display.plot_durations(music, other, title="Note lengths on the grid")
        else:
            display.plot_waveform(self.shown.audio, one, title="The recording that is followed")
            display.plot_waveform(
                self.shown.audio, other, start=self.shown.seconds / 2, seconds=0.02, title="From near"
            )
        return fig

    def on_the_grid(self) -> Verdict:
        """Return a plain word on whether the music fits the grid of the score representations."""
        scores = [piece.score for piece in self.pieces["train"]] if self.kind == "score" else []
        onsets = np.array([len(score) for score in scores])
        off = float(onsets @ [off_grid(score) for score in scores] / max(1, onsets.sum())) if scores else 0.0
        grid = fitting_grid(scores) if scores else 0
        return first_true(
            (
                "A recording has no grid: its notes begin where they begin, and samples and frames keep that.",
                self.kind == "audio",
            ),
            (
                "In the training music every note begins on the sixteenth grid, or within a twentieth of a sixteenth "
                "of it: below, the rhythm of the onsets stays what it is.",
                self.kind == "score",
                off == 0,
            ),
            (
                f"**This music does not fit a grid.** {off:.0%} of its onsets lie off the sixteenths, and no grid of "
                "up to 24 steps a quarter holds 98 % of them: it was played freely, or its beats are not those of the "
                "file. Below, every onset moves to the nearest sixteenth of the file, which changes the rhythm.",
                grid is None,
                off > 0,
            ),
            (
                f"{off:.2%} of the onsets in the training music lie off the sixteenth grid; below they move to the "
                "nearest sixteenth.",
                grid == 4,
                off > 0,
            ),
            (
                f"{off:.0%} of the onsets in the training music lie off the sixteenth grid. A grid of {grid} steps a "
                f"quarter ({GRIDS.get(grid)}) holds 98 % of all or more. The representations are ranked on "
                f'sixteenths, where they code the same music; `etude.representation("midi", grid={grid})` and '
                f'`("pianoroll", grid={grid})` keep the finer time.',
                grid in GRIDS,
                grid != 4,
                off > 0,
            ),
        )


def _said_upbeat(quarters: float) -> str:
    """Return an upbeat in words."""
    return f"{quarters:.4g} quarter{'s' * (quarters > 1)}" if quarters else "none"


def opened(run: Run, path: str, tunes: int = 48, share: Sequence[float] = (0.7, 0.1, 0.2)) -> Own:
    """Return the music of a folder; without a path, tunes that are written out as MIDI files and read back.

    Raises
    ------
    MissingData, EtudeError
        There is no folder, no music in it, none that can be read, or too little for three sides.
    """
    place = Path(path) if path else strangers_folder(tunes)
    options = {"split": tuple(share), "verbose": False, "longest": LONGEST, "drums": True, "rate": RATE}
    folder = Folder(place, coding="mu-law", **options)
    kinds = folder.kinds()
    if not kinds:
        lost = folder.ledger
        got = f"none of {len(lost)}; {lost['file'][0]}: {lost['reason'][0].rstrip('.')}"
        raise EtudeError("at least one file of music that can be read", got, "`Folder(path).ledger` names all of them.")
    sounds = kinds.get("audio", 0)
    kind = "audio" if sounds > sum(kinds.values()) - sounds else "score"
    others = sum(n for name, n in kinds.items() if (name == "audio") != (kind == "audio"))
    if others:
        folder = Folder(place, coding="mu-law", only=kind, **options)
    if not path:
        folder.source = f"{tunes} tunes of the corpus `tunes`, written out as MIDI files by the package"
        folder.licence = BOOKS[BOOK].licence
    empty = [split for split in folder.splits if not folder.count(split)]
    if empty:
        remedy = "Add files; one score needs 12 bars, one recording a quarter of a minute."
        raise EtudeError("music for all three sides", f"none for {' and '.join(empty)}. {folder.division}", remedy)
    run.corpus(folder)
    bring = _scores if kind == "score" else _sounds
    loaded = folder.load_splits()
    pieces = {split: bring(some, split) for split, some in loaded.items()}
    whole = {split: float(sum(map(seconds_of, some))) for split, some in loaded.items()}
    return Own(folder, kind, pieces, whole, others)


def strangers_folder(tunes: int = 48) -> Path:
    """Write tunes of the corpus `tunes` as MIDI files, as anybody could have them, and return their folder."""
    some = registry.corpus("tunes", books=[BOOK]).load("train")
    chosen = [some[i] for i in np.linspace(0, len(some) - 1, tunes).astype(int)]
    folder = cache_dir() / "own_music" / f"{BOOK}-{tunes}"
    folder.mkdir(parents=True, exist_ok=True)
    for number, tune in enumerate(chosen):
        score = replace(tune.score, bpm=120.0, programs=(FLUTE,) * 64)
        write_midi(score, folder / f"tune-{number:03}.mid")
    return folder


def seconds_of(piece: Piece) -> float:
    """Return the seconds of a piece on the study's clock."""
    return float(music_seconds([piece], "audio" if piece.score is None else "score")[0])


def sounding_together(piece: Piece) -> float:
    """Return how many notes sound together on average, silence left out."""
    from etude.evaluation.statistics import sounding

    together = sounding(piece.score.common()).sum(axis=1)
    return float(together[together > 0].mean()) if together.any() else 0.0


def sections(piece: Piece, quarters: int = SECTION) -> list[Piece]:
    """Return a score, or its sections where it is half as long again as so many quarters; silent ones are left out.

    Sections begin with a bar of the metre that the file states, the first with its upbeat: they are as many quarters
    long as hold whole bars.
    """
    score = piece.score
    bar, upbeat = score.ticks_of_a_bar, score.ticks_of_the_pickup
    size = max(1, quarters * score.ticks_per_quarter // bar) * bar
    if score.length <= 1.5 * size:
        return [piece]
    edges = [0, *range(upbeat + size, score.length, size), score.length]
    cut = [score.excerpt(begin, end) for begin, end in pairwise(edges)]
    return [replace(piece.with_score(one), name=f"{piece.name}@{k + 1}") for k, one in enumerate(cut) if len(one)]


def _by_digest(pieces: Sequence[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda piece: hashlib.sha256(piece.name.encode()).hexdigest())


def _scores(pieces: Sequence[Piece], split: str) -> list[Piece]:
    """Return sections of the pieces, at most so many minutes of them."""
    return _within(_by_digest([one for piece in pieces for one in sections(piece)]), 60 * MINUTES["score"][split])


def _sounds(pieces: Sequence[Piece], split: str) -> list[Piece]:
    """Return recordings to learn from whole, and of those that are scored excerpts from their middle."""
    if split == "train":
        return _within(_by_digest(pieces), 60 * MINUTES["audio"][split])
    return _within([excerpt(piece) for piece in _by_digest(pieces)], 60 * MINUTES["audio"][split])


def excerpt(piece: Piece, seconds: float = EXCERPT) -> Piece:
    """Return the middle of a recording."""
    audio = piece.audio
    begin = max(0, (len(audio) - round(seconds * audio.rate)) // 2)
    end = begin + round(seconds * audio.rate)
    if isinstance(audio, CodedAudio):
        return piece.with_audio(CodedAudio(audio.codes[begin:end], audio.waveform))
    return piece.with_audio(Audio(audio.samples[begin:end], audio.rate))


def _within(pieces: Sequence[Piece], seconds: float) -> list[Piece]:
    """Return the first pieces whose music together stays within so many seconds, one at least."""
    ends = np.cumsum([seconds_of(piece) for piece in pieces])
    return list(pieces[: max(1, int(np.searchsorted(ends, seconds, side="right")))])


def beginning(piece: Piece, quarters: int) -> Piece:
    """Return the first quarters of a score, from the bar in which it first sounds."""
    score = piece.score
    size, sounds = quarters * score.ticks_per_quarter, int(score.notes[0, 0]) if len(score) else 0
    bar, upbeat = score.ticks_of_a_bar, score.ticks_of_the_pickup
    whole = max(sounds - upbeat, 0) // bar * bar  # ticks of whole bars before
    first = upbeat + whole if sounds >= upbeat else 0
    return piece.with_score(score.excerpt(first, max(first + 1, min(first + size, score.length))))


def nominal_seconds(piece: Piece) -> float:
    """Return how long a score lasts at the study's tempo."""
    return at_nominal_tempo(piece.score, piece.score.length)


def first_true(*choices: Verdict) -> Verdict:
    """Return the first choice whose conditions all hold; they are written so that one does for any folder."""
    return next((choice for choice in choices if all(choice[1:])), choices[-1])


def cheapest(bits: Mapping[str, float]) -> str:
    """Return the name with the fewest bits."""
    return min(bits, key=lambda name: bits[name])
