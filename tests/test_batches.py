"""Batches read back from what they left: states, results, sweeps in a file, the command that reruns one job."""

import json
import os
import shlex
import socket

import nbformat
import pandas
import pytest

from etude import cli, study
from etude.errors import EtudeError
from etude.locks import alone
from etude.study import batches, outcomes, runner, staleness
from etude.study.plan import make_plan
from etude.study.requests import arguments_of, command
from etude.study.summary import summary_path, write_summary
from etude.study.sweeps import read_sweep

PARAMETERS = "steps = 100\ncell = 'lstm'\nrate = 0.1\nsizes = (1, 2)\nwindow: int | None = None"
GRID = (
    "set: {steps: 5}\nproduct: {cell: [lstm, gru], rate: [1e-3, 0.5]}\nzip: {window: [1, null], sizes: [[1], [2, 3]]}\n"
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with two notebooks, one of which reads the other's summary, and profiles."""
    for folder in ("notebooks", "workflow/profiles", "workflow/executors/local", "data/splits"):
        (tmp_path / folder).mkdir(parents=True)
    for profile, text in (("quick", "parameters:\n  11_rnn: {steps: 7}\n"), ("full", "{}\n")):
        (tmp_path / f"workflow/profiles/{profile}.yaml").write_text(text)
    for name, needs in (("11_rnn", []), ("30_all", ["11_rnn"])):
        cells = [nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}, id="p")]
        page = nbformat.v4.new_notebook(cells=cells, metadata={"etude": {"needs": needs}})
        nbformat.write(page, tmp_path / f"notebooks/{name}.ipynb")
    monkeypatch.setenv("ETUDE_ROOT", str(tmp_path))
    monkeypatch.delenv("ETUDE_RUNS", raising=False)
    monkeypatch.delenv("ETUDE_RUN_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys, *arguments):
    status = cli.main(list(arguments))
    return status, capsys.readouterr().out


def planned(plan):
    """Leave the plans of all jobs, as a runner does before it starts Snakemake."""
    for job in plan.jobs:
        runner._write_plan(plan, job, ["not finished yet"], False)
    return plan


def finish(plan, job, steps=7, bits=20.0):
    """Leave what a finished job leaves: a record and a summary."""
    record = {"format": staleness.FORMAT, "parameters": {name: repr(v) for name, v in job.parameters.items()}}
    record |= {"code": job.notebook.digest, "modules": {}, "packages": {}, "data": {}, "inputs": {}, "outputs": []}
    staleness.record_path(plan.folder, job.id).write_text(json.dumps(record))
    rows = [{"model": "rnn", "representation": "midi", "bits_per_second": bits}]
    rows += [{"model": "ppmd primed", "representation": "midi", "bits_per_second": 30.0}]
    own = {name: parameter.default for name, parameter in job.notebook.parameters.items()}
    summary = {"profile": "quick", "parameters": {**own, **job.parameters}, "tables": {"test": rows}, "answer": "a"}
    summary |= {"numbers": {"gap": {"value": 1.5, "unit": "bit"}}, "cost": {"rnn": {"train_seconds": 2.0}}}
    summary |= {"cpu_seconds": 9.0, "wall_seconds": 5.0, "peak_memory_mb": 70.0}
    write_summary(summary_path(plan.folder / job.part, job.notebook.name), summary)


def test_conclusions_that_cannot_be_drawn_are_refused_before_anything_runs(project):
    place = project / "notebooks/11_rnn.ipynb"
    page = nbformat.read(place, 4)
    page.cells.append(nbformat.v4.new_code_cell("gap = 3", metadata={"tags": ["conclusion"]}, id="c"))
    nbformat.write(page, place)
    assert make_plan(["11"]).jobs
    page.cells.append(nbformat.v4.new_code_cell("print(gap)", id="d"))
    nbformat.write(page, place)
    with pytest.raises(EtudeError, match="one that reads gap"):
        make_plan(["30"])


# Sweeps in a file


def write_grid(folder, text):
    (folder / "grid.yaml").write_text(text)
    return folder / "grid.yaml"


def test_a_file_of_a_sweep_gives_all_its_runs_with_typed_values(project):
    plan = make_plan(["11"], sweep_file=write_grid(project, GRID))
    assert len(plan.jobs) == 8 == len({job.part for job in plan.jobs})
    one = next(job for job in plan.jobs if job.parameters.get("cell") == "gru" and job.parameters["sizes"] == (2, 3))
    assert one.parameters == {"steps": 5, "cell": "gru", "rate": 0.001, "sizes": (2, 3)}, "1e-3 is a number"
    assert "cell=gru" in one.part and not plan.publish and "grid" in plan.folder.name
    both = make_plan(["11"], sweep=["steps=1,2"], sweep_file=write_grid(project, "points:\n- {cell: gru}\n- {rate: 2}"))
    assert [job.part for job in both.jobs[:2]] == ["cell=gru-steps=1", "rate=2-steps=1"] and len(both.jobs) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("product: {cel: [lstm]}", "Did you mean 'cell'"),
        ("product: {steps: [1, many]}", "expected an integer for steps; got 'many'"),
        ("product: {steps: 3}", "a list of values for steps of product"),
        ("produkt: {steps: [3]}", "Did you mean 'product'"),
        ("zip: {steps: [1, 2], rate: [1.0]}", "2 of steps, 1 of rate"),
        ("points: [{steps: 1}, {steps: 1}]", "the same one twice"),
        ("product: {steps: [1]}\nzip: {steps: [2]}", "steps in two"),
        ("product:\n  steps: [1]\n  steps: [2]", "steps stands twice, the second time in line 3"),
        ("set: {steps: 1}", "in every run only"),
        ("points: {steps: 1}", "a list of runs"),
        ("points: [3]", "parameters by name for run 1"),
        ("product: {'no name': [1]}", "names of parameters"),
        ("- 1", "product, zip or points"),
        ("product: [", "YAML in grid.yaml"),
        ("product: {steps: [!!python/object:os.system 1]}", "YAML in grid.yaml"),
    ],
)
def test_a_file_that_is_no_sweep_is_refused_in_one_line(project, text, message):
    with pytest.raises(EtudeError) as refused:
        make_plan(["11"], sweep_file=write_grid(project, text))
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(project):
    with pytest.raises(EtudeError, match=r"no .*grid.yaml"):
        read_sweep(project / "grid.yaml")


