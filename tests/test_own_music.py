"""Chapter 41's steps on any music: what is cut, what is said, what is refused; and `etude study`."""

import argparse
from dataclasses import replace

import numpy as np
import pytest
from pandas import DataFrame

from etude import Audio, EtudeError, Piece, Score, Space, registry
from etude.cli import study as command
from etude.corpora.folder import Folder
from etude.errors import MissingData
from etude.evaluation.intervals import Interval
from etude.formats.midi import read_midi, write_midi
from etude.study import own_music
from etude.study.own_music import Own, beginning, excerpt, opened, sections
from etude.study.own_scores import Scores
from etude.study.own_sounds import MULTIPLIER, copied_share, known_runs, lively, run_hashes
from etude.study.trial import Trial


def line(quarters, ticks=4, step=1.0, programs=()):
    notes = [(round(k * step * ticks), ticks // 2, 60 + k % 9, 80, 0) for k in range(int(quarters / step))]
    return Piece(f"line{quarters}-{step}", Score(notes, ticks, programs=programs))


class Kept:
    """A run that keeps nothing."""

    def corpus(self, corpus):
        return corpus


def test_long_scores_are_cut_and_silent_sections_left_out():
    short, long = line(200), line(1000)
    assert sections(short) == [short]
    cut = sections(long)
    assert len(cut) == 7 and sum(len(piece.score) for piece in cut) == len(long.score)
    assert all(piece.score.length <= 160 * 4 for piece in cut) and len({piece.name for piece in cut}) == 7
    waltz = replace(long.score, meter=(3, 4))
    assert [one.score.length for one in sections(Piece("waltz", waltz))][:2] == [159 * 4] * 2
    gap = Piece("gap", Score([(0, 4, 60, 80, 0), (4000, 4, 60, 80, 0)], 4))
    assert len(sections(gap)) == 2


def test_a_beginning_starts_where_music_does():
    late = Piece("late", Score([(1000, 4, 60, 80, 0), (1010, 40, 62, 80, 0)], 4))
    assert beginning(late, 4).score.notes[:, :3].tolist() == [[8, 4, 60]]
    assert len(beginning(line(8), 32).score) == 8
    waltz = beginning(Piece("late", replace(late.score, meter=(3, 4))), 4)
    assert waltz.score.notes[:, :3].tolist() == [[4, 4, 60], [14, 2, 62]]  # 996 is where a bar of three begins
    sound = excerpt(Piece("a", audio=Audio(np.linspace(-1, 1, 1000), 100)), 2.0)
    assert len(sound.audio) == 200 and abs(sound.audio.samples.mean()) < 0.01


def test_music_with_an_upbeat_is_cut_at_its_bar_lines():
    waltz = replace(line(1000).score, meter=(3, 4), pickup=1)
    cut = [one.score for one in sections(Piece("waltz", waltz))]
    assert [one.length for one in cut][:2] == [160 * 4, 159 * 4] and sum(one.length for one in cut) == waltz.length
    assert [one.pickup for one in cut] == [1, 0, 0, 0, 0, 0, 0] and sum(map(len, cut)) == len(waltz)
    assert beginning(Piece("waltz", waltz), 4).score.pickup == 1
    late = Score([(8, 4, 60, 80, 0), (16, 4, 62, 80, 0)], 4, meter=(3, 4), pickup=1)  # sounds in the first whole bar
    begun = beginning(Piece("late", late), 4).score
    assert (begun.notes[:, 0].tolist(), begun.pickup, begun.length) == ([4, 12], 0, 16)


def own(pieces, kind="score"):
    return Own(None, kind, {"train": pieces, "valid": pieces, "test": pieces}, {}, 0)


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([line(40)], "every note begins on the sixteenth grid"),
        ([line(40, 480, 1 / 3)], "A grid of 6 steps a quarter (sixteenth triplets)"),
        ([line(40, 480, 0.7311)], "does not fit a grid"),
        ([line(400, 480), line(2, 480, 0.47)], "lie off the sixteenth grid; below they move"),
    ],
)
def test_what_is_said_of_the_grid_is_true(pieces, words):
    sentence, *conditions = own(pieces).on_the_grid()
    assert words in sentence and all(conditions)


@pytest.mark.parametrize(
    ("low", "high", "pieces", "words"),
    [
        (-2, -1, 5, "has learnt something that no floor knows"),
        (1, 2, 5, "the floor needs fewer bits"),
        (-1, 1, 5, "a tie"),
        (0, 1, 5, "a tie"),
        (-2, -1, 2, "nothing is ranked here"),
    ],
)
def test_a_verdict_says_what_its_interval_shows(low, high, pieces, words):
    half, gap = Scores.__new__(Scores), Interval((low + high) / 2, low, high, 0.95)
    sentence, *conditions = half._ranked("`rnn`", 3.0, "`counts`", 4.0, gap, pieces)
    assert words in sentence and conditions and all(conditions)


@pytest.mark.parametrize(
    ("ours", "real", "words"),
    [
        (9.0, 2.0, "**The samples copy.**"),
        (1.0, 2.0, "they copy no more"),
        (2.5, 2.0, "too little"),
        (1.0, 0.0, "too little"),
    ],
)
def test_what_is_said_of_copies_is_true(ours, real, words):
    half = Scores.__new__(Scores)
    half.best = Trial(None, {}, {}, [], label="rnn")
    half.copied = DataFrame({"mean_copied": {"rnn": ours, "held-out": real}})
    sentence, *conditions = half.copying()
    assert words in sentence and conditions and all(conditions)


