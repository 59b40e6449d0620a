"""Scores to sound: pitch, time, level, instruments, the cache, and what is broken or missing."""

import shutil

import numpy as np
import pytest
from conftest import score_of

from etude import EtudeError, Score
from etude.errors import MissingData, MissingPackage, UnreadableFile
from etude.evaluation.audio_quality import peaks_to_tempered_grid
from etude.synthesis import DRUMS, INSTRUMENTS, program_number, render, rendering
from etude.synthesis import cache as storage
from etude.synthesis.engines import packaged_soundfont
from etude.synthesis.midi_bytes import channels_of_tracks, midi_bytes


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))


def entries():
    return sorted(storage.entry("x" * 64).parents[1].rglob("*.sound"))


A_MINOR = score_of((0, 8, 57, 80, 0), (0, 8, 64, 80, 1), (0, 8, 69, 80, 2))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_pitch_time_and_level(rate):
    score = score_of((4, 4, 69), (8, 4, 81))  # a rest of 0.75 s, then A 440 and A 880 of 0.75 s each
    audio = render(score, rate, program=74)  # a recorder: nearly a sine
    assert audio.rate == rate and score.seconds <= audio.seconds <= score.seconds + 3
    assert np.abs(audio.samples).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    assert np.abs(audio.samples[: int(0.74 * rate)]).max() < 1e-3
    for start, expected in ((0.9, 440), (1.7, 880)):
        piece = audio.samples[int(start * rate) : int((start + 0.5) * rate)]
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece))))
        assert spectrum.argmax() * rate / len(piece) == pytest.approx(expected, abs=2.5)


def test_music_is_in_tune(chorale_like):
    assert peaks_to_tempered_grid(render(chorale_like.score, 8000)) < 10


def test_the_same_each_time_and_from_the_cache():
    fresh = render(A_MINOR, cached=False)
    assert entries() == []
    first, second = render(A_MINOR), render(A_MINOR)
    assert len(entries()) == 1
    for audio in (first, second):
        np.testing.assert_array_equal(audio.samples, fresh.samples)


@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b"", lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_a_damaged_entry_is_made_again(damage):
    right = render(A_MINOR)
    (path,) = entries()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    np.testing.assert_array_equal(render(A_MINOR).samples, right.samples)
    assert path.read_bytes() == whole


def test_whatever_changes_the_sound_changes_the_key():
    slower = Score(A_MINOR.notes, A_MINOR.ticks_per_quarter, bpm=60)
    longer = Score(A_MINOR.notes, A_MINOR.ticks_per_quarter, length=20)
    for score, options in ((A_MINOR, {}), (A_MINOR.transposed(1), {}), (slower, {}), (longer, {}),
                           (A_MINOR, {"rate": 8000}), (A_MINOR, {"program": 0}), (A_MINOR, {"peak_db": -6.0}),
                           (A_MINOR, {"program": [19, 19, 0]})):  # fmt: skip
        render(score, **options)
    assert len(entries()) == 8
    render(A_MINOR, program=[19, "church organ", 19])  # the same programs, said otherwise
    assert len(entries()) == 8


def test_silence_lasts_as_long_as_its_score():
    assert len(render(score_of())) == 0
    rest = render(Score(np.zeros((0, 5), int), 4, length=16), 8000)
    assert len(rest) == 24000 and not rest.samples.any()
    trailing = score_of((0, 1, 60), length=160)
    assert render(trailing, 8000).seconds == pytest.approx(trailing.seconds)


def test_instruments_by_number_and_name():
    assert len(INSTRUMENTS) == 128 == len(set(INSTRUMENTS))
    known = {0: "acoustic grand piano", 19: "church organ", 40: "violin", 52: "choir aahs", 73: "flute", 127: "gunshot"}
    assert {number: INSTRUMENTS[number] for number in known} == known
    assert program_number("Church Organ") == 19 and program_number("drums") == DRUMS
    with pytest.raises(EtudeError, match="Did you mean 'church organ'"):
        program_number("church organs")
    with pytest.raises(EtudeError, match="a program for each of tracks 0 to 2"):
        render(A_MINOR, program=[0, 1])
    with pytest.raises(EtudeError, match="0-127"):
        render(A_MINOR, program=129)


