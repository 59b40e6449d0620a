"""Is a result still what its notebook, parameters, code, packages and data would give? By content, never by time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from etude.kept import believable
from etude.study.plan import Job, Plan
from etude.study.shapes import RECORD, read_if_sound
from etude.study.source import data_digests, file_digests, module_digests, read_package, version_of

FORMAT = 2


def record_path(folder: Path, job_id: str) -> Path:
    """Return where the record of a finished job lies; there is none while it has not finished."""
    return folder / "records" / f"{job_id}.json"


def read_record(folder: Path, job_id: str) -> dict | None:
    """Return the record of a finished job, None where there is none, or it is not as it was written."""
    record = read_if_sound(record_path(folder, job_id), RECORD)
    return record if record and record["format"] == FORMAT and believable(record) else None


def reasons_by_job(plan: Plan, force: bool = False) -> dict[str, list[str]]:
    """Return for every job why it must run; an empty list means that it is current.

    A job whose needed notebook runs again runs again too.
    """
    texts, reasons = read_package(), {}
    for job in _needed_first(plan.jobs):
        record = read_record(plan.folder, job.id)
        again = ["forced"] if force else ["not finished yet"] if record is None else _changes(plan, job, record, texts)
        upstream = [other for other in upstream_ids(job, plan.jobs) if reasons.get(other)]
        reasons[job.id] = again + [f"{other} runs again" for other in upstream]
    return {job.id: reasons[job.id] for job in plan.jobs}


def upstream_ids(job: Job, jobs: Iterable[Job]) -> list[str]:
    """Return the ids of the jobs of this run that must finish before `job`."""
    return [other.id for other in jobs if other.part == job.part and other.notebook.name in job.notebook.needs]


def _needed_first(jobs: list[Job]) -> list[Job]:
    ordered, left = [], list(jobs)
    while left:
        waiting = {job.id for job in left}
        free = [
            job for job in left if not waiting & set(upstream_ids(job, left))
        ] or left  # a circle: Snakemake says so
        ordered += free
        left = [job for job in left if job not in free]
    return ordered


def _changes(plan: Plan, job: Job, record: dict, texts: dict[str, str]) -> Iterable[str]:
    return [
        *_parameter_changes(record["parameters"], job.parameters),
        *(["its code cells changed"] if record["code"] != job.notebook.digest else []),
        *_table_changes(record["modules"], module_digests(list(record["modules"]), texts)),
        *_package_changes(record["packages"]),
        *_table_changes(record["data"], data_digests(list(record["modules"]))),
        *_table_changes(record["inputs"], file_digests(list(record["inputs"]))),
        *(f"{path} is missing" for path in record["outputs"] if not (plan.folder / job.part / path).is_file()),
    ]


def _parameter_changes(was: dict, now: dict) -> list[str]:
    names = [name for name in {**was, **now} if was.get(name) != repr_or_none(now, name)]
    return [f"{name} = {repr_or_none(now, name) or 'default'}, was {was.get(name, 'default')}" for name in names]


def repr_or_none(values: dict, name: str) -> str | None:
    """Return a parameter as the record keeps it."""
    return repr(values[name]) if name in values else None


def _table_changes(was: dict[str, str], now: dict[str, str]) -> list[str]:
    names = [name for name in {**was, **now} if was.get(name) != now.get(name)]
    return [f"{name} {'changed' if now.get(name) else 'is gone'}" for name in names]


def _package_changes(was: dict[str, str]) -> list[str]:
    changed = [(name, version, version_of(name)) for name, version in was.items() if version_of(name) != version]
    return [f"{name} {now or 'none'}, was {version}" for name, version, now in changed]
