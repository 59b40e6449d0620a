"""Workers and their limits: however a caller leaves and whatever a file does, nothing hangs, aborts or grows."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from midi_files import SCALE, smf
from test_folder import gone

from etude.corpora import sandbox
from etude.corpora.folder import Folder
from etude.corpora.one_file import is_score, read_piece
from etude.corpora.sandbox import Sandbox, read_all
from etude.errors import EtudeError, MissingData, UnreadableFile
from etude.formats.audio import write_audio
from etude.types import Audio

BEHAVING = """
import os, time
import numpy as np

def echo(*arguments): return {"got": list(arguments), "pid": os.getpid()}
def first_only(k): time.sleep(600 * min(k, 1)); return {"pid": os.getpid()}
def forking():
    child = os.fork()
    if not child: time.sleep(600)
    return {"child": child}
def forking_and_dying():
    if os.fork(): os._exit(3)
    time.sleep(600)
def large(): return {"a": np.zeros(1000, np.uint8), "b": np.zeros(1000, np.uint8)}
def wordy(): return {"a": "x" * 1000}
def slow(k): time.sleep(0.3); return {"k": k, "pid": os.getpid()}
def fragile(k):
    if k in (3, 4): os.abort()
    if k == 6: time.sleep(600)
    if k == 8: raise ValueError("eight")
    return {"k": k, "pid": os.getpid()}
"""


@pytest.fixture
def behaving(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("modules")
    (folder / "behaving.py").write_text(BEHAVING)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path_factory.mktemp("cache")))


# Leaving


LEAVING = """
import os, signal, sys
from etude.corpora.sandbox import read_all
answers = read_all("behaving:first_only", [(k,) for k in range(20)], workers=2)
for _, answer in answers:
    print(answer["pid"], flush=True)
    WHAT
