"""What is made once is made by one process, before kernels start."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from etude import registry
from etude.locks import alone
from etude.study.notebook import Notebook
from etude.study.plan import Job, Plan
from etude.study.preparation import missing_files, prepare, with_its_data

MAKER = """
import sys, time
from pathlib import Path
from etude.locks import alone
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
        ('etude.corpus("rendered", first=2)', ["chorales"]),
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


# Data that only the reader can bring ---------------------------------------------------------------------------------


def job(needs, parameters="", chosen=None, name="22_benchmark", part="."):
    cell = {"cell_type": "code", "source": parameters, "metadata": {"tags": ["parameters"]}, "outputs": []}
    content = {"cells": [cell], "metadata": {"etude": {"needs": needs}}}
    return Job(Notebook(Path(f"{name}.ipynb"), content), "quick", chosen or {}, part, 60)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The reader has brought one of the four sets."""
    monkeypatch.setenv("ETUDE_BENCHMARK", str(tmp_path))
    (tmp_path / "JSB_Chorales.mat").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("parameters", "chosen", "missing"),
    [
        ("steps = 3", {}, []),  # by default the set that is there
        ("collection = 'Nottingham'", {}, ["Nottingham.mat"]),
        ("collection = 'Nottingham'", {"collection": "JSB_Chorales"}, []),
        ("sets = ('JSB_Chorales', 'MuseData', 'Nottingham')", {}, ["Nottingham.mat", "MuseData.mat"]),
        ("sets = ['JSB_Chorales']", {"sets": ["Piano_midi"]}, ["Piano_midi.mat"]),
    ],
)
def test_parameters_decide_which_files_are_needed(folder, parameters, chosen, missing):
    assert missing_files(job(["benchmark"], parameters, chosen)) == missing
    assert missing_files(job(["11_rnn"], parameters, chosen)) == []


def test_what_cannot_run_is_left_out_with_one_line(folder):
    one, other = "collection = 'Nottingham'", job([], name="11_rnn")
    lacking = [job(["benchmark"], one, part=f"seed={seed}") for seed in (0, 1)]
    plan, lines = with_its_data(Plan(folder, [other, *lacking], publish=True))
    assert plan.jobs == [other] and plan.publish
    [line] = lines
    assert line.startswith("22_benchmark is left out: no Nottingham.mat in ") and "`etude fetch benchmark`" in line
    (folder / "Nottingham.mat").touch()
    complete = Plan(folder, [other, *lacking], publish=True)
    assert with_its_data(complete) == (complete, [])
