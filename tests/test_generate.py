"""`etude generate`: what is new after a beginning, files to begin with from anywhere, refusals before any work."""

import os
import resource
import subprocess
import sys

import numpy as np
import pytest
from conftest import score_of

import etude
from etude import cli, study
from etude.cli import generate
from etude.corpora.one_file import read_piece
from etude.files import replacing
from etude.formats.audio import read_audio, write_audio
from etude.formats.midi import read_midi, write_midi
from etude.types import Audio, Piece

TUNE = score_of(*((4 * k, 4, 60 + k % 12) for k in range(60)))  # 60 quarters at 80 bpm: 45 s
MODEL = {"pianoroll": {}, "text": {}, "waveform": {"rate": 8000}, "midi": {}}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose run has saved a marginal model of each representation, and files to begin with."""
    monkeypatch.setenv("ETUDE_ROOT", str(tmp_path))
    monkeypatch.setenv("ETUDE_RUN_DIR", str(tmp_path / "reports/runs/quick"))
    monkeypatch.setenv("ETUDE_NOTEBOOK", "11_rnn")
    monkeypatch.chdir(tmp_path)
    piece = Piece("tune", TUNE, Audio(0.5 * np.sin(np.arange(8000) / 5), 8000))
    for name, options in MODEL.items():
        representation = etude.representation(name, **options)
        model = etude.model("marginal", representation.space)
        model.fit([representation.encode(piece)])
        study.start("11_rnn").model(f"marginal-{name}", model, representation)
    write_midi(TUNE, "tune.mid")
    return tmp_path


def done(capsys, line: str) -> str:
    assert cli.main(line.split()) == 0
    return capsys.readouterr().out


def refused(capsys, line: str) -> str:
    """Run a line, which must fail with status 2 in one line before a model is looked for, and return what it says."""
    try:
        status = cli.main(line.split())
    except SystemExit as ended:
        status = ended.code
    said = capsys.readouterr()
    assert status == 2 and said.out == "" and said.err.count("\n") == 1 and "Traceback" not in said.err
    return said.err


@pytest.mark.parametrize("name", ["pianoroll", "midi", "text"])
def test_seconds_and_steps_count_what_is_new(project, capsys, name):
    """The beginning stands whole at the start; what follows lasts no longer than was asked for."""
    line = f"generate marginal --representation {name} --prime tune.mid --out"
    done(capsys, f"{line} a.mid --seconds 20 --seed 2")
    song, opening = read_midi("a.mid").common(), TUNE.common()
    begun = song.notes[song.notes[:, 0] < opening.length - 4]
    struck = {(onset, pitch) for onset, _, pitch, _, _ in begun.tolist()}
    assert {(onset, pitch) for onset, _, pitch, _, _ in opening.notes[:-1].tolist()} <= struck
    assert song.seconds <= opening.seconds + 20.2
    if name == "pianoroll":
        assert song.seconds > opening.seconds + 10
        done(capsys, f"{line} b.mid --steps 40")
        assert opening.length < read_midi("b.mid").common().length <= opening.length + 40


def test_new_sound_comes_after_the_beginning(project, capsys):
    write_audio(Audio(np.sin(np.arange(4000) / 3), 8000), "opening.wav")
    done(capsys, "generate marginal --representation waveform --prime opening.wav --out a.wav --seconds 0.5")
    done(capsys, "generate marginal --representation waveform --prime opening.wav --out b.wav --steps 100")
    known, a, b = (read_audio(name).samples for name in ("opening.wav", "a.wav", "b.wav"))
    assert (len(a), len(b)) == (8000, 4100)
    assert np.abs(a[:4000] - known).max() < 0.03 and np.abs(a[4000:]).max() > 0


def test_a_beginning_may_come_from_anywhere(project, capsys):
    (project / "lied.abc").write_bytes("X:1\nT:Frühling\nL:1/4\nK:C\nCDEF|\n".encode("latin-1"))
    write_midi(score_of((0, 4, 60), length=400), "long_rest.mid")
    for name in ("lied.abc", "long_rest.mid"):
        done(capsys, f"generate marginal --representation pianoroll --prime {name} --out a.mid --steps 20")
        assert read_midi("a.mid").common().notes[0, 2] == 60


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [("rest.abc", b"X:1\nK:C\nz8|\n", "note"), ("noise.mid", b"MThd" + bytes(30), "MIDI"), ("a.txt", b"words", "music"),
     ("cut.wav", b"RIFF\xff\0\0\0WAVEfmt ", "sound"), ("empty.abc", b"", "tune")],
)  # fmt: skip
def test_a_beginning_that_is_none_is_refused_in_one_line(project, capsys, name, data, words):
    (project / name).write_bytes(data)
    for representation in ("pianoroll", "midi", "text"):
        line = f"generate marginal --representation {representation} --out a.mid --steps 20 --prime {name}"
        assert words in refused(capsys, line)
    assert not (project / "a.mid").exists()


def test_notes_do_not_begin_a_sound_nor_a_sound_notes(project, capsys):
    write_audio(Audio(np.zeros(100), 8000), "tone.wav")
    line = "generate marginal --steps 20 --representation"
    assert "a file of notes" in refused(capsys, f"{line} pianoroll --out a.mid --prime tone.wav")
    assert "a sound to begin with" in refused(capsys, f"{line} waveform --out a.wav --prime tune.mid")


@pytest.mark.parametrize(
    ("options", "words"),
    [("--seed -1", "--seed"), (f"--seed {2**64}", "--seed"), ("--seed x", "--seed"), ("--seconds inf", "--seconds"),
     ("--seconds nan", "--seconds"), ("--seconds 0", "--seconds"), ("--seconds -1", "--seconds"),
     ("--seconds 1e9", "--seconds"), ("--steps 0", "--steps"), ("--steps 99999999999", "--steps"),
     ("--steps 2000000000", "entries"), ("--temperature nan", "--temperature"), ("--temperature inf", "--temperature"),
     ("--temperature -1", "--temperature"), ("--top-p nan", "--top-p"), ("--top-p 0", "--top-p"),
     ("--top-p 1.1", "--top-p"), ("--steps 5 --seconds 5", "not allowed with")],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(project, capsys, options, words):
    assert words in refused(capsys, f"generate marginal --representation pianoroll --out a.mid {options}")
    assert not (project / "a.mid").exists()


def test_targets_that_cannot_be_written_are_refused_before_any_work(project, capsys, monkeypatch):
    def refuse(*_):
        raise AssertionError("a model was looked for")

    monkeypatch.setattr(generate, "choose_model", refuse)
    (project / "folder.mid").mkdir()
    os.mkfifo(project / "pipe.mid")
    line = "generate marginal --representation pianoroll --steps 5 --out"
    for out, words in (("folder.mid", "a folder"), ("pipe.mid", "no regular file"), ("no/a.mid", "existing folder"),
                       ("/proc/a.mid", "can be written"), ("a" * 300 + ".mid", "can be written"), (".", "ending in"),
                       ("/dev/full", "ending in"), ("tune.mid/a.mid", "existing folder")):  # fmt: skip
        assert words in refused(capsys, f"{line} {out}")


def test_a_disk_that_fills_up_is_one_line(project, capsys):
    """A write that fails half way: nothing is left behind, and the reason is told."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    for representation, out, steps in (
        ("pianoroll", "a.mid", 9000),
        ("text", "a.svg", 500),
        ("waveform", "a.wav", 9000),
    ):
        line = f"generate marginal --representation {representation} --out {out} --steps {steps}"
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, most))  # bytes of a file
        try:
            said = refused(capsys, line)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        assert ("to its end" in said or "can be written" in said) and ("too large" in said or "System error" in said)
    assert [path.name for path in project.iterdir() if path.is_file()] == ["tune.mid"]


