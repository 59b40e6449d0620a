"""Names of files: safe everywhere, two for two things, and as they always were where they are safe."""

import json
import re
from pathlib import Path

import pytest
from conftest import score_of
from hypothesis import given
from hypothesis import strategies as st

from etude import Piece, display, study
from etude.names import LONGEST, file_name, forget, named_artefact
from etude.study.notebook import all_notebooks
from etude.study.plan import make_plan

ROOT = Path(__file__).parents[1]
SAFE = re.compile(r"[\w.=,+-]+", re.ASCII)


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("ETUDE_NOTEBOOK", "11_rnn")
    forget()
    yield tmp_path / "run"
    forget()


@given(st.text(), st.booleans())
def test_every_name_is_safe_short_and_always_the_same(shown, words):
    name = file_name(shown, words=words)
    assert SAFE.fullmatch(name) and len(name) <= LONGEST and name == name.strip(".")
    assert name == file_name(shown, words=words)


@given(st.lists(st.text(alphabet="aAbB.-_ #é/Ж", min_size=1), unique=True, min_size=2))
def test_two_names_are_two_files(shown):
    forget()
    for words in (False, True):
        names = [named_artefact("audio", one, ".mp3", "player", words).name.casefold() for one in shown]
        assert len(set(names)) == len(names), dict(zip(shown, names, strict=True))
        assert names == [named_artefact("audio", one, ".mp3", "player", words).name.casefold() for one in shown]
        forget()


@pytest.mark.parametrize(
    "shown",
    ["..", ".", "/etc/passwd", "../../../x", "con", "NUL.txt", "a" * 240, "", "Тема", "a.", "a\0b", "\ud800"],
    ids=ascii,
)
def test_what_no_file_may_be_called_is_told_by_a_digest(shown):
    assert re.fullmatch(r"[\w.=,+-]*-[0-9a-f]{8}", file_name(shown, words=False))


def test_names_that_were_safe_are_as_they_were():
    for kind in ("audio", "figures"):
        stems = [path.stem for path in (ROOT / "reports" / kind).rglob("*.*")]
        assert len(stems) > 50
        assert [file_name(stem, words=kind == "audio") for stem in stems] == stems
    shown = {"mu-law, 8 bits, quiet": "mu-law-8-bits-quiet", "price 0.25-bwv17.7": "price-0-25-bwv17-7"}
    assert {one: file_name(one, words=True) for one in shown} == shown
    assert [file_name(path.stem) for path in all_notebooks().values()] == list(all_notebooks())


def test_players_whose_names_fall_together_stay_two(run_folder):
    one, other = (Piece("x", score_of((0, 4, pitch))) for pitch in (60, 72))
    for names in (("C", "C#"), ("Тема", "Ответ"), ("a b", "a-b"), ("x" * 240, "x" * 241), (1, "1")):
        shown = display.players(dict(zip(names, (one, other), strict=True)), seconds=1)
        files = re.findall(r'audio[^>]*src="[^"]*?([^"/]+\.mp3)"', shown.html)
        assert len(set(files)) == 2, names
        sounds = {(run_folder / "reports/audio/11_rnn" / name).read_bytes() for name in files}
        assert len(sounds) == 2
    again = display.player(one, "C", seconds=1)
    assert again.path.name == "c.mp3" and again.path.read_bytes() in {
        path.read_bytes() for path in run_folder.rglob("c.mp3")
    }


def test_engravings_figures_and_models_stay_in_their_folder_and_apart(run_folder):
    import matplotlib.pyplot as plt

    import etude

    piece, run = Piece("x", score_of((0, 4, 60))), study.start("11_rnn")
    paths = [display.engrave(piece, name).path for name in ("../../../x", "x", "X", "n" * 240)]
    figure = plt.figure()
    for name in ("x", "../x", "X"):
        run.figure(name, figure, alt="nothing", kind="svg")
    plt.close(figure)
    folder = run_folder.resolve() / "reports/figures/11_rnn"
    assert {path.parent for path in paths} == {folder} and len(list(folder.glob("*.svg"))) == 7
    roll = etude.representation("pianoroll")
    for name in ("../../uniform", "uniform", "Uniform"):
        run.model(name, etude.model("uniform", roll.space), roll)
    run.finish()
    summary = json.loads((run_folder / "reports/summaries/11_rnn.json").read_text())
    saved = [run_folder / one["path"] for one in summary["models"].values()]
    assert len({str(path).casefold() for path in saved}) == 3
    assert {path.parent for path in saved} == {run_folder / "models"} and all(etude.load(path) for path in saved)
    drawn = {(run_folder / one["path"]).name for one in summary["figures"].values()}
    assert len(drawn) == 3 and all((folder / name).is_file() for name in drawn)


def test_parts_of_a_sweep_differ_in_more_than_case():
    plan = make_plan(["01_midi"], sweep=["piece=bwv32.6,BWV32.6"])
    parts = [job.part for job in plan.jobs]
    assert parts[0] == "piece=bwv32.6" and len({part.casefold() for part in parts}) == 2
