"""The chorales: 410 four-part settings by Johann Sebastian Bach, the study's main corpus.

They are read from the installed music21 (its encodings are not ours to redistribute), parsed once and kept as a compact
file of notes. The split is the membership of the published polyphonic benchmark (Boulanger-Lewandowski, Bengio &
Vincent 2012), so that nothing learnt here has seen that benchmark's test pieces; see `etude.corpora.chorale_split`.
Chorales outside the benchmark form `reserve`, which is loaded by name only and which the study never uses.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np

from etude.corpora import chorale_reader
from etude.corpora.base import Corpus
from etude.corpora.chorale_reader import TICKS_PER_QUARTER
from etude.corpora.chorale_split import derive_split, find_siblings, read_split
from etude.corpora.csv_table import read_table
from etude.corpora.fermatas import all_fermatas
from etude.corpora.keys import estimated_key
from etude.corpora.sandbox import SECONDS, cores, read_all
from etude.errors import MissingData, UnreadableFile, unknown_name
from etude.files import cache_dir, from_checkout
from etude.formats import music21_reader
from etude.kept import kept, read_arrays, write_arrays
from etude.types import NOMINAL_BPM, PITCH, TRACK, Piece, Score


class Chorales(Corpus):
    """Bach's four-part chorales, voices as tracks 0 (soprano) to 3 (bass).

    >>> chorales = Chorales()
    >>> chorales.load("train")[0].name
    'bwv1.6'
    """

    name = "chorales"
    title = "Bach chorales in four voices"
    source = "music21's corpus (MusicXML and kern encodings of the chorales)"
    licence = "music by J. S. Bach: public domain; encodings: by permission to music21, some not for commercial use"

    by_name_only = ("reserve",)

    def load(self, split: str) -> tuple[Piece, ...]:
        """Return the pieces of `train`, `valid`, `test` or, by name only, `reserve`, ordered by BWV number."""
        known = (*self.splits, *self.by_name_only)
        if split not in known:
            raise unknown_name("split", split, known)
        return tuple(piece for name, piece in self._pieces.items() if self._split[name] == split)

    def prepare(self) -> None:
        """Parse the scores, once."""
        _ = self._parsed

    def piece(self, name: str) -> Piece:
        """Return one chorale by name, for example ``bwv269``."""
        if name not in self._pieces:
            raise unknown_name("chorale", name, self._pieces)
        return self._pieces[name]

    def fermatas(self, piece: Piece | str) -> np.ndarray:
        """Return the onsets Int64[n], in ticks, of the soprano's notes under fermatas: the ends of the hymn's lines.

        They are in no score and no code (`etude.corpora.fermatas`). Some settings have none. The first call reads all.
        """
        name = piece if isinstance(piece, str) else piece.name
        return self._fermatas[self.piece(name).name]

    def frame(self):
        """Return a pandas DataFrame, one row per chorale of every split.

        Columns: name, title, bwv, split, seconds (at the nominal 80 bpm), quarters, notes, key and mode (estimated from
        the notes: most files state only a signature), sharps (of the signature, flats negative), metre, metres (how
        many), pickup (quarters), measures, lowest and highest (MIDI pitch), crossings (quarters that begin with a lower
        voice above a higher one).
        """
        import pandas

        return pandas.DataFrame([self._row(piece) for piece in self._pieces.values()])

    def derived_split(self, benchmark: Path) -> list[dict[str, str]]:
        """Return the split table as the rules give it, from the benchmark's concordance.

        Parameters
        ----------
        benchmark : Path
            Folder with `jsb_split.csv` (which work each benchmark sequence is) and `jsb_duplicates.csv` (which
            sequences are alike). The table that `load` uses is the committed one; a test holds the two equal.
        """
        concordance = read_table(benchmark / "jsb_split.csv", ("split", "index", "bwv", "match"))
        rows = read_table(benchmark / "jsb_duplicates.csv", ("bwvA", "bwvB", "similarity"))
        alike = [(row["bwvA"], row["bwvB"], float(row["similarity"])) for row in rows]
        alike += find_siblings({name: piece.score for name, piece in self._pieces.items()})
        return derive_split(self._pieces, concordance, alike)

    def _row(self, piece: Piece) -> dict:
        notation, score = self._notation[piece.name], piece.score
        key, mode = estimated_key(score)
        pitch = score.notes[:, PITCH]
        return {
            "name": piece.name,
            "title": notation["title"],
            "bwv": piece.name.removeprefix("bwv").removesuffix(".mxl").split("-")[0],
            "split": self._split[piece.name],
            "seconds": score.seconds,
            "quarters": score.length / score.ticks_per_quarter,
            "notes": len(score),
            "key": key,
            "mode": mode,
            **{name: notation[name] for name in ("sharps", "metre", "metres", "pickup", "measures")},
            "lowest": int(pitch.min()),
            "highest": int(pitch.max()),
            "crossings": voice_crossings(score),
        }

    @cached_property
    def _split(self) -> dict[str, str]:
        named = {row["bwv"]: row["split"] for row in read_split(from_checkout("data/splits/chorales.csv"))}
        absent = sorted(named.keys() - self._pieces.keys())
        if absent:
            raise MissingData(
                "every chorale of data/splits/chorales.csv in music21",
                f"none for {', '.join(absent[:5])}",
                "Install music21 10.5.1, the version the table was made with.",
            )
        return {name: named.get(name, "reserve") for name in self._pieces}

    @cached_property
    def _pieces(self) -> dict[str, Piece]:
        return {
            name: Piece(name, Score(notes, TICKS_PER_QUARTER, NOMINAL_BPM), source=self.source, licence=self.licence)
            for name, notes in self._parsed[0].items()
        }

    @cached_property
    def _fermatas(self) -> dict[str, np.ndarray]:
        return all_fermatas(tuple(self._pieces))

    @property
    def _notation(self) -> dict[str, dict]:
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[dict[str, np.ndarray], dict[str, dict]]:
        path = cache_dir() / f"chorales-{_parser_digest()}.npz"
        return kept(path, _read_parsed, lambda path: _write_parsed(path, *_parse_all()))


def voice_crossings(score: Score) -> int:
    """Return at how many quarters some voice sounds above a higher one (tracks in order, the highest first)."""
    beats = np.arange(0, score.length, score.ticks_per_quarter)
    voices = np.full((int(score.notes[:, TRACK].max()) + 1, len(beats)), np.nan)
    for onset, duration, pitch, _, track in score.notes.tolist():
        voices[track, (beats >= onset) & (beats < onset + duration)] = pitch
    return int((voices[1:] > voices[:-1]).any(axis=0).sum())


def _parser_digest() -> str:
    """Name what the cache depends on: music21's version and the source of our reader."""
    sources = [Path(module.__file__).read_bytes() for module in (chorale_reader, music21_reader)]
    return hashlib.sha256(b"|".join([version("music21").encode(), *sources])).hexdigest()[:12]


