"""A folder of one's own: what is usable is read, the rest is named, and nothing takes the run down."""

import errno
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import score_of
from midi_files import BROKEN, CUT_OFF, END, SCALE, note, smf

import etude
from etude.corpora import folder as folder_module
from etude.corpora import sandbox
from etude.corpora.folder import Folder
from etude.corpora.folder_index import find_files, music_files
from etude.corpora.folder_reader import kind_of
from etude.corpora.sandbox import Sandbox, read_all
from etude.errors import EtudeError, MissingData, UnreadableFile
from etude.formats.audio import write_audio
from etude.formats.midi import write_midi
from etude.formats.musicxml import write_musicxml
from etude.types import Audio, Score

AIR = "X:{x}\nT:Air\nM:4/4\nL:1/8\nK:G\nGABc d2B2|c2A2 G4|\n"
NAUGHTY = """
import ctypes, os, time
import numpy as np
from etude.errors import UnreadableFile

def echo(*arguments): return {"got": list(arguments), "pid": os.getpid()}
def arrays(): return {"a": np.arange(6.0).reshape(2, 3), "b": [np.zeros(0, np.int8)], "c": np.float32(2)}
def first_only(k): time.sleep(600 * k); return {"pid": os.getpid()}
def abort(x): os.abort()
def segfault(x): ctypes.string_at(0)
def hang(x): time.sleep(600) if x else None; return {}
def hungry(x): return {"n": len(bytearray(2 ** 33))}
def chatty(): os.write(1, b"noise"); print("more"); return {}
def refuse(x): raise UnreadableFile("sense", "nonsense", "Stop.")
def pickle_like(): return {"a": np.array([object()])}

def fragile(path, kind, parser):
    from etude.corpora.folder_reader import read_file
    name = os.path.basename(path)
    if "crash" in name and parser == "étude": os.abort()
    if "doom" in name: ctypes.string_at(0)
    if "hang" in name: time.sleep(600)
    if "hungry" in name: bytearray(2 ** 33)
    return read_file(path, kind, parser)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ETUDE_CACHE", str(folder))
    return folder


@pytest.fixture
def naughty(tmp_path_factory, monkeypatch):
    """Make the module `naughty`, whose functions misbehave, importable in workers."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "naughty.py").write_text(NAUGHTY)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


class Fragile(Folder):
    reader = "naughty:fragile"


def quiet(path, cls=Folder, **options) -> Folder:
    return cls(path, verbose=False, workers=1, **options)


def all_pieces(folder: Folder) -> dict:
    return {piece.name: piece for split in folder.splits for piece in folder.load(split)}


def melody(k: int) -> bytes:
    return smf(b"".join(note(240, 48 + (k * 7 + i * i) % 40) for i in range(5 + k % 7)) + tail(k))


def tail(k: int) -> bytes:
    return note(100 + k, 60) + END


@pytest.fixture
def music(tmp_path):
    """One file of every kind, in nested folders with names that are not ASCII."""
    nested = tmp_path / "música" / "深い"
    nested.mkdir(parents=True)
    (tmp_path / "scale.mid").write_bytes(SCALE)
    (tmp_path / "Großer Gott.MID").write_bytes(melody(1))
    (nested / "book.abc").write_text(AIR.format(x=1) + "\n" + AIR.format(x=2).replace("GABc", "gfed"))
    write_musicxml(Score(np.array([[0, 4, 60, 80, 0], [4, 4, 62, 80, 1]]), 4), nested / "duet ♫.musicxml")
    (nested / "voice.krn").write_text("**kern\n*M4/4\n=1\n4c\n4d\n*-\n")
    sound = Audio(0.3 * np.sin(np.arange(8000) / 5), 8000)
    for suffix in (".wav", ".flac", ".mp3", ".ogg"):
        write_audio(sound, nested / f"tone{suffix}")
    (tmp_path / "README.txt").write_text("not music")
    return tmp_path


