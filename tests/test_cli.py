"""The command: help by example, one clear line for what a reader can mend, music from a saved model."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from networks import enlarged

import etude
from etude import cli, study
from etude.cli import generate
from etude.cli.generate import read_piece
from etude.cli.saved_models import choose_model
from etude.files import project_root
from etude.formats.audio import read_audio, write_audio
from etude.formats.audio_blocks import write_blocks
from etude.formats.midi import read_midi, write_midi
from etude.study.plan import make_plan
from etude.types import Audio, Evidence, Piece, Score

ROOT = Path(__file__).parents[1]
CHORD = Score(np.array([[0, 8, 60, 80, 0], [0, 8, 64, 80, 0], [8, 8, 67, 80, 0]]), 4)

GENERATE = "generate marginal --representation pianoroll"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose one run has saved a model of piano rolls."""
    monkeypatch.setenv("ETUDE_ROOT", str(tmp_path))
    monkeypatch.setenv("ETUDE_RUN_DIR", str(tmp_path / "reports/runs/quick"))
    monkeypatch.setenv("ETUDE_NOTEBOOK", "11_rnn")
    roll = etude.representation("pianoroll")
    model = etude.model("marginal", roll.space)
    model.fit([roll.encode(Piece("chord", CHORD))])
    study.start("11_rnn").model("marginal-pianoroll", model, roll)
    for name in ("notebooks", "reports/summaries"):  # what the chapters say that they train
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sounding(project):
    """The same project, which has also saved a WaveNet of samples and one of piano rolls."""
    for name, size in (("waveform", {"rate": 8000}), ("pianoroll", {})):
        representation = etude.representation(name, **size)
        model = etude.model("wavenet", representation.space, residual=4, skip=4, stacks=1, dilations=2)
        study.start("11_rnn").model(f"wavenet-{name}", model, representation)
    return project