"""


@pytest.mark.parametrize(
    ("what", "status"),
    [("raise OSError('no space')", 1), ("sys.exit(5)", 5), ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
     ("kept = answers; break", 0), ("next(answers)", None)],
)  # fmt: skip
def test_a_caller_that_leaves_between_two_results_leaves_cleanly(behaving, what, status):
    script = subprocess.Popen(
        [sys.executable, "-c", LEAVING.replace("WHAT", what)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    pid = int(script.stdout.readline())
    if status is None:  # it waits for a result that does not come: Ctrl-C
        time.sleep(0.5)
        script.send_signal(signal.SIGINT)
    _, said = script.communicate(timeout=30)
    assert script.returncode == (-signal.SIGINT if status is None else status)
    assert "Fatal" not in said and "could not acquire lock" not in said
    assert gone(pid)


def test_a_cache_that_cannot_be_written_is_an_error_and_not_the_end(tmp_path, behaving):
    for k in range(8):
        (tmp_path / f"{k}.mid").write_bytes(smf(SCALE[22:-4] * (k + 1) + b"\0\xff\x2f\0"))
    script = (
        "import etude.corpora.folder_index as index\n"
        "def keep(*_): raise PermissionError(13, 'Permission denied')\n"
        "index.keep = keep\n"
        f"from etude.corpora.folder import Folder\nFolder({str(tmp_path)!r}, workers=2, verbose=False)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "Permission denied" in done.stderr.splitlines()[-1] and "Fatal" not in done.stderr


def test_an_interrupted_call_does_not_leave_its_answer_to_the_next(behaving, monkeypatch):
    asked = sandbox._asked

    def interrupted(process, message, *limits):
        if message is not None and message["calls"] == [("first",)]:
            sandbox._write(process.stdin, message)
            raise KeyboardInterrupt
        return asked(process, message, *limits)

    monkeypatch.setattr(sandbox, "_asked", interrupted)
    with Sandbox("behaving:echo") as worker:
        with pytest.raises(KeyboardInterrupt):
            worker("first")
        assert worker("second")["got"] == ["second"]


def test_of_calls_that_travel_together_each_fails_alone_and_the_rest_are_answered(behaving):
    found = dict(read_all("behaving:fragile", [(k,) for k in range(12)], workers=1, seconds=2.0, together=12))
    failed = {k: answer.got for k, answer in found.items() if isinstance(answer, UnreadableFile)}
    assert len(found) == 12 and list(failed) == [3, 4, 6, 8]
    assert "SIGABRT" in failed[3] and "SIGABRT" in failed[4] and "busy after 2 s" in failed[6] and failed[8] == "eight"
    good = {k: answer for k, answer in found.items() if k not in failed}
    assert all(answer["k"] == k for k, answer in good.items())
    assert len({answer["pid"] for answer in good.values()}) == 3, "one worker until it dies"


def test_of_calls_that_travel_together_each_has_its_own_time(behaving):
    answers = read_all("behaving:slow", [(k,) for k in range(6)], workers=1, seconds=1.0, together=6)
    assert [answer["k"] for _, answer in answers] == list(range(6))


def test_a_caller_that_leaves_within_a_portion_takes_no_answer_of_it_with_the_next_call(behaving):
    with Sandbox("behaving:slow") as worker:
        answers = worker.each([(1,), (2,), (3,)])
        first = next(answers)
        answers.close()
        second = worker(4)
        assert (first["k"], second["k"]) == (1, 4) and first["pid"] != second["pid"]
        assert worker(5)["pid"] == second["pid"], "a caller that took all answers leaves the worker as it is"


def test_portions_hold_every_task_once_and_end_small():
    portions = list(sandbox._portions([(k,) for k in range(100)], 4, 16))
    assert [task for _, portion in portions for task in portion] == [(k,) for k in range(100)]
    assert all(portion[0] == (first,) and len(portion) <= 16 for first, portion in portions)
    assert len(portions[0][1]) == 16 and len(portions[-1][1]) == 1


def test_what_a_worker_has_started_ends_with_it(behaving):
    with Sandbox("behaving:forking") as worker:
        child = worker()["child"]
        assert Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    assert gone(child)
    with Sandbox("behaving:forking_and_dying", seconds=2.0) as worker, pytest.raises(UnreadableFile):
        worker()


def test_an_answer_has_a_size(behaving, monkeypatch):
    monkeypatch.setattr(sandbox, "LARGEST_ANSWER", 1500)
    monkeypatch.setattr(sandbox, "LARGEST_TEXT", 500)
    for function in ("large", "wordy"):
        with Sandbox(f"behaving:{function}") as worker, pytest.raises(UnreadableFile):
            worker()


@pytest.mark.parametrize("workers", [0, -1])
def test_workers_are_at_least_one(workers, tmp_path):
    (tmp_path / "a.mid").write_bytes(SCALE)
    with pytest.raises(EtudeError, match="at least one worker"):
        next(read_all("behaving:echo", [(1,)], workers))
    with pytest.raises(EtudeError, match="workers"):
        Folder(tmp_path, workers=workers)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"longest": 0}, "longest"), ({"longest": float("nan")}, "longest"), ({"longest": -1.0}, "longest"),
     ({"rate": 0}, "rate"), ({"rate": 8000.5}, "rate"), ({"rate": 10**9}, "rate"), ({"workers": 1.5}, "workers"),
     ({"seconds": 0}, "seconds"), ({"seconds": float("inf")}, "seconds"), ({"memory": 0}, "memory"),
     ({"split": (float("nan"), 0.5, 0.5)}, "sum to 1"), ({"longest": 0, "rate": 8000, "coding": "linear"}, "longest")],
)  # fmt: skip
def test_options_out_of_range_are_checked_errors(tmp_path, options, words):
    (tmp_path / "a.mid").write_bytes(SCALE)
    with pytest.raises(EtudeError, match=words):
        Folder(tmp_path, **options)


# Hostile files


def lying_archive() -> bytes:
    """A zip whose directory says that a gigabyte of zeros is ten bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(
            "META-INF/container.xml", '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'
        )
        with zipped.open("a.xml", "w", force_zip64=True) as member:
            for _ in range(1024):
                member.write(bytes(2**20))
    return held.getvalue().replace((2**30).to_bytes(4, "little"), (10).to_bytes(4, "little"))


