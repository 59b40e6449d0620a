"""A small run of the fuzzer (`tests/fuzz.py` is the large one), and proof that it sees every kind of fault."""

import os
import time
from collections import Counter

import fuzz
import fuzz_doors
import numpy as np
import pytest

from etude.errors import EtudeError

SMALL = (
    "files.mid",
    "files.abc",
    "files.krn",
    "files.wav",
    "files.flac",
    "files.ogg",
    "files.mp3",
    "stores",
    "summaries",
)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    """Put back what a batch sets: in a full run it has a process of its own."""
    for name in ("ETUDE_CACHE", "ETUDE_ROOT", "ETUDE_RUN_DIR", "ETUDE_NOTEBOOK"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
        monkeypatch.delenv(name)


@pytest.mark.parametrize("door", SMALL)
def test_mutated_inputs_are_taken_or_refused(door):
    found = fuzz._batch(door, seed=1, number=0, size=12)  # a process of its own, whose memory is its own
    assert isinstance(found, dict), found
    assert set(found["counts"]) <= {"accepted", "refused"} and sum(found["counts"].values()) == 12, found["faults"]
    assert found["worker_mb"] < fuzz.WORKER_MB and found["main_mb"] < fuzz.MAIN_MB


def test_a_seed_makes_the_same_inputs_and_another_others():
    valid = np.random.default_rng(0).bytes(100)
    first, again, other = (
        [fuzz_doors.mutated(valid, rng) for _ in range(9)] for rng in map(np.random.default_rng, (1, 1, 2))
    )
    assert first == again != other


def test_a_batch_in_a_process_of_its_own_is_counted():
    found = fuzz.fuzz(6, doors=["stores"])
    assert sum(found["counts"]["stores"].values()) == 6 and fuzz.is_clean(found) and "stores" in fuzz.report(found)


def test_every_kind_of_fault_is_seen(monkeypatch):
    def outcome(door):
        return fuzz_doors.through(door, b"")[0]

    def refusing():
        raise EtudeError("this", "that")

    assert outcome(lambda: "accepted") == "accepted" and outcome(refusing) == "refused"
    assert outcome(lambda: 1 / 0) == "traceback"
    monkeypatch.setattr(fuzz_doors, "FILE_SECONDS", 0.34)
    assert outcome(lambda: time.sleep(5)) == "hang"
    assert fuzz_doors._lost(None)[0] == "wrong"
    assert fuzz_doors._lost("a parser that crashed (SIGSEGV)")[0] == "crash in a worker"
    assert fuzz_doors._lost("still busy after 20 s")[0] == "hang in a worker"
    found = {"counts": {"x": Counter()}, "main_mb": 1.0, "worker_mb": 1.0, "faults": []}
    fuzz._add(found, "x", "exit status -11: ", 3, None)
    assert found["counts"]["x"]["crash"] == 3 and not fuzz.is_clean(found)
    assert not fuzz.is_clean({**found, "counts": {}, "worker_mb": 5000.0})
    assert isinstance(fuzz._batch("no such door", 0, 0, 1), str)


def test_damage_that_is_believed_is_seen(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1000))
    found = lambda: float(sum((tmp_path / "a").read_bytes()))  # noqa: E731
    outcomes = Counter(o for o, _, _ in fuzz_doors._damaged_files(tmp_path, np.random.default_rng(0), 40, found, 0.0))
    assert outcomes["wrong"] > 10