def test_every_kind_is_read_wherever_it_lies(music):
    folder = quiet(music)
    found = all_pieces(folder)
    nested = "música/深い/"
    assert set(found) == {"scale.mid", "Großer Gott.MID"} | {
        nested + name
        for name in ("book.abc#1", "book.abc#2", "duet ♫.musicxml", "voice.krn", "tone.wav", "tone.flac", "tone.mp3",
                     "tone.ogg")
    }  # fmt: skip
    assert len(folder.ledger) == 0
    assert found["scale.mid"].score.notes[:, 2].tolist() == list(range(60, 68))
    assert found[nested + "book.abc#1"].text.startswith("X:1") and len(found[nested + "book.abc#2"].score) == 9
    assert found[nested + "duet ♫.musicxml"].score.notes[:, [2, 4]].tolist() == [[60, 0], [62, 1]]
    assert len(found[nested + "tone.flac"].audio) == 8000 and found[nested + "tone.mp3"].audio.rate == 8000
    assert folder.frame()["kind"].value_counts().to_dict() == {"audio": 4, "midi": 2, "abc": 2, "notation": 2}


def test_broken_files_are_named_with_reason_and_parsers(tmp_path, capsys):
    for name, data in (BROKEN | CUT_OFF).items():
        (tmp_path / f"{name}.mid").write_bytes(data)
    (tmp_path / "good.mid").write_bytes(SCALE)
    (tmp_path / "cut.wav").write_bytes(b"RIFF" + bytes(30))
    (tmp_path / "page.xml").write_text("<html><body/></html>")
    folder = Folder(tmp_path, workers=2)
    assert list(all_pieces(folder)) == ["good.mid"]
    ledger = folder.ledger.set_index("file")
    assert len(ledger) == len(BROKEN) + len(CUT_OFF) + 2 and (ledger["reason"].str.len() > 0).all()
    assert ledger.loc["empty.mid", "reason"] == "an empty file"
    assert ledger.loc["noise.mid", "tried"] == "étude"
    assert ledger.loc["noise.mid", "reason"].startswith("expected a MIDI file, which begins with MThd; got ")
    assert ledger.loc["cut.wav", "tried"] == "libsndfile" and ledger.loc["page.xml", "tried"] == "étude, Verovio"
    assert ledger.loc["page.xml", "reason"].count("a document of <html>") == 1
    printed = capsys.readouterr().out
    assert f"1 pieces; not usable: {len(ledger)}" in printed and "a pitch of 200.mid" in printed
    assert len(printed.splitlines()) <= folder_module.SHOWN + 3


def test_a_bad_tune_does_not_spoil_its_book(tmp_path):
    (tmp_path / "book.abc").write_text(AIR.format(x=1) + "\nX:2\nT:Silence\nK:C\nz8|\n\n" + AIR.format(x=3))
    folder = quiet(tmp_path)
    assert set(all_pieces(folder)) == {"book.abc#1", "book.abc#3"}
    assert folder.ledger["file"].tolist() == ["book.abc#2"]


def test_content_tells_the_kind_where_the_suffix_lies(tmp_path):
    write_audio(Audio(np.zeros(800), 8000), tmp_path / "tone.wav").rename(tmp_path / "tone.mid")
    (tmp_path / "song.wav").write_bytes(SCALE)
    (tmp_path / "air.xml").write_text("% from the web\n" + AIR.format(x=1))
    assert [kind_of(tmp_path / name) for name in ("tone.mid", "song.wav", "air.xml")] == ["audio", "midi", "abc"]
    assert len(all_pieces(quiet(tmp_path))) == 3


def test_no_folder_and_no_music_are_clear_errors(tmp_path):
    with pytest.raises(MissingData, match="no folder"):
        Folder(tmp_path / "none")
    (tmp_path / "README.txt").write_text("words")
    with pytest.raises(MissingData, match=r"\.mid"):
        Folder(tmp_path)
    with pytest.raises(EtudeError, match="sum to 1"):
        Folder(tmp_path, split=(0.8, 0.1, 0.2))


def test_a_folder_of_nothing_usable_has_empty_splits_and_a_full_ledger(tmp_path):
    (tmp_path / "noise.mid").write_bytes(BROKEN["noise"])
    folder = quiet(tmp_path)
    assert [len(folder.load(split)) for split in folder.splits] == [0, 0, 0] and len(folder.ledger) == 1