def test_a_beginning_is_read_before_its_file_is_replaced(project, capsys):
    done(capsys, "generate marginal --representation pianoroll --prime tune.mid --out tune.mid --steps 20")
    assert read_midi("tune.mid").common().length > TUNE.common().length - 4
    with replacing(project / "x") as new:
        new.touch()


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
@pytest.mark.parametrize("suffix", [*generate.SCORES, *generate.SOUNDS])
def test_names_that_are_not_text_are_read_written_and_shown_escaped(project, capsys, suffix):
    """Undecodable bytes stay in the name of the file, and stand escaped in what is printed, and in a title."""
    name = os.fsdecode(b"caf\xe9")
    (project / "tune.mid").rename(f"{name}.mid")
    out = project / f"{name}_new{suffix}"
    line = f"generate marginal --representation text --prime {name}.mid --steps 9 --out {out.name}"
    assert done(capsys, line).startswith(rf"caf\udce9_new{suffix}: ")
    assert "<svg" in out.read_text(encoding="utf-8") if suffix == ".svg" else read_piece(out).seconds > 45


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_a_terminal_without_a_letter_is_shown_its_escape(project):
    """Whatever a command prints, and wherever to."""
    line = f"{sys.executable} -m etude.cli generate marginal --representation text --steps 9 --out préludé.abc"
    surroundings = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(line.split(), env=surroundings, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(r"pr\xe9lud\xe9.abc: ")