def honest_archive() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in ("a.xml", "b.xml", "c.xml"):
            zipped.writestr(name, bytes(100 * 2**20))
    return held.getvalue()


def growing_xml() -> bytes:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{k} "{f"&a{k - 1};" * 10}">' for k in range(1, 12))
    return f'<?xml version="1.0"?><!DOCTYPE score-partwise [{entities}]><score-partwise>&a11;</score-partwise>'.encode()


HOSTILE = {
    "lying.mxl": lying_archive,
    "large.mxl": honest_archive,
    "growing.xml": growing_xml,
    "notes.mid": lambda: smf(b"\0\x90\x3c\x50" + b"\1\x3c\0\0\x3c\x50" * 5_000_000 + b"\0\xff\x2f\0"),
    "long.krn": lambda: b"**kern\n*M4/4\n" + b"4c\n" * 3_000_000 + b"*-\n",
}


OPENED = """
import resource, sys, tracemalloc
from etude.corpora.folder import Folder
tracemalloc.start()
folder = Folder(sys.argv[1], verbose=False, workers=1, seconds=5.0)
of_workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(*folder.ledger["file"], tracemalloc.get_traced_memory()[1], of_workers)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_rows_of_the_ledger_within_the_limits(tmp_path, name):
    (tmp_path / name).write_bytes(HOSTILE[name]())
    ran = subprocess.run([sys.executable, "-c", OPENED, tmp_path], capture_output=True, text=True)  # no other children
    file, peak, of_workers = ran.stdout.split()
    assert file == name and int(peak) < 100e6 and int(of_workers) < 2e6  # bytes, KiB


def test_files_of_holes_are_refused_by_size_and_not_hashed(tmp_path, monkeypatch):
    from etude.corpora import folder_index

    def refuse(path):
        raise AssertionError(f"{path} is read to its end")

    monkeypatch.setattr(folder_index, "digest_of", refuse)
    for suffix, size in ((".wav", 2**40), (".mid", 2**30), (".abc", 2**34), (".mxl", 2**33), (".krn", 2**30)):
        with (tmp_path / f"a{suffix}").open("wb") as file:
            file.truncate(size)
    ledger = Folder(tmp_path, verbose=False, workers=1).ledger
    assert len(ledger) == 5 and ledger["reason"].str.contains("MiB").all()


def test_a_piece_is_bounded_however_fast_its_tempo(tmp_path):
    gap = b"\0\xff\x51\3\0\0\1\0\x90\x3c\x40\1\x80\x3c\0\xff\xff\xff\x7f\x90\x3c\x40\1\x80\x3c\0\0\xff\x2f\0"
    (tmp_path / "gap.mid").write_bytes(smf(gap, ticks=1))
    (tmp_path / "hours.mid").write_bytes(smf(b"\0\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\0\0\xff\x2f\0", ticks=1))
    (tmp_path / "rest.mid").write_bytes(smf(b"\0\x90\x3c\x40\1\x80\x3c\0\xff\xff\xff\x7f\xff\x2f\0", ticks=1))
    folder = Folder(tmp_path, verbose=False, workers=1, longest=10**9)
    held = [piece for split in folder.splits for piece in folder.load(split)]
    assert all(piece.score.length / piece.score.ticks_per_quarter <= 2**16 for piece in held)
    assert {"gap.mid", "hours.mid"} <= set(folder.ledger["file"])


def test_a_sound_too_long_to_hold_is_named_and_may_be_coded(tmp_path, monkeypatch):
    from etude.corpora import folder_index

    monkeypatch.setattr(folder_index, "MOST_SAMPLES", 9000)
    write_audio(Audio(np.zeros(10_000), 8000), tmp_path / "a.wav")
    options = {"verbose": False, "workers": 1, "split": (1, 0, 0)}
    assert "coding=" in Folder(tmp_path, **options).ledger["reason"][0]
    assert len(Folder(tmp_path, rate=4000, **options).load("train")) == 1
    assert len(Folder(tmp_path, rate=8000, coding="linear", **options).load("train")) == 1


# One file


def test_one_file_of_each_kind(tmp_path):
    (tmp_path / "scale.mid").write_bytes(SCALE)
    (tmp_path / "lied.abc").write_bytes("X:1\nT:Frühling\nK:C\nCDEF|\n\nX:2\nT:Other\nK:C\nGG|\n".encode("latin-1"))
    (tmp_path / "voice.krn").write_text("**kern\n*M4/4\n=1\n4c\n4d\n*-\n")
    write_audio(Audio(np.sin(np.arange(8000) / 9) / 2, 8000), tmp_path / "tone.flac").rename(tmp_path / "tone.mid")
    found = {name: read_piece(tmp_path / name) for name in ("scale.mid", "lied.abc", "voice.krn")}
    assert {name: len(piece.score) for name, piece in found.items()} == {"scale.mid": 8, "lied.abc": 4, "voice.krn": 2}
    assert "Frühling" in found["lied.abc"].text and found["lied.abc"].name == "lied"
    assert len(read_piece(tmp_path / "tone.mid", 4000).audio) == 4000
    assert is_score(tmp_path / "scale.mid") and not is_score(tmp_path / "tone.mid")


def test_one_file_that_is_none(tmp_path):
    (tmp_path / "noise.mid").write_bytes(b"MThd" + bytes(40))
    (tmp_path / "rest.abc").write_text("X:1\nK:C\nz4|\n")
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "empty.wav").touch()
    with (tmp_path / "holes.mid").open("wb") as file:
        file.truncate(2**31)
    for name, error in (("none.mid", MissingData), (".", MissingData), ("noise.mid", UnreadableFile),
                        ("rest.abc", UnreadableFile), ("a.txt", UnreadableFile), ("empty.wav", UnreadableFile),
                        ("holes.mid", UnreadableFile)):  # fmt: skip
        with pytest.raises(error):
            read_piece(tmp_path / name)


def test_one_file_is_read_in_a_worker_within_its_limits(tmp_path, monkeypatch):
    from etude.corpora import one_file

    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "dying.py").write_text("import os\ndef read(*_): os.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"), prepend=os.pathsep)
    monkeypatch.setattr(one_file, "READER", "dying:read")
    (tmp_path / "scale.mid").write_bytes(SCALE)
    with pytest.raises(UnreadableFile, match="SIGABRT"):
        read_piece(tmp_path / "scale.mid")


def test_a_name_that_breaks_lines_breaks_none(tmp_path, capsys):
    (tmp_path / "two\nlines\u2028\x1b[2J.mid").write_bytes(b"no music")
    (tmp_path / "half \ud800.abc".encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")).write_text(
        "X:1\n"
    )
    (tmp_path / "good\n.mid").write_bytes(SCALE)
    folder = Folder(tmp_path, workers=1)
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 4 and "two\\nlines" in said and "\x1b" not in said
    assert len(folder.ledger) == 2 and all(reason.isprintable() for reason in folder.ledger["reason"])
    with pytest.raises(UnreadableFile) as caught:
        read_piece(tmp_path / "two\nlines\u2028\x1b[2J.mid")
    assert str(caught.value).isprintable()


def test_a_reason_is_given_once_and_not_in_another(tmp_path):
    (tmp_path / "a.abc").write_text("X:1\nK:C\nC ♯D\n")
    with pytest.raises(UnreadableFile) as caught:
        read_piece(tmp_path / "a.abc")
    assert str(caught.value).count("expected") == 1 and caught.value.remedy
