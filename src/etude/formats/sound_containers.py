"""What a file of sound is by its bytes, and whether all of it is there: libsndfile reads a part as if it were all.

Known are WAV (RIFF, RIFX, RF64 and Wave64), AIFF, FLAC, Ogg with Vorbis or Opus, and MP3, with ID3 tags before them.
A WAV or AIFF that says nothing of its length, because it was written into a pipe, is taken as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from etude.errors import UnreadableFile
from etude.formats import mpeg_frames, ogg_pages

KNOWN = "a sound file (WAV, FLAC, Ogg Vorbis or MP3)"
OTHERS = {b".snd": "AU", b"caff": "CAF", b"wvpk": "WavPack", b"MAC ": "Monkey's Audio", b"#!AMR": "AMR", b"ADIF": "AAC",
          b"TTA1": "True Audio", b"DSD ": "DSD", b"\x30\x26\xb2\x75": "WMA", b"\x1aE\xdf\xa3": "Matroska or WebM",
          b"MThd": "MIDI"}  # fmt: skip
_UNSAID = (0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)  # lengths that programs write into pipes
_HEAD = 2**16 + 16


class Part(NamedTuple):
    """A whole sound in a file: its first byte, the one after its last, and what has to be read before it."""

    start: int
    end: int
    before: bytes = b""


def check_sound(path: Path | str) -> list[Part]:
    """Return the parts of a sound file. Only Ogg and MP3 have several, where files were written one behind another.

    Raises
    ------
    UnreadableFile
        Another kind of file, or one that is cut off or damaged as far as its container tells.
    """
    path = Path(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        place = _after_tags(file)
        file.seek(place)
        head = file.read(_HEAD)
        if head.startswith((b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM")):
            return [Part(place, _end_of_samples(file, head, place, size))]
    if head.startswith(b"fLaC"):
        return [Part(0, size)]  # every frame has a checksum, and the decoded samples another
    if head.startswith(b"OggS") and not place:
        return _checked_links(path)
    other = _other(head)
    if other is None and head and mpeg_frames.first_frame(head, 0) is not None:
        links = [Part(*link) for link in mpeg_frames.links(path, place)]
        return links if len(links) > 1 or links[0].before else [Part(0, size)]
    raise UnreadableFile(
        KNOWN, f"{path.name}, {other or 'whose bytes are those of no such file'}", "Convert it to WAV."
    )


def flac_digest(path: Path | str) -> tuple[bytes, int] | None:
    """Return the MD5 that a FLAC file keeps of its samples, and their bits (RFC 9639, 8.2), or None without one."""
    with Path(path).open("rb") as file:
        file.seek(_after_tags(file))
        head = file.read(42)
    if len(head) < 42 or not head.startswith(b"fLaC") or not any(head[26:42]):
        return None
    return head[26:42], (int.from_bytes(head[18:26], "big") >> 36 & 31) + 1


def _after_tags(file: BinaryIO) -> int:
    """Return where the ID3v2 tags at the beginning of a file end."""
    place = 0
    while True:
        file.seek(place)
        head = file.read(10)
        if len(head) < 10 or not head.startswith(b"ID3") or any(byte > 127 for byte in head[6:]):
            return place
        length = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        place += 10 + length + (10 if head[5] & 16 else 0)


def _other(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return "MP4 (AAC or ALAC)"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "AAC"  # an ADTS frame: a sync word as in MP3, and layer 0
    return next((name for magic, name in OTHERS.items() if head.startswith(magic)), None)


def _checked_links(path: Path) -> list[Part]:
    links = ogg_pages.links(path)
    for link in links:
        if link.codec not in ("Vorbis", "Opus"):
            raise UnreadableFile(
                "Ogg with Vorbis or Opus in it", f"{path.name}, Ogg with {link.codec}", "Convert it to WAV."
            )
    return [Part(link.start, link.end) for link in links]


def _end_of_samples(file: BinaryIO, head: bytes, place: int, size: int) -> int:
    """Return where a WAV or AIFF ends; raises UnreadableFile where its samples are fewer than its header says."""
    for name, start, length in _chunks(file, head, place, size):
        if name not in (b"data", b"SSND"):
            continue
        if not length and start + 8 < size:
            got = f"one whose header says that it is empty, with {size - start} bytes behind it"
            raise UnreadableFile("a sound file that was closed after recording", got, "Let a sound editor repair it.")
        if start + length > size:
            got = f"one that is cut off: {max(size - start, 0)} of {length} bytes of samples"
            raise UnreadableFile("a whole sound file", got, "Copy it again.")
        return start + length if head.startswith(b"riff") else size  # of Wave64 libsndfile reads on to the file's end
    return size


def _chunks(file: BinaryIO, head: bytes, place: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place and length of the chunks; a length that the file leaves unsaid is what is there."""
    wave64, order = head.startswith(b"riff"), ">" if head[:4] in (b"RIFX", b"FORM") else "<"
    header, pad, at = (
        (struct.Struct("<4s12xQ"), 8, place + 40) if wave64 else (struct.Struct(order + "4sI"), 2, place + 12)
    )
    long = 0
    while at + header.size <= size:
        file.seek(at)
        name, length = header.unpack(file.read(header.size))
        start = at + header.size
        if wave64:
            length = max(length - header.size, 0)
        elif name == b"ds64":
            long = int.from_bytes(file.read(16)[8:], "little")
        elif name in (b"data", b"SSND") and length in _UNSAID:
            length = long if head.startswith(b"RF64") and length == 0xFFFFFFFF else size - start
        yield name, start, length
        at = start + length + -length % pad
