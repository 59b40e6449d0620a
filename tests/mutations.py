"""Valid inputs of every door, and what chance can do to them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from midi_files import BASS_AND_SCALE, SCALE

TUNE = (
    'X:1\nT:Air\nM:6/8\nL:1/8\nQ:3/8=90\nK:Edor\n|:{a}B2E (3GFE [EG]|~F>A z2"Em"^d=c_B,:|\nw:one two\nV:2\nE,6-|E,6|]\n'
)
BOOK = TUNE + "\nX:2\nT:Other\nM:C|\nL:1/4\nK:Bb\nB/c/d e2|f4|[M:3/4] d3|]\n"
KERN = (
    "**kern\t**kern\n*clefF4\t*clefG2\n*M3/4\t*M3/4\n=1\t=1\n4C\t8cc\n.\t8dd\n4D\t4ee\n4E\t[4ff\n"
    "=2\t=2\n2.GG\t2.ff]\n==\t==\n*-\t*-\n"
)
EXTREMES = (
    *(b"\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x00"),
    *(b"999999999999", b"-1", b"1e308", b"nan", b"0", b"null", b"[]", b"{}", b"&a;", b"\xe2\x99\xaf", b"\n\n", b'"'),
)


def seeds(room: Path) -> dict[str, list[bytes]]:
    """Return valid files by suffix; `room` is an empty folder to make them in."""
    from etude.formats.audio import write_audio
    from etude.formats.musicxml import write_musicxml
    from etude.types import Audio, Score

    notes = [[0, 4, 60, 80, 0], [0, 8, 48, 80, 1], [4, 2, 62, 80, 0], [6, 2, 64, 80, 0], [8, 8, 65, 80, 0]]
    xml = write_musicxml(Score(np.array(notes), 4), room / "duet.musicxml", title="Duet").read_bytes()
    sound = Audio(0.4 * np.sin(np.arange(4000) / 7) * np.linspace(1, 0, 4000), 8000)
    sounds = {suffix: [write_audio(sound, room / f"tone{suffix}").read_bytes()] for suffix in (".wav", ".flac", ".mp3")}
    sounds[".ogg"] = [write_audio(sound, room / "tone.ogg").read_bytes()]
    return {".mid": [SCALE, BASS_AND_SCALE], ".abc": [TUNE.encode(), BOOK.encode(), TUNE.encode("utf-16")],
            ".musicxml": [xml], ".mxl": [archive(xml)], ".krn": [KERN.encode()], **sounds}  # fmt: skip


def archive(xml: bytes) -> bytes:
    """Return a compressed MusicXML file."""
    container = '<?xml version="1.0"?><container><rootfiles><rootfile full-path="a.musicxml"/></rootfiles></container>'
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("META-INF/container.xml", container)
        zipped.writestr("a.musicxml", xml)
    return held.getvalue()


def accident(suffix: str, data: bytes, rng: np.random.Generator) -> bytes:
    """Return a file after accidents; half of those that a checksum would give away are sealed again."""
    if suffix == ".mxl" and rng.random() < 0.5:
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            return archive(_gentle(zipped.read("a.musicxml"), rng))
    if suffix in (".musicxml", ".krn", ".abc") and rng.random() < 0.5:
        return _gentle(data, rng)
    if suffix == ".ogg" and rng.random() < 0.5:
        place = data.rindex(b"OggS") + 40  # sound: what stands before it, a decoder refuses
        return sealed(data[:place] + bytes(_flipped(bytearray(data[place:]), rng)))
    if suffix == ".flac" and rng.random() < 0.5:
        return data[:26] + bytes(16) + bytes(_flipped(bytearray(data[42:]), rng))  # without the digest of its samples
    return mutated(data, rng)


def _gentle(text: bytes, rng: np.random.Generator) -> bytes:
    """Change what leaves a text well formed more often than not: numbers, and whole lines."""
    lines = text.split(b"\n")
    for _ in range(rng.integers(1, 4)):
        at, other = rng.integers(len(lines), size=2)
        if rng.random() < 0.7:
            lines[at] = bytes(_digits(bytearray(lines[at]), rng))
        else:
            lines[at] = lines[other] if rng.random() < 0.5 else b""
    return b"\n".join(lines)


def sealed(data: bytes) -> bytes:
    """Return an Ogg file whose pages agree with their checksums again."""
    from etude.formats.ogg_pages import checksum

    parts = data.split(b"OggS")
    for number, body in enumerate(parts[1:], start=1):
        page = b"OggS" + body[:18] + bytes(4) + body[22:]
        if len(body) > 22:
            parts[number] = body[:18] + checksum(page).to_bytes(4, "little") + body[22:]
    return b"OggS".join(parts)


def mutated(data: bytes, rng: np.random.Generator, most: int = 4) -> bytes:
    """Return `data` after one to `most` accidents."""
    for _ in range(rng.integers(1, most + 1)):
        data = MUTATIONS[rng.integers(len(MUTATIONS))](bytearray(data), rng)
    return bytes(data)


def _place(data: bytearray, rng) -> int:
    return int(rng.integers(len(data) + 1))


def _flipped(data: bytearray, rng) -> bytes:
    if data:
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return data


def _noise(data: bytearray, rng) -> bytes:
    at = _place(data, rng)
    data[at : at + int(rng.integers(8))] = rng.bytes(int(rng.integers(8)))
    return data


def _extreme(data: bytearray, rng) -> bytes:
    value, at = EXTREMES[rng.integers(len(EXTREMES))], _place(data, rng)
    data[at : at + (len(value) if rng.random() < 0.5 else 0)] = value
    return data


def _digits(data: bytearray, rng) -> bytes:
    """Make a number in a text another number."""
    places = [i for i, byte in enumerate(data) if 48 <= byte < 58]
    if places:
        at = places[rng.integers(len(places))]
        data[at : at + 1] = (b"0", b"9", b"-7", b"99999999", b"1.5", b"")[rng.integers(6)]
    return data


def _cut(data: bytearray, rng) -> bytes:
    return data[: _place(data, rng)]


def _lost(data: bytearray, rng) -> bytes:
    at = _place(data, rng)
    del data[at : at + int(rng.integers(1, 64))]
    return data


def _repeated(data: bytearray, rng) -> bytes:
    at, length = _place(data, rng), int(rng.integers(1, 64))
    data[at:at] = data[at : at + length] * int(rng.choice([1, 2, 100]))
    return data


def _moved(data: bytearray, rng) -> bytes:
    at, length = _place(data, rng), int(rng.integers(1, 64))
    part = data[at : at + length]
    del data[at : at + length]
    to = _place(data, rng)
    data[to:to] = part
    return data


MUTATIONS: tuple[Callable[[bytearray, np.random.Generator], bytes], ...] = (
    *(_flipped, _flipped, _noise, _extreme, _digits, _cut, _lost, _repeated, _moved),
)