def refused(capsys, *arguments):
    """Run the command line, which must fail with status 2, and return its one line."""
    assert cli.main(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "Traceback" not in said.err
    return said.err


def printed(capsys, line):
    """Run the command line, which must succeed, and return what it prints."""
    assert cli.main(line.split()) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_help_teaches_by_example(capsys, command):
    with pytest.raises(SystemExit) as ended:
        cli.main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert "examples:\n  etude " in capsys.readouterr().out


def test_every_example_is_understood(capsys):
    """Parse all examples of the help with the parser itself, and plan those of `etude run`."""
    parser = cli._parser()
    for command in ("", *cli.COMMANDS):
        with pytest.raises(SystemExit):
            parser.parse_args([*command.split(), "--help"])
        help_ = capsys.readouterr().out
        for line in re.findall(r"^  etude (.+?)(?:  .*)?$", help_.partition("examples:")[2], re.M):
            given = parser.parse_args(line.split())
            if line.startswith("run") and (project_root() / "notebooks" / "11_rnn.ipynb").is_file():
                file = given.sweep_file and project_root() / given.sweep_file
                make_plan(given.notebooks, given.profile, given.settings, given.sweep, given.name, file)


@pytest.mark.parametrize("arguments", [["rum"], ["run", "--job", "2"], ["run", "--jobs", "0"], ["fetch", "all"], []])
def test_what_is_no_command_is_refused_in_one_line(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.count("\n") == 1 and "--help`" in said


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"etude {etude.__version__}\n"


def test_ctrl_c_is_130(monkeypatch, capsys):
    def stopped(_given):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_parser", lambda: SimpleNamespace(parse_args=lambda _: SimpleNamespace(run=stopped)))
    assert cli.main([]) == 130


def write(*options, out):
    return cli.main([*GENERATE.split(), "--out", out, "--seconds", "4", *options])


@pytest.mark.parametrize("out", ["a.mid", "a.abc", "a.musicxml", "a.svg", "a.wav", "a.mp3"])
def test_music_is_written_as_the_suffix_says(project, capsys, out):
    assert write(out=out) == 0
    assert re.match(rf"{out}: \d\.\d s, \d+ notes, by marginal-pianoroll \(run quick\)\n", capsys.readouterr().out)
    assert (project / out).stat().st_size > 100
    assert [path.name for path in project.iterdir() if path.is_file()] == [out]


def test_same_seed_same_music_of_the_length_asked_for(project):
    for name, seed in [("a.mid", "1"), ("b.mid", "1"), ("c.mid", "2")]:
        assert write("--seed", seed, out=name) == 0
    a, b, c = (read_midi(project / name) for name in ("a.mid", "b.mid", "c.mid"))
    assert a == b and a != c
    assert 2 < a.seconds <= 4.01
    write("--seed", "1", "--top-p", "0.5", out="d.mid")
    assert read_midi(project / "d.mid") != a
    write(out="a.wav")
    assert read_audio(project / "a.wav").seconds > 2


def test_music_goes_on_from_a_beginning(project, capsys):
    write_midi(CHORD, project / "opening.mid")
    assert write("--prime", "opening.mid", out="song.mid") == 0
    song = read_midi(project / "song.mid").common()
    assert song.notes[song.notes[:, 0] < 8].tolist() == CHORD.common().notes[:2].tolist()
    assert song.length > CHORD.length


def test_a_sound_file_asks_for_the_model_of_samples(sounding, capsys):
    line = "generate wavenet --out a.wav --seconds 0.6 --seed 4 --temperature 0.8 --top-p 0.9"
    assert printed(capsys, line) == "a.wav: 0.6 s, 8000 samples a second, by wavenet-waveform (run quick)\n"
    waveform, model = etude.representation("waveform"), etude.load("reports/runs/quick/models/wavenet-waveform")
    (codes,) = np.concatenate(list(model.stream(1, 4800, 4, 0.8, 0.9)), axis=1)  # more than a block
    assert np.abs(soundfile.read("a.wav")[0] - waveform.decode(codes).audio.samples).max() < 1e-4
    folder = "reports/runs/quick/models/wavenet-waveform"
    assert "by wavenet-waveform" in printed(capsys, f"generate wavenet --out e.wav --seconds 0.1 --from {folder}")


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        ("wavenet --representation pianoroll --out b.wav", "wavenet-pianoroll"),
        ("wavenet --out c.mid", "wavenet-pianoroll"),
        ("marginal --out d.ogg", "marginal-pianoroll"),
    ],
)
def test_scores_are_written_or_rendered_where_no_model_of_sound_is_meant(sounding, capsys, asked, taken):
    assert f"by {taken}" in printed(capsys, f"generate {asked} --seconds 2")


def test_a_sound_goes_on_from_a_beginning_and_is_what_sample_draws(sounding, capsys):
    beginning = Audio(np.sin(np.arange(100) / 3), 8000)
    write_audio(beginning, sounding / "opening.wav")
    printed(capsys, "generate wavenet --prime opening.wav --out a.wav --steps 50 --seed 2")
    waveform, model = etude.representation("waveform"), etude.load("reports/runs/quick/models/wavenet-waveform")
    known = waveform.encode(Piece("opening", audio=read_audio(sounding / "opening.wav")))
    (codes,) = model.condition(Evidence.prefix(known)).sample(1, 150, 2)
    assert np.array_equal(codes[:100], known)
    assert np.abs(soundfile.read("a.wav")[0] - waveform.decode(codes).audio.samples).max() < 1e-4


def test_a_sound_is_written_block_by_block(tmp_path):
    sound = Audio(np.sin(np.arange(1000) / 5), 8000)
    for suffix in (".wav", ".flac", ".mp3"):
        whole, parts = tmp_path / f"whole{suffix}", tmp_path / f"parts{suffix}"
        write_audio(sound, whole)
        assert write_blocks(np.split(sound.samples, [300, 301, 900]), 8000, parts) == 1000
        assert parts.read_bytes() == whole.read_bytes()

    def breaking():
        yield sound.samples
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_blocks(breaking(), 8000, tmp_path / "broken.wav")
    assert not list(tmp_path.glob("*broken*"))
    for rate, name, message in ((8000, "a.aac", "sound format"), (8001, "a.mp3", "an MP3 rate")):
        with pytest.raises(etude.EtudeError, match=message):
            write_blocks([], rate, tmp_path / name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("generate wavenet --out a.mid --representation waveform", "This model writes sound, not notes"),
        ("generate samplernn --out a.wav", "etude run 16_samplernn"),
        ("generate guided-wavenet --out a.wav --score tune.mid", "etude run 18_guided"),
        ("generate rnn --out a.mid", "etude run 11_rnn."),
        ("generate wavenet --out a.wav --temperature -1", "temperature >= 0"),
        ("generate wavenet --out a.wav --prime no.wav", "no.wav"),
    ],
)
def test_what_is_asked_of_sound_and_cannot_be_is_said_in_one_line(sounding, capsys, line, message):
    assert message in refused(capsys, *line.split())
    assert not list(sounding.glob("a.*"))


