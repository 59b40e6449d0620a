"""What a kernel used is told whole: modules, summaries, and the models that come with the study."""

import json
import subprocess
import sys

from etude.files import project_root
from etude.study.source import file_digests

WRITES = "from etude.study.trace import write_trace; write_trace({path!r})"
LOADS = "from etude.together.shipped import shipped; shipped('coconet-pianoroll'); "


def traced(path, before=""):
    subprocess.run([sys.executable, "-c", before + WRITES.format(path=str(path))], check=True, cwd=project_root())
    return json.loads(path.read_text(encoding="utf-8"))


def test_shipped_models_are_inputs_of_what_asked_for_them(tmp_path):
    inputs = traced(tmp_path / "trace.json", LOADS)["inputs"]
    kinds = ("made_by.json", "model.json", "weights.safetensors")
    assert inputs == [f"data/pretrained/coconet-pianoroll/{kind}" for kind in kinds]
    assert all(digest for digest in file_digests(inputs).values())


def test_they_are_none_of_what_did_not(tmp_path):
    told = traced(tmp_path / "trace.json", "import etude.together.shipped; ")
    assert told["inputs"] == [] and "etude.together.shipped" in told["modules"]
