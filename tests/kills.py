"""Kills at random moments of a batch: does it end, once resumed, in the summaries of one that nobody disturbed?

Run: python tests/kills.py [--kills 50] [--seed 0] [--jobs 2] [--percent 60] [CHAPTER ...]

With chapters, `etude run CHAPTER ... --profile smoke` is the batch; without, three small notebooks of the same make are
(a network fitted with checkpoints, a figure, a notebook that reads the others' summaries), which take a tenth of the
time. A batch is started in fresh folders (ETUDE_RUNS, ETUDE_FITS); at a random moment `etude run`, a kernel or the
whole tree of processes, in turn, gets SIGKILL; the same command goes on, is killed again, and so on until it ends. Then
its summaries are compared with those of an undisturbed batch number by number, figures by pixel, sounds by byte (times
excepted), and a new batch begins. Moments are drawn evenly from the first `--percent` of the time that an undisturbed
batch takes: what is left after some kills takes less than the whole.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from small_study import HOME, small_checkout

from etude.study.comparison import first_difference
from etude.study.equality import MEASURED, differences
from etude.study.ledger import Ledger
from etude.study.summary import read_summary

TARGETS = ("runner", "kernel", "tree")
MOST_TRIES = 50  # of one batch, after which it counts as lost


@dataclass
class Tally:
    """What happened: kills by target, those whose batch ended equal, and what went wrong."""

    sent: Counter = field(default_factory=Counter)
    equal: int = 0
    bitwise: int = 0
    batches: int = 0
    wrong: list[str] = field(default_factory=list)


class Batches:
    """Batches of one command, each in fresh folders below `room`."""

    def __init__(self, room: Path, root: Path, chapters: list[str], jobs: int):
        self.room, self.root, self.chapters, self.jobs = room, root, chapters, jobs

    def start(self, name: str) -> subprocess.Popen:
        """Start the command of a batch, or go on with it."""
        ours = {"ETUDE_ROOT": str(self.root), "PYTHONPATH": str(HOME / "src"), "OMP_NUM_THREADS": "1"}
        folders = {"ETUDE_RUNS": str(self.room / name / "runs"), "ETUDE_FITS": str(self.room / name / "fits")}
        command = ["run", *self.chapters, "--profile", "smoke", "--name", "batch", "--jobs", str(self.jobs)]
        (self.room / name).mkdir(exist_ok=True)
        with (self.room / name / "log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "etude.cli", *command],
                env={**os.environ, **ours, **folders},
                stdout=log,
                stderr=log,
            )

    def folder(self, name: str) -> Path:
        """Return the folder of a batch's results."""
        return self.room / name / "runs" / "batch"

    def names(self) -> list[str]:
        """Return the notebooks of the undisturbed batch."""
        return sorted(path.stem for path in (self.folder("undisturbed") / "reports/summaries").glob("*.json"))

    def unequal(self, name: str) -> list[str]:
        """Return in what a batch differs from the undisturbed one."""
        pair = self.folder("undisturbed"), self.folder(name)
        twice = [n for n in self.names() if [e["what"] for e in Ledger(pair[1], n).entries()].count("done") != 1]
        found = [f"{n}: {said}" for n in self.names() for said in differences(*pair, n)]
        return found + [f"{n} was not done once" for n in twice]

    def bitwise(self, name: str) -> bool:
        """Say whether numbers and tables are the same to the last digit."""
        return not any(self._parted(name, notebook) for notebook in self.names())

    def _parted(self, name: str, notebook: str) -> str:
        one, other = (read_summary(notebook, self.folder(place)).data for place in ("undisturbed", name))
        parts = [{part: said[part] for part in ("numbers", "tables")} for said in (one, other)]
        return first_difference(*parts, lambda a, b: a == b, "", MEASURED.fullmatch)


def kill(process: subprocess.Popen, target: str) -> bool:
    """Kill a target among the processes of a run; say whether it was there."""
    try:
        tree = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return False
    runner = psutil.Process(process.pid)
    chosen = {"runner": [runner], "kernel": list(_kernels(tree))[:1], "tree": [runner, *tree]}[target]
    for one in chosen:
        try:
            one.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    return bool(chosen)


def _kernels(tree: list[psutil.Process]) -> Iterator[psutil.Process]:
    for one in tree:
        try:
            if "ipykernel_launcher" in " ".join(one.cmdline()):
                yield one
        except psutil.NoSuchProcess:
            continue


def measure(batches: Batches, kills: int, seed: int, percent: int) -> Tally:
    """Kill as often as asked, and compare."""
    tally, draw = Tally(), random.Random(seed)
    started = time.monotonic()
    assert batches.start("undisturbed").wait() == 0, "the undisturbed batch failed"
    length = time.monotonic() - started
    print(f"an undisturbed batch: {len(batches.names())} notebooks, {length:.0f} s", flush=True)
    while sum(tally.sent.values()) < kills:
        name = f"batch-{tally.batches}"
        tally.batches += 1
        here = disturbed(batches, name, tally, kills, length * percent / 100, draw)
        wrong = batches.unequal(name) if here is not None else [f"{name} did not end: see {batches.room / name}"]
        tally.wrong += wrong
        tally.equal += 0 if wrong else here
        tally.bitwise += 0 if wrong or not batches.bitwise(name) else here
        said = "; ".join(wrong) or "equal"
        print(f"{name}: {here} kills, {said} ({sum(tally.sent.values())} of {kills}, {_now()})", flush=True)
        if not wrong:
            shutil.rmtree(batches.room / name)
    return tally


def disturbed(batches: Batches, name: str, tally: Tally, kills: int, latest: float, draw: random.Random) -> int | None:
    """Run a batch to its end under kills; return how many it got, None where it did not end."""
    here = 0
    for _ in range(MOST_TRIES):
        process, sent = batches.start(name), sum(tally.sent.values())
        if sent < kills:
            try:
                process.wait(draw.uniform(0, latest))
            except subprocess.TimeoutExpired:
                target = TARGETS[sent % len(TARGETS)]
                while not (hit := kill(process, target)) and process.poll() is None:
                    time.sleep(0.1)  # until there is a kernel
                if hit:
                    tally.sent[target] += 1
                    here += 1
                    print(f"  kill {sent + 1}: {target} ({_now()})", flush=True)
        if process.wait() == 0:
            return here
    return None


def _now() -> str:
    return time.strftime("%H:%M:%S")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chapters", nargs="*")
    for name, default in (("kills", 50), ("seed", 0), ("jobs", 2), ("percent", 60)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills-", ignore_cleanup_errors=True) as place:
        room = Path(place)
        root = HOME if given.chapters else small_checkout(room / "checkout")
        os.environ["ETUDE_ROOT"] = str(root)
        batches = Batches(room, root, given.chapters, given.jobs)
        tally = measure(batches, given.kills, given.seed, given.percent)
        said = ", ".join(f"{tally.sent[target]} {target}" for target in TARGETS)
        total = sum(tally.sent.values())
        print(f"\n{total} kills ({said}) in {tally.batches} batches, seed {given.seed}.")
        print(f"{tally.equal} of {total} ended in summaries equal to an undisturbed batch's, each notebook done once;")
        print(f"{tally.bitwise} of {total} to the last digit.")
        print("\n".join(tally.wrong))
        if tally.wrong:
            kept = shutil.copytree(room, Path(tempfile.mkdtemp()) / "kills", symlinks=True)
            sys.exit(f"kept: {kept}")


if __name__ == "__main__":
    main()