def test_a_model_that_follows_notes_plays_a_score(sounding, capsys):
    waveform, roll = etude.representation("waveform"), etude.representation("pianoroll", grid=16)
    sizes = {"residual": 4, "skip": 4, "stacks": 1, "dilations": 2}
    model = enlarged(etude.model("guided-wavenet", waveform.space, guide=roll.space, **sizes))
    facts = {"guide": roll.describe()}
    study.start("11_rnn").model("guided-wavenet-waveform", model, waveform, **facts)
    write_midi(CHORD, "chord.mid")
    line = "generate guided-wavenet --out a.wav --score chord.mid --seconds 0.3 --seed 4"
    assert printed(capsys, line).startswith("a.wav: 0.3 s, 8000 samples a second, by guided-wavenet-waveform")
    notes = roll.encode(read_piece(Path("chord.mid")))
    (codes,) = model.follow(notes).sample(1, 2400, seed=4)
    assert np.abs(soundfile.read("a.wav")[0] - waveform.decode(codes).audio.samples).max() < 1e-4
    assert "--score FILE, what it shall play" in refused(capsys, "generate", "guided-wavenet", "--out", "b.wav")
    asked = ["generate", "wavenet", "--out", "b.wav", "--score", "chord.mid"]
    assert "guided-wavenet, which plays a score" in refused(capsys, *asked)
    assert not Path("b.wav").exists()


def test_where_several_models_suit_the_reader_is_asked(sounding, capsys):
    save("wavenet-text", "wavenet", "text", residual=4, skip=4, stacks=1, dilations=2)
    assert "Say which: --representation" in refused(capsys, "generate", "wavenet", "--out", "a.mid")
    assert "wavenet-waveform" in printed(capsys, "generate wavenet --out a.wav --seconds 0.1")


def save(name, family, on, **options):
    """Save an untrained model in the project's run."""
    representation = etude.representation(on)
    study.start("11_rnn").model(name, etude.model(family, representation.space, **options), representation, steps=7)


def test_a_model_is_found_by_its_name_by_its_label_and_by_its_family(project, capsys):
    save("tcn-broad-pianoroll", "tcn", "pianoroll", channels=4, blocks=1)
    home = project / "reports/runs/quick/models"
    for wanted in ("tcn-broad-pianoroll", "tcn-broad", "tcn"):
        assert choose_model(wanted) == home / "tcn-broad-pianoroll", wanted
    save("tcn-pianoroll", "tcn", "pianoroll", channels=4, blocks=1)
    assert choose_model("tcn") == home / "tcn-pianoroll"  # of that very name, and no variant
    save("vae-flat-pianoroll", "vae", "pianoroll", hidden=4, latent=2)
    save("vae-deep-pianoroll", "vae", "pianoroll", hidden=4, latent=2)
    assert "Say which: vae-" in refused(capsys, "generate", "vae", "--out", "a.mid")
    shutil.copytree(home / "vae-deep-pianoroll", project / "data/pretrained/vae-deep-pianoroll")
    assert choose_model("vae") == project / "data/pretrained/vae-deep-pianoroll"


