"""One file of music from anywhere, read as the corpus `folder` reads it: in a worker, within the same limits."""

from __future__ import annotations

from pathlib import Path

from etude.corpora.folder_reader import KINDS, PARSERS, SCORES, check_size, kind_of, score_as_read
from etude.corpora.sandbox import MEMORY, SECONDS, Sandbox
from etude.errors import MissingData, UnreadableFile
from etude.types import Audio, Piece

READER, DECODER = "etude.corpora.folder_reader:read_file", "etude.corpora.folder_reader:read_sound"


def read_piece(path: Path | str, rate: int | None = None, seconds: float = SECONDS, memory: int = MEMORY) -> Piece:
    """Return what a file of music holds; its bytes tell the kind, its suffix where they say nothing.

    Parameters
    ----------
    path : Path or str
        MIDI, ABC (of a book its first tune), MusicXML, kern, WAV, FLAC, Ogg or MP3.
    rate : int, optional
        Samples per second of a sound; by default the file's own.
    seconds, memory : float, int
        Of the worker: time, and bytes of address space.

    Raises
    ------
    MissingData
        There is no such file.
    UnreadableFile
        It is none of these, damaged, or more than a piece may be; with the reason that each parser gave.
    """
    path = Path(path)
    kind = _checked_kind(path)
    if kind == "audio":
        with Sandbox(DECODER, seconds, memory) as decode:
            sound = decode(str(path.absolute()), rate)
        return Piece(path.stem, audio=Audio(sound["samples"], sound["rate"]), source=str(path))
    found = _first_readable(path, kind, seconds, memory)
    score, title = score_as_read(found), found.get("title", "")
    return Piece(path.stem, score, source=str(path), text=found.get("text"), title=title)


def is_score(path: Path | str) -> bool:
    """Say whether a file holds notes and not sound; raises as `read_piece` does."""
    return _checked_kind(Path(path)) in SCORES


def _checked_kind(path: Path) -> str:
    try:
        if not path.is_file():
            raise MissingData(f"a file of music ({' '.join(KINDS)})", f"no file at {path}", "Check the path.")
        check_size(path, kind := kind_of(path))
    except OSError as error:
        raise UnreadableFile("a file that can be read", f"{path}: {error.strerror or error}") from error
    return kind


def _first_readable(path: Path, kind: str, seconds: float, memory: int) -> dict:
    """Return the first piece of a file by the first parser that can read it."""
    said = []
    with Sandbox(READER, seconds, memory) as read:
        for parser in PARSERS[kind]:
            try:
                piece = read(str(path.absolute()), kind, parser)["pieces"][0]
            except UnreadableFile as error:
                said.append((parser, error))
                continue
            if "error" in piece:
                raise UnreadableFile(*piece["error"])
            if "drums" in piece:
                raise UnreadableFile("at least one pitched note", f"{path.name}, of percussion alone")
            return piece
    raise _told(said)


def _told(said: list[tuple[str, UnreadableFile]]) -> UnreadableFile:
    """Return one error for what parsers said in turn."""
    errors = [error for _, error in said]
    if len({error.args for error in errors}) == 1:
        return errors[0]
    got = "; ".join(f"{parser}: {error.got}" for parser, error in said)
    return UnreadableFile(errors[0].expected, got, next((error.remedy for error in errors if error.remedy), ""))
