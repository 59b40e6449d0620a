"""Sound back to notes: real music, noise, seams, streams, hand-made posteriors, and what is missing or damaged."""

import sys
import tracemalloc

import numpy as np
import pytest
from conftest import score_of

from etude import Audio, EtudeError
from etude.errors import CorruptCheckpoint, MissingData, MissingPackage
from etude.evaluation import note_scores, posteriors, transcribe, transcription
from etude.evaluation.posteriors import HOP, KEYS, RATE, SHA256, WEIGHTS, note_posteriors
from etude.formats.audio import stream_audio, write_audio
from etude.synthesis import render
from etude.types import DURATION, ONSET, PITCH, VELOCITY

TICKS_PER_SECOND = 640  # 480 a quarter at 80 quarters a minute
LINE = score_of(*((4 * k, 4, 60 + (0, 4, 7, 5, 2, 9, 11, 12)[k % 8]) for k in range(16)))  # 12 s


@pytest.fixture(scope="module")
def played() -> Audio:
    return render(LINE, 16000, "marimba")


def white_noise(samples: int, rate: int = RATE, level: float = 0.1) -> Audio:
    return Audio(np.clip(level * np.random.default_rng(0).standard_normal(samples), -1, 1), rate)


def tone(start: float, seconds: float, total: float, pitch: int = 60) -> Audio:
    time = np.arange(round(seconds * RATE)) / RATE
    partials = sum(np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * h * time) / h for h in range(1, 6))
    edge = np.minimum(1, np.minimum(time, time[::-1]) / 0.02)
    samples = np.zeros(round(total * RATE))
    samples[round(start * RATE) :][: len(time)] = 0.2 * edge * partials
    return Audio(samples, RATE)


def test_what_is_played_is_heard(played):
    heard = transcribe(played)
    found = note_scores(LINE, heard)
    assert found["recall"] == 1.0 and found["precision"] > 0.9
    assert heard.seconds == pytest.approx(played.seconds, abs=HOP / RATE)
    assert note_scores(LINE.transposed(1), heard)["f1"] < 0.2  # a semitone off is wrong
    late = score_of(*((4 * k + 1, 4, pitch) for k, pitch in enumerate(LINE.notes[:, PITCH])))
    assert note_scores(late, heard)["f1"] == 0.0  # and so is a sixteenth late


@pytest.mark.parametrize(("program", "rate", "least"), [("oboe", 16000, 0.7), ("acoustic grand piano", 8000, 0.6)])
def test_four_voices_are_heard(chorale_like, program, rate, least):
    heard = transcribe(render(chorale_like.score, rate, program))
    assert note_scores(chorale_like.score, heard)["f1"] > least


def test_noise_is_not_music(chorale_like):
    for rate in (8000, 16000):
        heard = transcribe(white_noise(12 * rate, rate))
        assert len(heard) < 12  # under one note a second
        assert note_scores(chorale_like.score, heard)["f1"] < 0.05


def test_a_long_tone_is_one_note_wherever_the_seams_of_windows_fall():
    for start in np.arange(6) * 0.29:
        (note,) = transcribe(tone(start + 0.3, 3.0, start + 4.0)).notes
        assert note[PITCH] == 60
        assert note[ONSET] == pytest.approx((start + 0.3) * TICKS_PER_SECOND, abs=0.02 * TICKS_PER_SECOND)
        assert note[DURATION] == pytest.approx(3 * TICKS_PER_SECOND, abs=0.15 * TICKS_PER_SECOND)


def test_a_stream_is_transcribed_as_the_whole(played, tmp_path):
    whole = transcribe(played)
    pieces = (Audio(played.samples[start : start + 7919], played.rate) for start in range(0, len(played), 7919))
    assert transcribe(pieces) == whole
    path = write_audio(played, tmp_path / "played.wav")
    assert note_scores(whole, transcribe(stream_audio(path, block_seconds=1.0)))["f1"] > 0.95  # 16 bits: other rounding


