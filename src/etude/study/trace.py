"""What a kernel used, told to the runner by a last cell that no reader sees."""

import json
import sys
from pathlib import Path

from etude.files import data_dir, project_root
from etude.study.source import modules_loaded
from etude.study.summary import read_here


def write_trace(path: str) -> None:
    """Write the étude modules that this process has imported, and what it has read: summaries and shipped models."""
    traced = {"modules": modules_loaded(), "inputs": sorted({*read_here, *_shipped_models()})}
    Path(path).write_text(json.dumps(traced), encoding="utf-8")


def _shipped_models() -> list[str]:
    """Return the files of the models of `data/pretrained` that this process asked for, relative to the project."""
    asking = sys.modules.get("etude.together.shipped")
    folders = [data_dir() / "pretrained" / name for name in (asking.asked if asking else ())]
    return [path.relative_to(project_root()).as_posix() for folder in folders for path in folder.iterdir()]
