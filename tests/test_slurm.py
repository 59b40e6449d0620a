"""A sweep on a real Slurm of two nodes, one of which is lost midway: every run ends, each once (`make test-slurm`)."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from slurm_cluster import NODES, Cluster, missing, until
from small_study import HOME, small_checkout

from etude.study.ledger import Ledger

ASKED = os.environ.get("ETUDE_TEST_SLURM")  # a number: of the runs of the sweep
REASON = "" if ASKED else "run it by `make test-slurm`"


@pytest.fixture(scope="module")
def cluster():
    if REASON or missing():
        pytest.skip(REASON or missing())
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp", ignore_cleanup_errors=True) as place:
        with Cluster(Path(place)) as cluster:
            yield cluster
        assert not cluster.left()


def begin(cluster, root, runs):
    ours = {"ETUDE_ROOT": str(root), "PYTHONPATH": str(HOME / "src"), "OMP_NUM_THREADS": "1"}
    others = {name: value for name, value in cluster.environment.items() if not name.startswith("ETUDE_")}
    sweep = f"seed={','.join(map(str, range(runs)))}"
    command = ["run", "11_fitted", "--profile", "smoke", "--sweep", sweep, "--name", "sweep", "--executor", "slurm"]
    return subprocess.Popen(
        [sys.executable, "-m", "etude.cli", *command], env={**others, **ours}, cwd=root, preexec_fn=heed_interrupts
    )


def heed_interrupts():
    """Undo what a shell does to its background jobs: they ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def entries(folder, what):
    """Return what the ledgers of all jobs say."""
    found = [entry for path in folder.glob("logs/*.ledger") for entry in Ledger(folder, path.stem).entries()]
    return [entry for entry in found if entry["what"] == what]


def test_a_node_is_lost_and_every_run_ends_once(cluster, tmp_path):
    runs, root, started = int(ASKED), small_checkout(tmp_path / "study"), time.monotonic()
    folder = root / "reports/runs/sweep"
    process = begin(cluster, root, runs)
    until(lambda: process.poll() is not None or (len(entries(folder, "done")) >= runs // 4 and on(folder, "n2")), 3000)
    assert process.poll() is None, "ended early"
    before = len(entries(folder, "done"))
    killed = cluster.stop_node("n2")
    print(f"\nn2 stopped after {before} of {runs} runs, {killed} processes on it; {time.monotonic() - started:.0f} s")
    assert process.wait(3000) == 0, cluster.jobs()
    begun, done = entries(folder, "begun"), entries(folder, "done")
    jobs = [f"11_fitted@seed={seed}" for seed in range(runs)]
    print(f"{len(done)} done of {len(begun)} begun, {time.monotonic() - started:.0f} s; by node:")
    print({node: sum(entry["node"] == node for entry in done) for node in NODES})
    assert sorted(path.stem for path in folder.glob("records/*.json")) == sorted(jobs)
    assert len(done) == len({entry["plan"] for entry in done}) == runs, "each once"
    assert killed and len(begun) > runs, "the lost run was begun twice"
    summaries = [json.loads(path.read_text()) for path in folder.glob("*/reports/summaries/11_fitted.json")]
    fits = {cost["fit"] for summary in summaries for cost in summary["cost"].values()}
    assert len(summaries) == len(fits) == runs
    assert {path.stem for path in (root / "data/fits").glob("*.ckpt")} == fits, "no result twice, none lost"
    assert not list((root / "data/fits").glob(".*.lease*"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
def test_no_job_stays_in_the_queue_of_a_run_that_is_gone(cluster, tmp_path, how):
    root, before = small_checkout(tmp_path / "study"), cluster.jobs()
    process = begin(cluster, root, 3)
    ours = lambda: [line for line in cluster.jobs().splitlines() if line not in before.splitlines()]  # noqa: E731
    until(lambda: "RUNNING" in " ".join(ours()), 300)
    process.send_signal(how)
    assert process.wait(60) == (130 if how == signal.SIGINT else -signal.SIGKILL)
    until(lambda: not re.search("RUNNING|PENDING|COMPLETING|CONFIGURING", " ".join(ours())), 90)
    assert "CANCELLED" in " ".join(ours())


def on(folder, node):
    """Say whether a run is at work on a node."""
    last = {entry["plan"]: entry for entry in entries(folder, "begun") if entry["node"] == node}
    return last.keys() - {entry["plan"] for entry in entries(folder, "done")}
