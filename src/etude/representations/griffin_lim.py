"""A signal from magnitudes alone: fast Griffin-Lim, over any transform that goes back and forth.

Griffin and Lim (1984) alternate between two sets: coefficients that some signal has, and coefficients with the wanted
magnitudes. Perraudin, Balazs and Søndergaard (2013, algorithm 2) step beyond each projection,
``t_n = c_n + momentum * (c_n - c_(n-1))``. The transform is linear and c_n are the coefficients of a signal, so the
step is taken here between signals, which are far fewer numbers; no array of coefficients is ever held whole.

The first phases matter as much as the iterations: on organ chorales, 8 iterations from those of `peak_phase` end
nearer than 32 from random ones.
Mel bands fix only sums of magnitudes. With `bands`, the second half of the iterations asks for the sums and leaves
how a band's magnitude is shared among its bins to what is consistent with the neighbouring frames.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from etude.errors import EtudeError
from etude.representations.transform import Change

TINY = np.float32(1e-12)


class Transform(Protocol):
    """What Griffin-Lim needs of a transform (`Stft`, `ConstantQ`)."""

    hop: int

    def turn(self, position: np.ndarray) -> np.ndarray: ...

    def at_start(self) -> np.ndarray: ...

    def through(self, signal: np.ndarray, change: Change) -> np.ndarray: ...


def griffin_lim(
    transform: Transform,
    magnitude: np.ndarray,
    iterations: int = 32,
    momentum: float = 0.99,
    phase: np.ndarray | None = None,
    bands: tuple[np.ndarray, np.ndarray] | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Return a signal Float32[T * hop] whose magnitudes are near Float32[T, F].

    Parameters
    ----------
    transform : Transform
    magnitude : Float32[T, F]
    iterations : int
        Times back and forth.
    momentum : float
        0 is the original algorithm; 0.99 is Perraudin et al.'s.
    phase : Float32[T, F], optional
        First phases, in radians; random ones by default.
    bands : (Float32[T, M], Float32[M, F]), optional
        Sums to reach in the second half of the iterations, and the weights that make them from magnitudes.
    seed : int
        Seed of the random phases.
    """
    if iterations < 0 or not 0 <= momentum <= 1:
        raise EtudeError("iterations >= 0 and 0 <= momentum <= 1", f"iterations={iterations}, momentum={momentum}")
    magnitude = np.ascontiguousarray(magnitude, np.float32)
    if phase is None:
        phase = random_phase(magnitude.shape, seed)

    def begin(index, block):
        block.real, block.imag = np.cos(phase[index]), np.sin(phase[index])
        block *= magnitude[index]

    def improve(index, block):
        size = np.abs(block)
        size += TINY
        block *= np.divide(magnitude[index], size, out=size)

    signal = before = transform.through(np.zeros(len(magnitude) * transform.hop, np.float32), begin)
    for iteration in range(iterations):
        ahead = signal + np.float32(momentum) * (signal - before)
        late = bands is not None and iteration >= iterations // 2
        signal, before = transform.through(ahead, towards(*bands) if late else improve), signal
    return signal


def towards(sums: np.ndarray, weights: np.ndarray) -> Change:
    """Return the change that scales coefficients so that `weights` @ magnitudes come near `sums`."""
    share = weights / (weights.sum(axis=0) + TINY)  # how much say each band has about a bin

    def change(index, block):
        reached = np.abs(block) @ weights.T
        reached += TINY
        block *= np.divide(sums[index], reached, out=reached) @ share

    return change


def random_phase(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Return angles Float32 even over a turn."""
    return np.random.default_rng(seed).random(shape, np.float32) * np.float32(2 * np.pi)


def peak_phase(transform: Transform, magnitude: np.ndarray) -> np.ndarray:
    """Return first phases Float32[T, F] that let each spectral peak turn at its own frequency.

    Single-pass spectrogram inversion (Beauregard, Harish and Wyse 2015): a parabola through each peak gives its
    frequency, its phase advances by that from frame to frame, and the bins around follow their peak. A frame without
    peaks gets random phases: equal ones would be a click where the window is 0, from which there is no way back.
    """
    bins = magnitude.shape[1]
    angle, phase, start = random_phase(magnitude.shape, 0), np.zeros(bins), transform.at_start()
    for t, frame in enumerate(magnitude):
        middle = frame[1:-1]
        peaks = np.flatnonzero((middle > frame[:-2]) & (middle >= frame[2:]) & (middle > 1e-4 * frame.max())) + 1
        if len(peaks):
            left, top, right = frame[peaks - 1], frame[peaks], frame[peaks + 1]
            offset = 0.5 * (left - right) / np.minimum(left - 2 * top + right, -TINY)
            turned = np.mod(phase[peaks] + transform.turn(peaks + offset), 2 * np.pi)
            widths = np.diff(np.concatenate([[0], (peaks[1:] + peaks[:-1] + 1) // 2, [bins]]))
            phase = np.repeat(turned, widths)
            angle[t] = phase + start
    return angle
