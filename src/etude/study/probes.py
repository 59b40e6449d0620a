"""Probes: fits of seconds whose traces are committed, so that a change of results is seen and a refactoring is free.

A fit is keyed by what was asked and by revisions: of the family, of its output, of the engine of training. Who changes
what a fit computes must raise one of them, else an old fit would be taken for a new one. The probes notice it: their
traces (scores, weights, draws) lie in `tests/traces.json`. Equal traces prove that nothing moved. Another one fails
the tests, and the message says which revision to raise and which chapters will learn anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from etude import registry
from etude.errors import EtudeError
from etude.files import project_root, replacing
from etude.models.halves import Half, tables
from etude.models.sequence.outputs import OUTPUTS
from etude.study.probe_special import SPECIALS
from etude.study.probe_table import FITS
from etude.study.probe_trace import difference, plain
from etude.study.shapes import RESULTS, TRACES, read_shaped

PROBES = {**FITS, **SPECIALS}
FIRST = 1  # the revision of what was not known yet
ENGINE = "engine"
OF_FITS = (
    "history",
    "histories",
    "weights",
    "names",
    "whole",
    "resumed is whole",
    "read is resumed",
    "read is whole",
    "kept",
    "0",
    "1",
)


class Change(NamedTuple):
    """A probe whose trace is another one than the committed, and `where` both part."""

    probe: str
    where: str


def fit_moved(change: Change) -> bool:
    """Return False where only what is asked of the fitted model differs: its weights and scores are the old ones."""
    place = change.where.partition(":")[0].partition("/")[0].partition("[")[0]
    if place == "trace" and " in one only" in change.where:
        return any(repr(name) in change.where for name in OF_FITS)
    return place in ("trace", *OF_FITS)


def traces_path() -> Path:
    """Return where the committed traces lie."""
    return project_root() / "tests" / "traces.json"


def read_traces() -> dict:
    """Return `{"revisions": {...}, "traces": {probe: trace}}` as committed."""
    return read_shaped(traces_path(), TRACES, "traces of the probes", "etude probes --update")


def trace_of(name: str) -> dict:
    """Run a probe and return its trace as JSON holds it."""
    with _one_thread():
        return json.loads(json.dumps(plain(PROBES[name].trace())))


def changes(names: Iterable[str] | None = None) -> Iterator[Change]:
    """Run probes (by default all) and yield those whose trace is not the committed one."""
    known = read_traces()["traces"]
    for name in PROBES if names is None else names:
        where = difference(known[name], trace_of(name)) if name in known else "trace: none is committed"
        if where:
            yield Change(name, where)


def revisions() -> dict[str, int]:
    """Return the revision of everything that has one: families, outputs, the engine."""
    families = {f"family {name}": registry.model_class(name).revision for name in registry.MODELS}
    engines = {_engine(one): Half("memoryless", one, table).engine.REVISION for one, table in tables().items()}
    return {**engines, **families, **{f"output {name}": revision for name, revision in OUTPUTS.items()}}


def _engine(framework: str) -> str:
    """Return how the revisions call the engine of a framework; that of the first framework is `ENGINE`."""
    return ENGINE if framework == next(iter(tables())) else f"{ENGINE} {framework}"


def _engine_of(name: str) -> str:
    framework = getattr(PROBES[name], "framework", None)
    return ENGINE if framework is None else _engine(framework)


def to_raise(changed: Iterable[Change]) -> list[str]:
    """Return the narrowest revisions that cover the changed fits: of families, of outputs, or that of the engine."""
    fits = [change.probe for change in changed if fit_moved(change)]
    families = sorted({PROBES[name].family for name in fits})
    outputs = sorted({PROBES[name].output for name in fits})
    if not fits:
        return []
    if "" not in families and len(families) == 1:
        return [f"family {families[0]}"]
    if len(outputs) == 1 and set(fits) >= {name for name, probe in PROBES.items() if probe.output == outputs[0]}:
        return [f"output {outputs[0]}"]
    engines = sorted({_engine_of(name) for name in fits})
    neural = {n for n, probe in PROBES.items() if probe.family not in registry.FLOORS and _engine_of(n) in engines}
    return engines if "" in families or len(fits) > len(neural) / 2 else [f"family {name}" for name in families]


def explain(changed: list[Change]) -> str:
    """Return what to do about changed traces, for the one who changed something."""
    lines = [f"  {change.probe}: {change.where}" for change in changed]
    raised = to_raise(changed)
    if not raised:
        remedy = (
            "No fit is another one, only what is drawn or asked of the models. If that is meant: etude probes --update"
        )
    else:
        remedy = (
            f"If that is meant, raise the revision of {', '.join(raised)} and run: etude probes --update\n"
            f"These chapters will learn anew: {', '.join(refitted(raised)) or 'none'}"
        )
    return "\n".join([f"{len(changed)} probes leave other traces than the committed ones:", *lines, remedy])


def refitted(raised: Iterable[str]) -> list[str]:
    """Return the chapters whose fits go through what is revised.

    A summary says of each fit its family and output; an old one, which does not, names the modules that it used.
    """
    folder = project_root() / "reports" / "summaries"
    summaries = [read_shaped(path, RESULTS, f"a summary of {path.stem}") for path in sorted(folder.glob("*.json"))]
    return [
        said["notebook"] for said in summaries if said["cost"] and any(_goes_through(said, what) for what in raised)
    ]


def _goes_through(summary: dict, what: str) -> bool:
    kind, _, name = what.partition(" ")
    told = [cost for cost in summary["cost"].values() if "family" in cost]
    if kind == ENGINE:
        return not name or any(cost.get("framework") == name for cost in told)
    if any(cost.get(kind) == name for cost in told):
        return True
    files = {module.rpartition(".")[2] for module in summary["source"]["modules"] if ".models." in module}
    home = registry.model_class(name).__module__.rpartition(".")[2] if kind == "family" else name
    return not told and bool({home, f"{home}_output"} & files)


def update() -> list[str]:
    """Write the traces anew and return the names of those that changed.

    Raises
    ------
    EtudeError
        A fit is another one and no revision that covers it was raised.
    """
    old = read_traces() if traces_path().is_file() else {"revisions": {}, "traces": {}}
    traces = {name: trace_of(name) for name in PROBES}
    changed = [
        Change(name, where)
        for name, trace in traces.items()
        if name in old["traces"] and (where := difference(old["traces"][name], trace))
    ]
    now = revisions()
    if not _covered(changed, old["revisions"], now):
        raise EtudeError("a raised revision for every fit that is another one", "none", explain(changed))
    kept = {name: old["traces"].get(name, trace) for name, trace in traces.items()}
    kept |= {change.probe: traces[change.probe] for change in changed}
    write_traces({"revisions": now, "traces": kept})
    return [name for name in traces if name not in old["traces"]] + [change.probe for change in changed]


def write_traces(held: dict) -> None:
    """Write the committed traces, a probe a line."""
    lines = [
        f" {json.dumps(name)}: {json.dumps(trace, separators=(',', ':'))}" for name, trace in held["traces"].items()
    ]
    with replacing(traces_path()) as new:
        body = ",\n".join(lines)
        new.write_text(
            f'{{"revisions": {json.dumps(held["revisions"])},\n"traces": {{\n{body}\n}}}}\n', encoding="utf-8"
        )


def _covered(changed: list[Change], was: dict[str, int], now: dict[str, int]) -> bool:
    """Say whether each changed fit goes through something whose revision was raised."""
    raised = {what for what in now if now[what] > was.get(what, FIRST)}
    through = [
        {_engine_of(change.probe), f"family {PROBES[change.probe].family}", f"output {PROBES[change.probe].output}"}
        for change in changed
        if fit_moved(change)
    ]
    return all(raised & some for some in through)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Bound the threads of the fits inside: sums of floats depend on how many share them."""
    before = os.environ.get("ETUDE_THREADS")
    os.environ["ETUDE_THREADS"] = "1"
    try:
        yield
    finally:
        os.environ.pop("ETUDE_THREADS") if before is None else os.environ.update(ETUDE_THREADS=before)
