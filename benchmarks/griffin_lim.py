"""Griffin-Lim against librosa's, on one thread: seconds and spectral convergence in one run, as ratios.

Run: python benchmarks/griffin_lim.py

Both invert the magnitudes of the same sound (chords on a church organ, 8 kHz), with the same windows, hops, iterations
and momentum. "random" starts from random phases, as librosa does; "peaks" is what `Spectrogram.decode` does, the time
for its first phases counted. The yardstick is librosa's STFT, on the very frames that librosa's side optimises. Seconds
are those of the processor, the best of three runs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time

import librosa
import numpy as np

from etude.representations.griffin_lim import griffin_lim, peak_phase
from etude.representations.spectrogram import Spectrogram
from etude.representations.stft import Stft
from etude.synthesis import render
from etude.types import Score

ITERATIONS, RATE = 32, 8000


def chords(bars: int = 12) -> Score:
    """Four voices in quarters: I IV V I in changing keys."""
    rows = []
    for beat in range(4 * bars):
        root = 48 + (0, 5, 7, 0)[beat % 4] + beat // 8
        rows += [(beat * 4, 4, root + step, 80, voice) for voice, step in enumerate((0, 12, 16, 19 + beat % 2))]
    return Score(np.array(rows), 4)


def best_of(function, times: int = 3, clock=time.process_time):
    seconds = []
    for _ in range(times):
        started = clock()
        result = function()
        seconds.append(clock() - started)
    return result, min(seconds)


def convergence(sound: np.ndarray, other: np.ndarray, n_fft: int) -> float:
    length = min(len(sound), len(other))
    reference, estimate = (np.abs(librosa.stft(one[:length], n_fft=n_fft)) for one in (sound, other))
    return float(np.linalg.norm(reference - estimate) / np.linalg.norm(reference))


def main() -> None:
    sound = render(chords(), rate=RATE).samples
    sound = sound[: len(sound) // 512 * 512]
    print(f"{len(sound) / RATE:.0f} s at {RATE} Hz, {ITERATIONS} iterations; x real time, spectral convergence")
    for n_fft, hop in ((1024, 256), (512, 128), (1024, 128)):
        stft, theirs = Stft(n_fft, hop), np.abs(librosa.stft(sound, n_fft=n_fft, hop_length=hop))
        magnitude = stft.magnitude(sound)
        runs = {
            "librosa": lambda t=theirs, n=n_fft, h=hop: librosa.griffinlim(
                t, n_iter=ITERATIONS, hop_length=h, n_fft=n, length=len(sound), random_state=0
            ),
            "random": lambda m=magnitude, s=stft: griffin_lim(s, m, ITERATIONS),
            "peaks": lambda m=magnitude, s=stft: griffin_lim(s, m, ITERATIONS, phase=peak_phase(s, m)),
            "peaks, 8 it.": lambda m=magnitude, s=stft: griffin_lim(s, m, 8, phase=peak_phase(s, m)),
        }
        measured = {name: best_of(run) for name, run in runs.items()}
        for name, (found, seconds) in measured.items():
            ratio = measured["librosa"][1] / seconds
            quality = convergence(sound, found, n_fft)
            print(
                f"n_fft {n_fft:5d} hop {hop:4d}  {name:13s} {len(sound) / RATE / seconds:6.0f} x real time, "
                f"{ratio:4.1f} x librosa, convergence {quality:.3f}"
            )
    spectrogram = Spectrogram("stft", RATE)
    batch = [spectrogram.magnitude(sound)] * 8
    one, two = (best_of(lambda w=workers: spectrogram.invert(batch, w), 1, time.perf_counter)[1] for workers in (1, 2))
    speed = 8 * len(sound) / RATE / one
    print(f"batch of 8: {speed:.0f} x real time on one thread, {one / two:.2f} x as fast on two (wall clock)")


if __name__ == "__main__":
    main()
