"""Transforms and their inverses, magnitudes as levels, Griffin-Lim against librosa's, and measures by hand."""

import librosa
import numpy as np
import pytest
import soundfile

from etude import Audio, EtudeError, Piece, representation
from etude.evaluation.audio_quality import log_spectral_distance, peaks_to_tempered_grid, spectral_convergence
from etude.evaluation.inversion import compare_scales
from etude.formats.audio import read_audio
from etude.representations.constant_q import ConstantQ
from etude.representations.decibels import from_decibel_levels, to_decibel_levels
from etude.representations.distortion import signal_to_noise
from etude.representations.griffin_lim import griffin_lim, peak_phase
from etude.representations.mel import magnitudes_from_bands, mel_weights
from etude.representations.stft import Stft

RATE = 8000
SCALES = ("stft", "mel", "cqt")


def tones(*partials, seconds=2.0, rate=RATE):
    """A sum of (frequency, amplitude) sinusoids as Float32[T]."""
    time = np.arange(int(seconds * rate)) / rate
    return sum(amplitude * np.sin(2 * np.pi * frequency * time) for frequency, amplitude in partials).astype(np.float32)


def chords(seconds=4.0):
    """Four chords with eight harmonics each, struck and dying away."""
    each = int(seconds * RATE / 4)
    rows = []
    for root in (220.0, 293.66, 329.63, 220.0):
        notes = [(root * ratio * k, 0.06 / k) for ratio in (0.5, 1, 1.25, 1.5) for k in range(1, 9)]
        wave = tones(*notes, seconds=each / RATE)
        rows.append(wave * np.exp(-np.arange(len(wave)) / RATE).astype(np.float32))
    return np.concatenate(rows)


