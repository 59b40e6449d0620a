"""Runs a plan: Snakemake orders the stale jobs and runs them side by side, this process watches and tells.

Stopping is safe at any time. Ctrl-C ends the kernels; what has a record stays, the rest starts again at the next run
and goes on from its checkpoint.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from etude.files import from_checkout, made_folder, project_root, replacing
from etude.locks import alone
from etude.study.conductor import GRACE
from etude.study.executors import executor_folder, jobs_at_once, module_of, require, threads_each
from etude.study.plan import Job, Plan
from etude.study.preparation import prepare, with_its_data
from etude.study.progress import Display, Status
from etude.study.publish import publish, refresh
from etude.study.report import write_report
from etude.study.shapes import PLAN, read_if_sound
from etude.study.staleness import reasons_by_job, record_path, upstream_ids
from etude.study.watch import Watch

LITTLE = 2**20  # bytes without which no result can be written
LOOK = 0.3  # seconds between two looks at the jobs


@dataclass
class Outcome:
    """How a run ended: the final status of each job, what was published, and where things lie."""

    folder: Path
    statuses: dict[str, Status]
    seconds: float
    notes: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        """Ids of the jobs that failed or never came to run."""
        return [job for job, status in self.statuses.items() if status.state not in ("done", "current")]


class Interrupted(Exception):
    """The run was stopped by Ctrl-C or SIGTERM; everything can be resumed."""


def run(
    plan: Plan,
    jobs: int | None = None,
    force: bool = False,
    executor: str = "local",
    stream=None,
    refit: bool = False,
) -> Outcome:
    """Run what is stale of a plan, `jobs` notebooks at once, and report.

    With `force`, what is current runs too; fits that are there are still read. With `refit`, which is also that, all
    fits are learnt anew and take the place of the old ones once their notebook has finished.

    Raises
    ------
    EtudeError
        Where another process is working on the same run.
    Interrupted
        After Ctrl-C or SIGTERM, once the kernels have ended.
    """
    started, stream = time.time(), stream or sys.stderr
    require(executor)
    jobs, (plan, notes) = jobs_at_once(executor, jobs), with_its_data(plan)
    with _only_one(plan.folder):
        reasons = reasons_by_job(plan, force or refit)
        for job in plan.jobs:
            if reasons[job.id]:
                _write_plan(plan, job, reasons[job.id], refit)
        if any(reasons.values()):
            prepare(job.notebook for job in plan.jobs if reasons[job.id])
            watch = Watch(plan, reasons, started, Display([job.id for job in plan.jobs], stream))
            notes += _snakemake(plan, reasons, jobs, executor, watch)
            statuses = watch.statuses(final=True)
        else:
            statuses = {job.id: Status("current") for job in plan.jobs}
        notes += _settle(plan, statuses)
    return Outcome(plan.folder, statuses, time.time() - started, notes)


def _settle(plan: Plan, statuses: dict[str, Status]) -> list[str]:
    """Bring texts up to date and publish what a full run finished; return what is worth a line."""
    notes = []
    for job in plan.jobs:
        state = statuses[job.id].state
        said = refresh(plan.folder, job) if state == "current" else ""
        notes += [f"{job.id}: current; {said}"] if said else []
        if plan.publish and state in ("done", "current"):
            said = publish(plan.folder, job)
            notes += [f"{job.id}: {said}"] if said else []
    if any(note.endswith(": published") for note in notes):
        write_report()
    return notes


def _only_one(folder: Path):
    """Hold the run's lock, which a holder that dies, however it dies, gives back."""
    remedy = "Wait for it or stop it, or give this run a --name of its own."
    return alone(made_folder(folder / "plan") / "run", wait=False, what=f"the run {folder.name}", remedy=remedy)


def _write_plan(plan: Plan, job: Job, reasons: list[str], refit: bool) -> None:
    """Write `plan/JOB.json`: newer than the record, it makes Snakemake run the job.

    It says when it was asked, too: Snakemake takes a newer file of the same content for the old one.
    """
    folder = plan.folder
    planned = {
        "source": job.notebook.path.relative_to(project_root()).as_posix(),
        "profile": job.profile,
        "parameters": job.parameters,
        "part": job.part,
        "cell_timeout": job.cell_timeout,
        "refit": refit,
    }
    planned |= {
        "id": _id_of(folder, job.id, planned),
        "because": reasons,
        "asked": time.time(),
        "request": plan.request,
    }
    for part in ("logs", "records"):
        made_folder(folder / part)
    with replacing(folder / "plan" / f"{job.id}.json") as new:
        new.write_text(json.dumps(planned, indent=1) + "\n", encoding="utf-8")
    (folder / "plan" / f"{job.id}.progress").unlink(missing_ok=True)
    (folder / "logs" / f"{job.id}.failure.json").unlink(missing_ok=True)


