"""Traditional tunes in ABC notation: the four tune books that the music21 package carries.

Settings of one tune, in whatever key or book, stay on one side of the split: see `near_duplicates`. Which tunes belong
together is kept in `data/splits/tunes.csv`, so that the split stays as it is when the code that found it changes;
`write_duplicates` makes that table. A tune, or its whole cluster, goes to a split by the hash of its (first) name.
"""

from __future__ import annotations

import csv
import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np

from etude.corpora import near_duplicates
from etude.corpora.base import Corpus
from etude.corpora.csv_table import read_table
from etude.corpora.tune_books import BOOKS, Shelf, read_shelf
from etude.errors import unknown_name
from etude.files import data_dir, from_checkout, replacing
from etude.types import Piece


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

    def prepare(self) -> None:
        """Read the tune books, once."""
        _ = self._shelf

    @cached_property
    def _shelf(self) -> Shelf:
        return read_shelf()

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


def _split_of(name: str) -> int:
    """Send a name to train, valid or test in the proportions 8 : 1 : 1."""
    tenth = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") * 10 >> 64
    return max(tenth - 7, 0)


def _duplicates() -> dict[str, str]:
    """Return, for tunes that have near-duplicates, the first name of their cluster."""
    rows = read_table(from_checkout("data/splits/tunes.csv"), ("tune", "cluster"))
    return {row["tune"]: row["cluster"] for row in rows}


def write_duplicates(path: Path | None = None) -> Path:
    """Find the near-duplicates among all tunes and write them as a table (tune, cluster)."""
    shelf = read_shelf()
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
