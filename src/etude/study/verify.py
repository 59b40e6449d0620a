"""Do the committed numbers hold? Recomputed from what ships or by running chapters again, compared one by one.

Three kinds of parts: a shipped model scores what its chapter tested it on; floors are counted again; chapters that
take no long fit are run again whole, beside the committed ones. A part that was verified is kept, under
`reports/runs/verify/parts`, for as long as the code, the packages, the weights and the committed numbers stay the same.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from etude.errors import EtudeError
from etude.files import data_dir, project_root, replacing, runs_dir
from etude.kept import believable, sealed
from etude.study import weights
from etude.study.comparison import is_number, leaves
from etude.study.environment import THREADS
from etude.study.equality import differences, results_of
from etude.study.held_out import shipped
from etude.study.plan import make_plan
from etude.study.shapes import NUMBER, RESULTS, read_if_sound, read_shaped
from etude.study.source import is_machinery, module_digests, packages_in_use, read_package
from etude.study.summary import summary_path
from etude.study.verdicts import Verdict, digest, judged
from etude.study.weights import Check

RUN = "verify"
NO_DATA = "no data"  # how a table of corpora begins to say that one is not here
SHORT = 120.0  # seconds that a chapter may take to be run again without being asked for by name
KEPT = {"key": str, "checks": [{"chapter": str, "place": str, "committed": NUMBER, "found": NUMBER, "slack": NUMBER}]}


# From shipped weights, and by counting


@dataclass(frozen=True)
class Part:
    """Something to recompute: a model of `data/pretrained` by its folder's name, or a set of floors."""

    name: str
    chapters: tuple[str, ...]
    floors: weights.Floors | None = None

    def checks(self) -> list[Check]:
        """Recompute the numbers of the part."""
        if self.floors:
            return list(weights.floor_checks(self.floors))
        return [check for one in shipped() if one.folder.name == self.name for check in weights.model_checks(one)]

    @property
    def title(self) -> str:
        return f"{'floors' if self.floors else 'weights'}: {self.name} ({', '.join(self.chapters)})"


def parts(chapters: Sequence[str]) -> list[Part]:
    """Return what can be recomputed of some chapters, the longest first."""
    models = [Part(one.folder.name, (one.made_by["notebook"],)) for one in shipped()]
    counted = [Part(one.name, one.chapters, one) for one in weights.floors()]
    return [part for part in [*counted, *models] if set(part.chapters) & set(chapters)]


def recomputed(some: Sequence[Part], jobs: int, again: bool = False) -> Iterator[Verdict]:
    """Yield the verdicts of parts as they come, `jobs` at a time, each in a process with one thread."""
    waiting = []
    for part in some:
        checks = None if again else _kept(part)
        if checks is None:
            waiting.append(part)
        else:
            yield judged(part.title, checks)
    if not waiting:
        return
    with _one_thread(), _pool(min(jobs, len(waiting))) as pool:
        running = {pool.submit(Part.checks, part): part for part in waiting}
        for future in as_completed(running):
            part = running[future]
            try:
                checks = future.result()
            except (EtudeError, OSError, RuntimeError, LookupError, ValueError) as error:
                said = str(error) if isinstance(error, EtudeError) else repr(error)
                yield Verdict(part.title, differing=[f"not recomputed: {said}"])
                continue
            _keep(part, checks)
            yield judged(part.title, checks)


def _pool(jobs: int) -> Executor:
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let the processes that start meanwhile have one thread and show no progress bars."""
    wanted = {**dict.fromkeys(THREADS, "1"), "TQDM_DISABLE": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _place(part: Part) -> Path:
    return runs_dir() / RUN / "parts" / f"{'floors-' if part.floors else ''}{part.name}.json"


def _key(part: Part) -> str:
    """Return what the verdict on a part depends on, as a digest."""
    files = [] if part.floors else sorted((data_dir() / "pretrained" / part.name).iterdir())
    held = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    summaries = weights.committed()
    said = [digest({name: summaries[name]}) for name in part.chapters if name in summaries]
    text = json.dumps([_code(), held, said, repr(part)])
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _code() -> str:
    """Return what recomputing depends on besides data: what all modules mean that are no machinery, and packages."""
    modules = [name for name in read_package() if not is_machinery(name)]
    return json.dumps([module_digests(modules), packages_in_use(modules)], sort_keys=True)


def _kept(part: Part) -> list[Check] | None:
    kept = read_if_sound(_place(part), KEPT)
    if kept is None or not believable(kept) or kept["key"] != _key(part):
        return None
    return [Check(**check) for check in kept["checks"]]


def _keep(part: Part, checks: Sequence[Check]) -> None:
    with replacing(_place(part)) as new:
        kept = {"key": _key(part), "checks": [asdict(check) for check in checks]}
        new.write_text(json.dumps(sealed(kept), indent=1) + "\n", encoding="utf-8")


# By running chapters again


def short_chapters(chapters: Sequence[str]) -> list[str]:
    """Return the chapters that a committed run says took at most `SHORT` seconds."""
    summaries = weights.committed()
    return [name for name in chapters if name in summaries and summaries[name].get("wall_seconds", SHORT + 1) <= SHORT]


def rerun(chapters: Sequence[str], jobs: int | None, again: bool = False, stream=None) -> Iterator[Verdict]:
    """Run chapters again, in profile full and a folder of their own, and yield what became of their numbers."""
    from etude.study.runner import run

    plan = make_plan(chapters, "full", name=RUN)
    with _one_thread():
        outcome = run(plan, jobs, force=again, stream=stream)
    for job in plan.jobs:
        name, status = job.notebook.name, outcome.statuses.get(job.id)
        if name not in chapters:
            continue  # only read by one that was asked for, whose numbers tell
        if status is None or status.state not in ("done", "current"):
            why = f"{status.state} {status.detail}" if status else "; ".join(outcome.notes)
            yield Verdict(f"rerun: {name}", differing=[f"not run: {why}"])
        else:
            yield compared(name, outcome.folder)


def compared(name: str, folder: Path) -> Verdict:
    """Return the verdict on a chapter that was run again into `folder`, number by number."""
    verdict = Verdict(f"rerun: {name}")
    both = [
        results_of(read_shaped(summary_path(place, name), RESULTS, f"a summary of {name}"))
        for place in (project_root(), folder)
    ]
    absent = _drop_absent(*both)
    ours, theirs = map(leaves, both)
    for place in {**ours, **theirs}:
        one, other = ours.get(place), theirs.get(place)
        if is_number(one) and is_number(other):
            verdict.add(f"{name} {place}", one, other)
        elif place not in ours or place not in theirs or one != other:
            verdict.differing.append(f"{name} {place}: {one!r} committed, {other!r} now")
    seen = differences(project_root(), folder, name)
    verdict.notes = absent + [said for said in seen if said.startswith(("figures: ", "audio: "))]
    return verdict


def _drop_absent(committed: dict, found: dict) -> list[str]:
    """Take out of both the rows on data that the reader has not brought; return what to say of them."""
    said = []
    for table, rows in found["tables"].items():
        others = committed["tables"].get(table, [])
        for number in reversed(range(min(len(rows), len(others)))):
            if isinstance(rows[number], dict) and str(rows[number].get("state")).startswith(NO_DATA):
                said.append(f"{table}[{number}] is not compared: {rows[number]['state']}")
                del rows[number], others[number]
    return said
