"""From a wish ("11_rnn, quick, steps=50, three seeds") to jobs: which notebook, which parameters, which folder.

Everything that can be refused is refused here, before a kernel starts: unknown notebooks, profiles and parameters
(with the nearest name), values of another type (with the type expected).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from etude.errors import EtudeError, unknown_name
from etude.files import expanded, from_checkout, project_root, runs_dir
from etude.names import LONGEST, file_name
from etude.study.conclusions import check
from etude.study.notebook import Notebook, all_notebooks, find_notebook, read_notebook
from etude.study.parameter_text import split_list
from etude.study.parameters import OF_FILES
from etude.study.summary import read_summary
from etude.study.sweeps import Point, read_sweep, text_of_point

DEFAULT_TIMEOUT, LONGEST_TIMEOUT = 3600, 10**6  # seconds
READERS_DATA = ("benchmark",)  # among what a notebook needs: no notebook, but files that only the reader can bring


@dataclass(frozen=True)
class Job:
    """One notebook with one set of parameters.

    `parameters` are those that differ from the notebook's own; `part` is the folder inside the run that holds its
    results: "." or, in a sweep, `seed=0`.
    """

    notebook: Notebook
    profile: str
    parameters: dict
    part: str
    cell_timeout: int

    @property
    def id(self) -> str:
        """Its name inside the run: `11_rnn`, or `11_rnn@seed=0` in a sweep."""
        return self.notebook.name if self.part == "." else f"{self.notebook.name}@{self.part}"


@dataclass(frozen=True)
class Plan:
    """A run: its folder, its jobs in reading order, and whether a success is to be published into the checkout.

    `request` holds the arguments of `make_plan` that it is the answer to.
    """

    folder: Path
    jobs: list[Job]
    publish: bool
    left_out: tuple[str, ...] = ()
    request: Mapping = field(default_factory=dict)

    def only(self, job_ids: Sequence[str]) -> Plan:
        """Return the plan with these jobs and those that they need, all of them where none is named."""
        known = {job.id: job for job in self.jobs}
        for job_id in job_ids:
            if job_id not in known:
                raise unknown_name(f"job of the run {self.folder.name}", job_id, known)
        wanted = {name for job_id in job_ids for name in self._with_needed(known[job_id])}
        return replace(self, jobs=[job for job in self.jobs if job.id in wanted]) if job_ids else self

    def _with_needed(self, job: Job) -> set[str]:
        needed = [other for other in self.jobs if other.part == job.part and other.notebook.name in job.notebook.needs]
        return {job.id}.union(*(self._with_needed(other) for other in needed))


def profiles() -> dict[str, Path]:
    """Return the profiles, name to file."""
    return {path.stem: path for path in sorted(from_checkout("workflow/profiles").glob("*.yaml"))}


def read_profile(name: str) -> dict:
    """Return a profile as `{"cell_timeout": seconds, "parameters": {notebook: {name: value}}}`."""
    import yaml

    known = profiles()
    if name not in known:
        raise unknown_name("profile", name, known)
    try:
        profile = yaml.safe_load(known[name].read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, OSError, ValueError, RecursionError) as error:
        raise EtudeError(f"YAML in {known[name].name}", " ".join(str(error).split())) from error
    return _checked_profile(profile, known[name].name)


def _checked_profile(profile: object, file: str) -> dict:
    """Return a profile with all its settings; raises EtudeError where one is of another kind, or misspelt."""
    if not isinstance(profile, dict):
        raise EtudeError(f"settings by name in {file}", f"{type(profile).__name__}", "For example: cell_timeout: 300")
    for key in profile:
        if key not in ("cell_timeout", "parameters"):
            raise unknown_name(f"setting of {file}", key, ("cell_timeout", "parameters"))
    timeout, prescribed = profile.get("cell_timeout", DEFAULT_TIMEOUT), profile.get("parameters") or {}
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 1 <= timeout <= LONGEST_TIMEOUT:
        raise EtudeError(f"cell_timeout in {file}, seconds from 1 to {LONGEST_TIMEOUT}", f"{timeout!r:.80}")
    if not isinstance(prescribed, dict):
        raise EtudeError(f"parameters of notebooks by name in {file}", f"{prescribed!r:.80}")
    for notebook, values in prescribed.items():
        if notebook not in all_notebooks():
            raise unknown_name(f"notebook in {file}", notebook, all_notebooks())
        if not isinstance(values, dict | None):
            raise EtudeError(f"parameters of {notebook} by name in {file}", f"{values!r:.80}")
    return {"cell_timeout": timeout, "parameters": prescribed}


def make_plan(
    names: Sequence[str] = (),
    profile: str = "quick",
    settings: Sequence[str] = (),
    sweep: Sequence[str] = (),
    name: str | None = None,
    sweep_file: str | Path | None = None,
) -> Plan:
    """Return the plan of a run.

    Parameters
    ----------
    names : sequence of str
        Notebooks, as `find_notebook` takes them; none means all.
    profile : str
        Whose parameters replace the notebooks' own.
    settings, sweep : sequences of str
        `name=value` and `name=value,value,...`; `notebook.name=...` addresses one notebook. A setting applies to every
        notebook of the run that has the parameter, and at least one must. Where no notebooks are named, those that
        have none of the parameters are left out: for them nothing would differ from the profile's own run.
    name : str, optional
        Name of the run's folder; by default it says profile and settings.
    sweep_file : path, optional
        A sweep in a file, see `etude.study.sweeps`; it goes with every combination of `sweep`.

    Raises
    ------
    EtudeError
        Something that is asked for does not exist or does not fit; or a conclusion of a notebook knows more than it
        may, which would else be found out after hours.
    """
    prescribed = read_profile(profile)
    notebooks = [read_notebook(path) for path in _chosen(names)]
    in_file, points = read_sweep(sweep_file) if sweep_file else ({}, [()])
    fixed = [*in_file.items(), *(_split_setting(text, "-p") for text in settings)]
    swept = [(key, split_list(text)) for key, text in (_split_setting(text, "--sweep") for text in sweep)]
    keys = list(dict.fromkeys(key for key, _ in [*fixed, *swept, *itertools.chain.from_iterable(points)]))
    for key in keys:
        _require_known(key, notebooks)
    concerned = [nb for nb in notebooks if any(_applies(key, nb) for key in keys)]
    running = _with_needed(notebooks if names or not keys else concerned)
    for notebook in running:
        check(notebook)
    left_out = () if names else tuple(nb.name for nb in notebooks if nb.name not in [other.name for other in running])
    jobs, parts = {}, {}
    for *combination, point in itertools.product(*([(key, text) for text in texts] for key, texts in swept), points):
        for notebook in running:
            chosen = _parameters(notebook, prescribed["parameters"], [*fixed, *combination, *point])
            part = _part([*combination, *point], parts) if swept or sweep_file else "."
            job = Job(notebook, profile, chosen, part, int(prescribed["cell_timeout"]))
            jobs[job.id] = job
    said = [*fixed, *_joined(swept), *([("sweep", Path(sweep_file).stem)] if sweep_file else [])]
    folder = runs_dir() / _folder_name(name, profile, said)
    request = {"names": list(names), "profile": profile, "settings": list(settings), "sweep": list(sweep), "name": name}
    request["sweep_file"] = str(expanded(sweep_file).absolute()) if sweep_file else None
    publish = profile == "full" and not (name or keys)
    return Plan(folder, list(jobs.values()), publish, left_out, request)


def _chosen(names: Sequence[str]) -> list[Path]:
    paths = sorted({find_notebook(name) for name in names}) if names else list(all_notebooks().values())
    if not paths:
        raise EtudeError("notebooks named like 11_rnn.ipynb", f"none in {from_checkout('notebooks')}")
    return paths


def _with_needed(notebooks: list[Notebook]) -> list[Notebook]:
    """Return the notebooks and those whose summaries they read and of which none that holds is committed, in order."""
    found = {notebook.name: notebook for notebook in notebooks}
    waiting = [name for notebook in notebooks for name in notebook.needs]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in READERS_DATA and not _holds(name):
            found[name] = read_notebook(find_notebook(name))
            waiting += found[name].needs
    return [found[name] for name in sorted(found)]


def _holds(name: str) -> bool:
    """Say whether a summary of the notebook is committed that can be read and is not stale."""
    try:
        return not read_summary(name, project_root()).stale
    except EtudeError:
        return False


def _split_setting(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"(\w+\.)?[A-Za-z_]\w*", key.strip()):
        raise EtudeError(f"name=value after {option}", repr(text), f"For example: {option} steps=50")
    return key.strip(), value


def _applies(key: str, notebook: Notebook) -> bool:
    owner, _, parameter = key.rpartition(".")
    return parameter in notebook.parameters and owner in ("", notebook.name)


def _require_known(key: str, notebooks: list[Notebook]) -> None:
    if any(_applies(key, notebook) for notebook in notebooks):
        return
    owner, _, parameter = key.rpartition(".")
    if owner and owner not in [notebook.name for notebook in notebooks]:
        raise unknown_name("notebook of this run", owner, [notebook.name for notebook in notebooks])
    heirs = [notebook for notebook in notebooks if owner in ("", notebook.name)]
    of = f" of {heirs[0].name}" if len(heirs) == 1 else ""
    raise unknown_name(f"parameter{of}", parameter, {name for heir in heirs for name in heir.parameters})


def _parameters(notebook: Notebook, prescribed: dict, settings: Sequence[tuple[str, object]]) -> dict:
    """Return the parameters that differ from the notebook's own defaults; text is read by the parameter's type."""
    values, known = {}, notebook.parameters
    for name, value in (prescribed.get(notebook.name) or {}).items():
        if name not in known:
            raise unknown_name(f"parameter of {notebook.name}", name, known)
        values[name] = known[name].check(value)
    for key, given in settings:
        if _applies(key, notebook):
            name = key.rpartition(".")[2]
            read = known[name].parse if isinstance(given, str) else known[name].check
            value = read(given, values.get(name))
            values[name] = _from_here(value) if OF_FILES.fullmatch(name) else value
    return {name: value for name, value in values.items() if repr(value) != repr(known[name].default)}


def _from_here(value: object) -> object:
    """Return a path of the command line as one that holds in the notebook's folder, too: `~` and `..` resolved."""
    if isinstance(value, list | tuple):
        return type(value)(_from_here(item) for item in value)
    return str(expanded(value).absolute()) if isinstance(value, str) and value else value


def _joined(swept: list[tuple[str, list[str]]]) -> list[tuple[str, str]]:
    return [(key, ",".join(texts)) for key, texts in swept]


def _folder_name(name: str | None, profile: str, settings: Point) -> str:
    if name is None and not settings:
        return profile
    if name is None:
        said = text_of_point(settings)
        own = f"{profile}-{file_name(said)}"
        others = [path.name for path in runs_dir().glob(f"{profile}-*") if path.name != own]
        return f"{profile}-{file_name(said, [other.removeprefix(f'{profile}-') for other in others])}"
    if not re.fullmatch(r"[A-Za-z0-9]([\w.=,+-]*[\w=,+-])?", name) or len(name) > LONGEST:
        raise EtudeError("a run name of letters, digits and . _ - = , +", repr(name))
    return name


def _part(settings: Point, parts: dict[str, str]) -> str:
    """Return the folder of a combination in a sweep, and keep it among `parts`, those of the other combinations."""
    said = text_of_point(settings)
    if said not in parts:
        parts[said] = file_name(said, parts.values())
    return parts[said]
