"""A model on disk: `model.json` and `weights.safetensors` in a folder that appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from etude.errors import CorruptCheckpoint, MissingData
from etude.files import replacing_folder

FORMAT = 1


def write_model(folder: Path, described: dict, arrays: dict[str, np.ndarray]) -> Path:
    """Write a model into `folder`, replacing what is there only once the new files are complete."""
    from safetensors.numpy import save

    weights = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    described = {"format": FORMAT, **described, "sha256": hashlib.sha256(weights).hexdigest()}
    with replacing_folder(folder) as new:
        (new / "weights.safetensors").write_bytes(weights)
        (new / "model.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    return folder


def read_description(folder: Path) -> dict:
    """Return what `model.json` says; raises MissingData or CorruptCheckpoint."""
    path = folder / "model.json"
    if not path.is_file():
        raise MissingData("a saved model", f"no model.json in {folder}", "Train one, or name another folder.")
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        complete = {"format", "name", "framework", "space", "seed", "options", "sha256"} <= described.keys()
    except (ValueError, AttributeError) as error:
        raise CorruptCheckpoint("model.json as étude writes it", f"{path}: {error}") from error
    if not complete or described["format"] != FORMAT:
        raise CorruptCheckpoint(f"model.json of format {FORMAT}", f"{path}", "Train the model again.")
    return described


def read_model(folder: Path, name: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Return description and arrays of the model in `folder`, checked against its digest."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    described = read_description(folder)
    if described["name"] != name:
        raise CorruptCheckpoint(f"a saved {name}", described["name"], "Use etude.load, which reads any model.")
    try:
        weights = (folder / "weights.safetensors").read_bytes()
        if hashlib.sha256(weights).hexdigest() != described["sha256"]:
            raise CorruptCheckpoint("weights that match their digest", f"other bytes in {folder}", "Train it again.")
        return described, load(weights)
    except (OSError, SafetensorError) as error:
        raise CorruptCheckpoint("readable weights", f"{folder}: {error}", "Train the model again.") from error
