"""Verification: numbers found again are equal, near, within seeds or differing, and a planted fault is seen."""

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import nbformat
import numpy as np
import pytest
from conftest import chorale_like_score

import etude
from etude import cli, study
from etude.corpora.base import Corpus
from etude.evaluation import fitted_floors, score_table
from etude.study import trial, verify, weights
from etude.study.plan import make_plan
from etude.study.preparation import with_its_data
from etude.study.summary import summary_path, write_summary
from etude.study.verdicts import Verdict, citation, judged
from etude.study.verify import compared
from etude.study.weights import Check
from etude.types import Piece

NAME = "11_toy"


class Few(Corpus):
    """A corpus of three pieces in each split."""

    def load(self, split):
        return [Piece(f"{split}-{n}", score=chorale_like_score(n)) for n in (1, 2, 3)]


@pytest.fixture(scope="module")
def digests(tmp_path_factory):
    """A cache for all these tests: what the package's modules mean is worked out once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def toy(tmp_path, digests, monkeypatch):
    """A chapter that shipped a model, with the table of its test split and a proof, and what `etude` finds there."""
    monkeypatch.setenv("ETUDE_ROOT", str(tmp_path))
    monkeypatch.setenv("ETUDE_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("ETUDE_NOTEBOOK", NAME)
    monkeypatch.setenv("ETUDE_CACHE", str(digests))
    for name in ("ETUDE_RUNS", "ETUDE_FITS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(weights.registry, "corpus", lambda name, **options: Few())
    monkeypatch.setattr(verify, "_pool", lambda jobs: ThreadPoolExecutor(jobs))
    monkeypatch.setattr(
        trial, "compressor_floors", lambda *args, **options: {}
    )  # programs of their own: tested where they are
    (tmp_path / "notebooks").mkdir()
    cell = nbformat.v4.new_code_cell("keys = 2", metadata={"tags": ["parameters"]}, id="p")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / f"notebooks/{NAME}.ipynb")
    roll, pieces = etude.representation("pianoroll"), {split: Few().load(split) for split in Few.splits}
    coded = trial.encode(pieces, roll, range(-1, 1))
    model = etude.model("marginal", roll.space)
    model.fit(coded.train[:2])
    run = study.start(NAME, keys=2)
    run.model("mine-pianoroll", model, roll)
    shutil.copytree(tmp_path / "run/models/mine-pianoroll", tmp_path / "data/pretrained/mine-pianoroll")
    floors = fitted_floors(roll.space, coded.train, coded.codes["valid"])
    run.table("test", score_table({**floors, "mine": model}, coded.codes["test"], pieces["test"], roll))
    claimed = [
        {"file": p.name, "claimed_bits": model.bits([x]).total + etude.evaluation.length_bits(len(x))}
        for p, x in zip(pieces["test"], coded.codes["test"], strict=True)
    ]
    others = [{**one, "claimed_bits": one["claimed_bits"] / 2, "model": "a mixture"} for one in claimed]
    run.table("proof", [*claimed, {"file": "all in one file", "claimed_bits": 1.0}, *others])
    run.number("took", 3.0, "s")
    run.finish()
    summary = json.loads(summary_path(tmp_path / "run", NAME).read_text())
    write_summary(summary_path(tmp_path, NAME), summary)
    return tmp_path


def changed(folder, edit):
    path = summary_path(folder, NAME)
    summary = json.loads(path.read_text())
    edit(summary)
    write_summary(path, summary)


def verdicts(**options):
    return {verdict.part: verdict for verdict in verify.recomputed(verify.parts([NAME]), 1, **options)}


def test_what_ships_gives_the_numbers_of_its_chapter(toy):
    found = verdicts()
    assert set(found) == {f"weights: mine-pianoroll ({NAME})", f"floors: pianoroll-2-keys ({NAME})"}
    model, counted = found[f"weights: mine-pianoroll ({NAME})"], found[f"floors: pianoroll-2-keys ({NAME})"]
    assert (model.equal, model.numbers) == (8, 8), "five numbers of its row and three claims"
    assert counted.equal == counted.numbers == 5 * 4, "five numbers of each floor's row"


@pytest.mark.parametrize(("row", "part"), [("mine", "weights"), ("counts", "floors")])
def test_a_number_that_was_changed_is_seen(toy, row, part):
    def edit(summary):
        next(r for r in summary["tables"]["test"] if r["model"] == row)["bits_per_second"] *= 1 + 1e-5

    changed(toy, edit)
    bad = [verdict for verdict in verdicts().values() if verdict.differing]
    assert [verdict.part.partition(":")[0] for verdict in bad] == [part]
    assert f"{NAME} test[" in bad[0].differing[0] and "bits_per_second" in bad[0].differing[0]


def test_weights_that_were_changed_are_seen(toy):
    roll = etude.representation("pianoroll")
    other = etude.model("marginal", roll.space)
    other.fit([roll.encode(piece) for piece in Few().load("valid")])
    folder = toy / "data/pretrained/mine-pianoroll"
    made_by = (folder / "made_by.json").read_text()
    other.save(folder)
    (folder / "made_by.json").write_text(made_by)
    assert verdicts()[f"weights: mine-pianoroll ({NAME})"].differing


def test_a_part_is_kept_while_what_it_depends_on_stays(toy, monkeypatch):
    first = verdicts()
    monkeypatch.setattr(verify.Part, "checks", lambda self: pytest.fail("computed again"))
    assert {name: str(one) for name, one in verdicts().items()} == {name: str(one) for name, one in first.items()}
    changed(toy, lambda summary: summary["numbers"].update(took={"value": 4.0, "unit": "s"}))
    assert verdicts().keys() == first.keys(), "a timing is no result"
    monkeypatch.setattr(verify.Part, "checks", lambda self: [])
    assert all(one.numbers == 0 for one in verdicts(again=True).values())
    changed(toy, lambda summary: summary.update(answer="another"))
    monkeypatch.setattr(verify.Part, "checks", lambda self: [Check(NAME, "x", 1.0, 2.0)])
    assert all(one.differing for one in verdicts().values())


def test_a_kept_part_knows_the_code_that_it_came_from():
    said = verify._code()
    assert all(f'"etude.{name}"' in said for name in ("study.weights", "models.floors.counts", "models.torch.rnn"))
    assert '"torch"' in said and "etude.study.status" not in said


def test_what_cannot_be_recomputed_is_said_and_counts_as_a_difference(toy):
    (toy / "data/pretrained/mine-pianoroll/weights.safetensors").unlink(missing_ok=True)
    for path in (toy / "data/pretrained/mine-pianoroll").glob("*"):
        if path.name != "made_by.json":
            path.unlink()
    said = verdicts()[f"weights: mine-pianoroll ({NAME})"].differing
    assert len(said) == 1 and said[0].startswith("not recomputed: ")


def test_one_of_several_seeds_lies_within_their_spread_or_is_seen():
    rates = np.array([1.0, 2.0, 4.0])
    row = {"bits_per_second": rates.mean(), "seed_sd": rates.std(ddof=1), "seeds": 3, "low": 0.0}
    for rate in rates:
        assert not judged("", weights._row_checks("c", "t[0]", row, {"bits_per_second": rate, "low": 9.0})).differing
    far = {"bits_per_second": rates.mean() + 1.16 * row["seed_sd"]}  # (n - 1) / sqrt(n) is 1.155
    assert judged("", weights._row_checks("c", "t[0]", row, far)).differing


def test_numbers_are_counted_by_how_near_they_are():
    verdict = Verdict("part")
    for found in (1.0, 1.0 + 1e-9, 1.0 + 1e-5):
        verdict.add("place", 1.0, found)
    verdict.add("place", 1.0, 1.2, slack=0.3)
    assert (verdict.exact, verdict.near, verdict.within, len(verdict.differing)) == (1, 1, 1, 1)
    assert str(verdict) == "part: 2 of 4 numbers equal, 1 within the spread of seeds, 1 DIFFER"


def test_a_rerun_is_compared_number_by_number_without_what_was_measured(toy):
    again = toy / "reports/runs/verify"
    shutil.copytree(toy / "run", again)
    changed(again, lambda summary: summary["numbers"].update(took={"value": 99.0, "unit": "s"}))
    same = compared(NAME, again)
    assert same.exact == same.numbers > 20 and not same.differing
    changed(again, lambda summary: summary["tables"]["test"][0].update(bits_per_second=1.0, kind="bound"))
    changed(again, lambda summary: summary["tables"].update(new=[{"x": 1}]))
    said = "\n".join(compared(NAME, again).differing)
    assert "tables/test[0]/bits_per_second" in said and "tables/test[0]/kind: 'exact' committed, 'bound' now" in said
    assert "tables/new[0]/x: None committed, 1 now" in said


def test_the_line_to_cite_depends_on_results_alone(toy):
    part = Verdict("part", exact=2, near=1)
    line = citation([NAME], [part])
    assert re.fullmatch(
        r"étude \S+, 1 chapters, results [0-9a-f]{16}: of \d+ numbers 3 comparisons, 2 equal to the last bit, "
        r"1 to 1e-06, 0 within the spread of seeds, 0 differ",
        line,
    )
    changed(toy, lambda summary: summary["numbers"].update(took={"value": 4.0, "unit": "s"}))
    changed(toy, lambda summary: summary.update(wall_seconds=1e6, versions={}, peak_memory_mb=1.0))
    assert citation([NAME], [part]) == line
    changed(toy, lambda summary: summary["tables"]["proof"][0].update(claimed_bits=2.0))
    assert citation([NAME], [part]) != line


def test_the_command_prints_parts_and_ends_with_the_line(toy, capsys):
    assert cli.main(["verify", "11", "--weights"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "weights: mine-pianoroll (11_toy): 8 of 8 numbers equal" in out and out[-1].startswith("étude ")
    changed(toy, lambda summary: summary["tables"]["proof"][1].update(claimed_bits=2.0))
    assert cli.main(["verify", "--weights"]) == 1
    assert "1 DIFFER" in capsys.readouterr().out
    assert cli.main(["verify", "12"]) == 2 and capsys.readouterr().err.count("\n") == 1


def test_rows_on_data_that_the_reader_has_not_brought_are_said_and_not_compared(toy):
    again = toy / "reports/runs/verify"
    shutil.copytree(toy / "run", again)
    for folder, state, train in ((toy, "ready", 229), (again, "no data. Run `etude fetch benchmark`.", None)):
        rows = [{"corpus": "tunes", "state": "ready", "train": 3}, {"corpus": "x", "state": state, "train": train}]
        changed(folder, lambda summary, rows=rows: summary["tables"].update(corpora=rows))
    found = compared(NAME, again)
    assert not found.differing and "corpora[1] is not compared: no data" in found.notes[0]
    changed(again, lambda summary: summary["tables"]["corpora"][0].update(train=4))
    assert "tables/corpora[0]/train: 3 committed, 4 now" in compared(NAME, again).differing[0]


def test_speeds_are_no_results():
    """Whole tables of timings, and what an answer says of them, would make every run another one."""
    said = {
        "notebook": "21_frameworks",
        "tables": {"costs": [{"start": 1.0}], "kept": [{"processor": 2.0, "then": 4.0, "bits": 3.0}]},
    }
    said |= {"numbers": {}, "answer": "It is 5.5 % off. Ours is 3.3 times as fast as another."}
    found = verify.results_of(said)
    assert found["tables"] == {"kept": [{"bits": 3.0}]}
    assert found["answer"] == "It is 5.5 % off. Ours is so many times as fast as another."


def test_every_shipped_model_decides_a_number_of_its_chapter():
    """Of the committed study: which row is a model's is read off what both say."""
    summaries = weights.committed()
    models = [one for one in weights.shipped() if one.made_by["notebook"] in summaries]
    if not models:
        pytest.skip("no committed study here")
    for one in models:
        rows = [row for _, _, row in weights.rows_of(summaries[one.made_by["notebook"]])]
        found = [row for row in rows if weights._is_of(one, row, {"pieces": row["pieces"]})]
        assert found and all(row["kind"] in ("exact", "bound", "estimate") for row in found), one.folder.name
        assert len({row["bits_per_step"] for row in found}) == 1, f"{one.folder.name}: rows of several models"


def test_the_comparison_says_what_the_summaries_say_that_it_reads(tmp_path, monkeypatch):
    """Chapter 30 computes nothing of its own: where a chapter that it reads is run again, so must it be."""
    plan, _ = with_its_data(make_plan(["30_comparison"], "full"))
    assert [job.id for job in plan.jobs] == ["30_comparison"], "run the others first: else they run here, for hours"
    monkeypatch.setenv("ETUDE_RUNS", str(tmp_path))
    assert cli.main(["verify", "30_comparison"]) == 0
