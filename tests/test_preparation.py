"""What is made once is made by one process, before kernels start."""

import subprocess
import sys
import time

import pytest

from etude import registry
from etude.files import alone
from etude.study.notebook import Notebook
from etude.study.preparation import prepare

MAKER = """
import sys, time
from pathlib import Path
from etude.files import alone
path = Path(sys.argv[1])
with alone(path):
    if not path.exists():
        time.sleep(0.3)
        path.write_text("made")
        print("made")
"""


def test_only_one_of_several_processes_makes_a_file(tmp_path):
    target = tmp_path / "cache.npz"
    command = [sys.executable, "-c", MAKER, str(target)]
    makers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [maker.communicate(timeout=60)[0].strip() for maker in makers]
    assert sorted(said) == ["", "", "made"]


def test_the_others_wait(tmp_path):
    target = tmp_path / "cache.npz"
    with alone(target):
        waiting = subprocess.Popen([sys.executable, "-c", MAKER, str(target)], stdout=subprocess.PIPE, text=True)
        time.sleep(1.0)
        target.write_text("made here")
    assert waiting.communicate(timeout=60)[0] == ""


@pytest.mark.parametrize(
    ("code", "prepared"),
    [
        ('etude.corpus("chorales")', ["chorales"]),
        ('etude.corpus("tunes", books=["airdsAirs"])', ["tunes"]),
        ("listed = overview()", ["chorales", "tunes"]),
        ('etude.corpus("folder", path="x")', []),
    ],
)
def test_corpora_that_the_code_names_are_prepared(monkeypatch, tmp_path, code, prepared):
    made = []

    class Fake:
        def __init__(self, name):
            self.name = name

        def prepare(self):
            made.append(self.name)

    monkeypatch.setattr(registry, "corpus", Fake)
    cell = {"cell_type": "code", "source": code, "metadata": {}, "outputs": [], "execution_count": None}
    assert prepare([Notebook(tmp_path / "00_x.ipynb", {"cells": [cell], "metadata": {}})]) == prepared
    assert made == prepared