def test_links_are_followed_once_and_pipes_are_not_opened(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "scale.mid").write_bytes(SCALE)
    (inner / "up").symlink_to(tmp_path)
    (inner / "self").symlink_to(inner)
    (tmp_path / "dangling.mid").symlink_to(tmp_path / "gone.mid")
    os.mkfifo(tmp_path / "pipe.mid")
    sources, losses = find_files(tmp_path)
    assert [source.name for source in sources] == ["a/b/scale.mid"]
    assert {loss.file for loss in losses} == {"dangling.mid", "pipe.mid"}


@pytest.mark.parametrize("name", ["._song.mid", ".Trash/old.mid", "__MACOSX/._song.mid", "a/.hidden/b/x.mid", ".x.mid"])
def test_what_a_system_lays_beside_the_music_is_passed_over(tmp_path, name):
    folder = tmp_path / ".library"  # the reader's own choice may be hidden
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
    (folder / "song.mid").write_bytes(SCALE)
    (folder / "a song.mid").write_bytes(melody(1))
    sources, losses = find_files(folder)
    assert ([source.name for source in sources], losses) == (["a song.mid", "song.mid"], [])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"RIFF\x10\0\0\0RMIDdata\0\0\0\0", "midi"),
        (b"!!!COM: Bach\n**kern\n4c\n*-\n", "notation"),
        ("**kern\n4c\n*-\n".encode("utf-16"), "notation"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?><!-- " + b"x" * 5000, "notation"),
        ("<score-partwise/>".encode("utf-16-be"), "notation"),
        (b"PK\x03\x04", "notation"),
        (b"MThd", "midi"),
        (b"**bold** words", "audio"),
    ],
)
def test_notation_is_known_by_its_beginning(tmp_path, data, kind):
    (tmp_path / "song.wav").write_bytes(data)
    assert kind_of(tmp_path / "song.wav") == kind


# The split


