"""A model on disk: `model.json` and `weights.safetensors` in a folder that appears whole or not at all.

What is read is checked before it is believed: the weights against their digest, the description against its seal
(which covers the weights, too), the values against being finite, and names, shapes and kinds of the arrays against
those that the description asks for, before any of them is made room for.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from etude.errors import CorruptCheckpoint, MissingData
from etude.files import is_there, replacing_folder
from etude.kept import SEAL, believable, holds, sealed
from etude.types import Space

FORMAT = 2
UNSEALED = 1  # a format whose description carries no seal; it is read, and not written any more
FILES = ("model.json", "weights.safetensors", "made_by.json")  # all that étude ever writes into a model's folder
KEYS = {"format": int, "name": str, "framework": str, "space": dict, "seed": int, "options": dict, "sha256": str}
LARGEST_OPTION = 2**16  # that a model may have whose weights are fewer: lengths of windows and segments
AGAIN = "Train the model again, or take it from where it came."


def write_model(folder: Path, described: dict, arrays: dict[str, np.ndarray]) -> Path:
    """Write a model into `folder`, replacing what is there only once the new files are complete.

    Raises ForeignFiles where the folder holds anything but a model.
    """
    from safetensors.numpy import save

    weights = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    described = {"format": FORMAT, **described, "sha256": hashlib.sha256(weights).hexdigest()}
    with replacing_folder(folder, FILES) as new:
        (new / "weights.safetensors").write_bytes(weights)
        (new / "model.json").write_text(json.dumps(sealed(described), indent=1) + "\n", encoding="utf-8")
    return folder


def write_made_by(folder: Path, made_by: dict) -> None:
    """Write beside a model what made it: the representation that reads it, its notebook and corpora."""
    (folder / "made_by.json").write_text(json.dumps(sealed(made_by), indent=1) + "\n", encoding="utf-8")


def read_made_by(folder: Path) -> dict:
    """Return what `made_by.json` says; raises CorruptCheckpoint where it is damaged or not there."""
    path = folder / "made_by.json"
    made_by = _json(path)
    if not believable(made_by):
        raise CorruptCheckpoint("made_by.json as it was written", f"other values in {path}", AGAIN)
    return made_by


def read_description(folder: Path) -> dict:
    """Return what `model.json` says; raises MissingData or CorruptCheckpoint."""
    path = folder / "model.json"
    if not is_there(path, Path.is_file):
        raise MissingData("a saved model", f"no model.json in {folder}", "Train one, or name another folder.")
    described = _json(path)
    for key, kind in KEYS.items():
        value = described.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise CorruptCheckpoint(f"model.json with {key}, {_noun(kind)}", f"{value!r:.80} in {path}", AGAIN)
    if described["format"] not in (FORMAT, UNSEALED):
        raise CorruptCheckpoint(f"model.json of format {FORMAT}", f"{described['format']} in {path}", AGAIN)
    return described


def read_model(folder: Path, name: str) -> tuple[dict, dict[str, np.ndarray]]:
    """Return description and arrays of the model in `folder`, checked against digest and seal."""
    described = read_description(folder)
    if described["name"] != name:
        raise CorruptCheckpoint(f"a saved {name}", described["name"], "Use etude.load, which reads any model.")
    if described["format"] == FORMAT and not holds(described):
        raise CorruptCheckpoint("model.json as it was written", f"other values in {folder}", AGAIN)
    return described, _read_weights(folder / "weights.safetensors", described["sha256"])


def rebuilt(family: type, described: dict, arrays: dict[str, np.ndarray], framework: str | None = None):
    """Return the model of a family that description and arrays make; raises CorruptCheckpoint where they make none.

    What the description asks for is compared with what is there before any of it is built, so that a size that was
    changed does not take the memory of a large model first. `framework` computes, by default the family's first.
    """
    with _making(family):
        space = described["space"]
        steps = Space(tuple(space["event_shape"]), space["levels"], space["rate"], space["end"])
        _compare(family, steps, described, arrays)
        model = family(steps, seed=described["seed"], **described["options"])
    model.on(framework)
    with _making(family):
        model._restore(arrays)
    return model


@contextmanager
def _making(family: type) -> Iterator[None]:
    """Tell whatever goes wrong in the block as damage to what is read."""
    try:
        yield
    except CorruptCheckpoint:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError, MemoryError) as error:
        what = str(error).strip().partition("\n")[0] or type(error).__name__
        raise CorruptCheckpoint(f"a description and weights that make a {family.name}", what[:300], AGAIN) from error


class Drawn(np.random.Generator):
    """A generator that draws nothing but zeros, and of them only so many: what initial weights it is asked for fits.

    It lets a family say, by its own code, which arrays it has, where its options may have been damaged.
    """

    def __init__(self, most: int):
        super().__init__(np.random.PCG64(0))
        self.left = most

    def _zeros(self, size) -> np.ndarray:
        shape = tuple(np.atleast_1d(() if size is None else size).tolist())
        self.left -= int(np.prod(shape, dtype=object)) if shape else 1
        if self.left < 0:
            raise CorruptCheckpoint("as many weights as model.json asks for", "fewer in weights.safetensors", AGAIN)
        return np.zeros(shape)

    def normal(self, loc=0.0, scale=1.0, size=None):
        """Return zeros of a shape."""
        return self._zeros(size)

    def uniform(self, low=0.0, high=1.0, size=None):
        """Return zeros of a shape."""
        return self._zeros(size)


def _compare(family: type, space: Space, described: dict, arrays: dict[str, np.ndarray]) -> None:
    """Hold the arrays against those of an untrained model, for families that draw their weights."""
    known = _defaults(family)
    unknown = sorted(described["options"].keys() - known.keys())
    if unknown:
        raise CorruptCheckpoint(f"options of {family.name}: {', '.join(known)}", unknown[0], AGAIN)
    most = max(sum(array.size for array in arrays.values()), LARGEST_OPTION)
    large = [name for name, value in described["options"].items() if isinstance(value, int) and abs(value) > most]
    if large:
        raise CorruptCheckpoint(f"{large[0]} of at most {most}, as the weights are no more", "a larger one", AGAIN)
    if not hasattr(family, "_initial"):
        return
    expected = _outline(family, space, described, known, sum(array.size for array in arrays.values()))
    wanted = {name: (array.shape, array.dtype) for name, array in expected.items()}
    got = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    for name in sorted(wanted.keys() | got.keys()):
        if wanted.get(name) != got.get(name):
            raise CorruptCheckpoint(f"{name}: {_shown(wanted.get(name))}", _shown(got.get(name)), AGAIN)


def _outline(family: type, space: Space, described: dict, defaults: dict, most: int) -> dict[str, np.ndarray]:
    """Return the arrays of an untrained model, of zeros; raises CorruptCheckpoint where they have over `most` numbers.

    Most families know them from their options alone, and are asked before they are built, as building may take room
    for the arrays; the others are built first.
    """
    bare = object.__new__(family)
    bare.space, bare.seed, bare.options = space, described["seed"], {**defaults, **described["options"]}
    try:
        return bare._initial(Drawn(most))
    except AttributeError:
        return family(space, seed=described["seed"], **described["options"])._initial(Drawn(most))


def _defaults(family: type) -> dict:
    """Return the options of a family with their defaults, those of its bases included, where it passes them on."""
    found: dict = {}
    for base in [base for base in family.__mro__ if "__init__" in vars(base)]:
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        named = [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
        named = [p for p in named if p.name not in ("space", "seed")]
        found = {p.name: None if p.default is p.empty else p.default for p in named} | found
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    return found


def _read_weights(path: Path, sha256: str) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        weights = path.read_bytes()
        if hashlib.sha256(weights).hexdigest() != sha256:
            raise CorruptCheckpoint("weights that match their digest", f"other bytes in {path}", AGAIN)
        arrays = load(weights)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, MemoryError) as error:
        if isinstance(error, CorruptCheckpoint):
            raise
        raise CorruptCheckpoint("readable weights", f"{path}: {error}"[:300], AGAIN) from error
    for name, array in arrays.items():
        if array.dtype.kind not in "iufb" or not np.isfinite(array).all():
            raise CorruptCheckpoint("finite numbers as weights", f"others in {name} of {path}", AGAIN)
    return arrays


def _json(path: Path) -> dict:
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CorruptCheckpoint(f"{path.name} as étude writes it", f"{path}: {error}"[:300], AGAIN) from error
    if not isinstance(described, dict):
        raise CorruptCheckpoint(f"{path.name} as étude writes it", f"no object in {path}", AGAIN)
    return described


def _noun(kind: type) -> str:
    return {int: "a whole number", str: "a text", dict: "an object"}[kind]


def _shown(array: tuple | None) -> str:
    return "none" if array is None else f"{array[1]} of shape {array[0]}"


__all__ = ["FILES", "SEAL", "read_description", "read_made_by", "read_model", "rebuilt", "write_made_by", "write_model"]
