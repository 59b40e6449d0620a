"""Codes of many sounds in one file, written once and then read where they lie.

A store is a folder: `codes.bin` holds the codes of all sounds one behind the other, `index.json` their names, lengths
and kind of integer, and the checksums of both. One file for many sounds is one mapping, and so one open file, however
many sounds there are.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from etude.files import alone, cache_dir, replacing_folder
from etude.formats import audio, mpeg_frames, ogg_pages, sound_containers, sound_file
from etude.meaning import meaning
from etude.representations import mu_law, sampling, waveform

CODERS = (
    audio,
    sound_file,
    sound_containers,
    mpeg_frames,
    ogg_pages,
    sampling,
    mu_law,
    waveform,
)  # whose source the codes depend on
Sounds = Iterable[tuple[str, Iterable[np.ndarray]]]  # names, and codes in blocks


def store_path(name: str, made_of: str) -> Path:
    """Return where the store of sounds that `made_of` describes is kept; other coding software, another store."""
    made_of += "".join(meaning(Path(module.__file__).read_text(encoding="utf-8")) for module in CODERS)
    return cache_dir() / "codes" / f"{name}-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"


def stored(folder: Path, dtype: np.dtype, sounds: Sounds) -> dict[str, np.ndarray]:
    """Return the codes of a store by name, UInt[T] each, mapped; where it is not there, write it first.

    Parameters
    ----------
    folder : Path
        As `store_path` gives it. It appears whole or not at all; one process writes it, others
        wait.
    dtype : dtype
        Integers that hold every code.
    sounds : iterable of (name, blocks of Int[t])
        Walked only where the store is missing or damaged (of another size or checksum than its index says). Memory
        holds a block.
    """
    with alone(folder):
        found = _mapped(folder)
        if found is None:
            with replacing_folder(folder) as new:
                _write(new, np.dtype(dtype), sounds)
            found = _mapped(folder)
    return found


def _write(folder: Path, dtype: np.dtype, sounds: Sounds) -> None:
    lengths: dict[str, int] = {}
    with (folder / "codes.bin").open("wb") as file:
        for name, blocks in sounds:
            before = file.tell()
            for block in blocks:
                file.write(np.ascontiguousarray(block, dtype))
            lengths[name] = (file.tell() - before) // dtype.itemsize
    index = json.dumps({"dtype": dtype.str, "lengths": lengths, "crc32": _checksum(folder / "codes.bin")})
    seal = hashlib.sha256(index.encode()).hexdigest()
    (folder / "index.json").write_text(f"{index}\n{seal}", encoding="utf-8")


def _checksum(path: Path) -> int:
    """Return the CRC-32 of a file: it sees every single flipped bit, at the speed of the disk."""
    found = 0
    with path.open("rb") as file:
        while block := file.read(2**22):
            found = zlib.crc32(block, found)
    return found


def _mapped(folder: Path) -> dict[str, np.ndarray] | None:
    try:
        text = (folder / "index.json").read_text(encoding="utf-8")
        index, _, seal = text.rpartition("\n")
        if seal != hashlib.sha256(index.encode()).hexdigest():
            return None
        index = json.loads(index)
        dtype, lengths = np.dtype(index["dtype"]), index["lengths"]
        size = (folder / "codes.bin").stat().st_size
        if size != sum(lengths.values()) * dtype.itemsize or index["crc32"] != _checksum(folder / "codes.bin"):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    codes = np.memmap(folder / "codes.bin", dtype, "r") if size else np.zeros(0, dtype)
    ends = np.cumsum([0, *lengths.values()]).tolist()
    return {name: codes[start:end] for name, start, end in zip(lengths, ends[:-1], ends[1:], strict=True)}
