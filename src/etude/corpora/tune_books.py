"""The tune books of the music21 package, read as text from their files and kept in a compact cache.

music21 itself is not imported: reading these books through it takes minutes. A tune that cannot be used is named with
its reason. The cache is keyed by the books and by the code that reads them, so a change of either makes it anew.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etude.errors import MissingPackage
from etude.files import cache_dir
from etude.formats import abc, abc_notes
from etude.kept import kept, read_arrays, write_arrays
from etude.types import Score

FEWEST_NOTES = 8
ARRAYS = ("notes", "starts", "bpm", "lengths", "metres", "pickups")  # of a `Shelf`, as they are kept
_NO_LICENCE = "music: public domain; transcriptions: in music21 with the encoders' permission, no licence in the files"


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


@dataclass
class Shelf:
    """All usable tunes as a few flat arrays, which load fast."""

    names: list[str]
    texts: list[str]
    unusable: list[list[str]]  # file, tune, reason
    notes: np.ndarray  # Int32[M, 5], those of all tunes
    starts: np.ndarray  # Int64[N + 1] into notes
    bpm: np.ndarray
    lengths: np.ndarray
    metres: np.ndarray  # Int64[N, 2], beats of a bar and their unit; 0 and 0 where none is stated
    pickups: np.ndarray  # quarters

    def score(self, i: int) -> Score:
        """Return the notes of tune `i`, with its metre and upbeat."""
        notes = self.notes[self.starts[i] : self.starts[i + 1]]
        meter = tuple(self.metres[i]) if self.metres[i].any() else None
        time = float(self.bpm[i]), int(self.lengths[i])
        return Score(notes, abc_notes.TICKS, *time, meter, pickup=float(self.pickups[i]))


def books_folder() -> Path:
    """Return music21's corpus folder; raises MissingPackage."""
    found = importlib.util.find_spec("music21")
    if found is None:
        raise MissingPackage("the package music21, which carries the tune books", "none", "Run pip install music21.")
    return Path(found.submodule_search_locations[0]) / "corpus"


def read_shelf() -> Shelf:
    """Return the shelf, from the cache where the books and the code that reads them are those it was made from."""
    folder = books_folder()
    files = {
        f"{book}/{path.name}": path.read_bytes() for book in BOOKS for path in sorted((folder / book).glob("*.abc"))
    }
    digest = hashlib.sha256()
    for module in sorted(Path(abc.__file__).parent.glob("abc*.py")):
        digest.update(module.read_bytes())
    digest.update(Path(__file__).read_bytes())
    for name, data in files.items():
        digest.update(f"{name} {len(data)} ".encode() + data)
    cache = cache_dir() / f"tunes-{digest.hexdigest()[:16]}.npz"
    return kept(cache, _open_shelf, lambda cache: _write_shelf(_parse(files), cache))


def _parse(files: dict[str, bytes]) -> Shelf:
    names, texts, unusable, scores = [], [], [], []
    for file, data in files.items():
        for name, text in named_tunes(file, data.decode("utf-8", errors="replace")):
            score, reason = usable(text)
            if reason:
                unusable.append([file, name, reason])
            else:
                names.append(name)
                texts.append(text)
                scores.append(score)
    notes = np.concatenate([score.notes for score in scores]).astype(np.int32)
    starts = np.concatenate([[0], np.cumsum([len(score) for score in scores])])
    times = (np.array([getattr(score, field) for score in scores]) for field in ("bpm", "length"))
    metres, pickups = np.array([score.meter or (0, 0) for score in scores]), np.array([s.pickup for s in scores])
    return Shelf(names, texts, unusable, notes, starts, *times, metres, pickups)


def named_tunes(file: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield each tune of a file as (book/file/X, text); a number that comes again gets its turn: 7.2."""
    seen: dict[str, int] = {}
    for tune in abc.split_tunes(text):
        number = re.match(r"X:\s*(\d*)", tune)[1].lstrip("0") or "0"
        seen[number] = seen.get(number, 0) + 1
        again = f".{seen[number]}" if seen[number] > 1 else ""
        yield f"{file.removesuffix('.abc')}/{number}{again}", tune


def usable(text: str) -> tuple[Score | None, str]:
    """Return the tune's score, or why there is none."""
    if not re.search(r"^K:", text, re.MULTILINE):
        return None, "no key field (K:)"
    score = abc.read_abc(text)
    if len(score) < FEWEST_NOTES:
        return None, f"fewer than {FEWEST_NOTES} notes: {len(score)}"
    if re.search(r"^[3-9][A-Ga-g]|^[^%:]*\|\s+\d+[A-Ga-g=_^z|\s]", text, re.MULTILINE):
        return None, "a length without a note: letters were lost from the text"
    return score, ""


def _write_shelf(shelf: Shelf, cache: Path) -> None:
    arrays = {field: getattr(shelf, field) for field in ARRAYS}
    strings = {
        "names": shelf.names,
        "texts": shelf.texts,
        "unusable": ["\t".join(row) for row in shelf.unusable],
    }
    arrays |= {field: _bytes(some) for field, some in strings.items()}
    write_arrays(cache, arrays, compressed=False)


def _open_shelf(cache: Path) -> Shelf | None:
    data = read_arrays(cache)
    if data is None:
        return None
    names, texts, unusable = (data[field].tobytes().decode().split("\0") for field in ("names", "texts", "unusable"))
    rows = [row.split("\t") for row in unusable if row]
    return Shelf(names, texts, rows, *(data[field] for field in ARRAYS))


def _bytes(strings: list[str]) -> np.ndarray:
    return np.frombuffer("\0".join(strings).encode(), np.uint8)
