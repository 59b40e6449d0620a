"""Locks that hold between processes and machines, and stores that several fill at once, one of them killed."""

import json
import multiprocessing
import os
import signal
import time
from collections import Counter

import numpy as np
import pytest

from etude import kept, locks
from etude.errors import EtudeError
from etude.locks import alone, holder, lock_of

FORK = multiprocessing.get_context("fork") if hasattr(os, "fork") else None
pytestmark = pytest.mark.skipif(FORK is None, reason="needs fork")


def start(target, *arguments):
    process = FORK.Process(target=target, args=arguments)
    process.start()
    return process


def hold(path, said):
    with alone(path):
        said.set()
        time.sleep(60)


@pytest.fixture
def held(tmp_path):
    """A path that another process is making."""
    said = FORK.Event()
    process = start(hold, tmp_path / "fit.ckpt", said)
    assert said.wait(20)
    yield tmp_path / "fit.ckpt", process
    process.kill()
    process.join()


def test_a_lock_names_its_holder_and_is_gone_with_the_work(tmp_path):
    path = tmp_path / "fit.ckpt"
    with alone(path):
        assert holder(path).startswith(f"process {os.getpid()} on ") and lock_of(path).is_file()
    assert holder(path) == "" and list(tmp_path.iterdir()) == []


def test_who_does_not_wait_is_told_who_is_at_work(held):
    path, process = held
    with pytest.raises(EtudeError, match=rf"the run x to be free; got one at work \(process {process.pid} on .*Wait"):
        alone(path, wait=False, what="the run x", remedy="Wait for it.").__enter__()


def test_a_killed_holder_is_found_out_at_once(held):
    path, process = held
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert holder(path) == ""
    started = time.monotonic()
    with alone(path, wait=False):
        assert holder(path).startswith(f"process {os.getpid()} ")
    assert time.monotonic() - started < 5


def written_elsewhere(path):
    """Write the lock of a process of another machine, and leave it silent."""
    found = {"process": 1, "began": 0, "machine": ["another-machine", "", ""], "token": "0"}
    lock_of(path).write_text(json.dumps(found))


def test_a_holder_elsewhere_is_waited_for_while_it_gives_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "LEASE", 0.5)
    path = tmp_path / "fit.ckpt"
    written_elsewhere(path)
    assert holder(path) == "process 1 on another-machine"
    beats = FORK.Process(target=beat, args=(lock_of(path), 15))
    beats.start()
    started = time.monotonic()
    with alone(path):
        waited = time.monotonic() - started
    beats.join()
    assert 1.5 + 0.4 < waited < 30, "not while it lived, but soon after"


def beat(lock, times):
    for _ in range(times):
        os.utime(lock)
        time.sleep(0.1)


def test_a_lock_that_says_nothing_blocks_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "LEASE", 0.3)
    for text in ("", "{}", "[1]"):
        lock_of(tmp_path / "fit.ckpt").write_text(text)
        with alone(tmp_path / "fit.ckpt"):
            assert holder(tmp_path / "fit.ckpt")
        assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_number_that_has_come_again_is_a_dead_ones(tmp_path):
    path = tmp_path / "fit.ckpt"
    with alone(path):
        found = json.loads(lock_of(path).read_text())
    lock_of(path).write_text(json.dumps({**found, "began": found["began"] - 100}))
    assert holder(path) == ""
    with alone(path, wait=False):
        pass


def test_a_dead_ones_lock_that_has_just_been_taken_over_is_put_back(tmp_path, monkeypatch):
    path = tmp_path / "fit.ckpt"
    written_elsewhere(path)
    dead = locks._stamp(lock_of(path))
    lock_of(path).unlink()
    with alone(path):
        stamps = iter([dead])  # as it was when it was judged; what is found in its place is looked at anew
        real = locks._stamp
        monkeypatch.setattr(locks, "_stamp", lambda lock: next(stamps, None) or real(lock))
        locks._take_away(lock_of(path), dead)
        assert holder(path).startswith(f"process {os.getpid()} ")
    assert list(tmp_path.iterdir()) == []


def fill(folder, seed, ledger):
    """Make twenty entries of a cache in an order of one's own, slowly, and note each that was made."""

    def make(path):
        with ledger.open("a") as file:
            file.write(f"{path.name}\n")
        time.sleep(0.003)
        kept.write_arrays(path, {"x": np.full(3000, int(path.stem))})

    for n in np.random.default_rng(seed).permutation(20):
        found = kept.kept(folder / f"{n}.npz", kept.read_arrays, make)
        assert (found["x"] == n).all()


def test_several_fill_a_cache_at_once_and_one_is_killed(tmp_path):
    folder, ledger = tmp_path / "cache", tmp_path / "ledger"
    folder.mkdir()
    workers = [start(fill, folder, seed, ledger) for seed in range(4)]
    while not ledger.exists() or len(ledger.read_text().split()) < 5:
        time.sleep(0.002)
    workers[0].kill()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers[1:]] == [0, 0, 0]
    made = Counter(ledger.read_text().split())
    assert len(made) == 20 and sum(made.values()) <= 21, "each once, and what the killed one was at once more"
    whole = [path for path in folder.iterdir() if not path.name.startswith(".")]
    assert len(whole) == 20 and all(kept.read_arrays(path) is not None for path in whole)
    left = list(folder.glob(".*.lease*"))
    assert len(left) <= 2, "of the killed one, if it died between its work and the end of its lock"
