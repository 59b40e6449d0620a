"""Before kernels start: data that only the reader can bring is there, and what all need is made once.

A notebook whose metadata `etude.needs` lists "benchmark" reads the files of the polyphonic benchmark, which are not the
study's to pass on. Where they are missing the notebook is left out of a run, with a line that says how to get them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from etude import registry
from etude.corpora.polyphonic import COLLECTIONS, Polyphonic, benchmark_folder
from etude.files import project_root
from etude.study.notebook import Notebook, text_of
from etude.study.plan import Job, Plan

PREPARED = {"chorales": ("chorales", "rendered"), "tunes": ("tunes",)}  # parsed once and kept, and who reads it
EVERYTHING = re.compile(r"\boverview\(\)")


def with_its_data(plan: Plan) -> tuple[Plan, list[str]]:
    """Return the plan without the jobs whose data the reader has not brought, and a line for each such notebook."""
    missing = {job.id: missing_files(job) for job in plan.jobs}
    by_notebook: dict[str, set[str]] = {}
    for job in plan.jobs:
        if missing[job.id]:
            by_notebook.setdefault(job.notebook.name, set()).update(missing[job.id])
    lines = [_line(notebook, sorted(files)) for notebook, files in by_notebook.items()]
    return replace(plan, jobs=[job for job in plan.jobs if not missing[job.id]]), lines


def missing_files(job: Job) -> list[str]:
    """Return the benchmark's files that a job needs and that are not there: those of the sets its parameters name.

    A notebook with no such parameter needs the set that `corpus("polyphonic")` gives.
    """
    if "benchmark" not in job.notebook.needs:
        return []
    values = {name: parameter.default for name, parameter in job.notebook.parameters.items()} | job.parameters
    said = [item for value in values.values() for item in (value if isinstance(value, list | tuple) else [value])]
    named = [name for name in COLLECTIONS if name in said] or [Polyphonic().collection]
    return [path.name for path in (Polyphonic(name).path for name in named) if not path.is_file()]


def _line(notebook: str, files: list[str]) -> str:
    folder = benchmark_folder().absolute()
    shown = folder.relative_to(project_root()) if folder.is_relative_to(project_root()) else folder
    remedy = "Run `etude fetch benchmark`, or put the files there."
    return f"{notebook} is left out: no {', '.join(files)} in {shown}. {remedy}"


def prepare(notebooks: Iterable[Notebook]) -> list[str]:
    """Prepare the corpora that the code of these notebooks names, and return their names."""
    code = "\n".join(text_of(cell) for notebook in notebooks for cell in notebook.code)
    named = [
        name
        for name, readers in PREPARED.items()
        if EVERYTHING.search(code) or any(f'corpus("{reader}"' in code for reader in readers)
    ]
    for name in named:
        registry.corpus(name).prepare()
    return named
