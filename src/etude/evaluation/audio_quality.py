"""How near one sound is to another, and how near a sound is to being in tune.

Spectral convergence and log-spectral distance compare magnitudes only, because phase can hardly be heard: both sounds
go through one transform (Hann window of about 128 ms, hops of a quarter). Definitions are those of
`etude.representations.distortion`, which states their sources; they are defined for magnitude arrays too.

Pitch without a transcriber: the peaks of music for tempered instruments lie near the equal-tempered grid (harmonics 3,
5 and 7 are 2, 14 and 31 cents off it), those of noise anywhere, on average 25 cents from it. On rendered chorales an
organ scores 5, a piano 7, strings 11 and a choir, with its vibrato, 21: compare sounds of one instrument only. Counts
of transcribed notes are no such score: a transcriber finds more notes in noise than in music.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.representations.distortion import comparing_stft, magnitude_convergence, magnitude_log_distance
from etude.representations.stft import Stft
from etude.types import Audio

PEAK_WINDOW_SECONDS = 0.25
PEAKS_FROM, PEAKS_TO = 100.0, 2000.0  # hertz: below, a window cannot tell semitones apart; above, harmonics crowd
PEAK_RANGE_DB = 20.0  # a peak counts down to so far below its frame's highest
SILENT_FRAME_DB = 50.0  # a frame counts down to so far below the loudest
TINY = 1e-12


def spectral_convergence(reference, estimate) -> float:
    """Return ``||R - E|| / ||R||`` (Frobenius norm) of the magnitudes of two sounds: 0 equal, 1 as bad as silence.

    Parameters
    ----------
    reference, estimate : Audio, or magnitudes Float[T, F]
        Sounds of one rate are compared over the shorter of the two lengths.
    """
    return magnitude_convergence(*_magnitudes(reference, estimate))


def log_spectral_distance(reference, estimate, floor_db: float = -80.0) -> float:
    """Return the mean over frames of ``sqrt(mean over bins of (20 log10 (R / E))**2)`` in dB; 0 is equal.

    Parameters
    ----------
    reference, estimate : Audio, or magnitudes Float[T, F]
        Sounds of one rate are compared over the shorter of the two lengths.
    floor_db : float
        Both are cut below at this level under the reference's maximum.
    """
    return magnitude_log_distance(*_magnitudes(reference, estimate), floor_db)


def peaks_to_tempered_grid(audio: Audio, tuning: float = 440.0) -> float:
    """Return the mean distance of spectral peaks from the nearest equal-tempered pitch, in cents (0 to 50).

    A peak is a local maximum of a frame's magnitude (Hann window of about 0.25 s) between 100 and 2000 Hz, within 20 dB
    of its frame's highest, in a frame within 50 dB of the loudest; its frequency is that of a parabola through the log
    magnitudes. Every peak counts the same. NaN where there is none.

    Parameters
    ----------
    audio : Audio
    tuning : float
        Frequency of the A above middle C.
    """
    frequencies = spectral_peaks(audio)
    if not len(frequencies):
        return float("nan")
    semitones = 12 * np.log2(frequencies / tuning)
    return float(100 * np.abs(semitones - np.rint(semitones)).mean())


def spectral_peaks(audio: Audio) -> np.ndarray:
    """Return the frequencies in hertz, Float64[n], of all frames' peaks as `peaks_to_tempered_grid` defines them."""
    n_fft = max(16, 2 ** round(np.log2(PEAK_WINDOW_SECONDS * audio.rate)))
    magnitude = Stft(n_fft, n_fft // 2).magnitude(audio.samples).astype(np.float64)
    if not magnitude.size or magnitude.max() == 0:
        return np.zeros(0)
    loudest = magnitude.max(axis=1, keepdims=True)
    middle = magnitude[:, 1:-1]
    peak = (middle > magnitude[:, :-2]) & (middle >= magnitude[:, 2:])
    peak &= middle >= loudest * 10 ** (-PEAK_RANGE_DB / 20)
    peak &= loudest >= loudest.max() * 10 ** (-SILENT_FRAME_DB / 20)
    frame, bin_ = np.nonzero(peak)
    left, top, right = (np.log(magnitude[frame, bin_ + shift] + TINY) for shift in (0, 1, 2))
    offset = 0.5 * (left - right) / np.minimum(left - 2 * top + right, -TINY)
    frequencies = (bin_ + 1 + offset) * audio.rate / n_fft
    return frequencies[(frequencies >= PEAKS_FROM) & (frequencies <= PEAKS_TO)]


def _magnitudes(reference, estimate) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(reference, Audio) and not isinstance(estimate, Audio):
        return np.asarray(reference), np.asarray(estimate)
    if not (isinstance(reference, Audio) and isinstance(estimate, Audio)) or reference.rate != estimate.rate:
        got = [getattr(sound, "rate", type(sound).__name__) for sound in (reference, estimate)]
        raise EtudeError("two sounds of one rate", f"{got[0]} and {got[1]}", "Resample one.")
    length = min(len(reference), len(estimate))
    transform = comparing_stft(reference.rate)
    return transform.magnitude(reference.samples[:length]), transform.magnitude(estimate.samples[:length])
