"""Composing with a model: what is given stays note for note, and stands where it stood. The model is a stub."""

import re
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from conftest import score_of

import etude
from etude import cli
from etude.errors import EtudeError
from etude.formats.midi import read_midi, write_midi
from etude.together import shipped as where
from etude.together.filling import bits_in_hole, fillings
from etude.together.harmony import harmonisations
from etude.together.morphing import sequence
from etude.together.parts import parts_of
from etude.together.steps import on_steps, suited_pace, suited_shift
from etude.types import DURATION, ONSET, PITCH, TRACK, Score

ROLL = etude.representation("pianoroll")


class Network:
    """Independent of what it sees, but for one thing: it likes to go on with what sounds a step before."""

    def on_fastest_device(self):
        return nullcontext()

    def log_probabilities(self, x, known, asked):
        p = np.full((*x.shape, 3), [0.9, 0.06, 0.04])
        p[:, 1:][x[:, :-1] > 0] = [0.3, 0.1, 0.6]
        return np.log(p[:, asked])


class Stub:
    space, network = ROLL.space, Network()

    def revise(self, xs, sweeps):
        """Be a model that fills gaps; nothing here asks for it."""

    def interpolate(self, x, y, steps, seed, temperature):
        assert x.shape == y.shape
        return [np.where(u < 0.5, x, y) for u in np.linspace(0, 1, steps)]

    def bits_of(self, x, asked, known):
        assert not (asked & known).any()
        return float((x[asked] > 0).sum())


@pytest.fixture(autouse=True)
def stub(monkeypatch):
    monkeypatch.setattr(where, "shipped", lambda name: (ROLL, Stub()))


def rows(score: Score) -> set:
    """Notes in quarters: what must not change, whatever the ticks."""
    q = score.ticks_per_quarter
    return {(on / q, dur / q, *rest) for on, dur, *rest in score.notes.tolist()}


def melody(ticks=480, bpm=97.0) -> Score:
    """Eight quarters, played by hand: early, late, legato, on track 2."""
    places = np.array([0, 470, 965, 1440, 1927, 2400, 2880, 3351]) * ticks // 480
    notes = [[p, ticks - 7, pitch, 90, 2] for p, pitch in zip(places, [67, 69, 71, 72, 74, 71, 69, 67], strict=True)]
    return Score(notes, ticks, bpm)


UP = np.array([0, 0, 24, 0, 0])
MELODIES = {
    "played by hand": melody(),
    "ticks that sixteenths do not divide": Score([[3 * i, 3, 60 + i, 80, 0] for i in range(8)], 3, 50.0),
    "very high": replace(melody(), notes=melody().notes + UP),
    "low": replace(melody(), notes=melody().notes - UP),
    "halves": Score([[8 * i, 8, 60 + i, 80, 0] for i in range(6)], 4, 120.0),
    "with rests": Score([[0, 4, 67, 80, 0], [12, 4, 69, 80, 0]], 4),
    "repeated": Score([[4 * i, 4, 67, 80, 0] for i in range(5)], 4),
}


@pytest.mark.parametrize("name", MELODIES)
def test_a_melody_stays_note_for_note_and_on_top(name):
    given = MELODIES[name]
    made = etude.harmonise(given, sweeps=3)
    own, new = rows(given), rows(made) - rows(given)
    assert own <= rows(made) and len(made) == len(given) + len(new)
    assert made.bpm == given.bpm
    track = int(given.notes[0, TRACK])
    assert {row[-1] for row in new} == {track + 1, track + 2, track + 3}
    check_on_top(made, track)


def check_on_top(score: Score, track: int) -> None:
    """Raise where another note sounds at or above one of the track's, for more than half a sixteenth."""
    slack = score.ticks_per_quarter / 8
    for on, dur, pitch, _, own in score.notes.tolist():
        if own == track:
            rest = score.notes[score.notes[:, TRACK] != track]
            shared = np.minimum(on + dur, rest[:, ONSET] + rest[:, DURATION]) - np.maximum(on, rest[:, ONSET])
            assert not (rest[shared > slack, PITCH] >= pitch).any()