def test_the_split_depends_on_content_alone(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir(), other.mkdir()
    for k in range(30):
        (one / f"{k:02}.mid").write_bytes(melody(k))
        (other / f"renamed {k:02}.mid").write_bytes(melody(k))
    (one / "copy of 7.mid").write_bytes(melody(7))
    sides = [dict(zip(f["name"], f["split"], strict=True)) for f in (quiet(one).frame(), quiet(other).frame())]
    assert all(sides[0][f"{k:02}.mid"] == sides[1][f"renamed {k:02}.mid"] for k in range(30))
    assert sides[0]["copy of 7.mid"] == sides[0]["07.mid"]
    assert set(quiet(one, split=(0, 1, 0)).frame()["split"]) == {"valid"}
    assert quiet(one).digest() == quiet(one).digest() != quiet(other).digest()


def test_tunes_of_a_book_are_split_one_by_one(tmp_path):
    notes = "CDEFGABcdefg"
    book = "\n".join(f"X:{k}\nM:4/4\nL:1/8\nK:C\n{notes[k % 12]}{notes[k % 7]}{notes[k % 5]}2|\n" for k in range(40))
    (tmp_path / "book.abc").write_text(book)
    assert quiet(tmp_path, split=(0.5, 0.25, 0.25)).frame()["split"].nunique() == 3


# Crashes, hangs, hunger


def test_a_file_that_kills_its_parser_is_a_row_of_the_ledger(tmp_path, naughty):
    for k, name in enumerate(("ok", "doom", "hang", "hungry", "last")):
        (tmp_path / f"{name}.mid").write_bytes(melody(k))
    (tmp_path / "crash.krn").write_text("**kern\n4c\n4d\n*-\n")
    folder = quiet(tmp_path, Fragile, seconds=3.0)
    assert set(all_pieces(folder)) == {"ok.mid", "crash.krn", "last.mid"}  # Verovio reads what crashed our reader
    reasons = folder.ledger.set_index("file")["reason"]
    assert "SIGSEGV" in reasons["doom.mid"] and "busy after 3 s" in reasons["hang.mid"]
    assert "out of memory" in reasons["hungry.mid"]


def test_a_worker_is_used_again_until_it_dies(naughty):
    with Sandbox("naughty:echo") as worker:
        first, second = worker(1, "é", None), worker([2])
        assert first["got"] == [1, "é", None] and first["pid"] == second["pid"] != os.getpid()
    with Sandbox("naughty:hang", seconds=2.0) as worker:
        assert worker(False) == {}
        with pytest.raises(UnreadableFile, match="busy after 2 s"):
            worker(True)
        assert worker(False) == {}


@pytest.mark.parametrize(("function", "words"), [("abort", "SIGABRT"), ("segfault", "SIGSEGV")])
def test_a_crash_names_its_signal(naughty, function, words):
    with Sandbox(f"naughty:{function}") as worker, pytest.raises(UnreadableFile, match=words):
        worker(1)


def test_memory_is_limited(naughty):
    with Sandbox("naughty:hungry", memory=2**31) as worker, pytest.raises(UnreadableFile, match="out of memory"):
        worker(1)


def test_answers_carry_numbers_arrays_and_errors_but_no_objects(naughty):
    with Sandbox("naughty:arrays") as worker:
        answer = worker()
        assert np.array_equal(answer["a"], [[0, 1, 2], [3, 4, 5]]) and answer["b"][0].dtype == np.int8
        assert answer["c"] == 2
    with Sandbox("naughty:chatty") as worker:
        assert worker() == {}
    with Sandbox("naughty:refuse") as worker, pytest.raises(UnreadableFile) as caught:
        worker(1)
    assert (caught.value.expected, caught.value.got, caught.value.remedy) == ("sense", "nonsense", "Stop.")
    with Sandbox("naughty:pickle_like") as worker, pytest.raises(UnreadableFile):
        worker()
    with Sandbox("naughty:none") as worker, pytest.raises(UnreadableFile, match="naughty:none"):
        worker()


def test_a_caller_that_leaves_early_leaves_no_worker(naughty):
    answers = read_all("naughty:first_only", [(k,) for k in range(100)], workers=1)
    pid = next(answers)[1]["pid"]
    answers.close()  # the worker is at work on its second task, for ten minutes
    assert gone(pid)


def test_an_answer_cannot_hold_objects():
    def block(data: bytes) -> bytes:
        return len(data).to_bytes(8, "big") + data

    count, numbers = (1).to_bytes(8, "big"), np.arange(3.0).tobytes()
    said = '{"a": {"array": 0, "dtype": "%s", "shape": [3]}}'
    sent = [block((said % dtype).encode()) + block(count) + block(numbers) for dtype in ("<f8", "|O")]
    assert sandbox._read(io.BytesIO(sent[0]))["a"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="OBJECT"):
        sandbox._read(io.BytesIO(sent[1]))


def test_workers_end_with_a_caller_that_was_killed(naughty):
    code = (
        "import os, signal\nfrom etude.corpora.sandbox import Sandbox\n"
        "print(Sandbox('naughty:echo')()['pid'], flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
    assert gone(pid)


def gone(pid: int) -> bool:
    """Wait up to ten seconds for a process to end."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


# Memory and the cache


def test_pieces_are_made_on_access_and_few_are_held(music, monkeypatch):
    folder = quiet(music)
    assert not folder._held
    monkeypatch.setattr(folder_module, "HELD", 1)
    pieces = all_pieces(folder)
    assert len(folder._held) == 1 and len(pieces) == 10
    train = quiet(music, split=(1, 0, 0)).load("train")
    assert train[0] is train[0] and train[-1].name == train[len(train) - 1].name
    assert [piece.name for piece in train[2:4]] == [train[2].name, train[3].name] and "10 pieces" in repr(train)


def test_a_second_visit_reads_nothing_again(music, cache, monkeypatch):
    first = quiet(music)
    (music / "noise.mid").write_bytes(BROKEN["noise"])

    def refuse(reader, tasks, *limits):
        assert [task[0].rsplit("/")[-1] for task in tasks] in (["noise.mid"], [])
        return iter([(k, UnreadableFile("a", "b")) for k in range(len(tasks))])

    monkeypatch.setattr("etude.corpora.folder_index.read_all", refuse)
    second = quiet(music)
    assert second.digest() == first.digest()
    scores = {n: p.score for n, p in all_pieces(second).items() if p.score}
    assert scores == {n: p.score for n, p in all_pieces(first).items() if p.score}


def test_a_cleared_or_damaged_cache_is_made_again(music, cache):
    folder = quiet(music, split=(1, 0, 0))
    names = [piece.name for piece in folder.load("train")]
    folder._held.clear()
    for path in (cache / "folder").iterdir():
        path.write_bytes(b"damaged")
    assert [piece.name for piece in folder.load("train")] == names
    folder._held.clear()
    (music / "scale.mid").unlink()
    for path in (cache / "folder").iterdir():
        path.unlink()
    with pytest.raises(UnreadableFile, match="as it was"):
        next(piece for piece in folder.load("train") if piece.name == "scale.mid")


def test_pieces_that_are_too_long_are_named(tmp_path):
    (tmp_path / "scale.mid").write_bytes(SCALE)  # 4 s
    write_audio(Audio(np.zeros(8000 * 3), 8000), tmp_path / "rest.wav")
    folder = quiet(tmp_path, longest=3.5)
    assert list(all_pieces(folder)) == ["rest.wav"] and "longest" in folder.ledger["reason"][0]
    assert len(quiet(tmp_path, longest=4.0).ledger) == 0


@pytest.mark.parametrize("odd", ["3", None, float("nan"), 0, [1]])
@pytest.mark.parametrize("option", ["longest", "seconds", "memory"])
def test_limits_that_are_no_numbers_are_refused(tmp_path, option, odd):
    with pytest.raises(EtudeError, match="expected"):
        quiet(tmp_path, **{option: odd})


def test_a_name_too_long_is_no_folder_and_no_model():
    with pytest.raises(MissingData, match="no folder"):
        quiet("x" * 5000)
    with pytest.raises(MissingData, match="no model"):
        etude.load("x" * 5000)


def test_sounds_are_resampled_on_request(tmp_path):
    write_audio(Audio(np.zeros(8000), 8000), tmp_path / "rest.wav")
    (piece,) = all_pieces(quiet(tmp_path, rate=4000)).values()
    assert piece.audio.rate == 4000 and len(piece.audio) == 4000


@pytest.mark.slow
def test_a_thousand_files_take_one_worker_and_little_memory(tmp_path):
    import tracemalloc

    for k in range(1000):
        (tmp_path / f"{k:04}.mid").write_bytes(melody(k) if k % 50 else BROKEN["noise"])
    tracemalloc.start()
    folder = quiet(tmp_path)
    notes = sum(len(piece.score) for split in folder.splits for piece in folder.load(split))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(folder.ledger) == 20 and notes > 5000 and peak < 20e6
    assert [len(folder.load(split)) / 980 for split in folder.splits] == pytest.approx([0.8, 0.1, 0.1], abs=0.04)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    """What lies in it would be missing without a word, from the corpus and from what a page knows of its folder."""
    (tmp_path / "open").mkdir()
    (tmp_path / "closed").mkdir()
    (tmp_path / ".Trashes").mkdir()
    write_midi(score_of((0, 4, 60)), tmp_path / "open" / "a.mid")
    scan = os.scandir

    def scandir(path):
        if Path(path).name in closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scan(path)

    monkeypatch.setattr("os.scandir", scandir)
    closed = {".Trashes"}  # nobody's music
    assert [name for name, _ in music_files(tmp_path)] == ["open/a.mid"]
    closed = {"closed"}
    assert find_files(tmp_path)[1] == [("closed", "a folder that cannot be listed", "")]
    closed = {tmp_path.name}
    with pytest.raises(UnreadableFile, match=f"Permission denied: {tmp_path}"):
        list(music_files(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_files_whose_names_are_not_text_stay_two(tmp_path):
    for ending, pitch in ((b"\xfe", 60), (b"\xff", 72)):
        write_midi(score_of((0, 4, pitch)), tmp_path / os.fsdecode(b"a" + ending + b".mid"))
    corpus = Folder(tmp_path, split=(1, 0, 0), verbose=False, workers=1)
    pieces = corpus.load("train")
    assert len({piece.name for piece in pieces}) == 2
    assert {int(piece.score.notes[0, 2]) for piece in pieces} == {60, 72}
