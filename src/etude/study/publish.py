"""A `full` run with the notebooks' own parameters becomes what is committed: its mirror is copied over the checkout.

A notebook's part of it (notebook, summary, figures, sounds, published models) is staged beside its places first and
then moved in, so it changes whole; a notebook whose code was edited while it ran is left alone, and newer prose keeps
its wording: outputs move, text stays.
"""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from pathlib import Path

from etude.errors import EtudeError
from etude.files import project_root, replacing
from etude.models.storage import FILES
from etude.places import plain_name, refuse_foreign, sizes, writing
from etude.study.conclusions import refresh_conclusions
from etude.study.listings import refresh_listings
from etude.study.notebook import read_notebook, same_text, with_outputs, write_notebook
from etude.study.plan import Job
from etude.study.shapes import SUMMARY, read_shaped
from etude.study.staleness import read_record
from etude.study.summary import summary_path

KINDS = ("figures", "audio")


def refresh(folder: Path, job: Job) -> str:
    """Put a finished job's outputs under its notebook's newest text; list and conclude as it is now.

    Returns
    -------
    str
        What was done, "" where nothing was to do.
    """
    place = folder / job.part / "notebooks" / f"{job.notebook.name}.ipynb"
    now, executed = read_notebook(job.notebook.path), read_notebook(place).content
    if now.digest != job.notebook.digest:
        return ""
    newer, said = with_outputs(now.content, executed), []
    if not same_text(newer, executed):
        newer["metadata"] = {**executed["metadata"], **newer["metadata"]}
        with replacing(place) as new:
            write_notebook(newer, new)
        said.append("new text, same outputs")
    summary = summary_path(folder / job.part, job.notebook.name)
    said += ["listings refreshed"] if refresh_listings(place, summary) else []
    said += ["conclusions refreshed"] if refresh_conclusions(place, summary) else []
    return "; ".join(said)


def publish(folder: Path, job: Job) -> str:
    """Copy a finished job's results over the checkout.

    Returns
    -------
    str
        "published", "" where the checkout has them already, or why it was not done.
    """
    name, root = job.notebook.name, project_root()
    record = read_record(folder, job.id)
    if record is None or read_notebook(job.notebook.path).digest != record["code"]:
        return f"not published: notebooks/{name}.ipynb was edited while it ran; run it again"
    refresh(folder, job)
    try:
        sources = _published(folder, name)
        for path in sources:
            _refuse_foreign(root, path, name)
    except EtudeError as error:
        return f"not published: {error}"
    changed = {path: source for path, source in sources.items() if not _same(source, root / path)}
    if not changed:
        return ""
    with writing(root / "reports"), tempfile.TemporaryDirectory(prefix=".publish-", dir=root / "reports") as room:
        staged = [_stage(source, Path(room) / str(n)) for n, source in enumerate(changed.values())]
        for new, old in zip(staged, (root / path for path in changed), strict=True):  # only renames from here on
            old.parent.mkdir(parents=True, exist_ok=True)
            if old.exists():
                old.replace(Path(room) / f"{new.name}-old")
            if new.exists():
                new.replace(old)
    return "published"


def _published(folder: Path, name: str) -> dict[str, Path]:
    """Map places in the checkout to what the run has for them; where that is nothing, the old one goes."""
    kinds = [f"reports/{kind}/{name}" for kind in KINDS]
    paths = [*kinds, f"reports/summaries/{name}.json", f"notebooks/{name}.ipynb"]  # the notebook last: it links to them
    summary = folder / "reports" / "summaries" / f"{name}.json"
    said = read_shaped(summary, SUMMARY, f"a summary of {name}") if summary.is_file() else {}
    models = [plain_name("model", model) for model, facts in said.get("models", {}).items() if facts.get("publish")]
    kept = {f"data/pretrained/{model}": folder / "models" / model for model in models}
    return kept | {path: folder / path for path in paths}


def _refuse_foreign(root: Path, path: str, name: str) -> None:
    """Raise ForeignFiles where a folder of the checkout that is to be replaced holds what no run wrote.

    A model's folder may hold a model; one of figures or sounds, what the chapter or its summary shows.
    """
    old = root / path
    if old.is_dir() and path.startswith("data/pretrained/"):
        refuse_foreign(old, FILES)
    elif old.is_dir():
        shown = [root / "notebooks" / f"{name}.ipynb", root / "reports" / "summaries" / f"{name}.json"]
        text = "".join(place.read_text(encoding="utf-8", errors="replace") for place in shown if place.is_file())
        refuse_foreign(old, {place for place in sizes(old) if Path(place).name in text})


def _stage(source: Path, place: Path) -> Path:
    if source.is_dir():
        shutil.copytree(source, place)
    elif source.is_file():
        shutil.copyfile(source, place)
    return place


def _same(one: Path, other: Path) -> bool:
    if one.is_dir() and other.is_dir():
        ours, theirs = _files(one), _files(other)
        return ours == theirs and all(filecmp.cmp(one / path, other / path, shallow=False) for path in ours)
    if one.is_file() and other.is_file():
        return filecmp.cmp(one, other, shallow=False)
    return not one.exists() and not other.exists()


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
