"""`etude run`: run notebooks with parameters, only where something changed, resumably."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from etude.cli.command import positive, short

BRIEF = "run notebooks, only what is stale"
ABOUT = "Run notebooks of the study: only what is stale, several at once, resumably."
EXAMPLES = """\
examples:
  etude run                                     all notebooks, profile quick
  etude run 11_rnn -p representation=text -p steps=50
  etude run 11_rnn --sweep cell=lstm,gru --sweep hidden=64,128 --jobs 2
  etude run 11_rnn --sweep-file workflow/sweeps/cells.yaml   runs written in a file
  etude run --profile full                      what is committed: hours, resumable
  etude run --dry-run                           what would run, and why
  etude run 11_rnn --parameters                 what can be set, and what it means
  etude run 11_rnn --sweep cell=lstm,gru --executor slurm    on a cluster, a job each (workflow/executors)

A notebook runs again only if its code, its parameters, what a module of étude that it uses does, a package or its data
have changed; prose, comments and layout do not count. Fits are kept in data/fits for all notebooks and runs: an equal
one is never learnt twice (--refit does). Ctrl-C is safe: the same command goes on where it stopped.

-p applies to every notebook of the run that has the parameter (11_rnn.steps=50 to one); without notebook names those
that have none of the parameters are left out. A path after -p (path=../tunes, path=~/tunes) is meant from where you
stand. A file of a sweep says `product: {cell: [lstm, gru], hidden: [64, 128]}` (every combination), `zip: {...}` (side
by side), `points: [{...}, {...}]` (one by one) and `set: {...}` (in every run). After a batch each failure comes with
the command that runs just that one again (--only 11_rnn@cell=gru); `etude status` and `etude results` show batches
later. Results are under reports/runs/NAME (ETUDE_RUNS names another place than reports/runs) and never touch the
checkout; only `--profile full` with the notebooks' own parameters is copied over notebooks/ and reports/."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="11_rnn, 11 or rnn; none: all of them")
    parser.add_argument("--profile", default="quick", help="smoke, quick (default) or full")
    parser.add_argument(
        "-p", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="set a parameter"
    )
    parser.add_argument("--sweep", action="append", default=[], metavar="NAME=V,V,...", help="run once for each value")
    parser.add_argument("--sweep-file", type=Path, metavar="FILE", help="a sweep in YAML: product, zip, points, set")
    parser.add_argument(
        "--only", action="append", default=[], metavar="JOB", help="of the run's jobs this one, and what it needs"
    )
    parser.add_argument(
        "--jobs", type=positive, metavar="N", help="notebooks at once (default: as cores and memory allow)"
    )
    parser.add_argument("--name", help="name of the run's folder (default: made of profile and parameters)")
    parser.add_argument("--force", action="store_true", help="run what is current, too (fits that are there are read)")
    parser.add_argument("--refit", action="store_true", help="run all and learn every fit anew: hours, in profile full")
    parser.add_argument("--dry-run", action="store_true", help="say what would run and why, and run nothing")
    parser.add_argument("--parameters", action="store_true", help="list the notebooks' parameters and run nothing")
    parser.add_argument("--executor", default="local", metavar="NAME", help="where: local (default), slurm, kubernetes")


def run(given: argparse.Namespace) -> int:
    """Run what the command line asks for; return the exit status."""
    from etude.study.executors import executor_folder
    from etude.study.plan import make_plan
    from etude.study.runner import Interrupted
    from etude.study.runner import run as run_plan

    executor_folder(given.executor)
    plan = make_plan(given.notebooks, given.profile, given.settings, given.sweep, given.name, given.sweep_file)
    plan = plan.only(given.only)
    if given.parameters:
        return _list_parameters(plan)
    if plan.left_out:
        print(f"Without these parameters, so left out: {', '.join(plan.left_out)}.", file=sys.stderr)
    if given.dry_run:
        return _explain(plan, given.force or given.refit, given.executor)
    try:
        outcome = run_plan(plan, given.jobs, given.force, given.executor, refit=given.refit)
    except Interrupted:
        print(f"\nStopped. Go on with: etude {shlex.join(_without_force(sys.argv[1:]))}", file=sys.stderr)
        return 130
    return _tell(plan, outcome)


def _tell(plan, outcome) -> int:
    from etude.study.progress import duration

    for note in outcome.notes:
        print(note, file=sys.stderr)
    for job in outcome.failed:
        print(_failure(plan, outcome, job), file=sys.stderr)
    if not outcome.statuses:
        return 0  # all were left out, and the notes say why
    states = [status.state for status in outcome.statuses.values()]
    counted = [
        f"{states.count(state)} {state}" for state in ("current", "done", "failed", "stopped") if state in states
    ]
    if set(states) == {"current"}:
        counted = ["all current, nothing to do" if len(states) > 1 else "current, nothing to do"]
    many = f"{len(states)} notebooks" if len(states) > 1 else next(iter(outcome.statuses))
    print(f"{many}: {', '.join(counted)} ({duration(outcome.seconds)}). Results: {short(outcome.folder)}")
    if not outcome.failed and all(job.part == "." for job in plan.jobs):
        print(f"Read, see and hear them: etude site --name {plan.folder.name} --open")
    return 1 if outcome.failed else 0


def _failure(plan, outcome, job: str) -> str:
    """Return what failed, where, where to look and how to run just that again: a few lines, not a traceback."""
    from etude.study.requests import command

    folder, status = outcome.folder, outcome.statuses[job]
    log, kept = folder / "logs" / f"{job}.log", folder / "logs" / f"{job}.failed.ipynb"
    again = f"\n  again: {command(plan.request, job)}"
    if status.state != "failed":
        return f"\n{job} did not run: {short(folder / 'logs' / 'snakemake.log')}{again}"
    notebook = f"\n  as far as it came: {short(kept)}" if kept.is_file() else ""
    return f"\n{job} failed in {status.detail}\n  log: {short(log)}{notebook}{again}"


def _explain(plan, force: bool, executor: str) -> int:
    from etude.study.executors import shown_jobs
    from etude.study.preparation import with_its_data
    from etude.study.staleness import reasons_by_job

    plan, lines = with_its_data(plan)
    for line in lines:
        print(line, file=sys.stderr)
    reasons = reasons_by_job(plan, force)
    width = max(map(len, reasons), default=0)
    for job in plan.jobs:
        why = "; ".join(reasons[job.id][:4]) + (" ..." if len(reasons[job.id]) > 4 else "")
        print(f"{job.id:<{width}}  {'runs: ' + why if why else 'current'}")
        if why and job.parameters:
            print(f"{'':<{width}}  with  {', '.join(f'{name} = {value!r}' for name, value in job.parameters.items())}")
    print(f"{sum(map(bool, reasons.values()))} of {len(reasons)} would run, into {short(plan.folder)}")
    print(shown_jobs(executor, plan, [job for job in plan.jobs if reasons[job.id]]), end="")
    return 0


def _list_parameters(plan) -> int:
    for job in plan.jobs:
        print(job.id)
        for parameter in job.notebook.parameters.values():
            value = job.parameters.get(parameter.name, parameter.default)
            own = f" (its own: {parameter.default!r})" if parameter.name in job.parameters else ""
            note = f"  # {parameter.help}" if parameter.help else ""
            print(f"  {parameter.name} = {value!r}{own}{note}")
    return 0


def _without_force(arguments: list[str]) -> list[str]:
    """Return the command that goes on: --refit stays, which goes on from what has been learnt anew so far."""
    return [argument for argument in arguments if argument != "--force"]
