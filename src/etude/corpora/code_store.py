"""Codes of many sounds in one file, written once and then read where they lie.

A store is a folder: `codes.bin` holds the codes of all sounds one behind the other, `index.json` their names, lengths
and kind of integer. One file for many sounds is one mapping, and so one open file, however many sounds there are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from etude.files import alone, cache_dir, replacing_folder
from etude.formats import audio
from etude.meaning import meaning
from etude.representations import mu_law, sampling, waveform

CODERS = (audio, sampling, mu_law, waveform)  # whose source the codes depend on
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
        Walked only where the store is missing or damaged (of another size than its index says). Memory holds a block.
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
    index = {"dtype": dtype.str, "lengths": lengths}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")


def _mapped(folder: Path) -> dict[str, np.ndarray] | None:
    try:
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        dtype, lengths = np.dtype(index["dtype"]), index["lengths"]
        size = (folder / "codes.bin").stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if size != sum(lengths.values()) * dtype.itemsize:
        return None
    codes = np.memmap(folder / "codes.bin", dtype, "r") if size else np.zeros(0, dtype)
    ends = np.cumsum([0, *lengths.values()]).tolist()
    return {name: codes[start:end] for name, start, end in zip(lengths, ends[:-1], ends[1:], strict=True)}