def each_hop(window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A network that says of each frame what its hop's samples are on average."""
    hops = np.pad(window, (0, -len(window) % HOP)).reshape(-1, HOP).mean(axis=1)
    return np.repeat(hops[:, None], KEYS, axis=1), np.repeat(-hops[:, None], KEYS, axis=1)


@pytest.mark.parametrize("samples", [0, 1, HOP, 36352, 36353, 40004, 40005, 43844, 100_000])
def test_windows_are_put_together_frame_for_frame(monkeypatch, samples):
    monkeypatch.setattr(posteriors, "_network", lambda weights: each_hop)
    sound = Audio(np.random.default_rng(1).uniform(-1, 1, samples), RATE)
    expected = np.pad(sound.samples, (0, -samples % HOP)).reshape(-1, HOP).mean(axis=1)
    blocks = list(note_posteriors(sound))
    found = np.concatenate([np.zeros((0, KEYS)), *(onset for onset, _ in blocks)])
    assert found.shape == (len(expected), KEYS)
    np.testing.assert_allclose(found[:, 3], expected, atol=1e-7)
    assert all((onset == -frame).all() for onset, frame in blocks)


def test_memory_does_not_grow_with_the_sound(monkeypatch):
    monkeypatch.setattr(posteriors, "_network", lambda weights: each_hop)
    second, peaks = Audio(np.zeros(RATE), RATE), []
    for seconds in (10, 100):
        tracemalloc.start()
        transcribe(second for _ in range(seconds))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def heard_in(monkeypatch, onset: np.ndarray, frame: np.ndarray, cuts=(), **options) -> list[tuple]:
    """The notes of posteriors given for middle C: (first frame, frames, velocity)."""
    both = np.zeros((2, len(onset), KEYS), np.float32)
    both[0, :, 60 - 21], both[1, :, 60 - 21] = onset, frame
    blocks = zip(*(np.split(part, cuts) for part in both), strict=True)
    monkeypatch.setattr(transcription, "note_posteriors", lambda sound: blocks)
    notes = transcribe(None, bpm=60 * RATE / HOP / 480, **options).notes  # so many beats that a tick is a frame
    assert (notes[:, PITCH] == 60).all()
    return [tuple(note) for note in notes[:, [ONSET, DURATION, VELOCITY]].tolist()]


def test_notes_of_posteriors_by_hand(monkeypatch):
    onset, frame = np.zeros(95), np.zeros(95)
    onset[9:12] = 0.4, 0.9, 0.6  # one peak, at 10
    frame[10:20], frame[25:30] = 0.5, 0.8  # a gap of 5 frames is bridged
    onset[40], frame[40:60], frame[50:] = 0.5, 0.3, 0.0  # at both thresholds
    onset[60:62], frame[60:70] = 0.7, 1.0  # a plateau is one peak
    onset[65] = 0.6  # struck again
    frame[85:95] = 0.9  # no onset, no note
    first = round(127 * (10 * 0.5 + 5 * 0.8) / 20)
    expected = [(10, 20, first), (40, 10, round(127 * 0.3)), (60, 5, 127), (65, 5, 127)]
    assert heard_in(monkeypatch, onset, frame) == expected
    for cuts in ([10], [11], [12, 40, 41], range(1, 95)):
        assert heard_in(monkeypatch, onset, frame, cuts) == expected
    assert heard_in(monkeypatch, onset, frame, shortest=0.07) == expected[:2]  # 6 frames
    ((start, length, _),) = heard_in(monkeypatch, onset, frame, onset_threshold=0.8)
    assert (start, length) == (10, 60)  # one onset, and no gap of 11 frames before 70


def test_gaps_are_bridged_up_to_their_limit(monkeypatch):
    for gap, frames in ((10, 26), (11, 8)):
        frame, onset = np.zeros(60), np.zeros(60)
        onset[0], frame[:8], frame[8 + gap : 16 + gap] = 1, 0.5, 0.5
        assert heard_in(monkeypatch, onset, frame)[0][:2] == (0, frames)


def test_notes_at_the_very_ends(monkeypatch):
    onset, frame = np.zeros(30), np.full(30, 0.6)
    onset[0] = onset[29] = 0.9  # a note from the first frame to the last, where another one frame long is dropped
    assert heard_in(monkeypatch, onset, frame) == [(0, 29, round(127 * 0.6))]
    assert heard_in(monkeypatch, onset[:29], frame[:29]) == [(0, 29, round(127 * 0.6))]


def test_silence_has_no_notes_and_keeps_its_length():
    last_bit = tone(0.3, 2.0, 3.0).samples * 1e-4
    for samples in (np.zeros(0), np.zeros(3 * RATE), last_bit):
        heard = transcribe(Audio(samples, RATE))
        assert len(heard) == 0 and heard.seconds == pytest.approx(len(samples) / RATE, abs=2 * HOP / RATE)


def test_loudness_does_not_matter_above_the_last_bits():
    loud = tone(0.3, 2.0, 3.0)
    quiet = transcribe(Audio(loud.samples / 100, RATE))
    assert note_scores(transcribe(loud), quiet)["f1"] == 1.0


def test_damaged_sound_is_still_some_score(played):
    samples = played.samples.copy()
    samples[40000:60000] = 0  # a dropout
    samples[::5000] = 1  # clicks
    heard = transcribe(Audio(samples, played.rate))
    assert 0.4 < note_scores(LINE, heard)["recall"] < 1.0
    assert len(transcribe(Audio(np.ones(RATE), RATE))) == 0  # a constant is no tone


def test_bad_input():
    second = np.zeros(8000)
    with pytest.raises(EtudeError, match="16000 Hz after 8000 Hz"):
        transcribe([Audio(second, 8000), Audio(second, 16000)])
    with pytest.raises(EtudeError, match="ndarray"):
        transcribe([second])
    with pytest.raises(EtudeError, match="thresholds"):
        transcribe(Audio(second, 8000), onset_threshold=0)


@pytest.fixture
def nothing_loaded():
    posteriors._network.cache_clear()
    yield
    posteriors._network.cache_clear()


@pytest.mark.usefixtures("nothing_loaded")
def test_what_is_missing_is_named(monkeypatch, tmp_path):
    sound, weights = Audio(np.zeros(100), RATE), tmp_path / "nmp.onnx"
    monkeypatch.setattr(posteriors, "WEIGHTS", weights)
    with pytest.raises(MissingData, match=r"nmp\.onnx"):
        transcribe(sound)
    weights.write_bytes(WEIGHTS.read_bytes()[:-1] + b"?")
    with pytest.raises(CorruptCheckpoint, match=r"Basic Pitch 0\.4\.0"):
        transcribe(sound)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackage, match="pip install onnxruntime"):
        transcribe(sound)


def test_the_weights_come_with_their_licence():
    assert len(SHA256) == 64 and WEIGHTS.stat().st_size == 230_444
    licence = WEIGHTS.with_name("LICENSE").read_text(encoding="utf-8")
    assert "Copyright 2022 Spotify AB" in licence and "Apache License" in licence
    assert WEIGHTS.with_name("NOTICE").read_text(encoding="utf-8").startswith("Basic Pitch")
