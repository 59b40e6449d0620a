"""Batches read back from what they left on disk: what is current, stale and why, failed where, running since when.

A batch is the folder of a run, `reports/runs/NAME`; the committed chapters are one, too. Nothing here waits for a
runner or disturbs it: whether somebody is at work is seen from their locks.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from etude.errors import EtudeError, MissingData, unknown_name
from etude.files import project_root, runs_dir
from etude.locks import holder
from etude.study.notebook import all_notebooks, find_notebook, read_notebook
from etude.study.plan import Job, Plan
from etude.study.progress import duration
from etude.study.requests import command, plan_again
from etude.study.shapes import FAILURE, PLAN, PROGRESS, read_if_sound
from etude.study.source import version_of
from etude.study.staleness import read_record, reasons_by_job
from etude.study.summary import read_summary, summary_path

COMMITTED = "committed"
STATES = ("current", "stale", "failed", "running", "waiting", "stopped", "missing")
NAME = re.compile(r".*(?<!\.partial)\.json")


@dataclass(frozen=True)
class State:
    """How a job stands: `state` is one of STATES, `detail` says it in words, `again` is the command that runs it."""

    job: str
    state: str
    detail: str = ""
    again: str = ""
    log: Path | None = None


def batches() -> dict[str, Path]:
    """Return the folders of runs by name, the newest last."""
    folders = [path.parent for path in runs_dir().glob("*/plan") if any(path.glob("*.json"))]
    return {folder.name: folder for folder in sorted(folders, key=lambda folder: (folder / "plan").stat().st_mtime)}


def batch(name: str) -> Path:
    """Return the folder of a run; raises EtudeError with the nearest name."""
    known = batches()
    if name not in known:
        raise unknown_name("run", name, [*known, COMMITTED])
    return known[name]


def committed_states() -> list[State]:
    """Return how the committed chapters stand."""
    return [_committed(name) for name in all_notebooks()]


def _committed(name: str) -> State:
    again = command({"names": [name], "profile": "full"})
    if not summary_path(project_root(), name).is_file():
        return State(name, "missing", "never run in profile full", again)
    try:
        summary = read_summary(name, project_root())
    except EtudeError as error:
        return State(name, "stale", str(error), again)
    reasons = [change.removeprefix("a change of ") + " changed" for change in summary.changed]
    if summary.data.get("profile") != "full":
        reasons.append(f"it is of profile {summary.data.get('profile')}")
    if reasons:
        return State(name, "stale", "; ".join(reasons), again)
    return State(name, "current", _other_versions(summary.data.get("versions", {})))


def _other_versions(versions: Mapping[str, str]) -> str:
    moved = [f"{name} {version}" for name, version in versions.items() if version_of(name) != version]
    return f"made with {', '.join(moved)}; here are others" if moved else ""


def planned(folder: Path) -> tuple[list[Job], dict[str, Mapping]]:
    """Return the jobs that a run was asked for, as they would be planned now, and by id what was asked."""
    jobs, requests, plans = {}, {}, {}
    for path in sorted((folder / "plan").glob("*.json")):
        said = read_if_sound(path, PLAN) if NAME.fullmatch(path.name) else None
        if said is None:
            continue
        request = said.get("request") or {"names": [path.stem.partition("@")[0]], "profile": said["profile"]}
        requests[path.stem] = {**request, "name": request.get("name") or _own_name(folder, request)}
        job = _planned_again(path.stem, request, plans) or _as_written(said)
        if job is not None:
            jobs[path.stem] = job
    order = {job_id: number for plan in plans.values() for number, job_id in enumerate(plan)}
    ordered = sorted(jobs.values(), key=lambda job: (job.notebook.name, order.get(job.id, len(order))))
    return ordered, requests


def _own_name(folder: Path, request: Mapping) -> str | None:
    """Return the name to ask for a run by, None where it has the one that it would get anyway."""
    plain = not any(request.get(key) for key in ("settings", "sweep", "sweep_file"))
    return None if not plain or folder.name == request.get("profile") else folder.name


def _planned_again(job_id: str, request: Mapping, plans: dict) -> Job | None:
    if "sweep" not in request:
        return None
    if (key := repr(sorted(request.items()))) not in plans:
        try:
            plans[key] = {job.id: job for job in plan_again(request).jobs}
        except EtudeError:  # the file of a sweep is gone, or a parameter: what was planned still says what it was
            plans[key] = {}
    return plans[key].get(job_id)


def _as_written(said: Mapping) -> Job | None:
    try:
        notebook = read_notebook(find_notebook(Path(said["source"]).name))
        known = {name: value for name, value in said["parameters"].items() if name in notebook.parameters}
        parameters = {name: notebook.parameters[name].check(value) for name, value in known.items()}
    except EtudeError:
        return None
    return Job(notebook, said["profile"], parameters, said["part"], int(said["cell_timeout"]))


def states(folder: Path) -> list[State]:
    """Return how the jobs of a run stand, in reading order."""
    jobs, requests = planned(folder)
    reasons = reasons_by_job(Plan(folder, jobs, False))
    at_work = holder(folder / "plan" / "run")
    return [_state(folder, job, reasons[job.id], requests[job.id], at_work) for job in jobs]


def _state(folder: Path, job: Job, reasons: list[str], request: Mapping, at_work: str) -> State:
    again, log = command(request, job.id), folder / "logs" / f"{job.id}.log"
    cell = read_if_sound(folder / "plan" / f"{job.id}.progress", PROGRESS)
    if who := holder(folder / "plan" / job.id):
        return State(job.id, "running", f"{_where(cell)}, {who}", log=log)
    failure = read_if_sound(folder / "logs" / f"{job.id}.failure.json", FAILURE)
    if failure:
        return State(job.id, "failed", f"{failure['where']}: {_first_line(failure['what'])}", again, log)
    if not reasons:
        return State(job.id, "current")
    if read_record(folder, job.id):
        return State(job.id, "waiting" if at_work else "stale", "; ".join(reasons), again)
    if at_work:
        return State(job.id, "waiting", at_work)
    return State(job.id, "stopped", _where(cell) if cell else "before its first cell", again, log)


def _where(cell: Mapping | None) -> str:
    if cell is None:
        return "before its first cell"
    since = time.strftime("%H:%M:%S", time.localtime(cell["started"]))
    past = duration(max(0.0, time.time() - cell["started"]))
    return f"cell {cell['number']} of {cell['of']} (`{cell['line']}`), since {since} ({past})"


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def chosen(names: list[str]) -> dict[str, Path | None]:
    """Return the batches to show, by name: all of them where none is named; None stands for what is committed."""
    if not names:
        return {COMMITTED: None, **batches()}
    found = {name: None if name == COMMITTED else batch(name) for name in names}
    if not all_notebooks() and COMMITTED in found:
        raise MissingData("notebooks of a checkout", "none here")
    return found