def test_a_note_above_the_melody_is_found():
    made = etude.harmonise(melody(), sweeps=2)
    wrong = np.concatenate([made.notes, [[480, 480, 90, 80, 3]]])
    with pytest.raises(AssertionError):
        check_on_top(replace(made, notes=wrong), 2)


def test_a_bass_stays_lowest_and_voices_are_four_lines():
    given = Score([[4 * i, 4, 43 + i, 80, 0] for i in range(8)], 4)
    made = etude.harmonise(given, melody="bass", sweeps=3)
    others = made.notes[made.notes[:, TRACK] != 0]
    assert others[:, PITCH].min() > 43 and set(others[:, TRACK]) == {1, 2, 3}
    for track in (1, 2, 3):  # one note after the other, without a gap
        own = others[others[:, TRACK] == track]
        assert (own[1:, ONSET] == own[:-1, ONSET] + own[:-1, DURATION]).all() and own[0, ONSET] == 0


def test_new_notes_begin_with_those_that_are_played_off_the_grid():
    made = etude.harmonise(melody(), sweeps=2)
    new = made.notes[made.notes[:, TRACK] != 2]
    near = np.abs(new[:, ONSET][:, None] - melody().notes[:, ONSET])
    assert not ((near > 0) & (near < 60)).any()


def test_the_same_seed_writes_the_same_and_the_best_of_several_costs_least():
    a, b, c = (etude.harmonise(melody(), seed=seed, sweeps=2) for seed in (1, 1, 2))
    assert a == b and a != c
    some = list(islice(harmonisations(melody(), seed=1, sweeps=2), 4))
    assert etude.harmonise(melody(), among=4, seed=1, sweeps=2) == min(some, key=lambda one: one.bits).score


@pytest.mark.parametrize("name", ["played by hand", "very high"])
def test_a_melody_in_g_closes_on_g_and_its_scale_is_preferred(name):
    made = etude.harmonise(MELODIES[name], sweeps=4, rules=3)
    new = made.notes[made.notes[:, TRACK] != 2]
    assert new[new[:, TRACK] == 5][-1, PITCH] % 12 == 7
    inside = np.isin((new[:, PITCH] - 7) % 12, (0, 2, 4, 5, 7, 9, 11)).mean()
    alone = etude.harmonise(MELODIES[name], sweeps=4, rules=0)
    free = alone.notes[alone.notes[:, TRACK] != 2]
    assert inside > 0.9 > np.isin((free[:, PITCH] - 7) % 12, (0, 2, 4, 5, 7, 9, 11)).mean()


@pytest.mark.parametrize("pitch", [2, 125])
@pytest.mark.parametrize("compose", [etude.harmonise, lambda score: etude.continue_(score, bars=1)])
def test_a_note_beyond_the_piano_is_heard_on_it_and_stays_as_it_is(compose, pitch):
    given = score_of((0, 4, 60), (4, 4, 62), (8, 4, pitch), (12, 4, 60))
    assert rows(given) <= rows(compose(given))


def test_a_piece_is_taken_for_its_score_and_no_end_comes_sooner():
    longer = replace(melody(), length=5000)
    made = etude.harmonise(etude.Piece("hymn", longer), sweeps=1)
    assert made == etude.harmonise(longer, sweeps=1) and made.length == 5000
    with pytest.raises(EtudeError, match="a score"):
        etude.fill("hymn.mid")


def test_a_long_melody_is_written_in_windows():
    given = Score([[4 * i, 4, 60 + i % 9, 80, 0] for i in range(120)], 4)
    made = etude.harmonise(given, sweeps=1)
    assert rows(given) <= rows(made)
    bass = made.notes[made.notes[:, TRACK] == 3]
    assert bass[-1, ONSET] + bass[-1, DURATION] == 480 and (bass[1:, ONSET] == bass[:-1, :2].sum(axis=1)).all()