def test_a_dry_run_shows_the_runs_of_a_file(project, capsys):
    write_grid(project, "zip: {cell: [lstm, gru], steps: [1, 2]}")
    status, out = said(capsys, "run", "11", "--sweep-file", "grid.yaml", "--dry-run")
    assert status == 0 and "11_rnn@cell=gru-steps=2" in out and "cell = 'gru'" in out and "2 of 2 would run" in out


# One job again


def test_the_command_of_a_job_plans_just_that_job_in_the_same_place(project):
    path = write_grid(project, "points: [{cell: gru}, {cell: lstm}]")
    for asked in (
        {"sweep_file": path, "settings": ["rate=0.5"]},
        {"sweep": ["sizes=(1, 2),(3,)"], "name": "own"},
        {"profile": "full"},
    ):
        plan = make_plan(["30"], **asked)
        for job in plan.jobs:
            again = shlex.split(command(plan.request, job.id))
            given = cli._parser().parse_args(again[1:])
            some = make_plan(given.notebooks, given.profile, given.settings, given.sweep, given.name, given.sweep_file)
            only = some.only(given.only)
            assert job in only.jobs and only.folder == plan.folder and only.publish == plan.publish
            assert {one.part for one in only.jobs} == {job.part}, "it and what it needs"
            assert [one.notebook.name for one in only.jobs] == ["11_rnn", "30_all"][: 1 + (job.notebook.name > "2")]
    with pytest.raises(EtudeError, match="Did you mean '30_all'"):
        make_plan(["30"]).only(["30_al"])
    assert arguments_of(make_plan().request) == ["run", "--profile", "quick"]


def test_a_failure_is_listed_with_the_command_that_reruns_it(project):
    from etude.cli.run import _failure
    from etude.study.progress import Status

    plan = make_plan(["11"], sweep=["cell=lstm,gru"], name="it")
    job = plan.jobs[1]
    outcome = runner.Outcome(plan.folder, {job.id: Status("failed", "cell 2 (`1 / 0`): ZeroDivisionError")}, 1.0)
    lines = _failure(plan, outcome, job.id).strip().splitlines()
    assert lines[0] == "11_rnn@cell=gru failed in cell 2 (`1 / 0`): ZeroDivisionError"
    assert lines[1].endswith("logs/11_rnn@cell=gru.log")
    assert lines[2].strip().startswith("again: etude run 11 --profile quick --sweep cell=lstm,gru --name it --only ")


def test_a_job_that_is_asked_for_again_has_another_plan(project):
    """Snakemake runs nothing for a newer file of the same content: a second --force did nothing."""
    plan = make_plan(["11"])
    written = []
    for _ in range(2):
        planned(plan)
        written.append((plan.folder / "plan/11_rnn.json").read_text())
    assert written[0] != written[1]


# States


def states(plan):
    return {one.job: one for one in batches.states(plan.folder)}