def noise(seconds=1.0):
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * RATE)).astype(np.float32)


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 128), (1024, 256), (400, 160), (512, 256), (16, 3)])
@pytest.mark.parametrize("hops", [0, 1, 2, 7, 300])
def test_stft_is_undone(n_fft, hop, hops):
    signal = noise(10)[: hops * hop]
    stft = Stft(n_fft, hop)
    spectrum = stft.analyse(signal)
    assert spectrum.shape == (hops, n_fft // 2 + 1) and spectrum.dtype == np.complex64
    np.testing.assert_allclose(stft.synthesise(spectrum), signal, atol=2e-6)
    np.testing.assert_allclose(stft.through(signal, lambda index, block: None), signal, atol=2e-6)
    np.testing.assert_allclose(stft.magnitude(signal), np.abs(spectrum), atol=1e-6)


def test_stft_is_librosas_with_full_scale_at_one():
    signal, stft = noise(), Stft(512, 128)
    shifted = np.concatenate([np.zeros(stft._lead, np.float32), signal, np.zeros(1024, np.float32)])
    theirs = librosa.stft(shifted, n_fft=512, hop_length=128, center=False).T * 2 / stft.window.sum()
    ours = stft.analyse(signal)
    np.testing.assert_allclose(ours, theirs[: len(ours)], atol=1e-6)
    bin_ = 440 * 512 / RATE
    assert stft.magnitude(tones((round(bin_) * RATE / 512, 0.5)))[20, round(bin_)] == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize(("hop", "per_octave"), [(64, 36), (128, 24)])
def test_constant_q_is_librosas_up_to_gain(hop, per_octave):
    signal, transform = chords(), ConstantQ(RATE, hop, 55.0, per_octave=per_octave)
    ours = transform.magnitude(signal)
    # librosa centres frame t on t * hop: half a hop earlier
    padded = np.concatenate([np.zeros(hop // 2, np.float32), signal])
    theirs = np.abs(
        librosa.cqt(padded, sr=RATE, hop_length=hop, fmin=55.0, n_bins=transform.bins - per_octave,
                    bins_per_octave=per_octave, pad_mode="constant")
    ).T[1 : len(ours) + 1]  # fmt: skip
    theirs = theirs / np.sqrt(transform.quality * RATE / transform.frequencies[: theirs.shape[1]]) * 2
    ours = ours[:, : theirs.shape[1]]
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < 0.05


def test_constant_q_reads_a_sinusoid_at_its_bin():
    transform = ConstantQ(RATE, 64, 55.0, per_octave=12)
    for octave in (1, 3, 5):
        magnitude = transform.magnitude(tones((55.0 * 2**octave, 0.5)))[len(tones((1, 1))) // 128]
        assert magnitude.argmax() == 12 * octave
        assert magnitude.max() == pytest.approx(0.5, rel=0.01)


def test_constant_q_is_nearly_undone_where_hops_are_dense():
    signal = tones((110, 0.2), (440, 0.2), (1000, 0.1), (2500, 0.1))
    transform = ConstantQ(RATE, 16, 55.0, per_octave=24)
    back = transform.through(signal, lambda index, block: None)
    middle = slice(2000, -2000)
    assert signal_to_noise(signal[middle], back[middle]) > 35


def test_mel_weights_are_librosas_htk_triangles():
    theirs = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=40, htk=True, norm=None)
    np.testing.assert_allclose(mel_weights(RATE, 1024, 40), theirs, atol=1e-5)


def test_bands_are_explained_and_better_than_by_the_pseudo_inverse():
    magnitude, weights = Stft(1024, 256).magnitude(chords()), mel_weights(RATE, 1024, 128)
    sums = magnitude @ weights.T
    found = magnitudes_from_bands(sums, weights)
    assert found.min() >= 0
    assert np.linalg.norm(found @ weights.T - sums) < 0.02 * np.linalg.norm(sums)
    plain = np.maximum(sums @ np.linalg.pinv(weights).T, 0)
    assert np.linalg.norm(found - magnitude) < 0.9 * np.linalg.norm(plain - magnitude)


def test_levels_by_hand():
    # 5 levels to -80 dB: silence, -60, -40, -20, 0 dB
    magnitude = np.array([0, 1e-5, 10 ** (-69.9 / 20), 1e-3, 10 ** (-49 / 20), 0.1, 1, 7], np.float32)
    codes = to_decibel_levels(magnitude, 5, -80.0)
    assert codes.tolist() == [0, 0, 1, 1, 2, 3, 4, 4]
    np.testing.assert_allclose(from_decibel_levels(np.arange(5), 5, -80.0), [0, 1e-3, 1e-2, 0.1, 1], rtol=1e-6)


@pytest.mark.parametrize(("levels", "floor_db"), [(2, -60.0), (64, -80.0), (256, -100.0)])
def test_levels_survive_and_err_by_half_a_step(levels, floor_db):
    codes = np.arange(levels)
    np.testing.assert_array_equal(
        to_decibel_levels(from_decibel_levels(codes, levels, floor_db), levels, floor_db), codes
    )
    decibels = np.linspace(floor_db * (1 - 0.51 / (levels - 1)), 0, 5000)
    magnitude = (10 ** (decibels / 20)).astype(np.float32)
    back = from_decibel_levels(to_decibel_levels(magnitude, levels, floor_db), levels, floor_db)
    assert np.abs(20 * np.log10(back) - decibels).max() <= -floor_db / (levels - 1) / 2 + 1e-4


@pytest.mark.parametrize(("n_fft", "hop"), [(1024, 256), (512, 128)])
def test_griffin_lim_is_at_least_as_near_as_librosas_after_as_many_iterations(n_fft, hop):
    signal = chords()
    stft, yardstick = Stft(n_fft, hop), Stft(1024, 200)  # frames that neither side optimises
    signal = signal[: len(signal) // hop * hop]
    magnitude = stft.magnitude(signal)
    theirs = librosa.griffinlim(
        np.abs(librosa.stft(signal, n_fft=n_fft, hop_length=hop)), n_iter=16, hop_length=hop, n_fft=n_fft,
        length=len(signal), random_state=0,
    )  # fmt: skip
    ours = griffin_lim(stft, magnitude, 16, phase=peak_phase(stft, magnitude))
    reference = yardstick.magnitude(signal)
    assert spectral_convergence(reference, yardstick.magnitude(ours)) < spectral_convergence(
        reference, yardstick.magnitude(theirs)
    )


def test_momentum_and_iterations_bring_the_magnitudes_nearer():
    stft = Stft(512, 128)
    magnitude = stft.magnitude(chords())

    def error(**options):
        return spectral_convergence(magnitude, stft.magnitude(griffin_lim(stft, magnitude, **options)))

    errors = [error(iterations=0), error(iterations=32, momentum=0), error(iterations=32)]
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]
    assert errors[2] == error(iterations=32) != error(iterations=32, seed=1)


def test_first_phases_from_peaks_turn_with_their_sinusoids():
    stft = Stft(512, 128)
    signal = tones((441.3, 0.3), (1270.9, 0.2))
    magnitude = stft.magnitude(signal)
    rebuilt = griffin_lim(stft, magnitude, 0, phase=peak_phase(stft, magnitude))
    inner = slice(8, -8)
    assert spectral_convergence(magnitude[inner], stft.magnitude(rebuilt)[inner]) < 0.05


@pytest.mark.parametrize("scale", SCALES)
def test_round_trip_keeps_pitch_and_level(scale):
    spectrogram = representation("spectrogram", scale=scale)
    audio = Audio(chords(), RATE)
    lost = spectrogram.loss(Piece("chords", audio=audio))
    assert lost["spectral_convergence"] < {"stft": 0.1, "mel": 0.4, "cqt": 0.25}[scale]
    assert lost["quantisation_db"] == pytest.approx(spectrogram.step_db / np.sqrt(12), rel=0.15)  # even within a step
    decoded = spectrogram.decode(spectrogram.encode(Piece("chords", audio=audio))).audio
    assert decoded.rate == RATE and abs(len(decoded) - len(audio)) < spectrogram.hop
    assert abs(peaks_to_tempered_grid(decoded) - peaks_to_tempered_grid(audio)) < 3


@pytest.mark.parametrize("scale", SCALES)
def test_silence_is_silence_and_everything_at_once_is_sound(scale):
    spectrogram = representation("spectrogram", scale=scale, iterations=4)
    silent = spectrogram.decode(np.zeros((9, spectrogram.bins), np.int64)).audio
    assert len(silent) == 9 * spectrogram.hop and not silent.samples.any()
    full = spectrogram.decode(np.full((9, spectrogram.bins), 63)).audio
    assert 0.1 < np.abs(full.samples).max() <= 1


@pytest.mark.parametrize("options", [{}, {"scale": "mel", "bins": 40}, {"scale": "cqt"}, {"n_fft": 400, "hop": 150}])
@pytest.mark.parametrize("rate", [8000, 11025])
def test_a_stream_is_the_encoding_of_the_whole(tmp_path, options, rate):
    path = tmp_path / "sound.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, int(63.3 * rate)), rate)
    spectrogram = representation("spectrogram", **options)
    whole = spectrogram.encode(Piece("file", audio=read_audio(path, 8000)))
    np.testing.assert_array_equal(np.concatenate(list(spectrogram.stream(path))), whole)


@pytest.mark.parametrize("scale", SCALES)
def test_blocks_leave_no_seams(scale):
    spectrogram = representation("spectrogram", scale=scale)
    signal = noise(spectrogram.hop * 1500 / RATE)
    direct = spectrogram.transform.magnitude(signal)
    direct = direct if spectrogram.weights is None else direct @ spectrogram.weights.T
    np.testing.assert_allclose(spectrogram.magnitude(signal), direct, atol=5e-5)


def test_a_batch_gives_the_same_signals_on_any_number_of_threads():
    spectrogram = representation("spectrogram", iterations=3)
    batch = [spectrogram.magnitude(chords(seconds)) for seconds in (1, 2, 0.5)]
    for one, two in zip(spectrogram.invert(batch), spectrogram.invert(batch, workers=2), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    "options",
    [{"scale": "bark"}, {"levels": 1}, {"floor_db": 0}, {"hop": 4000}, {"scale": "mel", "bins": 500},
     {"scale": "cqt", "bins": 900}, {"bins": 100}, {"iterations": -1}],
)  # fmt: skip
def test_impossible_options_are_refused(options):
    with pytest.raises(EtudeError):
        representation("spectrogram", **options)


def test_measures_by_hand():
    reference = np.array([[3.0, 0.0], [0.0, 4.0]])
    assert spectral_convergence(reference, reference) == 0
    assert spectral_convergence(reference, 0 * reference) == 1
    assert spectral_convergence(reference, reference + np.diag([0, 1])) == pytest.approx(1 / 5)  # ||R|| = 5
    # of three frames one differs, by 20 dB in one bin of two: (20 / sqrt 2 + 0 + 0) / 3
    distance = log_spectral_distance(np.ones((3, 2)), np.array([[0.1, 1.0], [1.0, 1.0], [1.0, 1.0]]))
    assert distance == pytest.approx(20 / np.sqrt(2) / 3)
    assert log_spectral_distance(np.ones((1, 1)), np.zeros((1, 1)), floor_db=-60) == pytest.approx(60)
    assert signal_to_noise([1, 1], [1, 0.9]) == pytest.approx(10 * np.log10(2 / 0.01))


def test_sounds_are_compared_at_one_rate():
    with pytest.raises(EtudeError, match="one rate"):
        spectral_convergence(Audio(noise(), 8000), Audio(noise(), 16000))
    assert spectral_convergence(Audio(noise(), 8000), Audio(noise(), 8000)) == 0


def test_tones_on_the_grid_tones_off_it_and_noise():
    def cents(signal):
        return peaks_to_tempered_grid(Audio(np.clip(signal, -1, 1), RATE))

    assert cents(tones((440, 0.3), (523.251, 0.3), (880, 0.2))) < 1
    assert cents(tones((440 * 2 ** (30 / 1200), 0.3))) == pytest.approx(30, abs=1)
    assert cents(tones((440 * 2 ** (70 / 1200), 0.3))) == pytest.approx(30, abs=1)
    assert cents(noise(10)) == pytest.approx(25, abs=1)
    assert np.isnan(cents(np.zeros(8000)))


def test_scales_side_by_side():
    table = compare_scales(Audio(chords(2), RATE), [{"scale": "stft"}, {"scale": "mel", "bins": 64}])
    assert table["scale"].tolist() == ["stft", "mel"]
    assert table["entries_per_second"].tolist() == [513 * 31.25, 64 * 31.25]
    assert table["spectral_convergence"].is_monotonic_increasing
