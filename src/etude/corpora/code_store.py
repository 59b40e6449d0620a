"""Codes of many sounds in one file, written once and then read where they lie.

A store is a folder: `codes.bin` holds the codes of all sounds one behind the other, `index.json` their names, lengths,
digest and kind of integer. One file for many sounds is one mapping, and so one open file, however many they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np

from etude.files import cache_dir, replacing_folder
from etude.formats import audio, mpeg_frames, ogg_pages, sound_containers, sound_file
from etude.kept import holds, kept, read_json, sealed
from etude.meaning import meaning
from etude.representations import mu_law, sampling, waveform

FILES = ("codes.bin", "index.json")
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
        Walked only where the store is missing or damaged, by the digest in its index. Memory holds a block.
    """

    def make(folder: Path) -> None:
        with replacing_folder(folder, FILES) as new:
            _write(new, folder.name, np.dtype(dtype), sounds)

    return kept(folder, _mapped, make)


def _write(folder: Path, name: str, dtype: np.dtype, sounds: Sounds) -> None:
    lengths, digest = {}, hashlib.sha256()
    with (folder / "codes.bin").open("wb") as file:
        for sound, blocks in sounds:
            before = file.tell()
            for block in blocks:
                codes = np.ascontiguousarray(block, dtype)
                digest.update(codes)
                file.write(codes)
            lengths[sound] = (file.tell() - before) // dtype.itemsize
    index = sealed({"dtype": dtype.str, "lengths": lengths, "sha256": digest.hexdigest()}, name)
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


def _mapped(folder: Path) -> dict[str, np.ndarray] | None:
    index = read_json(folder / "index.json")
    try:
        sound = isinstance(index, dict) and holds(index, folder.name)
        if not sound or _digest(folder / "codes.bin") != index["sha256"]:
            return None
    except OSError:
        return None
    dtype, lengths = np.dtype(index["dtype"]), index["lengths"]
    size = sum(lengths.values()) * dtype.itemsize
    codes = np.memmap(folder / "codes.bin", dtype, "r") if size else np.zeros(0, dtype)
    ends = np.cumsum([0, *lengths.values()]).tolist()
    return {name: codes[start:end] for name, start, end in zip(lengths, ends[:-1], ends[1:], strict=True)}


def _digest(path: Path) -> str:
    """Return the sha256 of a file; in one process a file that has not been touched is read once."""
    status = path.stat()
    return _digest_of(path, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=64)
def _digest_of(path: Path, *_status: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
