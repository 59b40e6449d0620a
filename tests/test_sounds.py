"""Sounds between real recordings and noise: pulse, the table, and its verdicts."""

import numpy as np
import pytest
from conftest import chorale_like_score, score_of

from etude import Audio, EtudeError
from etude.evaluation import onset_strength, pulse_clarity, sound_table
from etude.evaluation.sounds import NEITHER, NOISE, SPREADS, _nearer
from etude.synthesis import render

RATE = 8000


def clicks(times, seconds: float = 8.0) -> Audio:
    samples = np.zeros(round(seconds * RATE))
    for time in times:
        samples[round(time * RATE) :][:80] = 0.9 * np.exp(-np.arange(80) / 20)
    return Audio(samples, RATE)


def noise(seconds: float, seed: int = 0) -> Audio:
    return Audio(np.clip(0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE)), -1, 1), RATE)


def test_onsets_are_where_they_are():
    strength, rate = onset_strength(clicks([1.0, 2.5]))
    first, second = sorted(np.argsort(strength)[-2:] / rate)
    assert (first, second) == (pytest.approx(1.0, abs=0.05), pytest.approx(2.5, abs=0.05))


def test_the_end_of_a_note_is_no_onset():
    time = np.arange(3 * RATE) / RATE
    envelope = np.clip(np.minimum((time - 1.0) / 0.01, (2.0 - time) / 0.1), 0, 1)
    strength, rate = onset_strength(Audio(0.5 * envelope * np.sin(2 * np.pi * 440 * time), RATE))
    assert strength[round(1.5 * rate) :].max() < 0.1 * strength.max()


def test_a_pulse_is_clear_and_noise_has_none():
    assert pulse_clarity(clicks(np.arange(0.1, 7.9, 0.5))) > 0.8
    scattered = np.cumsum(np.random.default_rng(1).exponential(0.5, 15)) % 7.9
    assert pulse_clarity(clicks(scattered)) < 0.4
    assert pulse_clarity(noise(8)) < 0.15
    for nothing in (Audio(np.zeros(0), RATE), Audio(np.zeros(8 * RATE), RATE), noise(1)):
        assert np.isnan(pulse_clarity(nothing))


def test_loudness_does_not_matter():
    sound = clicks(np.arange(0.1, 7.9, 0.5))
    assert pulse_clarity(Audio(sound.samples / 50, RATE)) == pytest.approx(pulse_clarity(sound), abs=1e-4)


@pytest.fixture(scope="module")
def table():
    score = chorale_like_score(bars=2)
    real = [render(score.transposed(shift), RATE, "acoustic grand piano") for shift in (0, 2, -3)]
    rng = np.random.default_rng(3)
    shuffled = [Audio(rng.permutation(sound.samples), RATE) for sound in real[:2]]
    sets = {"held-out": real, "more music": [render(score.transposed(5), RATE, "acoustic grand piano")]}
    return sound_table({**sets, "shuffled": shuffled, "silence": [Audio(np.zeros(6 * RATE), RATE)]}).set_index(
        "measure"
    )


TELLING = (
    "cents",
    "pulse_clarity",
    "confidence",
    "notes_per_second",
    "polyphony",
    "overlap_pitch",
    "overlap_inter_onset",
)


@pytest.mark.parametrize("measure", TELLING)
def test_music_is_nearer_to_music_and_its_shuffled_samples_to_noise(table, measure):
    row = table.loc[measure]
    assert row["more music is nearer to"] == "held-out"
    assert row["shuffled is nearer to"] == NOISE
    assert abs(row["held-out"] - row[NOISE]) > SPREADS * row["spread"]


def test_silence_is_nearer_to_nothing_that_has_no_value(table):
    assert np.isnan(table.loc["cents", "silence"]) and table.loc["cents", "silence is nearer to"] == NEITHER
    assert table.loc["notes_per_second", "silence"] == 0.0
    assert table.loc["notes_per_second", "silence is nearer to"] == NOISE


def test_a_reference_sound_is_held_against_the_others():
    scores = iter([score_of((0, 4, 60)), score_of((0, 4, 60), (4, 4, 62)), *3 * [score_of((0, 4, 62))]])
    sounds = {"real": [noise(2), noise(2)], "model": [noise(2)]}
    table = sound_table(sounds, reference="real", transcriber=lambda sound: next(scores)).set_index("measure")
    row = table.loc["overlap_pitch"]
    assert row["real"] == 0.5 and row["spread"] == 0.0  # {60} and {60, 62} share half, either way
    assert row[NOISE] == row["model"] == pytest.approx(1 / 3)  # {62} of all three notes
    assert table.loc["notes_per_second", "real"] == (1 / 2 + 2 / 2) / 2
    assert table.loc["confidence", "model"] == pytest.approx(80 / 127)


def test_noise_is_as_loud_and_long_as_the_reference():
    heard = []

    def transcriber(sound):
        heard.append(sound)
        return score_of((0, 4, 60))

    real = [Audio(0.25 * np.sin(np.arange(n) / 3), rate) for n, rate in ((20000, 8000), (30000, 16000))]
    sound_table({"real": real}, "real", transcriber)
    for before, made in zip(real, heard[2:], strict=True):
        assert (len(made), made.rate) == (len(before), before.rate)
        assert made.samples.std() == pytest.approx(before.samples.std(), rel=0.03)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(2.0, "real"), (1.0, "real"), (-3.0, "real"), (8.0, NOISE), (13.0, NOISE), (25.0, NEITHER), (-11.0, NEITHER)],
)
def test_verdicts(value, verdict):
    assert _nearer(value, 1.0, 10.0, 2.0, "real") == verdict
    assert _nearer(value, 1.0, 10.0, 3.0, "real") == NEITHER  # the measure cannot tell real from noise
    assert _nearer(np.nan, 1.0, 10.0, 2.0, "real") == _nearer(value, 1.0, np.nan, 2.0, "real") == NEITHER


def test_bad_input():
    two = [noise(1), noise(1, 1)]
    with pytest.raises(EtudeError, match="Did you mean 'real'"):
        sound_table({"real": two}, "reel")
    with pytest.raises(EtudeError, match="2 or more Audio in 'real'"):
        sound_table({"real": two[:1]}, "real")
    with pytest.raises(EtudeError, match="1 or more Audio in 'model'"):
        sound_table({"real": two, "model": []}, "real")
    with pytest.raises(EtudeError, match="white noise"):
        sound_table({"real": two, NOISE: two}, "real")