CHORALE = score_of(*((4 * k, 4, p, 80, v) for k in range(16) for v, p in enumerate((72 + k % 3, 67, 60, 48 + k % 2))))


@pytest.mark.parametrize(
    ("asked", "open_"),
    [
        ({"bars": (2, 3)}, lambda on, track: 16 <= on < 48),
        ({"bars": (2, 2), "pickup": 1.0}, lambda on, track: 20 <= on < 36),
        ({"bars": (2, 2), "meter": "3/4"}, lambda on, track: 12 <= on < 24),
        ({"voices": ["alto"]}, lambda on, track: track == 1),
        ({"voices": [1, 2], "bars": (1, 1)}, lambda on, track: track in (1, 2) and on < 16),
        ({"bars": (3, 4), "keep": ["soprano", "bass"]}, lambda on, track: track in (1, 2) and on >= 32),
    ],
    ids=lambda given: "" if callable(given) else str(given),
)
def test_all_that_begins_outside_of_a_hole_stays(asked, open_):
    score = replace(CHORALE, bpm=61.0)
    made = etude.fill(score, sweeps=3, **asked)
    kept = [note for note in score.notes.tolist() if not open_(note[ONSET], note[TRACK])]
    new = [note for note in made.notes.tolist() if open_(note[ONSET], note[TRACK])]
    assert sorted(kept + new) == sorted(made.notes.tolist()) and made.bpm == 61.0 and made.length == score.length
    assert new
    for track in range(4):  # one note after the other, without a gap
        own = made.notes[made.notes[:, TRACK] == track]
        assert (own[1:, ONSET] == own[:-1, ONSET] + own[:-1, DURATION]).all()


@pytest.mark.parametrize(
    ("own", "asked", "open_"),
    [
        ({"meter": (3, 4), "pickup": 1.0}, {}, range(16, 28)),
        ({"meter": (3, 4)}, {}, range(12, 24)),
        ({"pickup": 1.0}, {}, range(20, 36)),
        ({"meter": (3, 4), "pickup": 1.0}, {"pickup": 0}, range(12, 24)),
        ({"meter": (3, 4), "pickup": 1.0}, {"pickup": 2.0}, range(20, 32)),
        ({"meter": (3, 4), "pickup": 1.0}, {"meter": "4/4"}, range(20, 36)),
    ],
    ids=str,
)
def test_bars_are_counted_from_the_score_s_own_upbeat(own, asked, open_):
    score = replace(CHORALE, **own)
    made = etude.fill(score, bars=(2, 2), sweeps=2, **asked)
    kept = [note for note in score.notes.tolist() if note[ONSET] not in open_]
    assert kept == [note for note in made.notes.tolist() if note[ONSET] not in open_]
    assert made != score and (made.meter, made.pickup) == (score.meter, score.pickup)
    stated = {"meter": "3/4" if "meter" in own else "4/4", "pickup": own.get("pickup", 0), **asked}
    assert bits_in_hole(score, bars=(2, 2), **asked) == bits_in_hole(CHORALE, bars=(2, 2), **stated)


def test_an_upbeat_stays_in_all_that_is_composed():
    tune, chorale = (replace(score, meter=(4, 4), pickup=1.0) for score in (melody(), CHORALE))
    for made in (
        etude.harmonise(tune, sweeps=1),
        etude.continue_(chorale, bars=1, sweeps=1),
        etude.morph(chorale, CHORALE, between=1, bars=2),
    ):
        assert (made.meter, made.pickup) == ((4, 4), 1.0)


