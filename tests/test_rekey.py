"""Pages translated by proof, in a toy checkout: what is proven keeps its results, what is not is refused."""

import json
import shutil

import matplotlib.image
import nbformat
import numpy as np
import pytest

import etude
from etude.errors import EtudeError
from etude.kept import SEAL
from etude.study import rekey, source, summary
from etude.study.equality import differences, parted
from etude.study.notebook import read_notebook
from etude.study.rekey import Proof, working_cells

NAME = "11_toy"
CODE = "from etude import study\nfrom etude.types import Score\n\nScore.common(study)"
LISTING = "from etude.types import Score\n\ndisplay.show_source(Score.common)"
NUMBERS = {"bits": {"value": 1.5, "unit": "bit/s"}, "took": {"value": 3.0, "unit": "s"}}
WITHIN = "g = lambda: kept\nkept = 3\nrun.table('rows', g())"  # what a function reads is not idle
ROWS = [{"model": "rnn", "bits": 2.0, "train_seconds": 1.0}]


def page(folder, module_digests, format_, code=CODE, numbers=NUMBERS, rows=ROWS, pixels=0.5, words="", tag=None):
    """Write what a run of the toy chapter leaves: notebook, summary, a picture, a sound."""
    texts = [code, LISTING, *([words] if words else [])]
    cells = [nbformat.v4.new_code_cell(text, id=f"cell-{n}") for n, text in enumerate(texts)]
    cells[-1].metadata |= {"tags": [tag]} if tag else {}
    notebook = nbformat.v4.new_notebook(cells=cells)
    for place in ("notebooks", "reports/summaries", f"reports/figures/{NAME}", f"reports/audio/{NAME}"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / f"notebooks/{NAME}.ipynb")
    matplotlib.image.imsave(folder / f"reports/figures/{NAME}/a.png", np.full((3, 3), pixels), vmin=0, vmax=1)
    (folder / f"reports/audio/{NAME}/a.mp3").write_bytes(b"sound")
    said = {
        "format": format_,
        "notebook": NAME,
        "parameters": {"steps": 3},
        "numbers": numbers,
        "tables": {"rows": rows},
    }
    said |= {"cost": {"rnn": {"best_step": 3, "train_seconds": 1.0}}, "corpora": {}, "models": {}, "answer": "2 bits"}
    said |= {"figures": {"a": {"path": f"reports/figures/{NAME}/a.png", "alt": "a"}}, "versions": {"numpy": "1.0"}}
    source_ = {"code": None, "modules": module_digests, "data": {}}
    summary.write_summary(summary.summary_path(folder, NAME), {**said, "source": source_, "wall_seconds": 9.0})


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A checkout where the page was current, one as it stands, a run in each, and the committed page."""
    old, new = tmp_path / "old", tmp_path / "new"
    package = old / "src" / "etude"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "types.py").write_text("class Score:\n    pass\n")
    (package / "models").mkdir()
    (package / "models" / "__init__.py").write_text("")
    (package / "models" / "rnn.py").write_text("class RNN:\n    pass\n")
    modules = ["etude", "etude.types", "etude.models.rnn"]
    then = source.text_digests(modules, source.read_package(package))
    runs = old / "reports/runs/smoke", new / "reports/runs/smoke"
    now = source.module_digests(["etude", "etude.types"])
    page(new, then, 1)
    page(runs[0], then, 1)
    page(runs[1], now, summary.FORMAT)
    monkeypatch.setenv("ETUDE_ROOT", str(new))
    monkeypatch.setattr(Proof, "probes_moved", lambda self: [])
    return Proof(*runs), new, now


def translate(proof, *more):
    return rekey.main(["--before", str(proof.before), "--after", str(proof.after), *more])


def test_a_page_is_translated_and_its_results_stay(toy, capsys):
    proof, root, now = toy
    before = json.loads(summary.summary_path(root, NAME).read_text())
    assert translate(proof) == 0 and "11_toy: translated" in capsys.readouterr().out
    after = json.loads(summary.summary_path(root, NAME).read_text())
    results = ("parameters", "numbers", "tables", "cost", "corpora", "models", "figures", "answer", "wall_seconds")
    assert all(after[part] == before[part] for part in results)
    modules = after["source"]["modules"]
    assert now["etude.types"] == modules["etude.types"] and now.keys() <= modules.keys()
    assert "etude.models.sequence.rnn" in modules, "the heir of models.rnn"
    assert after["source"]["code"] == read_notebook(root / f"notebooks/{NAME}.ipynb").digest
    assert list(after["listings"]) == ["etude.types.Score.common"] and after["versions"]["numpy"] == "1.0"
    assert not summary.read_summary(NAME, root).stale
    assert translate(proof) == 1, "it is no longer what was current before"


def test_a_cell_whose_work_has_moved_is_taken_for_what_it_gave_if_it_is_named(toy, capsys):
    proof, root, now = toy
    for folder in (proof.after, root):  # the page and the new run have another first cell
        made = folder == proof.after
        page(folder, now if made else summary_digests(root), summary.FORMAT if made else 1, code=CODE + "(1)")
    assert translate(proof) == 1 and "not those of the run before" in capsys.readouterr().out
    assert translate(proof, "--moved", f"{NAME}:2") == 1, "another cell is named"
    page(proof.after, now, summary.FORMAT, code=CODE + "(1)", rows=[])
    assert translate(proof, "--moved", f"{NAME}:1") == 1, "its results are others"
    page(proof.after, now, summary.FORMAT, code=CODE + "(1)")
    assert translate(proof, "--moved", f"{NAME}:1") == 0
    assert not summary.read_summary(NAME, root).stale
    for wrong in ("11_other:1", f"{NAME}:x", NAME):
        with pytest.raises(EtudeError, match="such as 11_rnn:4"):
            translate(proof, "--moved", wrong)
    with pytest.raises(EtudeError, match="a code cell of 11_toy"):
        translate(proof, "--moved", f"{NAME}:3")


def summary_digests(root):
    return json.loads(summary.summary_path(root, NAME).read_text())["source"]["modules"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"numbers": {**NUMBERS, "bits": {"value": 1.50001, "unit": "bit/s"}}}, "numbers/bits/value"),
        ({"rows": [{**ROWS[0], "bits": 2.1}]}, r"tables/rows\[0\]/bits: 2.0 and 2.1"),
        ({"rows": []}, "1 and 0 values"),
        ({"pixels": 0.6}, "figures: a.png"),
        ({"code": CODE + " + 1"}, "not those of the run after"),
        ({"module_digests": {"etude": "0"}}, "not of now: etude has changed"),
        ({"format_": 1}, "of format 1"),
    ],
)
def test_a_page_is_refused_where_the_proof_fails(toy, capsys, change, reason):
    proof, root, now = toy
    page(proof.after, **{"module_digests": now, "format_": summary.FORMAT, **change})
    before = summary.summary_path(root, NAME).read_bytes()
    assert translate(proof) == 1
    import re

    said = capsys.readouterr().out
    assert said.startswith("11_toy: refused: ") and re.search(reason, said)
    assert summary.summary_path(root, NAME).read_bytes() == before


@pytest.mark.parametrize(
    ("words", "proven"),
    [
        ("kept = 3\ndisplay.say(f'It is {kept}.')", True),
        ("run.answer('It is.', len(rows) > 0)", True),
        ("study = 3\ndisplay.say('It is.')", False),
        ("run.table('rows', [])\ndisplay.say('It is.')", False),
        ("import numpy\ndisplay.say('It is.')", False),
        ("kept = 3\nother = kept", True),
        ("kept = 3\nother = kept\nother = 4 if kept else other", True),
        ("other = [rows for rows in (3,)]\nrun.answer(f'{[rows for rows in other]}')", True),
        ("def kept():\n    return 3\ndisplay.say(f'It is {kept()}.')", True),
        ("def study():\n    return 3\ndisplay.say('It is.')", False),
        ("def f(kept):\n    return kept\nkept = 3\ndisplay.say(f'{kept}')", True),
        ("print(3)", False),
        ("rows.append(3)", False),
    ],
)
def test_words_may_become_a_conclusion_and_work_may_not(toy, words, proven):
    proof, root, now = toy
    then = json.loads(summary.summary_path(root, NAME).read_text())["source"]["modules"]
    said = {"words": "run.claim('So it is.', run.results.number('bits') > 1)", "tag": "conclusion"}
    page(proof.before, then, 1, words=words)
    page(root, then, 1, **said)
    page(proof.after, now, summary.FORMAT, **said)
    refused = ["its code cells are not those of the run before"]
    assert proof.doubts(NAME) == ([] if proven else refused)


@pytest.mark.parametrize(
    ("words", "work"),
    [
        ("kept = 3\nrun.answer(f'It is {kept}.')\nrun.table('rows', [])", "run.table('rows', [])"),
        ("if study:\n    run.table('rows', [])\n    display.say('So.')", "if study:\n    run.table('rows', [])"),
        ("if study:\n    display.say('So.')\nrun.finish()", "run.finish()"),
        ("kept = run.number('bits', 2)\ndisplay.say(f'{kept}')", "kept = run.number('bits', 2)"),
        (
            "a = {}\na['x'], b = 1, 2\ndisplay.say('So.')\nrun.table('rows', a)",
            "a = {}\na['x'], b = (1, 2)\nrun.table('rows', a)",
        ),
        ("for a in 'xy':\n    b = run.table(a)\ndisplay.say('So.')", "for a in 'xy':\n    b = run.table(a)"),
        ("for a in 'xy':\n    b = 2\nrun.table(a)\ndisplay.say('So.')", "for a in 'xy':\n    b = 2\nrun.table(a)"),
        ("g = lambda: kept\nkept = 3\nrun.table('rows', g())\ndisplay.say(f'{kept}')", WITHIN),
        ("run.answer(run.number('bits', 2))", "run.answer(run.number('bits', 2))"),
    ],
)
def test_a_cell_that_speaks_and_works_keeps_its_work(tmp_path, words, work):
    page(tmp_path, {}, 1, words=words)
    assert working_cells(read_notebook(tmp_path / "notebooks" / f"{NAME}.ipynb"))[-1] == work


@pytest.mark.parametrize(
    ("was", "now", "proven"),
    [
        ("xs = load()\nstudy(xs)", "xs = load()[: most or None]\nstudy(xs)", True),
        ("study([xs[s] for s in xs])", "study([xs[s][: None if s == 'a' else most or None] for s in xs])", True),
        ("xs = load()\nstudy(xs, most)", "ys = load()[: most or None]\nstudy(ys, 0)", False),
        ("xs = load()\nstudy(xs)", "ys = load()[: most or None]\nstudy(ys)", True),
        ("xs = load()\nstudy(xs)", "ys = load()[: most or 3]\nstudy(ys)", False),
        ("xs = load()\nstudy(xs)", "ys = load()[most:]\nstudy(ys)", False),
        ("study(load())", "study(load()[: None if study() else most or None])", False),
        ("study(load())", "most = 3\nstudy(load()[: most or None])", False),
        ("xs = load()\nstudy(xs)", "xs = load()[: most or None]\nstudy(steps)", False),
        ("study(steps)", "study(step)", False),
    ],
)
def test_a_new_parameter_and_other_names_for_variables_change_no_work(tmp_path, was, now, proven):
    read = []
    for folder, code, words in (("a", "steps = 3", was), ("b", "steps = 3\nmost = 0  # 0: all", now)):
        page(tmp_path / folder, {}, 1, code=code, words=words)
        path = tmp_path / folder / "notebooks" / f"{NAME}.ipynb"
        content = json.loads(path.read_text())
        content["cells"][0]["metadata"]["tags"] = ["parameters"]
        path.write_text(json.dumps(content))
        read.append(read_notebook(path))
    assert rekey.same_work(*read, {"most": 0}) == proven
    assert not rekey.same_work(*read, {}), "unless the parameter is known to be new"


def test_a_new_parameter_joins_those_of_the_page_and_must_have_had_its_default(toy):
    proof, root, _ = toy
    before = json.loads(summary.summary_path(root, NAME).read_text())
    for most, said in ((0, []), (2, ["parameters/most: 0 and 2"])):
        path = summary.summary_path(proof.after, NAME)
        kept = {name: part for name, part in json.loads(path.read_text()).items() if name != SEAL}
        summary.write_summary(path, {**kept, "parameters": {"steps": 3, "most": most}})
        assert differences(proof.before, proof.after, NAME, added={"most": 0}) == said
    for folder in (root, proof.after):
        path = folder / "notebooks" / f"{NAME}.ipynb"
        content = json.loads(path.read_text())
        cell = nbformat.v4.new_code_cell("most = 0  # 0: all", id="p", metadata={"tags": ["parameters"]})
        content["cells"] = [cell, *content["cells"]]
        path.write_text(json.dumps(content))
    assert proof.added(NAME) == {"most": 0}
    assert proof.translated(NAME)["parameters"] == {**before["parameters"], "most": 0}


def test_what_was_measured_proves_nothing(toy):
    proof, _, now = toy
    numbers, rows = {**NUMBERS, "took": {"value": 99.0, "unit": "s"}}, [{**ROWS[0], "train_seconds": 7.0}]
    page(proof.after, now, summary.FORMAT, numbers=numbers, rows=rows)
    assert differences(proof.before, proof.after, NAME) == []
    assert parted({"a": 1.0}, {"a": 1.0 + 1e-8}, "") == "" != parted({"a": 1.0}, {"a": 1.00001}, "")
    assert parted({"a": 1}, {"a": "1"}, "") and parted({"a": 1}, {}, "") and parted({"a": True}, {"a": 1}, "")


def test_other_sounds_other_probes_and_pages_that_were_old_are_refused(toy, monkeypatch):
    proof, root, _ = toy
    (proof.after / f"reports/audio/{NAME}/a.mp3").write_bytes(b"noise")
    assert proof.doubts(NAME) == ["audio: a.mp3"]
    page(root, {"etude.types": "0"}, 1)
    assert "it was not current: etude.types was another one" in proof.doubts(NAME)
    shutil.rmtree(proof.after)
    assert "no finished run" in proof.doubts(NAME)[0]
    monkeypatch.setattr(Proof, "probes_moved", lambda self: ["the probe rnn moved"])
    assert translate(proof) == 1


def test_the_committed_pages_say_what_they_are_keyed_by():
    assert etude.__version__  # the checkout's own package
    root = source.project_root()
    for path in sorted((root / "reports" / "summaries").glob("*.json")):
        said = json.loads(path.read_text(encoding="utf-8"))
        assert said["format"] in (1, summary.FORMAT)


@pytest.mark.parametrize(
    ("sentence", "same"),
    [
        ("It is 5.5 % off. Ours is 2.6 times as fast as another.", True),
        ("It is 5.6 % off. Ours is 2.3 times as fast as another.", False),
    ],
)
def test_a_speed_in_a_claim_is_no_result(toy, sentence, same):
    proof, _, now = toy
    page(proof.after, now, summary.FORMAT)
    words = ("It is 5.5 % off. Ours is 2.3 times as fast as another.", sentence)
    for folder, said in zip((proof.before, proof.after), words, strict=True):
        path = summary.summary_path(folder, NAME)
        kept = {name: part for name, part in json.loads(path.read_text()).items() if name != SEAL}
        summary.write_summary(path, {**kept, "claims": [{"sentence": said, "holds": True}]})
    found = differences(proof.before, proof.after, NAME)
    assert [one.partition(":")[0] for one in found] == ([] if same else ["claims[0]/sentence"])
