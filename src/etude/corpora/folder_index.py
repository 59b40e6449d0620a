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

from etude.corpora import folder_reader
from etude.corpora.folder_reader import KINDS, PARSERS, check_size, digest_of, kind_of
from etude.corpora.sandbox import read_all
from etude.errors import UnreadableFile
from etude.files import cache_dir, replacing
from etude.formats import midi
from etude.formats.audio import MOST_SAMPLES
from etude.types import Score

READER = "etude.corpora.folder_reader:read_file"


class Source(NamedTuple):
    """A file of music: where, its name in the folder, what its bytes say it is, and their sha256."""

    path: Path
    name: str
    kind: str
    sha256: str


class Entry(NamedTuple):
    """A usable piece: its name, its file, the number it has in that file, the sha256 of its content, its seconds.

    A recording that is cut has `parts` entries of one content.
    """

    name: str
    source: Source
    part: int
    content: str
    seconds: float
    parts: int = 1


class Loss(NamedTuple):
    """A file, or a tune of a book, that cannot be used: why, and the parsers that tried."""

    file: str
    reason: str
    tried: str


class Limits(NamedTuple):
    """What one file may take: seconds of music, seconds of work, bytes of memory; and how many workers there are.

    With `cut`, a recording of more music than `longest` is several pieces; without, its samples, at `rate` or its own,
    have to fit into memory.
    """

    longest: float
    seconds: float
    memory: int
    workers: int
    cut: bool = False
    rate: int | None = None


def find_files(folder: Path) -> tuple[list[Source], list[Loss]]:
    """Return the files of music under `folder` by name, and those that are empty or cannot be opened.

    Links are followed; a folder is entered once, however often it is met.
    """
    found, losses, entered = [], [], set()
    for root, folders, files in os.walk(folder, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders.sort()
        for path in (Path(root, file) for file in sorted(files) if Path(file).suffix.lower() in KINDS):
            name = os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "replace")
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
    for turn in range(max(map(len, PARSERS.values()))):
        left = [index for index in reasons if turn < len(PARSERS[sources[index].kind])]
        parsers = [PARSERS[sources[index].kind][turn] for index in left]
        tasks = [(str(sources[i].path), sources[i].kind, parser) for i, parser in zip(left, parsers, strict=True)]
        for number, answer in read_all(reader, tasks, limits.workers, limits.seconds, limits.memory):
            index = left[number]
            if isinstance(answer, UnreadableFile):
                reasons[index].append(f"{parsers[number]}: {answer.got}")
            else:
                del reasons[index]
                yield sources[index], answer["pieces"]
    for index, said in reasons.items():
        yield sources[index], "; ".join(said)


def _entries(source: Source, pieces: list[dict], limits: Limits) -> Iterator[Entry | Loss]:
    longest = limits.longest
    for part, piece in enumerate(pieces):
        name = source.name if len(pieces) == 1 else f"{source.name}#{part + 1}"
        if "error" in piece:
            yield Loss(name, piece["error"], ", ".join(PARSERS[source.kind]))
        elif piece["seconds"] > longest and limits.cut and source.kind == "audio":
            yield from _stretches(source, piece, ceil(piece["seconds"] / longest))
        elif piece["seconds"] > longest:
            yield Loss(name, f"{piece['seconds']:.0f} s of music, more than `longest`, {longest:g} s", "")
        elif piece["seconds"] * (limits.rate or piece.get("rate", 0)) > MOST_SAMPLES and not limits.cut:
            reason = f"{piece['seconds']:.0f} s at {limits.rate or piece['rate']} Hz, more than {MOST_SAMPLES} samples"
            yield Loss(name, f"{reason}. Give a lower rate=, or coding=.", "")
        else:
            yield Entry(name, source, part, piece["content"], piece["seconds"])


def _stretches(source: Source, recording: dict, parts: int) -> Iterator[Entry]:
    for part in range(parts):
        name = f"{source.name}#{part + 1:0{len(str(parts))}}"  # as many digits each: names sort as time runs
        yield Entry(name, source, part, recording["content"], recording["seconds"] / parts, parts)


def keep(source: Source, pieces: list[dict]) -> list[dict]:
    """Write what a file holds into the cache, and return it without the notes."""
    arrays, described = {}, []
    for number, piece in enumerate(pieces):
        piece = dict(piece)
        if "notes" in piece:
            arrays[f"notes{number}"] = notes = np.asarray(piece.pop("notes"), np.int64)
            piece["content"] = hashlib.sha256((piece.get("text") or "").encode() + notes.tobytes()).hexdigest()
        if len(pieces) == 1:
            piece["content"] = source.sha256
        described.append(piece)
    with replacing(_kept_path(source)) as new, new.open("wb") as file:
        np.savez_compressed(file, pieces=np.array(json.dumps(described)), **arrays)
    return described


def read_kept(source: Source) -> list[dict] | None:
    """Return what the cache knows of a file, without the notes, or None."""
    try:
        with np.load(_kept_path(source), allow_pickle=False) as arrays:
            return json.loads(str(arrays["pieces"]))
    except Exception:  # not there, or damaged in any way a zip archive can be: read the file again
        return None


def read_score(entry: Entry) -> tuple[Score, str | None] | None:
    """Return score and text of an entry from the cache, or None where it has gone."""
    try:
        with np.load(_kept_path(entry.source), allow_pickle=False) as arrays:
            piece = json.loads(str(arrays["pieces"]))[entry.part]
            notes = arrays[f"notes{entry.part}"]
    except Exception:
        return None
    return Score(notes, piece["ticks_per_quarter"], piece["bpm"], piece["length"]), piece.get("text")


def forget(source: Source) -> None:
    """Take what the cache knows of a file out of it: what is damaged there is then read anew."""
    _kept_path(source).unlink(missing_ok=True)


def _kept_path(source: Source) -> Path:
    return cache_dir() / "folder" / f"{source.sha256[:32]}-{source.kind}-{_readers_digest()}.npz"


@cache
def _readers_digest() -> str:
    formats = sorted(Path(midi.__file__).parent.glob("*.py"))
    sources = [path.read_bytes() for path in [Path(folder_reader.__file__), *formats]]
    return hashlib.sha256(b"|".join(sources)).hexdigest()[:8]