def _parse_all() -> tuple[dict[str, np.ndarray], dict[str, dict]]:
    from tqdm.auto import tqdm

    files, found = chorale_reader.bach_files(), {}
    tasks = [(str(path),) for path in files.values()]
    read = read_all("etude.corpora.chorale_reader:read_chorale", tasks, cores(), 10 * SECONDS)  # a busy machine is slow
    for index, answer in tqdm(read, total=len(tasks), desc="Reading the chorales (once)", unit="score"):
        if isinstance(answer, UnreadableFile):
            raise answer
        found[index] = answer
    chorales = {name: found[index] for index, name in enumerate(files) if found[index]}
    named = chorale_reader.titles()
    for name, chorale in chorales.items():
        chorale["title"] = named.get(name.removeprefix("bwv").removesuffix(".mxl").split("-")[0], "")
    return {name: chorale.pop("notes") for name, chorale in chorales.items()}, chorales


def _write_parsed(path: Path, notes: dict[str, np.ndarray], notation: dict[str, dict]) -> None:
    ends = np.cumsum([len(rows) for rows in notes.values()])
    all_notes = np.concatenate(list(notes.values())).astype(np.int32)
    write_arrays(path, {"notes": all_notes, "ends": ends, "notation": np.array(json.dumps(notation))})


def _read_parsed(path: Path) -> tuple[dict[str, np.ndarray], dict[str, dict]] | None:
    arrays = read_arrays(path)
    if arrays is None:
        return None
    notation = json.loads(str(arrays["notation"]))
    notes = np.split(arrays["notes"].astype(np.int64), arrays["ends"][:-1])
    return dict(zip(notation, notes, strict=True)), notation
