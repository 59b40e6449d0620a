"""Rendered sound, kept under the digest of all it depends on. A damaged entry counts as none."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from etude.files import cache_dir, replacing

_DIGEST = 32  # bytes of sha256 before the FLAC stream
_NOMINAL_RATE = 44100  # FLAC knows only some rates; the true one is part of the key


def entry(key: str) -> Path:
    """Return where the sound of a key is kept."""
    return cache_dir() / "synthesis" / key[:2] / f"{key}.sound"


def kept(key: str) -> np.ndarray | None:
    """Return the Int16[T] kept under `key`; None where there is none, or it is not what was written."""
    import soundfile

    try:
        stored = entry(key).read_bytes()
    except OSError:
        return None
    digest, flac = stored[:_DIGEST], stored[_DIGEST:]
    if hashlib.sha256(flac).digest() != digest:
        return None
    return soundfile.read(io.BytesIO(flac), dtype="int16")[0]


def keep(key: str, samples: np.ndarray) -> None:
    """Keep Int16[T] under `key`."""
    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, samples, _NOMINAL_RATE, format="FLAC", subtype="PCM_16")
    flac = stream.getvalue()
    with replacing(entry(key)) as new:
        new.write_bytes(hashlib.sha256(flac).digest() + flac)