def test_tracks_have_channels_of_their_own_while_there_are_enough():
    assert len(set(channels_of_tracks(dict.fromkeys(range(15), 19)).values())) == 15
    many = channels_of_tracks({track: (19, 0, DRUMS)[track % 3] for track in range(60)})
    users = {}
    for track, channel in many.items():
        users.setdefault(channel, set()).add(track % 3)
    assert all(len(kinds) == 1 for kinds in users.values())  # no channel has two instruments
    assert users[9] == {2} and 9 not in channels_of_tracks(dict.fromkeys(range(99), 0)).values()
    with pytest.raises(EtudeError, match="at most 15"):
        channels_of_tracks({number: number for number in range(16)})


def test_midi_bytes_are_a_midi_file(tmp_path):
    from symusic import Score as Symusic

    notes = np.array([[0, 4, 60, 70, 0], [0, 4, 60, 70, 1], [2, 4, 60, 90, 0]])
    times = notes[:, :2] * [[1.0, 1.0]] + notes[:, [0]] * [[0, 1]]  # onset, end in seconds
    path = tmp_path / "x.mid"
    path.write_bytes(midi_bytes(notes, times, {0: 19, 1: 52}, 100, 20.0))
    read = Symusic(path).to("second")
    found = sorted(
        (t.program, n.pitch, n.velocity, round(n.time, 3), round(n.end, 3)) for t in read.tracks for n in t.notes
    )
    # the voices' unison keeps both its notes; the one struck again ends there
    assert found == [(19, 60, 70, 0.0, 2.0), (19, 60, 90, 2.0, 6.0), (52, 60, 70, 0.0, 4.0)]


def test_a_long_score_is_played_in_stretches_without_seams(monkeypatch):
    score = score_of(*((4 * k, 6, 60 + k % 5) for k in range(16)))  # 12 s
    whole = render(score, 8000, program=19, cached=False)
    monkeypatch.setattr(rendering, "STRETCH", 3.0)
    parts = render(score, 8000, program=19, cached=False)
    assert abs(len(whole) - len(parts)) < 800
    size = min(len(whole), len(parts))
    envelope = [np.sqrt((a.samples[: size // 400 * 400].reshape(-1, 400) ** 2).mean(axis=1)) for a in (whole, parts)]
    assert np.linalg.norm(envelope[0] - envelope[1]) < 0.15 * np.linalg.norm(envelope[0])


def test_a_score_that_would_be_clipped_is_played_softer(monkeypatch):
    score = score_of(*((0, 8, pitch, 127, 0) for pitch in range(30, 90)))
    found = render(score, program=61, cached=False)
    monkeypatch.setattr(rendering, "VOLUMES", (64,))
    np.testing.assert_array_equal(found.samples, render(score, program=61, cached=False).samples)


def test_scores_that_would_fill_the_memory():
    with pytest.raises(EtudeError, match="24 hours"):
        render(score_of((0, 2**30, 60)))
    with pytest.raises(EtudeError, match="rate"):
        render(A_MINOR, rate=10)


def test_a_soundfont_of_ones_own(tmp_path):
    own = tmp_path / "own.sf2"
    with pytest.raises(MissingData, match=r"own\.sf2"):
        render(A_MINOR, soundfont=own)
    shutil.copy(packaged_soundfont(), own)
    np.testing.assert_array_equal(render(A_MINOR, soundfont=own).samples, render(A_MINOR, cached=False).samples)
    own.write_bytes(b"RIFF" + b"\xff" * 1000)
    with pytest.raises(UnreadableFile, match=r"own\.sf2"):
        render(A_MINOR, soundfont=own)


def test_an_engine_that_is_not_there(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingPackage, match="apt install fluidsynth"):
        render(A_MINOR, engine="fluidsynth")
    with pytest.raises(EtudeError, match="Did you mean 'fluidsynth'"):
        render(A_MINOR, engine="fluid")


@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="the command fluidsynth is not installed")
def test_fluidsynth_where_it_is_installed(tmp_path):
    audio = render(A_MINOR, 8000, engine="fluidsynth")
    assert audio.seconds >= A_MINOR.seconds and peaks_to_tempered_grid(audio) < 10
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(b"junk" * 1000)
    with pytest.raises(UnreadableFile, match=r"broken\.sf2"):
        render(A_MINOR, engine="fluidsynth", soundfont=broken)
