"""What a kernel used, told to the runner by a last cell that no reader sees."""

import json
from pathlib import Path

from etude.study.source import modules_loaded
from etude.study.summary import read_here


def write_trace(path: str) -> None:
    """Write the étude modules that this process has imported and the summaries that it has read."""
    traced = {"modules": modules_loaded(), "inputs": sorted(set(read_here))}
    Path(path).write_text(json.dumps(traced), encoding="utf-8")
