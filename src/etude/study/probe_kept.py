"""Probes of fits that are kept on disk: a file that is another one, by a bit or by its name, is not taken for the fit.

What is traced is whether the fit that is learnt instead is the whole one, and which files lie there after it.
"""

from __future__ import annotations

import io
import logging
import pickle
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

SHORT = {"steps": 2, "valid_every": 1}
LARGEST = 2  # records of an archive that are changed, each in a copy of its own


def damaged(lesson: Callable[..., dict]) -> dict:
    """Trace fits that find a damaged file in the place of their own, and one that finds that of another fit."""
    with TemporaryDirectory() as room, silent():
        place = Path(room)
        whole = lesson(place=place, **SHORT)
        (own,) = place.glob("*.ckpt")
        sound = own.read_bytes()
        own.unlink()
        lesson(place=place, seed=5, **SHORT)
        (other,) = place.glob("*.ckpt")
        found = [*other_ones(sound), other.read_bytes()]
        other.unlink()
        told = [_found(place, own, data, lambda: lesson(place=place, **SHORT) == whole) for data in [sound, *found]]
    return {"whole": whole, "kept": told}


def bomb(lesson: Callable[..., dict]) -> list:
    """Trace whether a checkpoint in which a program lies has it run, and whether the fit is learnt instead."""
    with TemporaryDirectory() as room, silent():
        place, ran = Path(room), Path(room) / "ran"
        whole = lesson(place=place, **SHORT)
        (own,) = place.glob("*.ckpt")
        if not zipfile.is_zipfile(own):
            return [True, False]
        with zipfile.ZipFile(own) as archive:
            records = {name: archive.read(name) for name in archive.namelist()}
        program = pickle.dumps(_Touch(ran))
        own.write_bytes(_archive({name: program if name.endswith(".pkl") else records[name] for name in records}))
        return [lesson(place=place, **SHORT) == whole, ran.exists()]


class _Touch:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def _found(place: Path, own: Path, data: bytes, again: Callable[[], bool]) -> list:
    """Put a file in the place of a fit's own, fit again, and return what came of it."""
    for path in [*place.glob("*.ckpt"), *place.glob("*.damaged")]:
        path.unlink()
    own.write_bytes(data)
    same = again()
    return [same, own.read_bytes() == data, sorted(path.suffix for path in place.glob(f"{own.stem}.*"))]


def other_ones(sound: bytes) -> Iterator[bytes]:
    """Yield copies of a checkpoint: cut, and with other contents that its container does not tell from the true ones.

    An archive is written once more as it is, which nobody must mind; then with a bit of its largest records
    turned, and with names changed in the record that says what they are.
    """
    yield sound[: len(sound) // 2]
    if not zipfile.is_zipfile(io.BytesIO(sound)):
        yield sound[:-1] + bytes([sound[-1] ^ 1])
        return
    with zipfile.ZipFile(io.BytesIO(sound)) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    yield _archive(records)
    for name in sorted(records, key=lambda one: (-len(records[one]), one))[:LARGEST]:
        yield _archive({**records, name: _turned(records[name])})
    for word in (b"best_step", b"sha256"):
        yield _archive({name: data.replace(word, word[::-1]) for name, data in records.items()})


def _turned(data: bytes) -> bytes:
    """Return data with one bit turned in the last byte but one."""
    return data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]


def _archive(records: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, data in records.items():
            archive.writestr(name, data)
    return held.getvalue()


@contextmanager
def silent() -> Iterator[None]:
    """Keep to itself what the log of training says of damage, which is meant here."""
    log = logging.getLogger("etude.training")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
