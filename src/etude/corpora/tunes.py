"""Traditional tunes in ABC notation: the four tune books that the music21 package carries.

The text of a tune is taken from its file (music21 itself is not imported: reading these books through it takes
minutes). Settings of one tune, in whatever key or book, stay on one side of the split: see `near_duplicates`. Which
tunes belong together is kept in `data/splits/tunes.csv`, so that the split stays as it is when the code that found it
changes; `write_duplicates` makes that table. A tune, or its whole cluster, goes to a split by the hash of its name.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from etude.corpora import near_duplicates
from etude.corpora.base import Corpus
from etude.errors import MissingPackage, unknown_name
from etude.files import cache_dir, data_dir, replacing
from etude.formats import abc, abc_fields, abc_grammar, abc_reader, abc_text
from etude.types import Piece, Score

FEWEST_NOTES = 8
_NO_LICENCE = "music: public domain; transcriptions: given to music21 by their makers, no licence stated in the files"


@dataclass(frozen=True)
class Book:
    """A folder of music21's corpus."""

    title: str
    licence: str


BOOKS = {
    "airdsAirs": Book("Aird's Airs (Glasgow, 1778-1801), transcribed by J. Campin", _NO_LICENCE),
    "oneills1850": Book("O'Neill's Music of Ireland (1903), transcribed by volunteers", _NO_LICENCE),
    "ryansMammoth": Book(
        "Ryan's Mammoth Collection (1883), transcribed by R. Davies, J. Chambers, others", _NO_LICENCE
    ),
    "essenFolksong": Book(
        "Essen Folksong Collection (H. Schaffrath, E. Dahlig-Turek), ABC by S. Schlien",
        "legal status unclear; distributed and used non-commercially, by permission (license.txt of the folder)",
    ),
}


class Tunes(Corpus):
    """About 12 700 tunes with their ABC text.

    Parameters
    ----------
    books : sequence of str
        Which of `BOOKS` to load; the split of a tune does not depend on it.
    """

    name = "tunes"
    title = "Traditional tunes in ABC"
    source = "the tune books airdsAirs, oneills1850, ryansMammoth and essenFolksong of the music21 package"
    licence = "differs by book, see each piece; Essen: non-commercial use"

    def __init__(self, books=tuple(BOOKS)):
        self.books = (books,) if isinstance(books, str) else tuple(books)
        for book in self.books:
            if book not in BOOKS:
                raise unknown_name("tune book", book, BOOKS)

    def load(self, split: str) -> tuple[Piece, ...]:
        """Return the tunes of a split, in the order of books, files and tunes."""
        if split not in self.splits:
            raise unknown_name("split", split, self.splits)
        return tuple(self._piece(i) for i in np.flatnonzero(self._split == self.splits.index(split)))

    @property
    def ledger(self):
        """What could not be used: a DataFrame with file, tune and reason."""
        import pandas as pd

        rows = [row for row in self._shelf.unusable if row[0].split("/")[0] in self.books]
        return pd.DataFrame(rows, columns=["file", "tune", "reason"])

    @property
    def counts(self):
        """Tunes of each book in each split and unusable: a DataFrame."""
        import pandas as pd

        books = pd.Series([name.split("/")[0] for name in self._shelf.names])
        table = pd.crosstab(books, pd.Series(self._split)).reindex(self.books, columns=range(3), fill_value=0)
        table.columns = list(self.splits)
        unusable = self.ledger["file"].str.split("/").str[0].value_counts()
        return table.assign(unusable=unusable.reindex(self.books, fill_value=0)).rename_axis("book")

    @cached_property
    def _shelf(self) -> _Shelf:
        return _read_shelf()

    @cached_property
    def _split(self) -> np.ndarray:
        """Split of each tune on the shelf, as an index of `splits`; -1 for a book that is not asked for."""
        canonical = _duplicates()
        chosen = [name.split("/")[0] in self.books for name in self._shelf.names]
        split = [_split_of(canonical.get(name, name)) for name in self._shelf.names]
        return np.where(chosen, split, -1)

    def _piece(self, i: int) -> Piece:
        shelf, name = self._shelf, self._shelf.names[i]
        book = BOOKS[name.split("/")[0]]
        return Piece(name, shelf.score(i), source=book.title, licence=book.licence, text=shelf.texts[i])


@dataclass
class _Shelf:
    """All usable tunes as a few flat arrays, which load fast."""

    names: list[str]
    texts: list[str]
    unusable: list[list[str]]  # file, tune, reason
    notes: np.ndarray  # Int32[M, 5], those of all tunes
    starts: np.ndarray  # Int64[N + 1] into notes
    bpm: np.ndarray
    lengths: np.ndarray

    def score(self, i: int) -> Score:
        notes = self.notes[self.starts[i] : self.starts[i + 1]]
        return Score(notes, abc_reader.TICKS, float(self.bpm[i]), int(self.lengths[i]))


