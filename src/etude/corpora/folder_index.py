"""What a folder holds and what of it can be used: files found, read once in workers, and remembered by content.

What a file was found to hold is kept in the cache under the sha256 of the file, so a second visit, or a first one that
was interrupted, reads only what is new. Notes are not held in memory meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from etude.corpora.folder_cache import keep, read_kept
from etude.corpora.folder_entries import Entry, Limits, Loss, Source
from etude.corpora.folder_reader import KINDS, PARSERS, check_size, digest_of, kind_of
from etude.corpora.sandbox import read_all
from etude.errors import UnreadableFile
from etude.formats.audio import MOST_SAMPLES

COMPANIONS = ("__MACOSX", "$RECYCLE.BIN", "System Volume Information", "@eaDir", "lost+found")
READER = "etude.corpora.folder_reader:read_file"
TOGETHER = 32  # files that a worker is given at once


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
    """Yield the name in the folder and the place of all that is called like music, in the order of a walk.

    A folder that cannot be listed comes at the end, as a file that cannot be read would.

    Raises UnreadableFile where that is `folder` itself.
    """
    entered, closed = set(), []
    for root, folders, files in os.walk(folder, onerror=closed.append, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not _is_companion(name))
        own = (Path(root, file) for file in sorted(files) if not _is_companion(file))
        yield from ((_named(path, folder), path) for path in own if path.suffix.lower() in KINDS)
    for error in closed:
        if Path(error.filename) == folder:
            got = f"{error.strerror or type(error).__name__}: {folder}"
            raise UnreadableFile("a folder that can be listed", got, "Allow reading it.") from error
        yield _named(Path(error.filename), folder), Path(error.filename)


def _named(path: Path, folder: Path) -> str:
    return os.fsencode(path.relative_to(folder).as_posix()).decode("utf-8", "backslashreplace")


def _is_companion(name: str) -> bool:
    """Say whether a name is that of a hidden file or folder (`._song.mid` of macOS, `.Trash`), or of a system's own."""
    return name.startswith(".") or name in COMPANIONS


def _unopenable(path: Path) -> str:
    try:
        if path.is_dir():
            return "a folder that cannot be listed"
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
            for number, answer in read_all(reader, tasks, limits.workers, seconds, limits.memory, TOGETHER):
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
