"""How far a sound, or its spectrogram, is from another: signal-to-noise ratio, spectral convergence, log distance."""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.representations.stft import Stft

EXACT_DB = 200.0  # the signal-to-noise ratio reported where there is no noise: finite, beyond any that can be measured
WINDOW_SECONDS = 0.128  # of the spectrogram in which sounds are compared: tells semitones apart from about 120 Hz up


def signal_to_noise(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return ``10 * log10(sum(r**2) / sum((r - e)**2))`` in dB, within -200 and 200."""
    reference, estimate = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    signal, noise = np.sum(reference**2), np.sum((reference - estimate) ** 2)
    if noise == 0 or signal == 0:
        return EXACT_DB if noise == 0 else -EXACT_DB
    return float(np.clip(10 * np.log10(signal / noise), -EXACT_DB, EXACT_DB))


def magnitude_convergence(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return ``||R - E|| / ||R||`` (Frobenius) of magnitudes (T, F): 0 is equal, silence for R scores 1.

    The spectral convergence of Sturmel and Daudet (2011), as a ratio, not in dB. Where the reference is silent: 0 if
    the estimate is too, else 1.
    """
    reference, estimate = _alike(reference, estimate)
    whole = np.linalg.norm(reference)
    error = np.linalg.norm(reference - estimate)
    return float(error / whole) if whole > 0 else float(error > 0)


def magnitude_log_distance(reference: np.ndarray, estimate: np.ndarray, floor_db: float = -80.0) -> float:
    """Return the mean over frames of the root mean square, over bins, of the difference in dB.

    The log-spectral distance (Gray and Markel 1976, section III). Both spectrograms are cut below at `floor_db` under
    the reference's maximum: without a floor the score would be about the silence between the partials.
    """
    reference, estimate = _alike(reference, estimate)
    if not reference.size:
        return 0.0
    floor = max(reference.max() * 10 ** (floor_db / 20), 1e-10)
    difference = 20 * np.log10(np.maximum(reference, floor) / np.maximum(estimate, floor))
    return float(np.sqrt(np.mean(difference**2, axis=1)).mean())


def comparing_stft(rate: int) -> Stft:
    """Return the transform in which sounds of a rate are compared: a power of two near 128 ms, hops of a quarter."""
    n_fft = max(16, 2 ** round(np.log2(WINDOW_SECONDS * rate)))
    return Stft(n_fft, n_fft // 4)


def _alike(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    reference, estimate = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    if reference.shape != estimate.shape or reference.ndim != 2:
        raise EtudeError("two magnitude spectrograms (T, F) of one shape", f"{reference.shape}, {estimate.shape}")
    return reference, estimate
