"""The shapes of the files that runs write and read back, so that JSON of another shape is seen before it is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from etude.errors import MissingData, UnreadableFile
from etude.kept import SEAL, believable


@dataclass(frozen=True)
class Of:
    """An object with any keys, whose values all have one shape."""

    value: object


TEXTS = Of(str)
NUMBER = (int, float)
ANY = object
RECORD = {
    "format": int,
    "parameters": TEXTS,
    "code": str,
    "modules": TEXTS,
    "packages": TEXTS,
    "data": TEXTS,
    "inputs": TEXTS,
    "outputs": [str],
    "noise?": int,
    "seconds?": NUMBER,
}
PLAN = {
    "source": str,
    "profile": str,
    "parameters": Of(ANY),
    "part": str,
    "cell_timeout": int,
    "id": str,
    "request?": Of(ANY),
}
PROGRESS = {"number": int, "of": int, "line": str, "started": NUMBER}
FAILURE = {"where": str, "what": str}
FITS = Of({"fit?": (str, type(None)), "valid_bits?": (*NUMBER, type(None))})  # what a summary says of its fits
TRACED = {"modules": [str], "inputs": [str]}
TRACES = {"revisions": Of(int), "traces": Of(ANY)}
SUMMARY = {
    "answer?": str,
    "profile?": str,
    "wall_seconds?": NUMBER,
    "cpu_seconds?": NUMBER,
    "peak_memory_mb?": NUMBER,
    "threads?": (int, type(None)),
    "parameters?": Of(ANY),
    "numbers?": Of({"value": ANY, "unit?": str}),
    "tables?": Of(ANY),
    "claims?": [{"sentence": str, "holds": bool}],
    "models?": Of({"publish?": bool}),
    "cost?": Of({"train_seconds?": NUMBER}),
    "source?": {"code": (str, type(None)), "modules": TEXTS, "data": TEXTS},
    "listings?": Of(ANY),
}
RESULTS = {  # a summary with all that a run measures
    **SUMMARY,
    **{name: SUMMARY[f"{name}?"] for name in ("answer", "parameters", "tables", "models", "cost", "source")},
    "format": int,
    "versions": TEXTS,
    "notebook": str,
    "numbers": Of({"value": ANY, "unit": str}),
    "corpora": Of(Of(ANY)),
    "figures": Of({"path": str, "alt": str}),
}


def fits(value: object, shape: object) -> bool:
    """Say whether a JSON value has a shape.

    A shape is a type, a tuple of types, `[shape]` for a list, `Of(shape)` for an object with any keys, or a dict of
    keys and shapes, where a key that ends in "?" may be missing and others do not matter. True is no number.
    """
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(_entry_fits(value, key, part) for key, part in shape.items())
    if isinstance(shape, Of):
        return isinstance(value, dict) and all(isinstance(k, str) and fits(v, shape.value) for k, v in value.items())
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    kinds = shape if isinstance(shape, tuple) else (shape,)
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds or ANY in kinds)


def _entry_fits(value: dict, key: str, shape: object) -> bool:
    name = key.removesuffix("?")
    return fits(value[name], shape) if name in value else key.endswith("?")


def read_shaped(path: Path, shape: object, what: str, remedy: str = "") -> dict:
    """Return the JSON of a file that has a shape.

    Raises
    ------
    MissingData
        There is no such file.
    UnreadableFile
        It is no JSON, of another shape, or not as it was sealed.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingData(what, f"no {path}", remedy) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableFile(f"{what}, as a run writes it", f"{path} ({str(error)[:200]})", remedy) from error
    if not fits(value, shape) or (isinstance(value, Mapping) and SEAL in value and not believable(value)):
        raise UnreadableFile(f"{what}, as a run writes it", f"other entries in {path}", remedy)
    return value


def read_if_sound(path: Path, shape: object) -> dict | None:
    """Return the JSON of a file that has a shape; None where there is none, or it is damaged."""
    try:
        return read_shaped(path, shape, path.name)
    except (MissingData, UnreadableFile):
        return None
