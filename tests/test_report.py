"""The page of results and the finding at the head of the README are made from the summaries, and mix nothing."""

from types import SimpleNamespace

import pytest

from etude.study import report
from etude.study.report import COMPARISON, MARKS, finding, results_page, with_finding
from etude.study.site_pages import front_page
from etude.study.summary import summary_path, write_summary


def row(model, bits, pieces=82, **more):
    measured = {"bits_per_second": bits, "low": bits - 1, "high": bits + 1, "kind": "exact", "seeds": 1}
    return {"model": model, "representation": "midi", "pieces": pieces, **measured, **more}


def chapter(name):
    place = f"notebooks/{name}.ipynb"
    notebook = SimpleNamespace(name=name)
    shown = {"label": name, "title": "What?", "answer": "That.", "dimensions": {}, "thumbnail": lambda: None}
    return SimpleNamespace(notebook=notebook, place=place, **shown)


@pytest.fixture
def root(tmp_path):
    chorales = {"corpora": {"chorales": {"pieces": {"test": 82, "train": 3}}}}
    summaries = {
        "11_rnn": {**chorales, "tables": {"test": [row("rnn", 16.0), row("four voices", 9.0, 81)]}},
        "41_own": {"corpora": {"folder": {"pieces": {"test": 82}}}, "tables": {"test": [row("own", 5.0)]}},
    }
    compared = {"models": [row("rnn", 16.0), row("tcn", 20.0), row("roll", 18.0, representation="roll")]}
    compared["floors"] = [row("xz", 30.0, low=None), row("counts", 24.0)]
    figure = {"path": "reports/figures/line.png", "alt": "A line"}
    summaries[COMPARISON] = {"answer": "Networks win.", "tables": compared, "figures": {"line": figure}}
    for name, summary in summaries.items():
        write_summary(summary_path(tmp_path, name), summary)
    return tmp_path


def test_bits_of_other_music_stand_in_a_table_of_their_own(root):
    page = results_page(root, [chapter("11_rnn"), chapter("41_own")])
    chorales, others = page.split("## A second of other pieces")
    assert "| rnn |" in chorales and "| rnn |" not in others
    assert all(f"| {model} |" in others and f"| {model} |" not in chorales for model in ("own", "four voices"))
    assert "| 81 |" in others


def test_the_finding_is_the_answer_the_shortest_codes_and_a_figure(root, monkeypatch):
    monkeypatch.setattr(report, "HEARD", {"Bach": "reports/audio/bach.mp3", "nothing": "reports/audio/none.mp3"})
    (root / "reports/audio").mkdir(parents=True)
    (root / "reports/audio/bach.mp3").write_bytes(b"")
    said = finding(root, [chapter("11_rnn"), chapter(COMPARISON)])
    assert said.startswith("Networks win.") and "![A line](reports/figures/line.png)" in said
    assert [line.split(" | ")[0] for line in said.splitlines() if line.startswith("| ")][1:] == [
        "| rnn",
        "| roll",
        "| counts",
    ]
    assert "[Bach](reports/audio/bach.mp3)" in said and "none.mp3" not in said
    assert finding(root, [chapter("11_rnn")]) == ""


def test_the_readme_keeps_all_but_what_stands_between_the_marks():
    text = f"# étude\n\n{MARKS[0]}\nold\n{MARKS[1]}\n\n## Read it\n"
    once = with_finding(text, "New.")
    assert once == f"# étude\n\n{MARKS[0]}\n\nNew.\n\n{MARKS[1]}\n\n## Read it\n" == with_finding(once, "New.")
    assert with_finding("# étude\n", "New.") == "# étude\n"


def test_the_site_of_a_run_tells_that_runs_finding_and_not_the_committed_one(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_ROOT", str(tmp_path))
    (tmp_path / "README.md").write_text(f"# étude\n\n{MARKS[0]}\n\nCommitted.\n\n{MARKS[1]}\n\n## Read it\n")
    for found in ("Its own.", ""):
        page = front_page([chapter("11_rnn")], set(), found, [], [])
        assert "Committed." not in page and found in page and "Read it" not in page


def test_one_code_under_two_names_is_one_row(root):
    again = {
        "corpora": {"chorales": {"pieces": {"test": 82}}},
        "tables": {"test": [row("same", 16.0), row("less", 16.5)]},
    }
    other = {"corpora": {}, "tables": {"test": [row("on 30", 16.0, 30), row("on 24", 16.0, 24)]}}
    for name, summary in (("25_again", again), ("26_other", other)):
        write_summary(summary_path(root, name), summary)
    page = results_page(root, [chapter(name) for name in ("11_rnn", "25_again", "26_other")])
    assert "| rnn |" in page and "| same |" not in page and "| less |" in page
    assert "| on 30 |" in page and "| on 24 |" in page