def test_a_piano_is_taken_apart_and_filled():
    chords = replace(CHORALE, notes=CHORALE.notes * [1, 1, 1, 1, 0])
    parts = parts_of(on_steps(chords, ROLL.lowest))
    assert parts.tracks == (0, 0, 0, 0) and (np.bincount(parts.owner) == 16).all()
    made = etude.fill(chords, bars=(2, 2), sweeps=2)
    outside = lambda score: {row for row in rows(score) if not 4 <= row[0] < 8}  # noqa: E731
    assert outside(chords) == outside(made)
    assert (made.notes[:, TRACK] == 0).all()


def test_what_goes_on_comes_after_the_end_in_the_same_voices():
    made = etude.continue_(CHORALE, bars=2, sweeps=2)
    assert made.length == CHORALE.length + 32
    assert (made.notes[: len(CHORALE)] == CHORALE.notes).all()
    new = made.notes[len(CHORALE) :]
    assert new[:, ONSET].min() >= CHORALE.length and set(new[:, TRACK]) <= {0, 1, 2, 3} and len(new)


def test_nothing_is_written_into_rests_at_the_ends_that_were_not_asked_for():
    bar = 4 * 480
    own = replace(melody(), notes=melody().notes + np.array([bar, 0, 0, 0, 0]), length=melody().length + 3 * bar)
    end = 480 * 12  # of the sixteenth in which the last note ends
    for written in (etude.harmonise(own), etude.fill(etude.harmonise(own), bars=(2, 3)), etude.fill(own)):
        assert written.notes[:, ONSET].min() >= bar and written.notes[:, :2].sum(axis=1).max() <= end
        assert (written.length, written.ticks_per_quarter) == (own.length, 480)
    choir = Score([[q * 480, 480, pitch, 80, t] for q in range(24) for t, pitch in enumerate((72, 67, 64, 48))], 480)
    late = replace(choir, length=choir.length + 480)
    for given in (choir, late):  # silence at the end is no reason to rest in a hole
        filled = etude.fill(given, bars=(3, 4), sweeps=4)
        heard = filled.notes[(filled.notes[:, ONSET] >= 2 * bar) & (filled.notes[:, ONSET] < 4 * bar)]
        assert [heard[heard[:, TRACK] == t, DURATION].sum() for t in range(4)] == [2 * bar] * 4
    longer = etude.continue_(own, bars=1)
    assert longer.notes[:, :2].sum(axis=1).max() > end  # that is what it is asked for


@pytest.mark.parametrize("ticks", [(480, 1001), (10080, 1024), (997, 1009)])
def test_a_morph_of_any_ticks_can_be_written_as_midi(ticks, tmp_path):
    a, b = (etude.harmonise(melody(t)) for t in ticks)
    found = etude.morph(a, b, between=1, bars=2)
    assert len(read_midi(write_midi(found, tmp_path / "m.mid"))) == len(found)
    for given, start in ((a, 0), (b, 16)):
        first, found_there = (sorted((on - at, pitch) for on, _, pitch, *_ in rows(score) if at <= on < at + 8)
                              for score, at in ((given, 0), (found, start)))  # fmt: skip
        assert np.allclose(first, found_there, atol=1e-4)


def test_the_last_note_of_a_sequence_ends_with_its_bar():
    fine = Score([[0, 70000, 60, 80, 0], [279999, 1, 62, 80, 0]], 70000)
    assert sequence(Score([[0, 480, 60, 80, 0]], 480), fine).length == 8 * 32640


def test_the_ends_of_a_morph_are_as_given():
    a, b = melody(), replace(CHORALE, bpm=50.0)
    made = etude.morph(a, b, between=2, bars=2)
    first = {row for row in rows(a) if row[0] < 8}
    last = {(on + 24, *rest) for on, *rest in rows(b) if on < 8}
    assert first <= rows(made) and last <= rows(made) and made.bpm == a.bpm
    assert len(rows(made) - first - last) > 0 and made.length == 32 * made.ticks_per_quarter
    with pytest.raises(EtudeError, match="between"):
        etude.morph(a, b, between=0)


