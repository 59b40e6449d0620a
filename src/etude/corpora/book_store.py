"""The tunes of a book as they are kept: one record each in one file, so that a tune is read without its neighbours.

A record holds notes, time, metre and text of a tune, behind a digest of all of it. Where it lies is its *place*, (first
byte, bytes), which the index of the folder remembers: a pass over a book of any length costs the sum of its records.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np

from etude.files import replacing
from etude.types import Score

_HEAD = struct.Struct("<qdqqqdqq")  # ticks per quarter, bpm, length, notes, bytes of text, pickup, beats and unit
_NO_METRE = 0, 0  # beats and unit
_DIGEST = 16  # bytes
Place = tuple[int, int]


def keep_tunes(path: Path, pieces: list[dict]) -> list[dict]:
    """Write the records of a book to `path`; return its pieces with `place` and `content` for notes and text."""
    described = []
    with replacing(path) as new, new.open("wb") as file:
        for piece in pieces:
            if "notes" not in piece:
                described.append(piece)
                continue
            notes, text = np.asarray(piece["notes"], np.int64), (piece.get("text") or "").encode("utf-8", "replace")
            time = piece["ticks_per_quarter"], piece["bpm"], piece["length"]
            metre = piece.get("pickup", 0.0), *(piece.get("meter") or _NO_METRE)
            head = _HEAD.pack(*time, len(notes), len(text), *metre)
            record = head + text + notes.tobytes()
            place = file.tell(), _DIGEST + len(record)
            file.write(_digest(record) + record)
            content = hashlib.sha256(text + notes.tobytes()).hexdigest()
            title = piece.get("title", "")
            described.append({"content": content, "seconds": piece["seconds"], "place": place, "title": title})
    return described


def read_tune(path: Path, place: Place) -> tuple[Score, str] | None:
    """Return score and text of the tune at a place, or None where the record has gone or is damaged."""
    try:
        with path.open("rb") as file:
            file.seek(place[0])
            digest, record = file.read(_DIGEST), file.read(place[1] - _DIGEST)
    except OSError:
        return None
    if len(record) != place[1] - _DIGEST or digest != _digest(record):
        return None
    ticks, bpm, length, rows, size, pickup, *metre = _HEAD.unpack_from(record)
    text = record[_HEAD.size : _HEAD.size + size].decode()
    notes = np.frombuffer(record, np.int64, rows * 5, _HEAD.size + size).reshape(-1, 5)
    return Score(notes, ticks, bpm, length, tuple(metre) if metre[0] else None, pickup=pickup), text


def _digest(record: bytes) -> bytes:
    return hashlib.sha256(record).digest()[:_DIGEST]
