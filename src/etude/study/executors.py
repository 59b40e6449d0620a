"""Where the jobs of a run are executed: the folders of `workflow/executors`, each with Snakemake's settings."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from etude.errors import EtudeError, MissingPackage, unknown_name
from etude.files import from_checkout
from etude.study import environment
from etude.study.environment import cores, default_jobs
from etude.study.plan import Job, Plan

MANY = 100  # jobs at once where others carry them, if nobody says
PLUGINS = {"slurm": "slurm"}  # executor -> the extra of the project that brings what Snakemake needs for it
MODULES = {"kubernetes": "etude.study.kubernetes"}  # executor -> what executes a plan, where it is no process of ours
COMMANDS = {"slurm": "sbatch", "kubernetes": "kubectl"}  # executor -> how it is reached


def executor_folder(name: str) -> Path:
    """Return the folder of an executor; raises EtudeError where there is none of this name."""
    known = {path.name: path for path in from_checkout("workflow/executors").glob("*") if path.is_dir()}
    if name not in known:
        raise unknown_name("executor", name, known)
    return known[name]


def require(name: str) -> None:
    """Raise where this machine lacks what an executor needs: MissingPackage, or EtudeError for a command."""
    if name in PLUGINS and find_spec(f"snakemake_executor_plugin_{name}") is None:
        package = f"snakemake-executor-plugin-{name}"
        raise MissingPackage(f"the package {package}", "none", f"Install it: pip install {package}.")
    if name in COMMANDS and shutil.which(COMMANDS[name]) is None:
        remedy = f"Call étude where `{COMMANDS[name]}` works, or show the jobs with --dry-run."
        raise EtudeError(f"the command {COMMANDS[name]}, by which {name} is reached", "none", remedy)


def jobs_at_once(name: str, jobs: int | None) -> int:
    """Return how many jobs run at once where `jobs` does not say."""
    return jobs or (default_jobs() if name == "local" else MANY)


def module_of(name: str) -> str:
    """Return the module that Snakemake calls with a plan."""
    return MODULES.get(name, "etude.study.execute")


def threads_each(name: str, jobs: int) -> int:
    """Return the threads of a job: a share of this machine's cores, or elsewhere one, unless the executor sets more."""
    return environment.threads_each(jobs if name == "local" else cores())


def shown_jobs(name: str, plan: Plan, jobs: list[Job]) -> str:
    """Return how jobs would be handed to an executor, for reading; "" for one that has no text of its own."""
    if name != "kubernetes" or not jobs:
        return ""
    from etude.study.kubernetes import shown

    return "---\n" + shown(plan, jobs, threads_each(name, len(jobs)))
