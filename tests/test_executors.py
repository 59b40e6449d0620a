"""Where jobs are executed: Slurm's settings, Jobs of Kubernetes behind a stand-in for kubectl, each plan once."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from small_study import HOME, small_checkout

from etude import cli
from etude.errors import EtudeError, MissingPackage
from etude.files import project_root
from etude.kept import sealed
from etude.study import executors, kubernetes
from etude.study.ledger import Ledger
from etude.study.plan import make_plan
from etude.study.runner import _id_of, snakemake_command

RECORD = {"format": 2, "parameters": {}, "code": "", "modules": {}, "packages": {}, "data": {}, "inputs": {},
          "outputs": []}  # fmt: skip
KUBECTL = """#!{python}
import json, subprocess, sys
from pathlib import Path
import yaml
state = Path({state!r})
if sys.argv[1] == "apply":
    job = yaml.safe_load(sys.stdin)
    container = job["spec"]["template"]["spec"]["containers"][0]
    (state / job["metadata"]["name"]).write_text(json.dumps(job))
    environment = {{"PATH": "/usr/bin:/bin", **{{e["name"]: e["value"] for e in container["env"]}}}}
    done = subprocess.run(container["command"], cwd=container["workingDir"], env=environment)
    (state / "ended").write_text("Failed" if done.returncode else "Complete")