def _split_of(name: str) -> int:
    """Send a name to train, valid or test in the proportions 8 : 1 : 1."""
    tenth = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") * 10 >> 64
    return max(tenth - 7, 0)


def _duplicates() -> dict[str, str]:
    """Return, for tunes that have near-duplicates, the first name of their cluster."""
    with (data_dir() / "splits" / "tunes.csv").open(encoding="utf-8", newline="") as file:
        return {row["tune"]: row["cluster"] for row in csv.DictReader(file)}


def write_duplicates(path: Path | None = None) -> Path:
    """Find the near-duplicates among all tunes and write them as a table (tune, cluster)."""
    shelf = _read_shelf()
    label = near_duplicates.clusters([shelf.score(i) for i in range(len(shelf.names))])
    first: dict[int, str] = {}
    for name, cluster in sorted(zip(shelf.names, label.tolist(), strict=True)):
        first.setdefault(cluster, name)
    several = np.bincount(label)[label] > 1
    path = path or data_dir() / "splits" / "tunes.csv"
    with replacing(path) as new, new.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["tune", "cluster"])
        writer.writerows([shelf.names[i], first[label[i]]] for i in np.flatnonzero(several))
    return path


def _books_folder() -> Path:
    found = importlib.util.find_spec("music21")
    if found is None:
        raise MissingPackage("the package music21, which carries the tune books", "none", "pip install music21")
    return Path(found.submodule_search_locations[0]) / "corpus"


def _read_shelf() -> _Shelf:
    """Return the shelf, from the cache where the books and the code that reads them are those it was made from."""
    folder = _books_folder()
    files = {
        f"{book}/{path.name}": path.read_bytes() for book in BOOKS for path in sorted((folder / book).glob("*.abc"))
    }
    digest = hashlib.sha256()
    for module in (abc_fields, abc_grammar, abc_reader, abc_text):
        digest.update(Path(module.__file__).read_bytes())
    digest.update(Path(__file__).read_bytes())
    for name, data in files.items():
        digest.update(f"{name} {len(data)} ".encode() + data)
    cache = cache_dir() / f"tunes-{digest.hexdigest()[:16]}.npz"
    if not cache.is_file():
        _write_shelf(_parse(files), cache)
    return _open_shelf(cache)


def _parse(files: dict[str, bytes]) -> _Shelf:
    names, texts, unusable, scores = [], [], [], []
    for file, data in files.items():
        for name, text in _named_tunes(file, data.decode("utf-8", errors="replace")):
            score, reason = _usable(text)
            if reason:
                unusable.append([file, name, reason])
            else:
                names.append(name), texts.append(text), scores.append(score)
    notes = np.concatenate([score.notes for score in scores]).astype(np.int32)
    starts = np.concatenate([[0], np.cumsum([len(score) for score in scores])])
    bpm, lengths = (np.array([getattr(score, field) for score in scores]) for field in ("bpm", "length"))
    return _Shelf(names, texts, unusable, notes, starts, bpm, lengths)


def _named_tunes(file: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield each tune of a file as (book/file/X, text); a number that comes again gets its turn: 7.2."""
    seen: dict[str, int] = {}
    for tune in abc.split_tunes(text):
        number = re.match(r"X:\s*(\d*)", tune)[1].lstrip("0") or "0"
        seen[number] = seen.get(number, 0) + 1
        again = f".{seen[number]}" if seen[number] > 1 else ""
        yield f"{file.removesuffix('.abc')}/{number}{again}", tune


def _usable(text: str) -> tuple[Score | None, str]:
    """Return the tune's score, or why there is none."""
    if not re.search(r"^K:", text, re.MULTILINE):
        return None, "no key field (K:)"
    score = abc.read_abc(text)
    if len(score) < FEWEST_NOTES:
        return None, f"fewer than {FEWEST_NOTES} notes: {len(score)}"
    if re.search(r"^[3-9][A-Ga-g]|^[^%:]*\|\s+\d+[A-Ga-g=_^z|\s]", text, re.MULTILINE):
        return None, "a length without a note: letters were lost from the text"
    return score, ""


def _write_shelf(shelf: _Shelf, cache: Path) -> None:
    with replacing(cache) as new:
        np.savez(
            new,
            **{field: getattr(shelf, field) for field in ("notes", "starts", "bpm", "lengths")},
            names=_bytes(shelf.names),
            texts=_bytes(shelf.texts),
            unusable=_bytes(["\t".join(row) for row in shelf.unusable]),
        )


def _open_shelf(cache: Path) -> _Shelf:
    with np.load(cache, allow_pickle=False) as data:
        names, texts, unusable = (
            data[field].tobytes().decode().split("\0") for field in ("names", "texts", "unusable")
        )
        rows = [row.split("\t") for row in unusable if row]
        return _Shelf(names, texts, rows, data["notes"], data["starts"], data["bpm"], data["lengths"])


def _bytes(strings: list[str]) -> np.ndarray:
    return np.frombuffer("\0".join(strings).encode(), np.uint8)
