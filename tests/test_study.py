"""The study's bookkeeping: digests of code, plans and their refusals, staleness, records, what may be committed."""

import copy
import errno
import json
import os
import time
from pathlib import Path

import nbformat
import numpy as np
import pandas
import pytest
from matplotlib.figure import Figure

import etude
from etude.errors import EtudeError, MissingData
from etude.study import outputs, placing, publish, read_summary, source, staleness, start
from etude.study.environment import kernel_environment
from etude.study.notebook import Notebook, find_notebook, read_notebook, with_outputs, with_parameters
from etude.study.plan import Plan, make_plan, read_profile
from etude.study.progress import duration
from etude.study.shapes import SUMMARY, read_shaped
from etude.study.summary import as_json, write_summary

PARAMETERS = "steps = 100  # optimiser steps\nseed = 0\nsizes = (1, 2)"


def cell(text, *tags):
    return nbformat.v4.new_code_cell(text, metadata={"tags": list(tags)} if tags else {})


def notebook(*cells, **metadata):
    return nbformat.v4.new_notebook(cells=list(cells), metadata=metadata)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with two notebooks and a profile, and nothing else."""
    for folder in ("notebooks", "workflow/profiles", "data/splits"):
        (tmp_path / folder).mkdir(parents=True)
    profile = "cell_timeout: 60\nparameters:\n  11_rnn: {steps: 7}\n"
    (tmp_path / "workflow/profiles/quick.yaml").write_text(profile)
    (tmp_path / "workflow/profiles/full.yaml").write_text("cell_timeout: 60\n")
    title = nbformat.v4.new_markdown_cell("# A title")
    nbformat.write(notebook(title, cell(PARAMETERS, "parameters"), cell("1 + 1")), tmp_path / "notebooks/11_rnn.ipynb")
    nbformat.write(notebook(cell("grid = 4", "parameters")), tmp_path / "notebooks/02_pianoroll.ipynb")
    monkeypatch.setenv("ETUDE_ROOT", str(tmp_path))
    for name in ("ETUDE_RUN_DIR", "ETUDE_NOTEBOOK", "ETUDE_PROFILE"):
        monkeypatch.setenv(name, "")  # so that what `start` sets is taken back
        monkeypatch.delenv(name)
    return tmp_path


# Notebooks


def digest(*cells):
    return Notebook(None, notebook(*cells)).digest


def test_prose_and_comments_are_no_code():
    here = digest(cell("x = 1\ny = f(x)"))
    assert here == digest(nbformat.v4.new_markdown_cell("# New words"), cell("x = 1  # one\n\ny = f( x )"))
    assert here != digest(cell("x = 2\ny = f(x)"))
    assert here != digest(cell("x = 1"), cell("y = f(x)"))
    assert here != digest(cell("x = 1\ny = f(x)", "parameters"))
    assert digest(cell("%time f()")) != digest(cell("%time g()"))


def test_parameters_are_injected_with_their_types_and_removed_again():
    content = notebook(cell(PARAMETERS, "parameters"), cell("sizes"))
    values = {"steps": 5, "sizes": (3,), "seed": float("nan"), "extra": {"a": [True, None]}}
    ran = with_parameters(content, values)
    scope = {}
    exec(ran["cells"][1]["source"], scope)
    assert (scope["steps"], scope["sizes"], scope["extra"]) == (5, (3,), {"a": [True, None]})
    assert scope["seed"] != scope["seed"]
    assert with_parameters(ran, {})["cells"] == content["cells"]
    assert Notebook(None, ran).digest == Notebook(None, content).digest


def test_outputs_move_under_newer_prose():
    source_ = notebook(nbformat.v4.new_markdown_cell("old"), cell(PARAMETERS, "parameters"), cell("1 + 1"))
    executed = copy.deepcopy(with_parameters(source_, {"steps": 5}))
    for number, done in enumerate(executed["cells"][1:], 1):
        done["execution_count"] = number
    executed["cells"][3]["outputs"] = [nbformat.v4.new_output("stream", text="2")]
    source_["cells"][0]["source"] = "new"
    source_["cells"].insert(2, nbformat.v4.new_markdown_cell("more"))
    merged = with_outputs(source_, executed)
    assert merged["cells"][0]["source"] == "new"
    assert [c.get("execution_count") for c in merged["cells"]] == [None, 1, 2, None, 3]
    assert merged["cells"][4]["outputs"][0]["text"] == "2"
    assert nbformat.validator.isvalid(nbformat.from_dict(merged))


def test_notebooks_are_found_by_number_name_or_path(project):
    for given in ("11_rnn", "11", "rnn", "notebooks/11_rnn.ipynb"):
        assert find_notebook(given) == project / "notebooks/11_rnn.ipynb"
    with pytest.raises(EtudeError, match="Did you mean '11_rnn'"):
        find_notebook("11_rrn")


# Plans


def test_a_plan_takes_the_profile_and_then_the_settings(project):
    (job,) = make_plan(["11"], settings=["seed=3", "sizes=4,5"]).jobs
    assert job.parameters == {"steps": 7, "seed": 3, "sizes": (4, 5)}
    assert make_plan(["11"], "full").jobs[0].parameters == {}
    assert make_plan(["11"], settings=["steps=100"]).jobs[0].parameters == {}, "the notebook's own value is no change"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"settings": ["stepz=50"]}, "parameter of 11_rnn; got 'stepz'. Did you mean 'steps'"),
        ({"settings": ["steps=many"]}, "an integer for steps; got 'many'"),
        ({"sweep": ["seed=0,x"]}, "an integer for seed; got 'x'"),
        ({"settings": ["steps"]}, "name=value after -p"),
        ({"settings": ["12_cnn.steps=3"]}, "notebook of this run; got '12_cnn'"),
        ({"profile": "fast"}, "name of a profile"),
        ({"name": "../x"}, "a run name"),
    ],
)
def test_a_plan_refuses_before_anything_runs(project, arguments, message):
    with pytest.raises(EtudeError, match=message):
        make_plan(["11_rnn"], **arguments)
    assert not (project / "reports").exists()


def test_keys_of_a_dictionary_are_set_one_by_one_in_profile_setting_and_sweep(project):
    parameters = 'on_sound = {"first": 64, "hidden": 8, "seconds": 3.0}'
    nbformat.write(notebook(cell(parameters, "parameters")), project / "notebooks/12_cnn.ipynb")
    profile = project / "workflow/profiles/quick.yaml"
    profile.write_text("parameters:\n  12_cnn: {on_sound: {hidden: 2}}\n")
    swept = make_plan(["12"], sweep=["on_sound={'first': 4},{'seconds': 1}"])
    assert [job.parameters["on_sound"] for job in swept.jobs] == [
        {"first": 4, "hidden": 2, "seconds": 3.0},
        {"first": 64, "hidden": 2, "seconds": 1.0},
    ]
    assert make_plan(["12"], "full", ["on_sound={'first': 64}"]).jobs[0].parameters == {}
    for text, message in [("{frist: 4}", "Did you mean 'first'"), ("{first: x}", "an integer for on_sound")]:
        profile.write_text(f"parameters:\n  12_cnn: {{on_sound: {text}}}\n")
        with pytest.raises(EtudeError, match=message):
            make_plan()


def test_a_profile_is_checked_against_the_notebooks(project):
    profile = project / "workflow/profiles/quick.yaml"
    for text, message in [("{stepz: 7}", "Did you mean 'steps'"), ("{steps: '7'}", "an integer for steps")]:
        profile.write_text(f"parameters:\n  11_rnn: {text}\n")
        with pytest.raises(EtudeError, match=message):
            make_plan()
    profile.write_text("paramters: {}\n")
    with pytest.raises(EtudeError, match="Did you mean 'parameters'"):
        make_plan()


@pytest.mark.parametrize("profile", ["smoke", "quick", "full"])
def test_the_profiles_fit_the_notebooks_there_are(profile, monkeypatch):
    monkeypatch.delenv("ETUDE_ROOT", raising=False)
    plan = make_plan(profile=profile)
    assert set(read_profile(profile)["parameters"]) <= {job.notebook.name for job in plan.jobs}
    assert profile != "full" or not read_profile(profile)["parameters"], "full is the notebooks' own parameters"


def test_a_setting_reaches_the_notebooks_that_have_it(project):
    plan = make_plan(settings=["grid=8"])
    assert [job.notebook.name for job in plan.jobs] == ["02_pianoroll"]
    assert plan.left_out == ("11_rnn",)
    both = make_plan(["02", "11"], settings=["11_rnn.steps=3", "grid=8"])
    assert [job.parameters for job in both.jobs] == [{"grid": 8}, {"steps": 3}]


def test_folders_are_stable_safe_and_apart(project):
    def name(**arguments):
        return make_plan(["11"], **arguments).folder.name

    assert name() == "quick"
    assert name(settings=["steps=50", "seed=1"]) == name(settings=["seed=1", "steps=50"]) == "quick-seed=1-steps=50"
    odd, other = name(settings=["sizes=(1, 2)"]), name(settings=["sizes=(1, 3)"])
    assert odd != other and not set(odd) & set("()/ ")
    assert len(name(settings=["sizes=" + ",".join(["1"] * 200)])) < 120


def test_a_sweep_is_every_combination_each_in_its_part(project):
    plan = make_plan(["11"], sweep=["seed=0,1", "sizes=(1,2),(3,4)"])
    assert [(job.parameters.get("seed", 0), job.parameters.get("sizes", (1, 2))) for job in plan.jobs] == [
        (0, (1, 2)),
        (0, (3, 4)),
        (1, (1, 2)),
        (1, (3, 4)),
    ]
    assert len({job.id for job in plan.jobs}) == len({job.part for job in plan.jobs}) == 4


def test_only_a_plain_full_run_is_published(project):
    assert make_plan(profile="full").publish
    assert make_plan(["11"], "full").publish
    for other in ({"settings": ["seed=1"]}, {"sweep": ["seed=0"]}, {"name": "mine"}, {"profile": "quick"}):
        assert not make_plan(["11"], **{"profile": "full", **other}).publish


def test_needed_notebooks_come_along(project):
    nbformat.write(notebook(cell("1"), etude={"needs": ["11_rnn"]}), project / "notebooks/30_comparison.ipynb")
    plan = make_plan(["30"])
    assert [job.id for job in plan.jobs] == ["11_rnn", "30_comparison"]
    assert staleness.upstream_ids(plan.jobs[1], plan.jobs) == ["11_rnn"]


def test_what_is_needed_and_holds_as_committed_need_not_run(project):
    nbformat.write(notebook(cell("1"), etude={"needs": ["11_rnn"]}), project / "notebooks/30_comparison.ipynb")
    start("11_rnn", steps=5).finish()
    committed = project / "reports/summaries/11_rnn.json"
    committed.parent.mkdir(parents=True)
    text = (project / "reports/runs/lab/reports/summaries/11_rnn.json").read_text()
    committed.write_text(text)
    assert [job.id for job in make_plan(["30"]).jobs] == ["30_comparison"]
    both = make_plan(["11", "30"])
    assert staleness.upstream_ids(both.jobs[1], both.jobs) == ["11_rnn"], "in one run it still comes first"
    stale = json.loads(text.replace(source.module_digests(["etude.types"])["etude.types"], "0"))
    write_summary(committed, stale)
    assert [job.id for job in make_plan(["30"]).jobs] == ["11_rnn", "30_comparison"]


# Staleness


def finished(plan, **changes):
    """Write records as if every job of the plan had just run, using one module and one split table."""
    for job in plan.jobs:
        done = plan.folder / "notebooks" / f"{job.notebook.name}.ipynb"
        done.parent.mkdir(parents=True, exist_ok=True)
        done.write_bytes(job.notebook.path.read_bytes())
        modules = ["etude.types", "etude.corpora.chorales"]
        record = {
            "format": staleness.FORMAT,
            "parameters": {name: repr(value) for name, value in job.parameters.items()},
            "code": job.notebook.digest,
            "modules": source.module_digests(modules),
            "packages": {"numpy": np.__version__},
            "data": source.data_digests(modules),
            "inputs": {},
            "outputs": [f"notebooks/{job.notebook.name}.ipynb"],
        }
        path = staleness.record_path(plan.folder, job.id)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(record | changes))


def why(plan, job="11_rnn", **options):
    return "; ".join(staleness.reasons_by_job(plan, **options)[job])


def test_what_has_not_changed_is_current(project):
    plan = make_plan()
    assert why(plan) == "not finished yet"
    finished(plan)
    assert why(plan) == ""
    assert why(plan, force=True) == "forced"
    os.utime(project / "notebooks/11_rnn.ipynb", (2**31, 2**31))
    assert why(make_plan()) == "", "time is no content"


def test_every_kind_of_change_is_seen_and_named(project):
    finished(make_plan())
    assert why(Plan(make_plan().folder, make_plan(settings=["steps=9"]).jobs, False)) == "steps = 9, was 7"
    path = project / "notebooks/11_rnn.ipynb"
    text = path.read_text()
    path.write_text(text.replace("# A title", "# Another title"))
    assert why(make_plan()) == ""
    path.write_text(text.replace("1 + 1", "1 + 2"))
    assert why(make_plan()) == "its code cells changed"
    assert why(make_plan(), "02_pianoroll") == ""
    path.write_text(text)
    (project / "data/splits/chorales.csv").write_text("bwv1,test")
    assert why(make_plan()) == "data/splits/chorales.csv changed"
    (project / "data/splits/chorales.csv").unlink()
    for changes, said in [
        ({"modules": {"etude.types": "0"}, "data": {}}, "etude.types changed"),
        ({"modules": {"etude.gone": "0"}, "data": {}}, "etude.gone is gone"),
        ({"packages": {"numpy": "1.0"}}, f"numpy {np.__version__}, was 1.0"),
        ({"inputs": {"reports/summaries/01.json": "0"}}, "reports/summaries/01.json is gone"),
        ({"outputs": ["reports/figures/11_rnn/a.png"]}, "reports/figures/11_rnn/a.png is missing"),
    ]:
        finished(make_plan(), **changes)
        assert why(make_plan()) == said


def test_what_needs_a_stale_notebook_is_stale(project):
    nbformat.write(notebook(cell("1"), etude={"needs": ["11_rnn"]}), project / "notebooks/00_answer.ipynb")
    finished(make_plan())
    assert why(make_plan(), "00_answer") == ""
    staleness.record_path(make_plan().folder, "11_rnn").unlink()
    assert why(make_plan(), "00_answer") == "11_rnn runs again"
    assert why(make_plan(), "02_pianoroll") == ""


def test_a_new_model_in_the_registry_concerns_only_its_users():
    texts = source.read_package()
    line = '    "marginal": "etude.models.floors.marginal:Marginal",\n'
    assert line in texts["etude.registry"]
    more = texts | {"etude.registry": texts["etude.registry"].replace(line, line + line.replace("marginal", "new"))}
    other = texts | {"etude.registry": texts["etude.registry"].replace(line, line.replace(":Marginal", ":Other"))}

    def registry(texts, *used):
        return source.module_digests(["etude.registry", *used], texts)["etude.registry"]

    assert registry(texts, "etude.models.floors.marginal") == registry(more, "etude.models.floors.marginal")
    assert registry(texts, "etude.models.floors.marginal") != registry(other, "etude.models.floors.marginal")
    assert registry(texts, "etude.models.floors.counts") == registry(other, "etude.models.floors.counts")


def test_what_is_said_to_run_pages_only_is_there():
    assert {name for name in source.MACHINERY if name not in source.read_package()} == set()


def test_loaded_modules_and_packages_are_known_by_name():
    assert {"etude", "etude.study.source", "etude.types"} <= set(source.modules_loaded())
    assert set(source.modules_loaded()) <= set(source.read_package())
    assert source.packages_in_use(["etude.types"])["numpy"] == np.__version__


# Records


def test_a_summary_holds_what_was_kept_as_strict_json(project, monkeypatch):
    monkeypatch.chdir(project)
    run = start("11_rnn", steps=5, seed=np.int64(3), sizes=(1, 2))
    frame = pandas.DataFrame({"bits": [1.5, np.nan]}, index=pandas.Index(["rnn", "xz"], name="model"))
    assert run.table("bits", frame) is frame
    assert run.number("best", np.float32(1.5), "bit/s") == 1.5
    run.number("none", float("inf"))
    figure = Figure()
    figure.subplots().plot([0, 1])
    run.figure("curve", figure, alt="A rising line.")
    run.finish()
    place = project / "reports/runs/lab"
    data = json.loads((place / "reports/summaries/11_rnn.json").read_text(), parse_constant=pytest.fail)
    assert data["tables"]["bits"] == [{"model": "rnn", "bits": 1.5}, {"model": "xz", "bits": None}]
    assert data["numbers"] == {"best": {"unit": "bit/s", "value": 1.5}, "none": {"unit": "", "value": None}}
    assert data["parameters"] == {"seed": 3, "sizes": [1, 2], "steps": 5} and data["seeds"] == [3]
    assert (data["profile"], data["format"]) == ("by hand", 2)
    assert "python" in data["versions"]
    assert data["wall_seconds"] >= 0 and data["peak_memory_mb"] > 10
    assert (place / data["figures"]["curve"]["path"]).read_bytes().startswith(b"\x89PNG")
    assert run.checkpoint("fit") == project / "data/fits"


def test_a_summary_keeps_the_name_of_a_file_that_is_no_text(project):
    place, name = project / "a.json", os.fsdecode("prélude ".encode() + b"\xe9")
    write_summary(place, {"parameters": {"path": name}})
    assert read_shaped(place, SUMMARY, "a summary")["parameters"] == {"path": name}
    assert "prélude" in place.read_text(encoding="utf-8")


def test_what_cannot_be_read_has_no_digest_and_stops_nobody(tmp_path, monkeypatch):
    """`etude status` looks at the folders of all runs; the page that reads one is what refuses it."""
    own, file = tmp_path / "own", tmp_path / "own" / "a.mid"
    (tmp_path / "closed").mkdir()
    own.mkdir()
    file.write_bytes(b"MThd")
    whole = source.file_digests([str(own), str(tmp_path)])

    def denied(place, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))

    scan = os.scandir
    monkeypatch.setattr("os.scandir", lambda path: (denied if Path(path).name == "closed" else scan)(path))
    found = source.file_digests(whole)
    assert found[str(own)] == whole[str(own)] and found[str(tmp_path)] not in ("", whole[str(tmp_path)])
    monkeypatch.setattr("os.scandir", lambda path: (denied if Path(path) == own else scan)(path))
    assert source.file_digests([str(own)]) == {str(own): ""}
    monkeypatch.setattr("os.scandir", scan)
    monkeypatch.setattr("pathlib.Path.open", denied)
    found = source.file_digests([str(own), str(file)])
    assert found[str(file)] == "" and found[str(own)] not in ("", whole[str(own)])


def test_a_saved_model_says_what_made_it(project):
    text = etude.representation("pianoroll")
    model = etude.model("marginal", text.space)
    model.fit([np.zeros((4, 88), int)])
    run = start("11_rnn", steps=5)
    assert run.model("marginal-pianoroll", model, text, bits=3.0, publish=True) is model
    place = project / "reports/runs/lab/models/marginal-pianoroll"
    made_by = json.loads((place / "made_by.json").read_text())
    assert made_by["representation"] == text.describe() and made_by["bits"] == 3.0
    assert etude.load(place).bits([np.zeros((4, 88), int)]).total == model.bits([np.zeros((4, 88), int)]).total


def test_a_summary_says_when_it_no_longer_holds(project):
    run = start("11_rnn", steps=5)
    run.number("best", 2)
    run.table("bits", [{"bits": 1}])
    run.finish()
    place = project / "reports/runs/lab"
    summary = read_summary("11_rnn", place)
    assert not summary.stale and summary.current().number("best") == 2
    assert summary.table("bits")["bits"].tolist() == [1]
    with pytest.raises(EtudeError, match="Did you mean 'best'"):
        summary.number("bset")
    path = place / "reports/summaries/11_rnn.json"
    write_summary(
        path, json.loads(path.read_text().replace(source.module_digests(["etude.types"])["etude.types"], "0"))
    )
    stale = read_summary("11_rnn", place)
    assert stale.changed == ("a change of etude.types",)
    with pytest.raises(EtudeError, match=r"etude\.types.*etude run 11_rnn"):
        stale.current()
    with pytest.raises(MissingData, match="etude run 12_cnn"):
        read_summary("12_cnn")


def test_under_the_runner_the_name_must_be_the_notebooks_own(project, monkeypatch):
    for name, value in kernel_environment(project / "run", "11_rnn", "quick", 1).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EtudeError, match="the notebook's own name"):
        start("12_cnn")
    start("11_rnn").finish()
    assert json.loads((project / "run/reports/summaries/11_rnn.json").read_text())["profile"] == "quick"


def test_values_become_json():
    got = as_json({"a": np.arange(2), "b": (np.float64("nan"), np.bool_(True)), 3: {"y", "x"}, "c": project})
    assert got["a"] == [0, 1] and got["b"] == [None, True] and got["3"] == ["x", "y"] and isinstance(got["c"], str)


# What may be committed


def executed(*outs):
    code = cell("f()")
    code["outputs"] = list(outs)
    return json.loads(json.dumps(notebook(code)))


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", text=text, name=name)


def test_noise_is_taken_out_and_told():
    widget = nbformat.v4.new_output("display_data", {outputs.WIDGET: {"model_id": "1"}, "text/plain": "bar"})
    page = executed(stream("0%\r50%\r100%\nok"), stream("a warning", "stderr"), widget, stream(" then\n"))
    page["cells"][0]["metadata"]["papermill"] = {"duration": 1}
    page["metadata"]["language_info"] = {"name": "python", "version": "3.11.7"}
    assert outputs.clean(page) == ["a warning"]
    assert [o["text"] for o in page["cells"][0]["outputs"]] == ["100%\nok then\n"]
    assert "papermill" not in page["cells"][0]["metadata"]
    assert page["metadata"]["language_info"]["version"] == "3.11"


def test_paths_of_the_machine_and_huge_pages_are_refused(project):
    outputs.check(executed(stream("reports/figures/a.png")))
    html = nbformat.v4.new_output("display_data", {"text/html": [f"<img src='{project}/a.png'>"]})
    for output in (stream(f"saved {project}/a.png"), html):
        with pytest.raises(EtudeError, match="output of cell 1"):
            outputs.check(executed(output))
    with pytest.raises(EtudeError, match=r"3\.\d MB.*cell 1"):
        outputs.check(executed(stream("x" * 3_100_000)))


def test_durations_are_for_readers():
    assert [duration(s) for s in (0.04, 9.96, 59.4, 192, 7500)] == [
        "0.0 s",
        "10.0 s",
        "59 s",
        "3 min 12 s",
        "2 h 05 min",
    ]


# Publishing


def published(project):
    plan = make_plan(["11"], "full")
    finished(plan)
    done = plan.folder / "notebooks/11_rnn.ipynb"
    nb = nbformat.read(done, 4)
    nb.cells[2].outputs = [nbformat.v4.new_output("stream", text="2\n")]
    nbformat.write(nb, done)
    for place, text in [
        (
            "reports/summaries/11_rnn.json",
            '{"models": {"m": {"publish": true}, "n": {"publish": false}}, "figures": {"new": {"path": "new.png"}}}',
        )
    ]:
        (plan.folder / place).parent.mkdir(parents=True)
        (plan.folder / place).write_text(text)
    for place in ("reports/figures/11_rnn/new.png", "models/m/model.json", "models/n/model.json"):
        (plan.folder / place).parent.mkdir(parents=True)
        (plan.folder / place).write_text(place)
    (project / "reports/figures/11_rnn").mkdir(parents=True)
    (project / "reports/figures/11_rnn/old.png").write_text("old")
    (project / "reports/summaries").mkdir()
    (project / "reports/summaries/11_rnn.json").write_text('{"figures": {"old": {"path": "old.png"}}}')
    return plan


def test_a_published_notebook_changes_whole(project):
    plan = published(project)
    assert publish.publish(plan.folder, plan.jobs[0]) == "published"
    assert nbformat.read(project / "notebooks/11_rnn.ipynb", 4).cells[2].outputs[0].text == "2\n"
    assert [path.name for path in (project / "reports/figures/11_rnn").iterdir()] == ["new.png"]
    assert [path.name for path in (project / "data/pretrained").iterdir()] == ["m"]
    assert sorted(path.name for path in (project / "reports").iterdir()) == ["figures", "runs", "summaries"]
    assert publish.publish(plan.folder, make_plan(["11"], "full").jobs[0]) == ""


def test_newer_prose_survives_publishing_and_newer_code_forbids_it(project):
    plan, path = published(project), project / "notebooks/11_rnn.ipynb"
    path.write_text(path.read_text().replace("# A title", "# A better title"))
    assert publish.publish(plan.folder, make_plan(["11"], "full").jobs[0]) == "published"
    content = read_notebook(path).content
    assert content["cells"][0]["source"] == ["# A better title"] and content["cells"][2]["outputs"]
    path.write_text(path.read_text().replace("1 + 1", "1 + 2"))
    before = path.read_bytes()
    assert "edited while it ran" in publish.publish(plan.folder, make_plan(["11"], "full").jobs[0])
    assert path.read_bytes() == before


def test_results_of_an_earlier_run_do_not_pass_for_this_ones(project):
    folder, page = project / "run", executed(stream("shown.png"))
    for name in ("shown.png", "old.png"):
        path = folder / "reports/figures/11_rnn" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        os.utime(path, (0, 0))
    summary = folder / "reports/summaries/11_rnn.json"
    for when, kept in [(time.time(), True), (0, False)]:
        write_summary(summary, {"numbers": {}})
        os.utime(summary, (when, when))
        depends = {"code": "1", "modules": {}, "data": {}, "packages": {}}
        written = placing.install(folder, "11_rnn", page, depends, time.time())
        assert ("reports/summaries/11_rnn.json" in written) == summary.is_file() == kept
        assert "reports/figures/11_rnn/shown.png" in written and not (path.parent / "old.png").exists()
        assert not kept or json.loads(summary.read_text())["source"] == {"code": "1", "modules": {}, "data": {}}


def test_a_notebook_s_own_parameters_are_found_among_its_names(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("ETUDE_NOTEBOOK", "11_rnn")
    monkeypatch.delenv("ETUDE_ROOT", raising=False)
    monkeypatch.setenv("ETUDE_FRAMEWORK", "tensorflow")
    declared = read_notebook(find_notebook("11_rnn")).declared
    names = {name: parameter.default for name, parameter in declared.items()} | {"steps": 7, "pd": object()}
    run = start("11_rnn", names)
    run.answer("It took\n   7 steps.")
    run.finish()
    summary = json.loads((tmp_path / "reports" / "summaries" / "11_rnn.json").read_text())
    assert summary["parameters"].keys() == {*declared, "framework"} and summary["parameters"]["steps"] == 7
    assert summary["parameters"]["framework"] == "tensorflow"
    assert summary["answer"] == "It took 7 steps."
