"""The results of a job in their places: notebook, summary, figures and sounds, each whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from etude.files import replacing
from etude.study.notebook import write_notebook
from etude.study.shapes import SUMMARY, read_shaped
from etude.study.summary import summary_path, write_summary

SLACK = 2.0  # seconds by which a file system's clock may differ from ours


def install(folder: Path, name: str, executed: dict, depends: dict, started: float) -> list[str]:
    """Put what a job that began at `started` has made into the mirror `folder`; return its files, relative to it.

    The summary is sealed with what the run depended on, as it was before the kernel started. What an earlier run left
    (a summary, figures and sounds that this one neither wrote nor shows) goes.
    """
    summary = summary_path(folder, name)
    if summary.is_file() and summary.stat().st_mtime < started - SLACK:
        summary.unlink()
    if summary.is_file():
        sealed = {key: depends[key] for key in ("code", "modules", "data")}
        write_summary(summary, {**read_shaped(summary, SUMMARY, f"a summary of {name}"), "source": sealed})
    notebook = folder / "notebooks" / f"{name}.ipynb"
    with replacing(notebook) as new:
        write_notebook(executed, new)
    shown = json.dumps(executed) + (summary.read_text(encoding="utf-8") if summary.is_file() else "")
    for path in _artefacts(folder, name):
        if path.stat().st_mtime < started - SLACK and path.name not in shown:
            path.unlink()
    places = [notebook, summary, *_artefacts(folder, name)]
    return [path.relative_to(folder).as_posix() for path in places if path.is_file()]


def _artefacts(folder: Path, name: str) -> list[Path]:
    folders = [folder / "reports" / kind / name for kind in ("figures", "audio")]
    return [path for place in folders for path in sorted(place.rglob("*")) if path.is_file()]