def test_pace_and_shift_bring_music_near_to_chorales():
    assert [suited_pace(MELODIES[name]) for name in ("halves", "repeated")] == [0.5, 1.0]
    assert suited_shift(MELODIES["very high"], "soprano") == -17 and suited_shift(melody(), "soprano") == 0


REFUSED = {
    "no notes": (lambda: etude.harmonise(Score(np.zeros((0, 5), int))), "at least one note"),
    "chords": (lambda: etude.harmonise(replace(CHORALE, notes=CHORALE.notes * [1, 1, 1, 1, 0])), "a melody"),
    "a voice that is none": (lambda: etude.harmonise(melody(), melody="descant"), "soprano"),
    "bars beyond the end": (lambda: etude.fill(CHORALE, bars=(4, 9)), "bars among 1 to 4"),
    "a voice that is not there": (lambda: etude.fill(CHORALE, voices=[7]), "track"),
    "nothing open": (lambda: etude.fill(CHORALE, voices=["alto"], keep=["alto"]), "notes in the hole"),
    "none of several": (lambda: etude.harmonise(melody(), among=0), "among"),
    "no bars more": (lambda: etude.continue_(CHORALE, bars=0), "bars"),
    "a week": (lambda: etude.harmonise(Score([[0, 10**6, 60, 80, 0]], 1)), "at most"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_said_in_a_line(name):
    call, expected = REFUSED[name]
    with pytest.raises(EtudeError, match=expected):
        call()


def test_bits_are_of_what_is_new(monkeypatch):
    whole = next(fillings(CHORALE, voices=["alto"], sweeps=1))
    assert whole.bits <= 64  # the stub counts the points that sound among those asked: those of one line


def test_the_commands_write_what_the_functions_give(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_midi(melody(), "m.mid")
    write_midi(CHORALE, "c.mid")
    assert cli.main(["harmonise", "m.mid", "--out", "h.mid", "--seed", "3", "--among", "2"]) == 0
    assert "8 of them as given" in capsys.readouterr().out
    made, given = read_midi("h.mid"), read_midi("m.mid")
    onsets = lambda score: {(row[0], row[2]) for row in rows(score)}  # noqa: E731
    assert onsets(given) <= onsets(made) and made.bpm == pytest.approx(97, abs=0.01)
    assert cli.main(["fill", "c.mid", "--from", "2", "--to", "3", "--keep", "soprano", "--out", "f.mid"]) == 0
    words = re.search(r"f\.mid: .* (\d+) notes, (\d+) of them as given", capsys.readouterr().out)
    filled, kept = read_midi("f.mid"), sum((Counter(rows(read_midi("f.mid"))) & Counter(rows(CHORALE))).values())
    assert (int(words[1]), int(words[2])) == (len(filled), kept) and 0 < kept < len(CHORALE)
    assert cli.main(["continue", "c.mid", "--bars", "1", "--out", "g.abc"]) == 0
    write_midi(replace(CHORALE, meter=(3, 4), pickup=1.0), "w.mid")
    for more, open_ in {"": range(16, 28), "--pickup 0": range(12, 24)}.items():
        assert cli.main(["fill", "w.mid", "--from", "2", *more.split(), "--out", "v.mid"]) == 0
        kept, made = ({row for row in rows(read_midi(name)) if 4 * row[0] not in open_} for name in ("w.mid", "v.mid"))
        assert kept == made and rows(read_midi("w.mid")) != rows(read_midi("v.mid"))
        assert read_midi("v.mid").pickup == 1
    for line, said in {
        "fill c.mid --out x.mid": "a hole",
        "fill c.mid --from 2 --out x.doc": "ending in",
        "harmonise none.mid --out x.mid": "no file",
        "harmonise m.mid --out x.mid --temperature -1": "temperature",
        "continue c.mid --bars 1000 --out x.mid": "bars",
    }.items():
        assert cli.main(line.split()) == 2
        told = capsys.readouterr().err
        assert said in told and told.count("\n") == 1
    assert not list(tmp_path.glob("x.*"))
