"""A run as a Job of Kubernetes: ``python -m etude.study.kubernetes plan/JOB.json --threads 1`` makes it and waits.

Snakemake calls it in place of `etude.study.execute`, which then runs in a pod that sees the same files. The Job is
named after the plan: who comes again after a kill finds it and waits on. Interrupted, it takes the Job away.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from etude.errors import EtudeError
from etude.files import fits_dir, from_checkout, project_root, runs_dir
from etude.study.conductor import follow_runner
from etude.study.plan import Job, Plan
from etude.study.shapes import PLAN, read_shaped

LOOK = 5.0  # seconds between two looks at a Job
MEMORY = "4000M"  # as workflow/Snakefile
PASSED_ON = ("ETUDE_CACHE", "PYTHONPATH")  # variables that a pod gets as they are here, if they are set


def main(arguments: list[str] | None = None) -> int:
    """Make the Job of a plan and wait for its end; return 0, 1 where it failed, 130 where it was stopped."""
    parser = argparse.ArgumentParser(prog="python -m etude.study.kubernetes", description=__doc__.splitlines()[0])
    parser.add_argument("plan", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=follow_runner, args=(lambda: os.kill(os.getpid(), signal.SIGTERM),), daemon=True).start()
    plan = given.plan.resolve()
    job = rendered(plan, read_shaped(plan, PLAN, "the plan of a job")["id"], given.threads)
    try:
        return 0 if _ends_well(job) else 1
    except KeyboardInterrupt:
        _kubectl("delete", "job", job["metadata"]["name"], "--ignore-not-found", "--wait=false")
        return 130


def rendered(plan: Path, plan_id: str, threads: int) -> dict:
    """Return the Job that executes a plan: `workflow/executors/kubernetes/job.yaml`, filled in."""
    import yaml

    place = from_checkout("workflow/executors/kubernetes/job.yaml")
    try:
        job = copy.deepcopy(yaml.safe_load(place.read_text(encoding="utf-8")))
        container = job["spec"]["template"]["spec"]["containers"][0]
    except (yaml.YAMLError, ValueError, LookupError, TypeError) as error:
        raise EtudeError("a Job of Kubernetes", f"{place} ({' '.join(str(error).split())})") from error
    job["metadata"]["name"] = job_name(plan.stem, plan_id)
    command = [sys.executable, "-m", "etude.study.execute", str(plan), "--threads", str(threads)]
    container |= {"command": command, "workingDir": str(plan.parents[1]), "env": _environment()}
    container["resources"] = {"requests": {"cpu": str(threads), "memory": MEMORY}, **container.get("resources", {})}
    return job


def job_name(job_id: str, plan_id: str) -> str:
    """Return a name that Kubernetes takes: small letters, digits and dashes, at most 63, another for each plan."""
    plain = re.sub(r"[^a-z0-9]+", "-", job_id.lower()).strip("-")[:40].strip("-")
    return f"etude-{plain}-{plan_id[:12]}"


def shown(plan: Plan, jobs: list[Job], threads: int) -> str:
    """Return the Jobs of a plan as YAML, under names that stand for those they get once they are made."""
    import yaml

    said = [rendered(plan.folder / "plan" / f"{job.id}.json", "0" * 12, threads) for job in jobs]
    return yaml.safe_dump_all(said, sort_keys=False, allow_unicode=True)


def _environment() -> list[dict]:
    folders = {"ETUDE_ROOT": project_root(), "ETUDE_RUNS": runs_dir(), "ETUDE_FITS": fits_dir()}
    passed = {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}
    return [{"name": name, "value": str(value)} for name, value in {**folders, **passed}.items()]


def _ends_well(job: dict) -> bool:
    """Make a Job, or find it made, and wait; say whether it succeeded."""
    import yaml

    name = job["metadata"]["name"]
    print(f"job {name}; its log: kubectl logs -f job/{name}", flush=True)
    made = _kubectl("apply", "-f", "-", text=yaml.safe_dump(job))
    if made.returncode:
        print(made.stderr, flush=True)
        return False
    while True:
        said = _kubectl("get", "job", name, "-o", "jsonpath={range .status.conditions[*]}{.type}={.status} {end}")
        ended = {part.removesuffix("=True") for part in said.stdout.split() if part.endswith("=True")}
        if ended & {"Complete", "SuccessCriteriaMet"}:
            return True
        if ended & {"Failed"} or "NotFound" in said.stderr:
            print(said.stderr or f"job {name} failed", flush=True)
            return False
        time.sleep(LOOK)


def _kubectl(*arguments: str, text: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(["kubectl", *arguments], input=text, capture_output=True, text=True)


def _interrupt(_signal, _frame) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
