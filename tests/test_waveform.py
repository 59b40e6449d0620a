"""Samples as levels: the mu-law's formula, its inverse, its error, and sound files of any length."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from etude import Audio, EtudeError, Piece, representation
from etude.formats.audio import read_audio
from etude.representations.mu_law import compress, expand, from_levels, to_levels

SAMPLES = np.linspace(-1, 1, 20001)


def piece(samples, rate=8000):
    return Piece("sound", audio=Audio(np.asarray(samples, np.float32), rate))


def test_mu_law_is_the_formula_of_g711():
    # by hand, mu = 255: F(1) = 1, F(0) = 0, F(1/255) = ln 2 / ln 256 = 1/8, F(-15/255) = -ln 16 / ln 256 = -1/2
    values = compress([1, 0, 1 / 255, -15 / 255], 255)
    np.testing.assert_allclose(values, [1, 0, 1 / 8, -1 / 2], rtol=1e-12)
    assert np.all(np.diff(compress(SAMPLES, 255)) > 0)


@given(st.integers(1, 65535))
def test_expanding_undoes_compressing(mu):
    np.testing.assert_allclose(expand(compress(SAMPLES, mu), mu), SAMPLES, atol=1e-12)


def test_codes_by_hand():
    assert to_levels([-1, -0.5, 0, 0.49, 1], 3).tolist() == [0, 1, 1, 1, 2]  # -0.5 is half-way: up
    assert to_levels([-1, -0.1, 0.1, 1], 2).tolist() == [0, 0, 1, 1]
    assert from_levels([0, 1, 2], 3).tolist() == [-1, 0, 1]
    wave = representation("waveform")
    assert wave.encode(piece([-1, 1, 1 / 255])).tolist() == [0, 255, 143]  # (1/8 + 1) / 2 * 255 = 143.4


@pytest.mark.parametrize("coding", ["mu-law", "linear"])
@pytest.mark.parametrize("levels", [2, 3, 16, 255, 256, 1024, 65536])
def test_every_code_survives_decoding_and_encoding(coding, levels):
    wave = representation("waveform", coding=coding, levels=levels)
    codes = np.arange(levels)
    np.testing.assert_array_equal(wave.encode(wave.decode(codes)), codes)


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_linear_error_is_at_most_half_a_step(levels):
    wave = representation("waveform", coding="linear", levels=levels)
    assert wave.loss(piece(SAMPLES))["max_error"] == pytest.approx(1 / (levels - 1), rel=1e-3)


def test_mu_law_noise_follows_the_signal_and_linear_noise_does_not():
    tone = np.sin(2 * np.pi * 441.77 * np.arange(8000) / 8000)  # no two periods alike
    snr = {
        (coding, level): representation("waveform", coding=coding).loss(piece(tone * level))["snr_db"]
        for coding in ("mu-law", "linear")
        for level in (0.5, 0.01)
    }
    assert snr["mu-law", 0.5] - snr["mu-law", 0.01] < 12 < 30 < snr["linear", 0.5] - snr["linear", 0.01]
    # eight even bits: 6.02 * 8 + 1.76 dB for a full-scale sine, 6.02 less at half scale
    assert snr["linear", 0.5] == pytest.approx(6.02 * 8 + 1.76 - 6.02, abs=0.5)


def test_another_rate_is_resampled():
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    wave = representation("waveform", levels=65536)
    decoded = wave.decode(wave.encode(piece(tone, 44100))).audio
    assert decoded.rate == 8000 == len(decoded)
    middle = slice(1000, 7000)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    np.testing.assert_allclose(decoded.samples[middle], expected[middle], atol=2e-3)


@pytest.mark.parametrize("options", [{"coding": "alaw"}, {"levels": 1}, {"levels": 2**17}, {"rate": 0}])
def test_impossible_options_are_refused(options):
    with pytest.raises(EtudeError):
        representation("waveform", **options)


@pytest.mark.parametrize("rate", [8000, 22050])
def test_a_stream_is_the_encoding_of_the_whole(tmp_path, rate):
    path = tmp_path / "sound.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, int(130.7 * rate)), rate)
    wave = representation("waveform")
    blocks = list(wave.stream(path))
    assert len(blocks) == 3
    whole = wave.encode(Piece("file", audio=read_audio(path, 8000)))
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_memory_of_a_stream_does_not_grow_with_the_file(tmp_path):
    def peak(minutes):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
            for minute in range(minutes):
                file.write(np.full(60 * 8000, minute / 100, np.float32))
        code = (
            "import resource, etude\n"
            f"blocks = etude.representation('waveform').stream({str(path)!r})\n"
            f"assert sum(len(block) for block in blocks) == {minutes * 480000}\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    short, long = peak(2), peak(60)
    assert long < 1.2 * short  # whole, the longer would hold 230 MB of codes