def test_only_a_family_with_exact_bits_is_followed():
    half, space, xs = Scores.__new__(Scores), Space((), 3), [np.array([0, 1, 0, 1])]
    flat, counted = registry.model("uniform", space), registry.model("marginal", space)
    counted.fit(xs)
    bound = registry.model("uniform", space)
    bound.kind = "bound"  # as an autoencoder's
    half.fitted = {name: Trial(None, {}, {"valid": xs}, [], [model], label=name)
                   for name, model in (("flat", flat), ("counted", counted), ("bound", bound))}  # fmt: skip
    assert half.best.label == "counted"
    del half.__dict__["best"], half.fitted["flat"], half.fitted["counted"]
    with pytest.raises(EtudeError, match="exact code lengths"):
        _ = half.best


def test_a_folder_of_drums_is_known_as_such():
    assert (
        own([line(4, programs=(128,))]).drums and not own([line(4, programs=(0,))]).drums and not own([line(4)]).drums
    )


def test_copied_runs_are_found_and_stillness_is_none():
    rng = np.random.default_rng(0)
    train, other, still = rng.integers(0, 256, 4000), rng.integers(0, 256, 1000), np.full(500, 7)
    known = known_runs([train[:3000], train[2900:], still, train[:5]])
    assert copied_share([train[100:500]], known) == 1.0 and copied_share([other], known) == 0.0
    half = np.concatenate([train[:516], other[:484]])
    assert copied_share([half], known) == pytest.approx((516 - 31) / (1000 - 31))
    assert copied_share([still], known) == 0.0 and copied_share([train[:9]], known) == copied_share([], known) == 0.0


@pytest.mark.parametrize("run", [1, 2, 5, 32])
def test_runs_are_known_by_all_of_their_samples(run):
    x = np.random.default_rng(1).integers(0, 12, 90).astype(np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(x, run)
    assert np.array_equal(lively(x, run), np.ptp(windows.astype(int), axis=1) >= 8)
    hashes = run_hashes(x, run)
    assert len(hashes) == len(windows) and len(np.unique(hashes)) == len(np.unique(windows, axis=0))
    asked = sum((int(v) + 1) * pow(MULTIPLIER, run - 1 - k, 2**64) for k, v in enumerate(windows[7])) % 2**64
    assert int(hashes[7]) == asked


def test_what_cannot_be_studied_is_refused_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "mine"
    with pytest.raises(MissingData, match="no folder"):
        opened(Kept(), str(folder))
    folder.mkdir()
    (folder / "noise.mid").write_bytes(b"noise")
    with pytest.raises(EtudeError, match=r"none of 1; noise\.mid: expected a MIDI file"):
        opened(Kept(), str(folder))
    write_midi(line(8).score, folder / "short.mid")
    with pytest.raises(EtudeError, match="none for valid and test"):
        opened(Kept(), str(folder))


def test_three_files_are_opened_told_and_kept_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    for k in range(3):
        write_midi(line(30 + k).score, tmp_path / f"{k}.mid")
    mine = opened(Kept(), str(tmp_path))
    assert isinstance(mine.folder, Folder) and [len(mine.pieces[s]) for s in mine.folder.splits] == [1, 1, 1]
    assert "The folder holds 3 usable pieces: 1 to learn from" in mine.told() and len(mine.ledger()) == 1
    facts = mine.facts().set_index("measure")
    assert facts.loc["quarters", "least"] == pytest.approx(29.5) and facts.loc["quarters", "most"] == pytest.approx(
        31.5
    )
    assert mine.commonest()["value"].tolist()[0] == "none stated"


def test_metres_and_upbeats_are_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    for k, pickup in enumerate((0, 0.5, 0.5, 1, 1.5)):
        write_midi(replace(line(30 + k).score, meter=(6, 8), pickup=pickup), tmp_path / f"{k}.mid")
    counted = opened(Kept(), str(tmp_path)).commonest().set_index("what")
    assert counted.loc["metre"].tolist() == ["6/8", 5]
    upbeats = dict(counted.loc["upbeat"].itertuples(index=False))
    assert upbeats == {"none": 1, "0.5 quarter": 2, "1 quarter": 1, "1.5 quarters": 1}


def test_the_command_is_the_chapter_on_a_folder(tmp_path, monkeypatch, capsys):
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    write_midi(line(30).score, tmp_path / "a.mid")
    monkeypatch.setenv("ETUDE_RUNS", str(tmp_path / "runs"))
    given = parser.parse_args([str(tmp_path), "-p", "steps=3", "--profile", "smoke", "--dry-run"])
    assert command.run(given) == 0
    told = capsys.readouterr().out
    assert "41_your_music  runs" in told and f"path = '{tmp_path}'" in told and "steps = 3" in told
    with pytest.raises(MissingData, match="no folder"):
        command.run(parser.parse_args([str(tmp_path / "none")]))


def test_the_stranger_s_folder_is_the_same_every_time(tmp_path, monkeypatch):
    class Book:
        licence = "free"

        def load(self, split):
            notation = [{"meter": (k % 3 + 2, 4), "pickup": 1} for k in range(9)]
            return [Piece(f"t{k}", replace(line(20 + k).score, **notation[k])) for k in range(9)]

    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path))
    monkeypatch.setattr(own_music.registry, "corpus", lambda *a, **o: Book())
    first = {p.name: p.read_bytes() for p in own_music.strangers_folder(4).iterdir()}
    folder = own_music.strangers_folder(4)
    assert len(first) == 4 and first == {p.name: p.read_bytes() for p in folder.iterdir()}
    read = [read_midi(path) for path in sorted(folder.iterdir())]
    assert [(score.meter, score.pickup, len(score)) for score in read[:2]] == [((2, 4), 1, 20), ((4, 4), 1, 22)]
