"""What a kernel used, told to the runner by a last cell that no reader sees."""

import json
import sys
from pathlib import Path

from etude.files import data_dir, project_root
from etude.study.source import modules_loaded
from etude.study.summary import read_here


def write_trace(path: str) -> None:
    """Write the étude modules that this process has imported, and what it has read: summaries, and shipped weights."""
    traced = {"modules": modules_loaded(), "inputs": sorted({*read_here, *_shipped_weights()})}
    Path(path).write_text(json.dumps(traced), encoding="utf-8")


def _shipped_weights() -> list[str]:
    """Return the weights of `data/pretrained`, relative to the project, if this process asked for any of them."""
    asking = sys.modules.get("etude.together.shipped")
    if asking is None or not asking.shipped.cache_info().currsize:
        return []
    weights = (data_dir() / "pretrained").glob("*/weights.safetensors")
    return [path.relative_to(project_root()).as_posix() for path in weights]
