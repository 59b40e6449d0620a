"""Cells that conclude know what the run kept, and so can be evaluated on its summary at any later time."""

import json
from pathlib import Path

import nbformat
import pytest

from etude.errors import EtudeError
from etude.study.claims import NOT_SHOWN
from etude.study.conclusions import check, refresh_conclusions, with_conclusions
from etude.study.notebook import Notebook, read_notebook, with_outputs, write_notebook
from etude.study.record import start
from etude.study.summary import failed_claims, write_summary

PARAMETERS = "steps = 3  # of a fit\nnames = ['rnn', 'tcn']  # networks"
START = "import math\nimport torch.not_there as unused\nfrom etude import study\nrun = study.start('a', globals())"
WORK = "model = 1"
FIRST = "bits = run.results.table('test').set_index('model')['bits']\ngap = bits[names[0]] - bits[names[1]]"
CLAIM = "run.claim(f'After {steps} steps the gap is **{gap:.1f}**.', gap > 0, math.isfinite(gap))"
ANSWER = "run.answer(f'It needs\\n{bits.min():.1f} bits.', bool(bits.min() < run.results.number('floor')))"
SUMMARY = {
    "answer": "old",
    "parameters": {"steps": 3, "names": ["rnn", "tcn"]},
    "tables": {"test": [{"model": "rnn", "bits": 5.0}, {"model": "tcn", "bits": 3.0}]},
    "numbers": {"floor": {"value": 4.0, "unit": "bit"}},
}


def cell(text, *tags, outputs=()):
    metadata = {"tags": list(tags)} if tags else {}
    return nbformat.v4.new_code_cell(text, metadata=metadata, outputs=list(outputs), execution_count=1)


def box():
    return nbformat.v4.new_output("display_data", {"text/markdown": "old", "text/plain": "."})


def notebook(*texts, path=Path("a.ipynb"), after=()) -> Notebook:
    """A notebook with a parameters cell, a start, work, and these conclusions."""
    cells = [cell(PARAMETERS, "parameters"), cell(START, "answer", outputs=[box()]), cell(WORK)]
    cells += [cell(text, "conclusion") for text in texts] + [cell(text) for text in after]
    written = nbformat.v4.new_notebook(cells=cells)
    return Notebook(path, json.loads(nbformat.writes(written)))


def shown(content, place=-1):
    return "".join(content["cells"][place]["outputs"][0]["data"]["text/markdown"])


def test_a_conclusion_says_of_the_summary_what_it_said_in_the_run(tmp_path, monkeypatch):
    content, told = with_conclusions(notebook(FIRST, CLAIM, ANSWER), SUMMARY, tmp_path)
    assert shown(content, 4) == "After 3 steps the gap is **2.0**."
    assert shown(content, 1) == told["answer"] == "It needs 3.0 bits."
    assert [c["execution_count"] for c in content["cells"]] == [1, 2, 3, 4, 5, 6]
    monkeypatch.setenv("ETUDE_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("ETUDE_NOTEBOOK", "a")
    run = start("a", **SUMMARY["parameters"])
    run.table("test", SUMMARY["tables"]["test"])
    run.number("floor", 4.0)
    scope = {"run": run, **SUMMARY["parameters"], "math": __import__("math")}
    exec("\n".join([FIRST, CLAIM, ANSWER]), scope)
    assert (run.said, run.claims) == (told["answer"], told["claims"]) and len(run.claims) == 2


def test_what_does_not_hold_is_said_to_be_so_and_fails(tmp_path):
    worse = {**SUMMARY, "tables": {"test": [{"model": "rnn", "bits": 2.0}, {"model": "tcn", "bits": 3.0}]}}
    content, told = with_conclusions(notebook(FIRST, CLAIM, ANSWER), worse, tmp_path)
    assert shown(content, 4) == f"{NOT_SHOWN}\n\n> After 3 steps the gap is **-1.0**."
    assert failed_claims(told) == ["After 3 steps the gap is **-1.0**."]


@pytest.mark.parametrize(
    ("texts", "after", "words"),
    [
        (["run.claim('So it is.', model > 0)"], [], "the name model"),
        (["run.table('x', [])"], [], "run.table"),
        (["run.claim('So.', run.results.table('other').empty)"], [], "other"),
        (["run.claim('So.', 1 / 0 > 1)"], [], "ZeroDivisionError"),
        (["run.results.table('test')"], [], "text as the last line"),
        (["%time 3"], [], "plain Python"),
        (["gap = 3"], ["print(gap)"], "one that reads gap"),
    ],
)
def test_a_conclusion_that_knows_or_does_too_much_is_refused(tmp_path, texts, after, words):
    with pytest.raises(EtudeError, match=words):
        with_conclusions(notebook(*texts, after=after), SUMMARY, tmp_path)


def test_a_conclusion_stands_behind_what_it_reads():
    keeps = "run.table('test', [])"
    before = "run.claim('So.', run.results.table('test').empty)"
    with pytest.raises(EtudeError, match="'test', kept later"):
        check(notebook(before, after=[keeps]))
    check(notebook(before.replace("'test'", "'other'"), after=[keeps]))


def test_names_inside_a_loop_or_a_function_are_its_own():
    check(notebook("wide = sorted(n for n in names)\nkey = lambda m: m > 3", after=["n = m = 4", "print(n, m)"]))


def test_words_may_change_without_a_run_and_work_may_not():
    plain, other = notebook(FIRST, CLAIM), notebook(ANSWER)
    assert plain.digest == other.digest == notebook().digest != notebook(after=[CLAIM]).digest


def test_outputs_move_under_other_conclusions():
    ran, now = notebook(FIRST, CLAIM), notebook(CLAIM, ANSWER, after=["print(1)"])
    with pytest.raises(ValueError, match="zip"):
        with_outputs(now.content, ran.content)
    ran = notebook(FIRST, CLAIM, after=["print(1)"])
    ran.content["cells"][4]["outputs"] = ran.content["cells"][5]["outputs"] = [box()]
    merged = with_outputs(now.content, ran.content)["cells"]
    assert [len(c["outputs"]) for c in merged] == [0, 1, 0, 1, 0, 1]


def test_files_are_refreshed_and_only_where_something_changed(tmp_path):
    page, summary = tmp_path / "a.ipynb", tmp_path / "a.json"
    write_notebook(notebook(FIRST, CLAIM, ANSWER).content, page)
    assert not refresh_conclusions(page, summary)  # it has not run
    write_summary(summary, SUMMARY)
    assert refresh_conclusions(page, summary) and not refresh_conclusions(page, summary)
    assert json.loads(summary.read_text())["answer"] == "It needs 3.0 bits."
    assert shown(read_notebook(page).content, 1) == "It needs 3.0 bits."
