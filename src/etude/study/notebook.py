"""A notebook as the study sees it: its code, its parameters, what it needs, and its outputs on newer prose.

A committed notebook is source and result in one file. Its code digest is over the meaning of its code cells, so
prose, comments and layout may change without a new run; `with_outputs` then puts the outputs of the last run under
the new text.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import sys
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType

from etude.errors import EtudeError, UnreadableFile, unknown_name
from etude.files import from_checkout, project_root
from etude.study.cells import cell_meanings, import_lines
from etude.study.frameworks import NAME as FRAMEWORK
from etude.study.frameworks import framework_parameter
from etude.study.parameters import Parameter, read_parameters

INJECTED = "injected-parameters"
CONCLUSION = "conclusion"  # the tag of cells that only read what the run kept, see `etude.study.conclusions`
NOT_RUN = {"outputs": [], "execution_count": None}
GRAMMAR = "rfc3987_syntax"


@dataclass(frozen=True)
class Notebook:
    """A notebook file: `name` is its stem, `content` its JSON."""

    path: Path
    content: dict

    @property
    def name(self) -> str:
        return self.path.stem

    @cached_property
    def code(self) -> list[dict]:
        """Code cells, without the cell that papermill injects."""
        return [c for c in self.content["cells"] if c["cell_type"] == "code" and INJECTED not in tags(c)]

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters that a run may set, by name: those that it declares, and where it has a choice `framework`."""
        choice = {FRAMEWORK: framework_parameter(self.frameworks)} if len(self.frameworks) > 1 else {}
        return {**choice, **self.declared}

    @cached_property
    def declared(self) -> dict[str, Parameter]:
        """The parameters that its cell assigns, by name."""
        cells = [cell for cell in self.code if "parameters" in tags(cell)]
        if len(cells) > 1:
            raise EtudeError("one cell tagged `parameters`", f"{len(cells)} in {self.path.name}")
        return read_parameters(text_of(cells[0]), self.path.name) if cells else {}

    @cached_property
    def digest(self) -> str:
        """The sha256 of what the code cells mean: comments, blank lines, prose, listings, conclusions do not count."""
        cells = [cell for cell in self.code if not concludes(cell)]
        meanings = cell_meanings([text_of(cell) for cell in cells])
        meaning = [[text, sorted(tags(cell))] for text, cell in zip(meanings, cells, strict=True)]
        return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()

    @property
    def frameworks(self) -> list[str]:
        """Names of the frameworks that its models run on (metadata `etude.frameworks`), the usual one first."""
        return list(self.content["metadata"].get("etude", {}).get("frameworks", []))

    @property
    def imports(self) -> str:
        """The imports of its code cells, as source text."""
        return import_lines([text_of(cell) for cell in self.code])

    @property
    def needs(self) -> list[str]:
        """Names of notebooks whose summaries it reads (metadata `etude.needs`).

        Those of the run that it is part of run before it. Others join that run, unless their committed summary holds.
        """
        return list(self.content["metadata"].get("etude", {}).get("needs", []))


def read_notebook(path: Path) -> Notebook:
    """Read a notebook of format 4; raises UnreadableFile."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["nbformat"] != 4 or not all(cell["cell_type"] and "source" in cell for cell in content["cells"]):
            raise ValueError("another format")
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise UnreadableFile("a notebook of format 4", f"{path} ({type(error).__name__}: {error})") from error
    return Notebook(path, content)


def all_notebooks() -> dict[str, Path]:
    """Return the study's notebooks, name to path, in reading order."""
    return {path.stem: path for path in sorted((project_root() / "notebooks").glob("[0-9]*.ipynb"))}


def find_notebook(given: str) -> Path:
    """Return the notebook that `11_rnn`, `notebooks/11_rnn.ipynb`, `11` or `rnn` names, or raise EtudeError."""
    known, wanted = all_notebooks(), Path(given).name.removesuffix(".ipynb")
    near = [name for name in known if wanted in (name, name.partition("_")[0], name.partition("_")[2])]
    if not known:
        from_checkout("notebooks")
    if len(near) != 1:
        raise unknown_name("notebook", wanted, known)
    return known[near[0]]


