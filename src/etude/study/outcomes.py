"""What batches found, as one table: a row per run with its parameters, its headline numbers and what it cost.

>>> from etude import study
>>> study.results("quick-cell=lstm,gru")  # DataFrame
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from etude.evaluation.compressors import COMPRESSORS
from etude.files import project_root
from etude.registry import FLOORS
from etude.study.batches import COMMITTED, chosen, planned
from etude.study.notebook import all_notebooks, find_notebook, read_notebook
from etude.study.shapes import SUMMARY, read_if_sound
from etude.study.summary import summary_path

RATES = {"bits_per_second": "bit/s", "kbit_per_second": "kbit/s"}  # columns of a table of code lengths, and their units
MADE_BY_COUNTING = {*FLOORS, "flac", *(f"{name} {how}" for name in COMPRESSORS for how in ("alone", "primed"))}
COSTS = ("cpu_seconds", "wall_seconds", "train_seconds", "peak_memory_mb", "threads")
ABOUT = ("run", "job", "notebook", "profile")


def results(*runs: str):
    """Return what runs found, a row each.

    Parameters
    ----------
    *runs : str
        Names of runs under `reports/runs`, or "committed"; none means all, the committed chapters first.

    Returns
    -------
    pandas.DataFrame
        run, job, notebook, profile; each parameter that differs from the notebook's default as `parameter NAME`; each
        headline number by its name and unit (the numbers that a chapter keeps, and the code lengths of its test split
        that are no floor's); cpu_seconds (of all cores, without fits that were only read), wall_seconds, train_seconds
        (of the fits, when they were learnt), peak_memory_mb, threads (on which the last digits depend); answer, the
        chapter's own words.
    """
    import pandas

    rows = list(rows_of(*runs))
    names = list(dict.fromkeys(name for row in rows for name in row))
    first = [*ABOUT, *(name for name in names if name.startswith("parameter "))]
    last = [*COSTS, "answer"]
    middle = [name for name in names if name not in first and name not in last]
    return pandas.DataFrame(rows, columns=[*first, *middle, *last])


def rows_of(*runs: str) -> Iterator[dict]:
    """Yield the rows of `results` as dictionaries, each with what its own run has."""
    for name, folder in chosen(list(runs)).items():
        for job, notebook, place in _jobs(folder):
            summary = read_if_sound(summary_path(place, notebook), SUMMARY)
            if summary is not None:
                yield {"run": name, "job": job, "notebook": notebook, **_row(notebook, summary)}


def _jobs(folder: Path | None) -> list[tuple[str, str, Path]]:
    if folder is None:
        return [(name, name, project_root()) for name in all_notebooks()]
    return [(job.id, job.notebook.name, folder / job.part) for job in planned(folder)[0]]


def _row(notebook: str, summary: Mapping) -> dict:
    seconds = [fit.get("train_seconds", 0) for fit in summary.get("cost", {}).values()]
    return {
        "profile": summary.get("profile", ""),
        **{f"parameter {name}": text for name, text in changed_parameters(notebook, summary).items()},
        **headlines(summary),
        "train_seconds": round(sum(seconds), 2),
        **{name: summary.get(name) for name in COSTS if name != "train_seconds"},
        "answer": summary.get("answer", ""),
    }


def changed_parameters(notebook: str, summary: Mapping) -> dict[str, object]:
    """Return the parameters of a run that differ from the notebook's own; of dictionaries, the entries that do."""
    own = read_notebook(find_notebook(notebook)).parameters
    found = {}
    for name, value in summary.get("parameters", {}).items():
        default = own[name].default if name in own else None
        default = list(default) if isinstance(default, tuple) else default
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            found |= {f"{name}[{key}]": entry for key, entry in value.items() if entry != default.get(key)}
        elif value != default:
            found[name] = value
    return found


def headlines(summary: Mapping) -> dict[str, float]:
    """Return the numbers that a summary puts first, by name and unit."""
    found = {}
    for name, number in summary.get("numbers", {}).items():
        unit = number.get("unit", "")
        found[f"{name} ({unit})" if unit else name] = number["value"]
    tested = summary.get("tables", {}).get("test", [])
    rows = [row for row in tested if isinstance(row, Mapping) and "model" in row] if isinstance(tested, list) else []
    for row in rows:
        for column, unit in RATES.items():
            if column in row and str(row["model"]).lower() not in MADE_BY_COUNTING:
                found[f"{row['model']} on {row.get('representation')} ({unit})"] = row[column]
    return found


def shown(row: Mapping) -> str:
    """Return a row as lines for a terminal."""
    own = [name for name in row if name not in (*ABOUT, *COSTS, "answer") and not name.startswith("parameter ")]
    changed = [f"{k.removeprefix('parameter ')} = {v!r}" for k, v in row.items() if k.startswith("parameter ")]
    numbers = [f"{name} {row[name]:.5g}" if isinstance(row[name], float) else f"{name} {row[name]}" for name in own]
    where = row["job"] if row["run"] == COMMITTED else f"{row['run']}/{row['job']}"
    spent = [f"{row['cpu_seconds']:.0f} s of CPU"] if row.get("cpu_seconds") is not None else []
    spent += [f"{row['wall_seconds']:.0f} s"] if row.get("wall_seconds") is not None else []
    spent += [f"{row['peak_memory_mb']:.0f} MB"] if row.get("peak_memory_mb") is not None else []
    lines = [f"{where} ({row['profile']}; {', '.join(spent)})"]
    lines += [f"  with  {', '.join(changed)}"] if changed else []
    return "\n".join(lines + [f"  {number}" for number in numbers])
