"""Mel bands: magnitudes of neighbouring bins summed under triangles that are evenly spaced in mels.

The mel scale is ``2595 * log10(1 + f / 700)`` (O'Shaughnessy 1987). A triangle has the value 1 at its peak and falls
to 0 at its neighbours' peaks. (A narrow triangle at low frequencies, between two bins of the transform, is empty.)
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError


def mel_weights(rate: int, n_fft: int, bands: int, fmin: float = 0.0, fmax: float | None = None) -> np.ndarray:
    """Return the triangles as Float32[bands, n_fft // 2 + 1]."""
    fmax = rate / 2 if fmax is None else fmax
    if not (bands >= 1 and 0 <= fmin < fmax <= rate / 2):
        raise EtudeError("bands >= 1 and 0 <= fmin < fmax <= rate / 2", f"bands={bands}, fmin={fmin}, fmax={fmax}")
    mels = np.linspace(*(2595 * np.log10(1 + np.array([fmin, fmax]) / 700)), bands + 2)
    corners = 700 * (10 ** (mels / 2595) - 1)
    frequencies = np.arange(n_fft // 2 + 1) * rate / n_fft
    low, peak, high = (corners[i : i + bands, None] for i in range(3))
    rising, falling = (frequencies - low) / (peak - low), (high - frequencies) / (high - peak)
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def magnitudes_from_bands(sums: np.ndarray, weights: np.ndarray, iterations: int = 30) -> np.ndarray:
    """Return magnitudes Float32[T, F], none negative, whose sums under `weights` are nearest to Float32[T, M].

    Non-negative least squares by projected gradients with Nesterov's momentum (Beck and Teboulle 2009), all frames at
    once, from the pseudo-inverse. Measured on rendered chorales (128 bands, 8 kHz), the error of the magnitudes falls
    from 0.40 (pseudo-inverse, cut at 0) to 0.30.
    """
    gram, target = weights.T @ weights, sums @ weights  # (F, F), (T, F)
    step = np.float32(1 / np.linalg.eigvalsh(gram)[-1])
    start = np.linalg.pinv(weights.astype(np.float64), rcond=1e-3).T.astype(np.float32)
    found = ahead = np.maximum(sums @ start, 0)
    inertia = 1.0
    for _ in range(iterations):
        better = np.maximum(ahead - step * (ahead @ gram - target), 0)
        inertia, past = (1 + np.sqrt(1 + 4 * inertia**2)) / 2, inertia
        ahead = better + np.float32((past - 1) / inertia) * (better - found)
        found = better
    return found
