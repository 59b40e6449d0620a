"""What a folder holds and what of it can be used: files found, read once in workers, and remembered by content.

What a file was found to hold is kept in the cache under the sha256 of the file, so a second visit, or a first one that
was interrupted, reads only what is new. Notes are not held in memory meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from functools import cache
from math import ceil
from pathlib import Path
from typing import NamedTuple

import numpy as np

from etude.corpora import book_store, folder_reader
from etude.corpora.book_store import Place, keep_tunes, read_tune
from etude.corpora.folder_reader import KINDS, PARSERS, check_size, digest_of, kind_of
from etude.corpora.sandbox import read_all
from etude.errors import UnreadableFile
from etude.files import cache_dir
from etude.formats import midi
from etude.formats.audio import MOST_SAMPLES
from etude.kept import read_arrays, write_arrays
from etude.types import Score

COMPANIONS = ("__MACOSX", "$RECYCLE.BIN", "System Volume Information", "@eaDir", "lost+found")
READER = "etude.corpora.folder_reader:read_file"


class Source(NamedTuple):
    """A file of music: where, its name in the folder, what its bytes say it is, and their sha256."""

    path: Path
    name: str
    kind: str
    sha256: str


class Entry(NamedTuple):
    """A usable piece: its name, its file, the number it has in that file, the sha256 of its content, its seconds.

    A recording that is cut has `parts` entries of one content; a tune of a book has a `place` in the book's records; a
    section of a piece has a `span`, in ticks of a score or seconds of a recording.
    """

    name: str
    source: Source
    part: int
    content: str
    seconds: float
    parts: int = 1
    place: Place | None = None
    title: str = ""
    span: tuple[float, float] | None = None


class Loss(NamedTuple):
    """A file, or a tune of a book, that cannot be used: why, and the parsers that tried."""

    file: str
    reason: str
    tried: str


class Limits(NamedTuple):
    """What one file may take: seconds of music, seconds of work, bytes of memory; and how many workers there are.

    With `cut`, a recording of more music than `longest` is several pieces; without, its samples, at `rate` or its own,
    have to fit into memory. With `drums`, files of percussion alone are used.
    """

    longest: float
    seconds: float
    memory: int
    workers: int
    cut: bool = False
    rate: int | None = None
    drums: bool = False


def find_files(folder: Path) -> tuple[list[Source], list[Loss]]:
    """Return the files of music under `folder` by name, and those that are empty or cannot be opened.

    Links are followed; a folder is entered once, however often it is met. Hidden files and folders are passed over, as
    are those that systems put beside a reader's own (`COMPANIONS`).
    """
    found, losses = [], []
    for name, path in music_files(folder):
        reason = _unopenable(path)
        if reason:
            losses.append(Loss(name, reason, ""))
            continue
        try:
            check_size(path, kind := kind_of(path))  # before a file with terabytes of holes is hashed
            found.append(Source(path, name, kind, digest_of(path)))
        except UnreadableFile as error:
            losses.append(Loss(name, str(error), ""))
    return found, losses


def music_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name in the folder and the place of all that is called like music, in the order of a walk."""
    entered = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not _is_companion(name))
        own = (Path(root, file) for file in sorted(files) if not _is_companion(file))
        for path in (path for path in own if path.suffix.lower() in KINDS):
            yield os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace"), path


def _is_companion(name: str) -> bool:
    """Say whether a name is that of a hidden file or folder (`._song.mid` of macOS, `.Trash`), or of a system's own."""
    return name.startswith(".") or name in COMPANIONS


def _unopenable(path: Path) -> str:
    try:
        if not path.is_file():  # a dangling link, a pipe that nobody writes to
            return "not a regular file"
        with path.open("rb") as file:
            return "" if file.read(1) else "an empty file"
    except OSError as error:
        return error.strerror or type(error).__name__


def read_sources(sources: list[Source], limits: Limits, reader: str = READER, progress=None) -> Iterator[Entry | Loss]:
    """Yield what the files hold, piece by piece; files not in the cache are read by workers and kept there.

    Each kind's parsers are tried in turn, so that a crash of the first leaves the second its chance.
    """
    unknown = []
    for source in sources:
        kept = read_kept(source)
        if kept is None:
            unknown.append(source)
        else:
            yield from _entries(source, kept, limits)
    answers = _attempts(unknown, limits, reader)
    for source, answer in progress(answers, len(unknown)) if progress and unknown else answers:
        if isinstance(answer, str):
            yield Loss(source.name, answer, ", ".join(PARSERS[source.kind]))
        else:
            yield from _entries(source, keep(source, answer), limits)


def _attempts(sources: list[Source], limits: Limits, reader: str) -> Iterator[tuple[Source, list[dict] | str]]:
    reasons: dict[int, list[str]] = {index: [] for index in range(len(sources))}
    times = [limits.seconds * (_mebibytes(source.path) if source.kind == "abc" else 1) for source in sources]
    for turn in range(max(map(len, PARSERS.values()))):
        left = [index for index in reasons if turn < len(PARSERS[sources[index].kind])]
        for seconds in sorted({times[index] for index in left}):
            group = [index for index in left if times[index] == seconds]
            parsers = [PARSERS[sources[index].kind][turn] for index in group]
            tasks = [(str(sources[i].path), sources[i].kind, parser) for i, parser in zip(group, parsers, strict=True)]
            for number, answer in read_all(reader, tasks, limits.workers, seconds, limits.memory):
                index = group[number]
                if isinstance(answer, UnreadableFile):
                    reasons[index].append(_reason(parsers[number], answer, reasons[index]))
                else:
                    del reasons[index]
                    yield sources[index], answer["pieces"]
    for index, said in reasons.items():
        yield sources[index], " ".join(filter(None, said))


