"""Sampling under a rule: no parallel fifths or octaves are left, what is given stays, and other draws are as before."""

import numpy as np
import pytest

import etude
from etude import cli
from etude.errors import EtudeError
from etude.evaluation.examiner import examine
from etude.models.autoregressive import draw
from etude.representations.pianoroll import HELD, OFF, STRUCK
from etude.together.refusing import NoParallels, without_parallels

ROLL = etude.representation("pianoroll")
KEYS = 24


def chord(*keys: int, code: int = STRUCK) -> np.ndarray:
    frame = np.zeros(KEYS, np.int64)
    frame[list(keys)] = code
    return frame


def chooser(*past: np.ndarray) -> NoParallels:
    """Return one that has heard frames, and would strike every key if it were let."""
    rule = NoParallels(lambda p, entries: p.argmax(axis=-1), 1, KEYS)
    for frame in past:
        rule.given(frame)(np.full((1, KEYS, 3), 1 / 3), np.arange(KEYS))
    return rule


def may_sound(rule: NoParallels, below: tuple[int, ...], key: int) -> bool:
    """Say whether a key may be struck above those that sound below it in the same frame."""
    for k in range(key):
        rule.given(chord(*below))(np.full((1, 1, 3), 1 / 3), np.array([k]))
    wants = np.zeros((1, 1, 3))
    wants[..., STRUCK] = 1
    return rule(wants, np.array([key]))[0, 0] == STRUCK


CASES = {  # chord before, keys below now, the next key: may it sound?
    "fifths upward": ((0, 7, 12, 16), (2,), 9, False),
    "fifths downward": ((2, 9, 14, 18), (0,), 7, False),
    "octaves between bass and tenor's neighbour": ((0, 7, 12, 16), (2, 8), 14, False),
    "octave to unison's octave in the outer voices": ((0, 4, 7, 12), (2, 5, 9), 14, False),
    "another interval": ((0, 7, 12, 16), (2,), 10, True),
    "contrary motion to a fifth": ((5, 12, 17, 21), (0,), 19, True),
    "both stay": ((0, 7, 12, 16), (0,), 7, True),
    "one stays": ((0, 7, 12, 16), (0, 7), 14, True),
    "a sixth before": ((0, 9, 12, 16), (2,), 9, True),
}


@pytest.mark.parametrize("case", CASES)
def test_a_key_is_refused_where_it_would_move_in_parallel_with_a_voice_below(case):
    before, below, key, may = CASES[case]
    assert may_sound(chooser(chord(*before)), below, key) == may


def test_a_chord_is_remembered_through_frames_in_which_nothing_begins():
    held, ending = chord(0, 7, 12, 16, code=HELD), chord(0, 7, 12, code=HELD)
    assert not may_sound(chooser(chord(0, 7, 12, 16), held, held), (2,), 9)
    assert not may_sound(chooser(chord(0, 7, 12, 16), ending), (2,), 9)


@pytest.mark.parametrize("between", [chord(0, 7, 12), chord(0, 4, 7, 12, 16)], ids=["three keys", "five keys"])
def test_after_a_chord_of_other_than_four_keys_nothing_is_refused(between):
    assert may_sound(chooser(chord(0, 7, 12, 16), between), (2,), 9)


def test_a_fifth_voice_is_not_judged():
    assert may_sound(chooser(chord(0, 7, 12, 16)), (2, 3, 4, 5), 9)


@pytest.mark.parametrize("output", ["relative", "nade", "independent"])
def test_samples_hold_no_parallels_and_those_of_the_model_do(output):
    model = etude.model("rnn", ROLL.space, hidden=8, layers=1, output=output)
    weights = model.weights()
    bias = np.tile([0.0, -30.0, -30.0], (88, 1))
    bias[[20, 22, 27, 29, 32, 34, 39, 41], STRUCK] = 0.0  # half of eight keys, fifths and octaves apart, anew each time
    weights["output.bias"] = bias.ravel().astype(np.float32)
    model.set_weights(weights)
    free = [ROLL.decode(x).score for x in model.sample(12, 120, seed=1)]
    ruled = [ROLL.decode(x).score for x in without_parallels(model, 12, 120, seed=1)]
    freely, under_rule = ([examine(score).tallies["parallels"] for score in some] for some in (free, ruled))
    assert sum(t.found for t in freely) > 20
    assert sum(t.of for t in under_rule) > 50
    assert sum(t.found for t in under_rule) == 0


def test_where_the_rule_forbids_nothing_the_draws_are_the_models():
    model = etude.model("rnn", ROLL.space, hidden=8, layers=1)
    weights = model.weights()
    weights["output.bias"] = np.tile([6.0, 0.0, 0.0], (88, 1)).ravel().astype(np.float32)  # one key at a time
    model.set_weights(weights)
    rule = without_parallels(model, 3, 40, seed=5)
    again = without_parallels(model, 3, 40, seed=5)
    assert all(np.array_equal(x, y) for x, y in zip(rule, again, strict=True))
    rng, stepper = np.random.default_rng(5), model.stepper(3)
    one_by_one = draw(rng)

    def key_by_key(p, entries):
        return np.concatenate([one_by_one(p[:, [k]], entries[[k]]) for k in range(len(entries))], axis=1)

    plain = np.stack([stepper.step(key_by_key) for _ in range(40)], axis=1)
    assert np.array_equal(np.stack(rule), plain)
    assert (plain != OFF).any()


def test_what_is_given_stays_though_it_breaks_the_rule():
    frames = np.zeros((3, 88), np.int64)
    for t, bass in enumerate((30, 32, 34)):
        frames[t, [bass, bass + 7, bass + 12, bass + 16]] = STRUCK
    model = etude.model("rnn", ROLL.space, hidden=8, layers=1)
    for piece in without_parallels(model, 2, 8, prefix=frames):
        assert np.array_equal(piece[:3], frames) and len(piece) == 8


@pytest.mark.parametrize(
    "model",
    [
        lambda: etude.model("rnn", etude.representation("midi").space, hidden=8, layers=1),
        lambda: etude.model("coconet", ROLL.space, channels=4, blocks=1),
    ],
    ids=["tokens", "fills gaps"],
)
def test_other_models_are_refused(model):
    with pytest.raises(EtudeError, match="frame by frame"):
        without_parallels(model(), 1, 8)


def test_the_command_refuses_what_is_no_roll(tmp_path, capsys):
    out = tmp_path / "tune.mid"
    assert cli.main(["generate", "rnn", "--representation", "midi", "--no-parallels", "--out", str(out)])
    assert "--no-parallels with a model of pianoroll" in capsys.readouterr().err and not out.exists()


def test_the_command_writes_without_parallels(tmp_path):
    from etude.formats.midi import read_midi

    found = []
    for flag in ([], ["--no-parallels"]):
        out = tmp_path / f"{len(flag)}.mid"
        asked = ["generate", "rnn-recall", "--representation", "pianoroll", "--seconds", "60", "--out", str(out)]
        assert cli.main([*asked, *flag]) == 0
        found.append(examine(read_midi(out)).tallies["parallels"].found)
    assert found[0] > 0 == found[1]