elif sys.argv[1] == "get":
    print((state / "ended").read_text() + "=True Suspended=False ")
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The small checkout, in which the reader stands."""
    root = small_checkout(tmp_path / "study")
    for name in ("ETUDE_FITS", "ETUDE_RUNS", "ETUDE_CACHE", "ETUDE_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ETUDE_ROOT", str(root))
    monkeypatch.chdir(root)
    return root


def test_slurm_gets_one_job_for_each_run(study):
    plan = make_plan(["11"], "smoke", sweep=["seed=0,1"])
    command = snakemake_command(plan, {job.id: ["new"] for job in plan.jobs}, 24, "slurm")
    assert command[command.index("--jobs") + 1] == "24" and command[command.index("--cores") + 1] == "24"
    settings = yaml.safe_load((executors.executor_folder("slurm") / "config.yaml").read_text())
    assert settings["executor"] == "slurm" and settings["slurm-requeue"] is True
    assert executors.jobs_at_once("slurm", None) > 8 and executors.threads_each("slurm", 1) == 1


def test_what_an_executor_needs_is_said_before_anything_starts(study, monkeypatch, capsys):
    monkeypatch.setattr(executors, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match="pip install snakemake-executor-plugin-slurm"):
        executors.require("slurm")
    monkeypatch.setattr(executors.shutil, "which", lambda name: None)
    with pytest.raises(EtudeError, match="the command kubectl, by which kubernetes is reached"):
        executors.require("kubernetes")
    executors.require("local")
    assert cli.main(["run", "11", "--profile", "smoke", "--executor", "kubernetes"]) == 2
    assert "kubectl" in capsys.readouterr().err and not (study / "reports").exists()


def test_a_dry_run_shows_the_jobs_of_kubernetes(study, capsys):
    assert (
        cli.main(["run", "11", "--profile", "smoke", "--sweep", "seed=2,3", "--executor", "kubernetes", "--dry-run"])
        == 0
    )
    first, second = list(yaml.safe_load_all(capsys.readouterr().out.partition("---\n")[2]))
    for job, seed in ((first, 2), (second, 3)):
        assert job["kind"] == "Job" and re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", job["metadata"]["name"])
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["command"][1:3] == ["-m", "etude.study.execute"]
        assert container["command"][3].endswith(f"plan/11_fitted@seed={seed}.json")
        assert {"name": "ETUDE_ROOT", "value": str(project_root())} in container["env"]
        assert container["resources"]["requests"] == {"cpu": "1", "memory": "4000M"}
    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert not (study / "reports/runs").exists(), "nothing was planned"


def test_names_of_jobs_are_short_plain_and_the_plans_own():
    names = [
        kubernetes.job_name(job, plan) for job in ("11_rnn@" + "x=[ä]" * 40, "11") for plan in ("a" * 32, "b" * 32)
    ]
    assert len(set(names)) == 4 and all(re.fullmatch(r"[a-z0-9-]{1,63}", name) for name in names)


@pytest.mark.slow
def test_a_run_behind_a_stand_in_for_kubectl(study, tmp_path):
    place = tmp_path / "bin"
    place.mkdir()
    (place / "kubectl").write_text(KUBECTL.format(python=sys.executable, state=str(tmp_path)))
    (place / "kubectl").chmod(0o755)
    others = {name: value for name, value in os.environ.items() if not name.startswith("ETUDE_")}
    ours = {"ETUDE_ROOT": str(study), "PYTHONPATH": str(HOME / "src"), "PATH": f"{place}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "etude.cli", "run", "12", "--profile", "smoke", "--executor", "kubernetes"]
    done = subprocess.run(command, env={**others, **ours}, capture_output=True, text=True, timeout=240, cwd=study)
    assert done.returncode == 0, done.stderr
    folder = study / "reports/runs/smoke"
    assert [entry["what"] for entry in Ledger(folder, "12_counted").entries()] == ["begun", "done"]
    (made,) = tmp_path.glob("etude-12-counted-*")
    assert json.loads(made.read_text())["metadata"]["name"] == made.name
    assert (folder / "reports/figures/12_counted/codes.png").is_file()


# Each plan once


def test_a_ledger_knows_what_is_done_and_survives_a_line_cut_short(tmp_path):
    for part in ("logs", "plan"):
        (tmp_path / part).mkdir()
    ledger = Ledger(tmp_path, "11_rnn@seed=0")
    assert ledger.entries() == [] and ledger.done("one") is None
    ledger.begin("one")
    with ledger.lines.open("a") as file:
        file.write('{"what": "do')
    ledger.begin("one")
    ledger.end("one", sealed(RECORD))
    assert [entry["what"] for entry in ledger.entries()] == ["begun", "begun", "done"]
    assert ledger.done("one") == sealed(RECORD) and ledger.done("two") is None
    ledger.last.write_text(ledger.last.read_text().replace('"code": ""', '"code": "x"'))
    assert ledger.done("one") is None, "a damaged record is none"


def test_a_plan_keeps_its_id_until_it_has_ended(tmp_path):
    for part in ("records", "plan"):
        (tmp_path / part).mkdir()
    planned = {"source": "n.ipynb", "profile": "smoke", "parameters": {"a": [1]}, "part": ".", "cell_timeout": 3}
    first = _id_of(tmp_path, "11", planned)
    (tmp_path / "plan/11.json").write_text(json.dumps({**planned, "id": first, "because": ["new"]}))
    assert _id_of(tmp_path, "11", planned) == first
    assert _id_of(tmp_path, "11", {**planned, "parameters": {"a": [2]}}) != first
    (tmp_path / "records/11.json").write_text("{}")
    assert _id_of(tmp_path, "11", planned) != first, "what has ended is done anew, if it is to be done"


def test_what_another_process_has_done_is_not_done_again(study, monkeypatch, capsys):
    from etude.study.execute import Execution

    folder = study / "reports/runs/smoke"
    for part in ("plan", "logs", "records"):
        (folder / part).mkdir(parents=True)
    said = {"source": "notebooks/11_fitted.ipynb", "profile": "smoke", "parameters": {}, "part": ".", "cell_timeout": 3}
    (folder / "plan/11_fitted.json").write_text(json.dumps({**said, "id": "one"}))
    refit = folder / "plan/11_fitted.refit"
    refit.mkdir()
    (refit / "x.ckpt").write_text("learnt anew")
    job = Execution(folder / "plan/11_fitted.json", 1)
    within = Path.replace

    def replace(path, target):
        assert path.parent == Path(target).parent, "the store may lie on another file system"
        return within(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    assert not job.found_done() and not (folder / "records/11_fitted.json").exists()
    job.ledger.end("one", sealed(RECORD))  # killed here: after the results, before the record
    assert job.found_done() and json.loads((folder / "records/11_fitted.json").read_text()) == sealed(RECORD)
    assert (study / "data/fits/x.ckpt").read_text() == "learnt anew" and not refit.exists()
    assert "done already" in capsys.readouterr().out


def test_a_conductor_ends_with_its_run(tmp_path):
    runner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    code = (
        "import os, sys, time, types\n"
        "fake = types.ModuleType('snakemake.cli'); fake.main = lambda arguments: time.sleep(60)\n"
        "sys.modules['snakemake'] = types.ModuleType('snakemake'); sys.modules['snakemake'].cli = fake\n"
        "sys.modules['snakemake.cli'] = fake\n"
        "from etude.study import conductor\n"
        "conductor.LOOK = 0.1\n"
        "print('up', flush=True)\n"
        f"conductor.main([{str(tmp_path)!r}])\n"
    )

    environment = {**os.environ, "ETUDE_RUNNER": f"{socket.gethostname()}:{runner.pid}"}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout.readline() == b"up\n"
    until = time.monotonic() + 20
    while not (tmp_path / "plan/.snakemake.lease").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert process.poll() is None
    runner.kill()
    runner.wait()
    process.wait(20)
    assert not (tmp_path / "plan/.snakemake.lease").exists()