def _id_of(folder: Path, job_id: str, planned: dict) -> str:
    """Return the id of a plan: a new one, or where the same was planned and has not ended, that of then.

    Who is still at it somewhere, or has just finished it unseen, then does this plan's work.
    """
    old = {} if record_path(folder, job_id).is_file() else read_if_sound(folder / "plan" / f"{job_id}.json", PLAN) or {}
    same = json.dumps(planned) == json.dumps({key: old.get(key) for key in planned})
    return old["id"] if same else uuid.uuid4().hex


def snakemake_command(plan: Plan, reasons: dict[str, list[str]], jobs: int, executor: str) -> list[str]:
    """Return the command line of Snakemake for the stale jobs: by time of `plan/JOB.json` alone, longest first."""
    threads = threads_each(executor, jobs)
    stale = [job.id for job in plan.jobs if reasons[job.id]]
    workflow = from_checkout("workflow")
    many = ["--jobs", str(jobs)] if executor != "local" else []
    return [
        *(sys.executable, "-m", "etude.study.conductor", str(plan.folder)),
        *(f"records/{job}.json" for job in stale),
        *("--snakefile", str(workflow / "Snakefile"), "--directory", str(plan.folder)),
        *("--configfile", str(plan.folder / "plan" / "workflow.config"), "--cores", str(jobs * threads), *many),
        *("--profile", str(executor_folder(executor)), "--workflow-profile", "none"),
        *("--rerun-triggers", "mtime", "--rerun-incomplete", "--keep-going", "--nolock", "--nocolor"),
        *("--prioritize", *(f"records/{job}.json" for job in _longest(plan, stale))),
    ]


def _longest(plan: Plan, stale: list[str]) -> list[str]:
    """Return the stale jobs that take longest: those that train (chapters from 11 on)."""
    return [job for job in stale if not job.startswith("0")] or stale[:1]


def _snakemake(plan: Plan, reasons: dict[str, list[str]], jobs: int, executor: str, watch: Watch) -> list[str]:
    folder = plan.folder
    config = {
        "jobs": {job.id: upstream_ids(job, plan.jobs) for job in plan.jobs},
        "threads": threads_each(executor, jobs),
        "module": module_of(executor),
    }
    with replacing(folder / "plan" / "workflow.config") as new:
        new.write_text(json.dumps(config), encoding="utf-8")
    environment = {
        **os.environ,
        "ETUDE_RUNNER": f"{socket.gethostname()}:{os.getpid()}",
        "ETUDE_ROOT": str(project_root()),
    }
    command = snakemake_command(plan, reasons, jobs, executor)
    with (folder / "logs" / "snakemake.log").open("w", encoding="utf-8") as log, _terminable():
        process = subprocess.Popen(  # a session of its own: Ctrl-C reaches this process only, which then stops it
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                watch.look()
                time.sleep(LOOK)
        except KeyboardInterrupt:
            _stop(process, executor)
            raise Interrupted from None
        finally:
            watch.look(final=True)
    told = any(watch.statuses(final=True)[job].state == "failed" for job in reasons)
    full = [f"No space left on device: {folder}"] if shutil.disk_usage(folder).free < LITTLE else []
    failed = [f"Snakemake failed: see {folder / 'logs' / 'snakemake.log'}"]
    return failed + full if process.returncode and not told else []


@contextmanager
def _terminable() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C while the block runs."""

    def interrupt(_signal, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(process: subprocess.Popen, executor: str) -> None:
    """End Snakemake and the jobs below it, or in the queue of a cluster: first asked, after a while made to."""
    if executor != "local":
        _end(process, lambda: process.send_signal(signal.SIGINT))
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            _end(process, lambda how=how: os.killpg(process.pid, how))


def _end(process: subprocess.Popen, ask: Callable[[], None]) -> None:
    try:
        ask()
        process.wait(GRACE)
    except (ProcessLookupError, subprocess.TimeoutExpired, KeyboardInterrupt):
        return
