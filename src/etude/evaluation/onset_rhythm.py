"""Is there a pulse? The rhythm of a sound's onsets, without a transcriber.

The onset strength of a frame is by how much its compressed magnitudes rise over the frame before, summed over bins
(spectral flux: Bello et al. 2005, section III-B; compression as in Müller, *Fundamentals of Music Processing*, section
6.1.2). The pulse clarity is the highest peak of its autocorrelation (Lartillot et al. 2008, "Multi-feature modeling of
pulse clarity"): near 1 where onsets return at one interval, near 0 where they come at any time. It compares sounds of
similar length and instrument only: a plucked onset is sharper than a bowed one.
"""

from __future__ import annotations

import numpy as np

from etude.representations.stft import Stft
from etude.types import Audio

WINDOW_SECONDS = 0.046
COMPRESSION = 100.0  # magnitudes a are taken as log(1 + COMPRESSION a / loudest)
SHORTEST_PULSE, LONGEST_PULSE = 0.2, 1.6  # seconds between beats: 300 to 38 a minute


def onset_strength(audio: Audio) -> tuple[np.ndarray, float]:
    """Return the onset strength of each frame, Float64[T], and the frames per second; all 0 in silence."""
    n_fft = max(16, 2 ** round(np.log2(WINDOW_SECONDS * audio.rate)))
    magnitude = Stft(n_fft, n_fft // 4).magnitude(audio.samples).astype(np.float64)
    loudest = magnitude.max(initial=0)
    level = np.log1p(COMPRESSION * magnitude / loudest) if loudest > 0 else magnitude
    rise = np.maximum(np.diff(level, axis=0, prepend=level[:1]), 0).sum(axis=1)
    return rise, audio.rate / (n_fft // 4)


def pulse_clarity(audio: Audio) -> float:
    """Return the highest peak of the onset strength's autocorrelation between 0.2 and 1.6 s, in [0, 1].

    NaN where the sound is shorter than two of the longest pulses, or has no onset.
    """
    strength, rate = onset_strength(audio)
    strength = strength - strength.mean() if len(strength) else strength
    first, last = round(SHORTEST_PULSE * rate), round(LONGEST_PULSE * rate)
    power = strength @ strength
    if len(strength) < 2 * last or power <= 0:
        return float("nan")
    lags = range(first - 1, last + 2)
    correlation = np.array([strength[lag:] @ strength[: len(strength) - lag] for lag in lags]) / power
    peak = (correlation[1:-1] > correlation[:-2]) & (correlation[1:-1] >= correlation[2:])
    return float(np.maximum(correlation[1:-1][peak], 0).max(initial=0.0))
