"""Summaries: what runs measured, as strict JSON, read back with word of whether they still hold."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

from etude.errors import EtudeError, MissingData, UnreadableFile, unknown_name
from etude.files import project_root, replacing
from etude.kept import sealed
from etude.study.notebook import all_notebooks, read_notebook
from etude.study.shapes import SUMMARY, read_shaped
from etude.study.source import data_digests, module_digests

FORMAT = 2
read_here: list[str] = []  # paths, relative to the project, of summaries that this process has read


@dataclass(frozen=True)
class Summary:
    """A summary that a run wrote: `data` is its JSON, `changed` names what is no longer as it was then."""

    name: str
    path: Path
    data: dict
    changed: tuple[str, ...] = ()

    @property
    def stale(self) -> bool:
        """True where code or data have changed since the run."""
        return bool(self.changed)

    def current(self) -> Summary:
        """Return the summary itself, or raise EtudeError where it is stale."""
        if self.stale:
            remedy = f"Run it again: etude run {self.name}."
            raise EtudeError(f"a current summary of {self.name}", f"one from before {', '.join(self.changed)}", remedy)
        return self

    def number(self, name: str) -> float:
        """Return a number that the run kept."""
        return self._get("numbers", name)["value"]

    def table(self, name: str):
        """Return a table that the run kept, as a pandas DataFrame."""
        import pandas

        return pandas.DataFrame(self._get("tables", name))

    def _get(self, part: str, name: str):
        kept = self.data.get(part, {})
        if name not in kept:
            raise unknown_name(f"entry among the {part} of {self.name}", name, kept)
        return kept[name]


def failed_claims(data: dict) -> list[str]:
    """Return the verdicts of a run whose conditions did not hold, from its summary's JSON."""
    return [claim["sentence"] for claim in data.get("claims", []) if not claim["holds"]]


def summary_path(folder: Path, name: str) -> Path:
    """Return where the summary of a notebook lies in the checkout or in a run's folder."""
    return folder / "reports" / "summaries" / f"{name}.json"


def read_summary(name: str, folder: Path | None = None) -> Summary:
    """Read the summary of a notebook.

    Parameters
    ----------
    name : str
        Notebook, for example ``"11_rnn"``.
    folder : Path, optional
        A run's folder. By default the run that this process belongs to, where it has that summary, else the checkout
        (what is committed).
    """
    ours = [Path(os.environ["ETUDE_RUN_DIR"])] if "ETUDE_RUN_DIR" in os.environ else []
    places = [summary_path(place, name) for place in ([folder] if folder else [*ours, project_root()])]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise MissingData(f"a summary of {name}", f"no {places[-1]}", f"Run it: etude run {name}.")
    remedy = f"Run it again: etude run {name}."
    try:
        data = read_shaped(path, {**SUMMARY, "source": SUMMARY["source?"]}, f"a summary of {name}", remedy)
        changed = tuple(_changed(name, data["source"]))
    except (ValueError, LookupError, TypeError) as error:
        if isinstance(error, EtudeError):
            raise
        raise UnreadableFile("a summary as a run writes it", f"{path} ({error!r})", remedy) from error
    root = project_root()
    read_here.append((path.relative_to(root) if path.is_relative_to(root) else path.absolute()).as_posix())
    return Summary(name, path, data, changed)


def _changed(name: str, source: dict) -> list[str]:
    modules, now = source["modules"], module_digests(list(source["modules"]))
    changed = [f"a change of {module}" for module in modules if modules[module] != now[module]]
    if source["data"] != data_digests(list(modules)):
        changed.append("a change of its data")
    path = all_notebooks().get(name)
    if source["code"] and path and read_notebook(path).digest != source["code"]:
        changed.append("a change of its code cells")
    return changed


def write_summary(path: Path, data: dict) -> None:
    """Write a summary: strict JSON in a stable order, sealed, whole or not at all."""
    text = json.dumps(sealed(as_json(data)), indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    with replacing(path) as new:
        new.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")  # JSON's own escape of a surrogate


def as_json(value):
    """Return `value` as strict JSON values: NumPy's as numbers and lists, what is not finite as None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
