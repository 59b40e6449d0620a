"""MIDI files made by hand, byte by byte: good ones, and every way of being broken that has crashed a parser."""

import random
import struct


def variable(n: int) -> bytes:
    """A MIDI variable-length quantity."""
    out = bytes([n & 0x7F])
    while n := n >> 7:
        out = bytes([0x80 | n & 0x7F]) + out
    return out


def note(ticks: int, pitch: int, wait: int = 0, channel: int = 0, velocity: int = 80) -> bytes:
    on, off = bytes([0x90 | channel, pitch, velocity]), bytes([0x80 | channel, pitch, 0])
    return variable(wait) + on + variable(ticks) + off


def tempo(microseconds: int, wait: int = 0) -> bytes:
    return variable(wait) + b"\xff\x51\x03" + struct.pack(">I", microseconds)[1:]


END = b"\x00\xff\x2f\x00"


def smf(*tracks: bytes, ticks: int = 480, kind: int = 1, length: int | None = None) -> bytes:
    head = b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), ticks)
    sizes = [len(track) if length is None else length for track in tracks]
    return head + b"".join(b"MTrk" + struct.pack(">I", size) + track for size, track in zip(sizes, tracks, strict=True))


BASS_AND_SCALE = smf(note(480, 40) + END, b"".join(note(480, 60 + k) for k in range(8)) + END)
SCALE = smf(b"".join(note(480, 60 + k) for k in range(8)) + END)
CUT_OFF = {
    "after the header": SCALE[:14],
    "in a track": SCALE[:60],
    "in the second track": BASS_AND_SCALE[:-5],
    "between two tracks": BASS_AND_SCALE[: 14 + 8 + len(note(480, 40) + END)],
    "a track longer than the file": smf(note(480, 60) + END, length=10**9),
}
BROKEN = {
    "empty": b"",
    "another header": b"MThx" + SCALE[4:],
    "no ticks": smf(note(480, 60) + END, ticks=0),
    "SMPTE time": smf(note(480, 60) + END, ticks=0xE728),
    "gigantic delta times": smf(b"".join(note(0x0FFFFFFF, 60, 0x0FFFFFFF) for _ in range(20)) + END),
    "an endless delta time": smf(b"\xff\xff\xff\xff\xff\xff\x7f" + note(1, 60) + END),
    "a pitch of 200": smf(b"\x00\x90\xc8\x50" + variable(480) + b"\x80\x3c\x00" + END),
    "a track of noise": smf(random.Random(0).randbytes(300)),
    "noise": random.Random(1).randbytes(500),
    "text": b"Dear reader, this is no music.",
    "only drums": smf(note(480, 38, channel=9) + END),
    "no notes": smf(tempo(500000) + END),
}
