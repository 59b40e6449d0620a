"""What a file in a reader's folder holds: the part of `folder` that runs in a worker process.

The kind of a file is told by its first bytes, and by its suffix only where they say nothing; so a WAV that is called
`song.mid` is read as a WAV. A kind has one or more parsers, tried in turn.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from etude.errors import UnreadableFile
from etude.formats.kern import is_kern
from etude.formats.text_files import decoded
from etude.types import Score

SUFFIXES = {
    "midi": (".mid", ".midi", ".kar", ".rmi"),
    "abc": (".abc",),
    "notation": (".musicxml", ".xml", ".mxl", ".krn", ".kern"),
    "audio": (".wav", ".flac", ".mp3", ".ogg", ".oga"),
}
KINDS = {suffix: kind for kind, suffixes in SUFFIXES.items() for suffix in suffixes}
PARSERS = {"midi": ("étude",), "abc": ("étude",), "notation": ("étude", "Verovio"), "audio": ("libsndfile",)}
_MAGIC = ((b"MThd", "midi"), (b"RIFF", "audio"), (b"fLaC", "audio"), (b"OggS", "audio"), (b"ID3", "audio"),
          (b"\xff\xfb", "audio"), (b"\xff\xfa", "audio"), (b"\xff\xf3", "audio"), (b"\xff\xf2", "audio"),
          (b"PK\x03\x04", "notation"))  # fmt: skip
_LARGEST_TEXT = 64 * 2**20
_LARGEST_UNPACKED = 256 * 2**20


def kind_of(path: Path) -> str:
    """Return "midi", "abc", "notation" or "audio", by content first."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"RIFF") and head[8:12] == b"RMID":
        return "midi"
    text = decoded(head)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if is_kern(text) or re.match(r"!!|\s*<(\?xml|!DOCTYPE\s+score-|score-(partwise|timewise))", text):
        return "notation"
    if re.search(r"^X:\s*\d", text, re.MULTILINE):
        return "abc"
    return KINDS[path.suffix.lower()]


def read_file(path: str, kind: str, parser: str) -> dict:
    """Return {"pieces": [...]}: of a score its notes and time, of a sound (decoded once, not kept) its length and rate.

    A tune that cannot be read makes a piece {"error": reason}; a file that cannot be read raises UnreadableFile.
    """
    if kind == "midi":
        from etude.formats.midi import read_midi

        return {"pieces": [_described(read_midi(path))]}
    if kind == "notation":
        from etude.formats.musicxml import read_musicxml

        return {"pieces": [_described(read_musicxml(path, parser))]}
    return {"pieces": _tunes(Path(path)) if kind == "abc" else [_sound(path)]}


def read_sound(path: str, rate: int | None) -> dict:
    """Return the samples Float32[T] of a sound file and their rate."""
    from etude.formats.audio import read_audio

    audio = read_audio(path, rate)
    return {"samples": audio.samples, "rate": audio.rate}


def code_sound(path: str, waveform: dict, target: str) -> dict:
    """Write the codes of a sound file to `target`, a minute at a time; return how many there are."""
    from etude.representations.waveform import Waveform

    coder, length = Waveform(**waveform), 0
    with Path(target).open("wb") as file:
        for codes in coder.stream(path):
            file.write(codes.astype(coder.dtype))
            length += len(codes)
    return {"length": length}


def _described(score: Score) -> dict:
    return {
        "notes": score.notes,
        "ticks_per_quarter": score.ticks_per_quarter,
        "bpm": score.bpm,
        "length": score.length,
        "seconds": score.seconds,
    }


def _tunes(path: Path) -> list[dict]:
    from etude.formats.abc import decoded, read_book

    _check_size(path)
    return [_tune(tune) for tune in read_book(decoded(path.read_bytes()))]


def _tune(tune: str | UnreadableFile) -> dict:
    """Return what a tune of a book holds; one bad tune does not spoil its book."""
    from etude.formats.abc import read_abc

    if isinstance(tune, UnreadableFile):
        return {"error": str(tune)}
    try:
        score = read_abc(tune, strict=True)
    except UnreadableFile as error:
        return {"error": str(error)}
    if not len(score):
        return {"error": str(UnreadableFile("a tune with notes", "none", "Check that its music follows its K:."))}
    return {**_described(score), "text": tune}


def _sound(path: str) -> dict:
    from etude.formats.audio import audio_info, stream_audio

    _, rate = audio_info(path)
    samples = sum(len(block) for block in stream_audio(path))  # decoded to the end: a header promises anything
    if not samples:
        raise UnreadableFile("a sound", "no samples")
    return {"seconds": samples / rate, "rate": rate}


def _check_size(path: Path) -> None:
    import zipfile

    size = path.stat().st_size
    if zipfile.is_zipfile(path):  # a small archive may unpack to gigabytes
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _LARGEST_UNPACKED:
            raise UnreadableFile("an archive that unpacks to at most 256 MiB", f"{size >> 20} MiB")
    elif size > _LARGEST_TEXT:
        raise UnreadableFile("a text of at most 64 MiB", f"{size >> 20} MiB")


def digest_of(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
