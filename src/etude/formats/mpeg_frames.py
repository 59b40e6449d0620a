"""The frames of an MP3 file (ISO 11172-3, 13818-3): whether all that it was made of is still there.

A file has no end mark. What tells are the length that each frame's header implies and, where an encoder has put one
before the first frame, the count of frames in a Xing, Info or VBRI header. Without a count, libsndfile guesses one from
the first frame and stops there, so such a file is read behind a frame that holds it.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import NamedTuple

from etude.errors import UnreadableFile

# kbit/s by (MPEG-1, layer), then index; Hz by version bits, then index
KBITS = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_SEARCHED = 2**16  # bytes of something else that may stand before the first frame
_FEWEST = 4  # frames of one kind that are taken for another sound
_TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN", b"ID3")


class Frame(NamedTuple):
    """What a frame's header says."""

    kind: tuple[int, int, int]  # version bits, layer, samples per second
    length: int  # bytes; 0 where the header does not tell (free format)
    mono: bool


def frame_at(data, place: int) -> Frame | None:
    """Return the frame whose header stands at `place`, or None."""
    head = data[place : place + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    kbits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or kbits == 15 or rate == 3:
        return None
    bits, hertz = 1000 * KBITS[version == 3, layer][kbits], RATES[version][rate]
    padding = head[2] >> 1 & 1
    per_frame = 12 if layer == 1 else 72 if layer == 3 and version != 3 else 144
    length = (per_frame * bits // hertz + padding) * (4 if layer == 1 else 1) if bits else 0
    return Frame((version, layer, hertz), length, head[3] >> 6 == 3)


def first_frame(data, place: int) -> int | None:
    """Return where the first frame begins, behind tags and a little else: the first header that another one follows."""
    for at in range(place, min(place + _SEARCHED, len(data))):
        frame = frame_at(data, at)
        if frame and not frame.length and at == place:
            return at
        if frame and frame.length and _follows(data, at + frame.length, frame):
            return at
        if frame and at == place and at + frame.length > len(data):  # a lone one that is cut off
            return at
    return None


def links(path: Path | str, place: int) -> list[tuple[int, int, bytes]]:
    """Return the sounds of a file, of which there are several where files were joined end to end.

    Of each: its first frame, its end, and the frame that has to be read before it: none, or one with their count.
    Raises UnreadableFile where frames are missing; `place` is where tags at the beginning end.
    """
    found: list[tuple[int, int, bytes]] = []
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = first_frame(data, place)
        if start is None:
            raise UnreadableFile("an MP3", "a file without its frames", "Convert it to WAV.")
        while start is not None:
            end, before = _link(data, start)
            found.append((start, end, before))
            start = _another(data, end)
        start, _, before = found.pop()
        return [*found, (start, len(data), before)]


def _link(data, start: int) -> tuple[int, bytes]:
    """Return where the sound that begins at `start` ends, and what has to be read before it."""
    first = frame_at(data, start)
    if not first.length:
        raise UnreadableFile("an MP3 of a known bit rate", "one of free format", "Convert it to WAV.")
    declared = _declared(data, start, first)
    found, cut, end = _counted(data, start, first, declared)
    if cut or found < declared:
        got = f"one that is cut off, with {found} of {max(declared, found + 1)} frames"
        raise UnreadableFile("a whole MP3", got, "Copy it again, or convert it to WAV.")
    counting = first.kind[1] == 3 and not declared
    return end, _count_frame(data[start : start + 4], first, found) if counting else b""


def _another(data, place: int) -> int | None:
    """Return where another sound begins, behind the tags at `place`; None where there are no frames of one."""
    place += 128 if data[place : place + 3] == b"TAG" else 0
    while (tag := data[place : place + 10])[:3] == b"ID3" and len(tag) == 10:
        place += 10 + sum((byte & 127) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
    at = place
    for _ in range(_FEWEST):
        frame = frame_at(data, at)
        if frame is None or not frame.length or frame.kind != frame_at(data, place).kind:
            return None
        at += frame.length
    return place


def _counted(data, place: int, first: Frame, most: int) -> tuple[int, bool, int]:
    """Return how many whole frames there are, whether a last one is cut off, and where they end.

    Frames are `most` at most, unless that is 0; damaged bytes are passed over.
    """
    found = 0
    while place + 4 <= len(data) and not 0 < most <= found:
        frame = frame_at(data, place)
        if frame is None or frame.kind != first.kind or not frame.length:
            if any(data[place : place + len(tag)] == tag for tag in _TAGS) or _another(data, place) is not None:
                break
            place = _next(data, place + 1, first)
        elif place + frame.length > len(data):
            return found, True, len(data)
        else:
            found, place = found + 1, place + frame.length
    return found, False, place


def _next(data, place: int, first: Frame) -> int:
    """Return where the next frame stands that another one, a tag or the end follows."""
    while (place := data.find(b"\xff", place)) >= 0:
        frame = frame_at(data, place)
        if frame and frame.kind == first.kind and frame.length and _follows(data, place + frame.length, first):
            return place
        place += 1
    return len(data)


def _follows(data, place: int, first: Frame) -> bool:
    if place == len(data) or any(data[place : place + len(tag)] == tag for tag in _TAGS):
        return True
    frame = frame_at(data, place)
    return frame is not None and frame.kind == first.kind


def _count_frame(header: bytes, first: Frame, count: int) -> bytes:
    """Return a frame of silence, at the highest bit rate, that says how many frames follow it."""
    header = bytes([header[0], header[1] | 1, 14 << 4 | header[2] & 0b1100, header[3]])
    said = b"Info" + (1).to_bytes(4, "big") + count.to_bytes(4, "big")
    return (header + bytes(_side(first)) + said).ljust(frame_at(header, 0).length, b"\0")


def _side(frame: Frame) -> int:
    """Return the bytes of side information behind the header of a frame of layer 3."""
    long = frame.kind[0] == 3
    return (17 if frame.mono else 32) if long else (9 if frame.mono else 17)


def _declared(data, start: int, first: Frame) -> int:
    """Return the frames that the encoder counted, with the one that holds the count; 0 where there is no count."""
    xing, vbri = start + 4 + _side(first), start + 36
    if data[xing : xing + 4] in (b"Xing", b"Info") and data[xing + 7] & 1:
        return 1 + int.from_bytes(data[xing + 8 : xing + 12], "big")
    if data[vbri : vbri + 4] == b"VBRI":
        return int.from_bytes(data[vbri + 14 : vbri + 18], "big")
    return 0