def with_parameters(content: dict, values: dict) -> dict:
    """Return the notebook with a cell that assigns `values` after the cell tagged `parameters`.

    Written here and not by papermill, which turns tuples into text.
    """
    cells = [cell for cell in content["cells"] if INJECTED not in tags(cell)]
    if values:
        lines = [f"{name} = {_literal(value)}" for name, value in values.items()]
        place = next(number for number, cell in enumerate(cells, 1) if "parameters" in tags(cell))
        cells.insert(place, code_cell("\n".join(["# Parameters of this run", *lines]), INJECTED))
    return {**content, "cells": cells}


def with_outputs(source: dict, executed: dict) -> dict:
    """Return the notebook `source` with the outputs of `executed`, which has the same code cells.

    The cell of injected parameters, which only the executed one has, stays. Conclusions may be others: of these, each
    gets the outputs of the one with its text, or none.
    """
    merged = copy.deepcopy(source)
    merged["cells"] = [cell for cell in merged["cells"] if INJECTED not in tags(cell)]
    for place, cell in enumerate(executed["cells"]):
        if INJECTED in tags(cell):
            before = sum(_works(other) for other in executed["cells"][:place])
            merged["cells"].insert(_after_code(merged["cells"], before), cell)
    own, ran = ([cell for cell in content["cells"] if _works(cell)] for content in (merged, executed))
    concluded = {text_of(cell): cell for cell in executed["cells"] if concludes(cell)}
    pairs = [(cell, concluded.get(text_of(cell), NOT_RUN)) for cell in merged["cells"] if concludes(cell)]
    for cell, done in [*zip(own, ran, strict=True), *pairs]:
        cell["outputs"], cell["execution_count"] = done["outputs"], done["execution_count"]
    for cell in merged["cells"]:  # times of a run by hand
        cell["metadata"] = {
            key: value for key, value in cell["metadata"].items() if key not in ("execution", "papermill")
        }
    return merged


def same_text(one: dict, other: dict) -> bool:
    """Say whether two notebooks differ in nothing but outputs and their own metadata."""
    ours, theirs = ([[c["cell_type"], text_of(c), c["metadata"]] for c in nb["cells"]] for nb in (one, other))
    return ours == theirs


def _after_code(cells: list[dict], count: int) -> int:
    """Return the place behind the first `count` code cells."""
    places = [place for place, cell in enumerate(cells, 1) if _works(cell)]
    return places[count - 1] if count else 0


def _works(cell: dict) -> bool:
    return cell["cell_type"] == "code" and not concludes(cell)


def code_cell(source: str, tag: str) -> dict:
    """Return a code cell that has not run; its id is its tag, so that equal runs write equal files."""
    cell = {"cell_type": "code", "id": tag, "metadata": {"tags": [tag]}, "source": source}
    return {**cell, **NOT_RUN}


def _literal(value: object) -> str:
    """Return Python source for a value of parameters."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(_literal, value)) + ("," if isinstance(value, tuple) and len(value) == 1 else "")
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    return repr(value)


def write_notebook(content: dict, path: Path) -> None:
    """Write a notebook as Jupyter does: validated, text as lists of lines."""
    nbformat = load_nbformat()
    nbformat.write(nbformat.reads(json.dumps(content), as_version=4), path)


def load_nbformat() -> ModuleType:
    """Return `nbformat`, imported without the grammar of internationalised addresses.

    jsonschema, which checks notebooks for it, makes a parser of that grammar when it is imported: 1.5 s, and 0.2 s are
    all the rest. The schema of notebooks asks for no such address.
    """
    absent = GRAMMAR not in sys.modules
    if absent:
        sys.modules[GRAMMAR] = None  # its import fails, as where it is not installed
    try:
        return import_module("nbformat")
    finally:
        if absent:
            del sys.modules[GRAMMAR]


def tags(cell: dict) -> list[str]:
    """Return the tags of a cell."""
    return cell.get("metadata", {}).get("tags", [])


def concludes(cell: dict) -> bool:
    """Say whether a cell only reads what the run kept."""
    return CONCLUSION in tags(cell)


def text_of(cell: dict) -> str:
    """Return the source of a cell (JSON keeps it as one string or as lines)."""
    return "".join(cell["source"])
