"""What a file of a folder was found to hold, kept under the sha256 of the file: described as JSON, its notes behind.

One small file of the cache for each of the reader's, sealed (`etude.kept`); the tunes of a book lie beside it as
records of their own (`etude.corpora.book_store`). Another version of the readers keeps its findings under other names.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from functools import cache
from pathlib import Path

import numpy as np

from etude.corpora import book_store, folder_reader
from etude.corpora.book_store import keep_tunes, read_tune
from etude.corpora.folder_entries import Entry, Source
from etude.files import cache_dir
from etude.formats import midi
from etude.kept import read_sealed, write_sealed
from etude.types import Score

_FAST = 1  # of zlib: notes shrink to a quarter in a tenth of a millisecond


def keep(source: Source, pieces: list[dict]) -> list[dict]:
    """Write what a file holds into the cache, and return it without the notes."""
    if len(pieces) > 1:
        described, notes = keep_tunes(records_path(source), pieces), b""
    else:
        described = [{key: value for key, value in piece.items() if key != "notes"} for piece in pieces]
        notes = b"".join(np.asarray(piece["notes"], np.int64).tobytes() for piece in pieces if "notes" in piece)
        for piece in described:
            piece["content"] = source.sha256
    text = json.dumps(described).encode()
    write_sealed(kept_path(source), zlib.compress(b"%d\n%b%b" % (len(text), text, notes), _FAST))
    return described


def read_kept(source: Source) -> list[dict] | None:
    """Return what the cache knows of a file, without the notes, or None: not there, or damaged anywhere."""
    found = _read(source)
    return None if found is None else found[0]


def read_score(entry: Entry) -> tuple[Score, str | None] | None:
    """Return score and text of an entry from the cache, or None where it has gone or is damaged."""
    if entry.place is not None:
        found = read_tune(records_path(entry.source), entry.place)
        if found is None:
            forget(entry.source)  # an index of records that are not there
        return found
    kept = _read(entry.source)
    if kept is None:
        return None
    piece, notes = kept[0][entry.part], np.frombuffer(kept[1], np.int64).reshape(-1, 5)
    return folder_reader.score_as_read(piece, notes), piece.get("text")


def forget(source: Source) -> None:
    """Take what the cache knows of a file out of it: what is damaged there is then read anew."""
    kept_path(source).unlink(missing_ok=True)


def _read(source: Source) -> tuple[list[dict], bytes] | None:
    """Return the description of what a file holds and the bytes of its notes, or None."""
    data = read_sealed(kept_path(source))
    if data is None:
        return None
    size, _, rest = zlib.decompress(data).partition(b"\n")
    return json.loads(rest[: int(size)]), rest[int(size) :]


def kept_path(source: Source) -> Path:
    """Return where what is known of a file is kept."""
    return cache_dir() / "folder" / f"{source.sha256[:32]}-{source.kind}-{_readers_digest()}.kept"


def records_path(source: Source) -> Path:
    """Return where the tunes of a book are kept."""
    return kept_path(source).with_suffix(".tunes")


@cache
def _readers_digest() -> str:
    formats = sorted(Path(midi.__file__).parent.glob("*.py"))
    sources = [path.read_bytes() for path in [Path(folder_reader.__file__), Path(book_store.__file__), *formats]]
    return hashlib.sha256(b"|".join(sources)).hexdigest()[:8]