def _reason(parser: str, error: UnreadableFile, said: list[str]) -> str:
    """Return why a file cannot be used; of a second parser, only what the first did not say."""
    if not said:
        return str(error)
    return "" if said[0] == str(error) else f"{parser}: {error.got}."


def _mebibytes(path: Path) -> int:
    """Return how many begun MiB a file has: a book of tunes may be of any length, and takes its time for each."""
    return max(1, ceil(path.stat().st_size / 2**20)) if path.is_file() else 1


def _entries(source: Source, pieces: list[dict], limits: Limits) -> Iterator[Entry | Loss]:
    longest = limits.longest
    for part, piece in enumerate(pieces):
        name = source.name if len(pieces) == 1 else f"{source.name}#{part + 1}"
        if "error" in piece:
            yield Loss(name, str(UnreadableFile(*piece["error"])), ", ".join(PARSERS[source.kind]))
        elif piece.get("drums") and not limits.drums:
            yield Loss(name, piece["drums"], ", ".join(PARSERS[source.kind]))
        elif piece["seconds"] > longest and limits.cut and source.kind == "audio":
            yield from _stretches(source, piece, ceil(piece["seconds"] / longest))
        elif piece["seconds"] > longest:
            yield Loss(name, f"{piece['seconds']:.0f} s of music, more than `longest`, {longest:g} s", "")
        elif piece["seconds"] * (limits.rate or piece.get("rate", 0)) > MOST_SAMPLES and not limits.cut:
            reason = f"{piece['seconds']:.0f} s at {limits.rate or piece['rate']} Hz, more than {MOST_SAMPLES} samples"
            yield Loss(name, f"{reason}. Give a lower rate=, or coding=.", "")
        else:
            place = tuple(piece["place"]) if "place" in piece else None
            title = piece.get("title", "")
            yield Entry(name, source, part, piece["content"], piece["seconds"], place=place, title=title)


def _stretches(source: Source, recording: dict, parts: int) -> Iterator[Entry]:
    for part in range(parts):
        name = f"{source.name}#{part + 1:0{len(str(parts))}}"  # as many digits each: names sort as time runs
        yield Entry(name, source, part, recording["content"], recording["seconds"] / parts, parts)


def keep(source: Source, pieces: list[dict]) -> list[dict]:
    """Write what a file holds into the cache, and return it without the notes."""
    if len(pieces) > 1:
        pieces = keep_tunes(_records_path(source), pieces)
    arrays, described = {}, []
    for number, piece in enumerate(pieces):
        piece = dict(piece)
        if "notes" in piece:
            arrays[f"notes{number}"] = notes = np.asarray(piece.pop("notes"), np.int64)
            piece["content"] = hashlib.sha256((piece.get("text") or "").encode() + notes.tobytes()).hexdigest()
        if len(pieces) == 1:
            piece["content"] = source.sha256
        described.append(piece)
    write_arrays(_kept_path(source), {"pieces": np.array(json.dumps(described)), **arrays})
    return described


def read_kept(source: Source) -> list[dict] | None:
    """Return what the cache knows of a file, without the notes, or None: not there, or damaged anywhere."""
    arrays = read_arrays(_kept_path(source))
    return None if arrays is None else json.loads(str(arrays["pieces"]))


def read_score(entry: Entry) -> tuple[Score, str | None] | None:
    """Return score and text of an entry from the cache, or None where it has gone or is damaged."""
    if entry.place is not None:
        found = read_tune(_records_path(entry.source), entry.place)
        if found is None:
            _kept_path(entry.source).unlink(missing_ok=True)  # an index of records that are not there
        return found
    arrays = read_arrays(_kept_path(entry.source))
    if arrays is None:
        return None
    piece = json.loads(str(arrays["pieces"]))[entry.part]
    notes = arrays[f"notes{entry.part}"]
    return folder_reader.score_as_read(piece, notes), piece.get("text")


def forget(source: Source) -> None:
    """Take what the cache knows of a file out of it: what is damaged there is then read anew."""
    _kept_path(source).unlink(missing_ok=True)


def _kept_path(source: Source) -> Path:
    return cache_dir() / "folder" / f"{source.sha256[:32]}-{source.kind}-{_readers_digest()}.npz"


def _records_path(source: Source) -> Path:
    return _kept_path(source).with_suffix(".tunes")


@cache
def _readers_digest() -> str:
    formats = sorted(Path(midi.__file__).parent.glob("*.py"))
    sources = [path.read_bytes() for path in [Path(folder_reader.__file__), Path(book_store.__file__), *formats]]
    return hashlib.sha256(b"|".join(sources)).hexdigest()[:8]