def test_models_are_listed_as_they_describe_themselves(project, capsys):
    save("tcn-pianoroll", "tcn", "pianoroll", channels=4, blocks=1)
    shutil.copytree("reports/runs/quick/models/tcn-pianoroll", "data/pretrained/tcn-pianoroll")
    made = project / "data/pretrained/tcn-pianoroll/made_by.json"
    made.write_text(made.read_text().replace("11_rnn", "12_cnn"))
    heads, shipped, *others = printed(capsys, "models").splitlines()
    assert heads.split() == [
        "model",
        "reads",
        "and",
        "writes",
        "learnt",
        "from",
        "steps",
        "bits",
        "size",
        "chapter",
        "where",
    ]
    told = json.loads((ROOT / "reports/summaries/12_cnn.json").read_text())["tables"]["test"]
    rate = next(row["bits_per_second"] for row in told if (row["model"], row["representation"]) == ("tcn", "pianoroll"))
    assert shipped.split()[:2] == ["tcn-pianoroll", "pianoroll"] and f"{rate:.2f} a second" in shipped
    assert " 7 " in shipped and " MB " in shipped and "12_cnn" in shipped and "from pretrained" in shipped
    assert [line.split()[0] for line in others] == ["tcn-pianoroll", "marginal-pianoroll"]
    assert all("run quick" in line and "a second" not in line for line in others)
    for damaged in ("[", "[" * 100_000, "[]"):
        (project / "reports/runs/quick/models/tcn-pianoroll/made_by.json").write_text(damaged)
        assert "?" in printed(capsys, "models --from quick")


def test_what_is_shipped_can_be_asked_for_by_all_its_names():
    for folder in sorted((ROOT / "data/pretrained").iterdir()):
        described = json.loads((folder / "made_by.json").read_text())["representation"]["name"]
        label = folder.name.removesuffix(f"-{described}")
        assert choose_model(folder.name) == choose_model(label, described) == folder


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("generate rmn --representation midi --out a.mid", "Did you mean 'rnn'"),
        ("generate rnn --representation mid --out a.mid", "Did you mean 'midi'"),
        ("generate rnn --representation midi --out a.txt", "ending in .mid"),
        ("generate rnn --representation midi --out no/a.mid", "an existing folder"),
        ("generate rnn --representation midi --out a.mid", "etude run 11_rnn."),
        ("generate wavenet --representation text --out a.mid", "etude run 41_your_music."),
        ("generate vae --out a.mid", "etude run 13_autoencoder."),
        ("generate vae --representation midi --out a.mid", "etude run 13_autoencoder."),
        ("generate rnn-nade --out a.mid", "etude run 17_hybrids."),
        ("generate counts --out a.mid", "No chapter saves one"),
        ("generate RNN-nade --out a.mid", "Did you mean 'rnn-nade'"),
        ("generate foo --out a.mid", "got 'foo'. Known: marginal;"),
        (f"{GENERATE} --out a.mid --from quck", "Did you mean 'quick'"),
        (f"{GENERATE} --out a.mid --steps -1", "--steps above 0"),
        (f"{GENERATE} --out a.mid --prime x.mid", "no file at x.mid"),
        ("site --name quck", "Did you mean 'quick'"),
        ("corpora chorale", "Did you mean 'chorales'"),
    ],
)
def test_what_a_reader_can_mend_is_said_in_one_line(project, capsys, line, message):
    assert message in refused(capsys, *line.split())
    assert not list(project.glob("a.*"))


def test_the_newest_run_is_taken_and_a_damaged_one_refused(project, capsys):
    older = project / "reports/runs/quick/models/marginal-pianoroll"
    assert choose_model("marginal", "pianoroll") == older
    assert choose_model("marginal", "pianoroll", str(older)) == older
    assert choose_model("marginal", "pianoroll", "quick") == older
    (older / "made_by.json").unlink()
    assert "made_by.json" in refused(capsys, *f"{GENERATE} --out a.mid".split())


def test_the_model_that_comes_with_the_study_is_taken_before_those_of_runs(project):
    run = project / "reports/runs/quick/models/marginal-pianoroll"
    own = project / "data/pretrained/marginal-pianoroll"
    shutil.copytree(run, own)
    assert choose_model("marginal", "pianoroll") == own
    assert choose_model("marginal", "pianoroll", "quick") == run


def test_a_piece_is_cut_at_the_seconds_asked_for():
    short = generate._opening(CHORD, 60 / CHORD.bpm * 2.5)
    assert short.notes[:, :3].tolist() == [[0, 8, 60], [0, 8, 64], [8, 2, 67]]
    assert short.length == 10