def test_states_of_a_batch_are_said_in_words(project, capsys):
    plan = planned(make_plan(["11"], sweep=["cell=lstm,gru", "steps=1,2"], name="four"))
    done, failed, running, stopped = plan.jobs
    finish(plan, done)
    failure = {"where": "cell 2 (`1 / 0`)", "what": "ZeroDivisionError: no\nmore"}
    (plan.folder / f"logs/{failed.id}.failure.json").write_text(json.dumps(failure))
    progress = {"number": 3, "of": 9, "line": "fit()", "started": 0.0}
    (plan.folder / f"plan/{running.id}.progress").write_text(json.dumps(progress))
    with alone(plan.folder / "plan" / running.id):
        found = states(plan)
        assert [found[job.id].state for job in plan.jobs] == ["current", "failed", "running", "stopped"]
        assert found[failed.id].detail == "cell 2 (`1 / 0`): ZeroDivisionError: no"
        assert f"--only {failed.id}" in found[failed.id].again
        assert "cell 3 of 9 (`fit()`), since " in found[running.id].detail
        assert found[running.id].detail.endswith(f"process {os.getpid()} on {socket.gethostname()}")
        with runner._only_one(plan.folder):
            assert states(plan)[stopped.id].state == "waiting"
    status, out = said(capsys, "status", "four")
    assert status == 1 and "1 current, 1 failed, 2 stopped" in out and "cell 3 of 9" in out
    status, out = said(capsys, "status")
    assert status == 1 and "committed (notebooks/, reports/summaries): 2 missing" in out and done.id not in out


def test_what_became_stale_says_why(project):
    plan = planned(make_plan(["11"]))
    finish(plan, plan.jobs[0])
    assert states(plan)["11_rnn"].state == "current"
    (project / "workflow/profiles/quick.yaml").write_text("parameters:\n  11_rnn: {steps: 8}\n")
    assert states(plan)["11_rnn"].detail == "steps = 8, was 7", "as it would be asked for now"
    assert states(plan)["11_rnn"].again == "etude run 11 --profile quick --only 11_rnn"


def test_a_name_that_is_no_run_is_refused(project, capsys):
    planned(make_plan(["11"], name="mine"))
    for name in ("status", "results"):
        assert cli.main([name, "min"]) == 2
        assert "Did you mean 'mine'" in capsys.readouterr().err


# Results


def test_a_row_a_run_with_what_differs_what_was_found_and_what_it_cost(project, capsys):
    plan = planned(make_plan(["11"], sweep=["cell=lstm,gru"], name="two"))
    for job, bits in zip(plan.jobs, (21.0, 20.0), strict=True):
        finish(plan, job, bits=bits)
    table = study.results("two")
    assert list(table["parameter steps"]) == [7, 7] and list(table["parameter cell"].fillna("")) == ["", "gru"]
    assert list(table["rnn on midi (bit/s)"]) == [21.0, 20.0] and "ppmd" not in "".join(table.columns)
    assert table["gap (bit)"][0] == 1.5 and table["cpu_seconds"][0] == 9.0 and table["train_seconds"][0] == 2.0
    status, out = said(capsys, "results", "two", "--out", "all.csv")
    assert status == 0 and pandas.read_csv("all.csv").shape == table.shape
    status, out = said(capsys, "results")
    assert status == 0 and "two/11_rnn@cell=gru (quick; 9 s of CPU, 5 s, 70 MB)" in out and "cell = 'gru'" in out
    assert cli.main(["results", "--out", "all.txt"]) == 2 and cli.main(["results", "committed"]) == 2


def rewritten(plan, job, **parts):
    """Change parts of the summary of a finished job."""
    path = summary_path(plan.folder / job.part, job.notebook.name)
    write_summary(path, {**json.loads(path.read_text()), **parts})


@pytest.mark.parametrize("test", [[{"bits_per_second": 3.0}], [3, None, "bits_per_second", ["bits_per_second"]], 3, {}])
def test_a_table_without_models_puts_no_number_first(project, capsys, test):
    plan = planned(make_plan(["11"], name="one"))
    finish(plan, plan.jobs[0])
    rewritten(plan, plan.jobs[0], tables={"test": test})
    status, out = said(capsys, "results", "one")
    assert status == 0 and "gap (bit) 1.5" in out and "bit/s" not in out


@pytest.mark.parametrize("cost", [None, 3, [], {"rnn": 3}, {"rnn": None}, {"rnn": {"train_seconds": "long"}}])
def test_a_summary_of_another_shape_is_passed_over(project, capsys, cost):
    plan = planned(make_plan(["11"], sweep=["cell=lstm,gru"], name="two"))
    for job in plan.jobs:
        finish(plan, job)
    rewritten(plan, plan.jobs[0], cost=cost)
    status, out = said(capsys, "results", "two")
    assert status == 0 and out.count("two/11_rnn") == 1 and "cell=gru" in out


def test_of_a_dictionary_only_the_entries_that_differ_are_shown(project):
    page = nbformat.read(project / "notebooks/11_rnn.ipynb", 4)
    page.cells[0].source = "sound = {'a': 1, 'b': 2}"
    nbformat.write(page, project / "notebooks/11_rnn.ipynb")
    summary = {"parameters": {"sound": {"a": 1, "b": 3}}}
    assert outcomes.changed_parameters("11_rnn", summary) == {"sound[b]": 3}
