"""The spectrogram: one frame a hop, each entry the quantised log magnitude of a band of frequencies.

Three scales. `stft`: evenly spaced bins. `mel`: `bins` triangles over those, narrow where pitch is told apart best.
`cqt`: `per_octave` bins to every octave, so that transposing is shifting. Phase is not coded: `decode` finds one by
Griffin-Lim (`etude.representations.griffin_lim`), and what that costs is part of the `loss`. The levels are exactly
those of `etude.representations.decibels`.

Which to use is a matter of size (chorales on an organ at 8 kHz; notebook 05 measures it). From some 8 000 entries a
second up, stft: at 16 000 the sound that comes back has a spectral convergence of 0.04, at 8 000 of 0.12. Below, mel,
and many bands at a long hop rather than few at a short one: 256 bands every 512 samples, 4 000 entries, 0.20; 128
bands, 2 000 entries, 0.34. cqt is for looking and for transposing: it needs 37 000 entries for what stft does with
8 000.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.representations.base import Representation
from etude.representations.constant_q import ConstantQ
from etude.representations.decibels import from_decibel_levels, to_decibel_levels
from etude.representations.distortion import comparing_stft, magnitude_convergence, magnitude_log_distance
from etude.representations.griffin_lim import griffin_lim, peak_phase
from etude.representations.mel import magnitudes_from_bands, mel_weights
from etude.representations.sampling import at_rate, blocks_of
from etude.representations.stft import Stft
from etude.types import Audio, Piece, Space

SCALES = ("stft", "mel", "cqt")
BLOCK = 1024  # frames analysed at once


class Spectrogram(Representation):
    """Quantised log magnitudes.

    Parameters
    ----------
    scale : {"stft", "mel", "cqt"}
    rate : int
        Samples per second; a sound at another is resampled (soxr HQ).
    n_fft : int
        Window of stft and mel in samples; near 128 ms it tells the semitones of a bass voice apart.
    hop : int, optional
        Samples between frames; by default a quarter of `n_fft`, for cqt a sixteenth.
    bins : int, optional
        Bands of mel (128) or bins of cqt (all below half the rate). Of stft there are always `n_fft // 2 + 1`.
    levels : int
        Levels of magnitude.
    floor_db : float
        The magnitude of silence, in dB under a full-scale sinusoid.
    iterations : int
        Of Griffin-Lim, in `decode`.
    fmin : float, optional
        Lowest frequency of mel (0) or cqt (55, the A below the bass's staff) in hertz.
    per_octave : int
        Bins an octave of cqt.
    """

    name = "spectrogram"
    domain = "audio"

    def __init__(
        self,
        scale: str = "stft",
        rate: int = 8000,
        n_fft: int = 1024,
        hop: int | None = None,
        bins: int | None = None,
        levels: int = 64,
        floor_db: float = -80.0,
        iterations: int = 32,
        fmin: float | None = None,
        per_octave: int = 48,
    ):
        if scale not in SCALES:
            raise unknown_name("scale", scale, SCALES)
        if not (levels >= 2 and floor_db < 0 and iterations >= 0 and rate >= 1):
            got = f"levels={levels}, floor_db={floor_db}, iterations={iterations}, rate={rate}"
            raise EtudeError("levels >= 2, floor_db < 0, iterations >= 0, rate >= 1", got)
        hop = hop or max(1, n_fft // (16 if scale == "cqt" else 4))
        self.scale, self.rate, self.levels, self.floor_db = scale, int(rate), int(levels), float(floor_db)
        self.hop, self.iterations, self.weights = int(hop), int(iterations), None
        if scale == "cqt":
            self.transform = ConstantQ(self.rate, self.hop, 55.0 if fmin is None else fmin, bins, per_octave)
            self.context = self.transform.context
        else:
            self.transform = Stft(n_fft, self.hop)
            self.context = -(-n_fft // (2 * self.hop))
        if scale == "mel":
            self.weights = mel_weights(self.rate, n_fft, bins or 128, fmin or 0.0)
            _refuse_empty(self.weights)
        elif scale == "stft" and bins not in (None, self.transform.bins):
            raise EtudeError(f"n_fft // 2 + 1 = {self.transform.bins} bins", str(bins), "Leave bins out, or use mel.")
        self.bins = self.transform.bins if self.weights is None else len(self.weights)
        self.options = {"scale": scale, "rate": self.rate, "n_fft": n_fft, "hop": self.hop, "bins": self.bins,
                        "levels": self.levels, "floor_db": self.floor_db, "iterations": self.iterations,
                        "fmin": fmin, "per_octave": per_octave}  # fmt: skip
        self.space = Space((self.bins,), self.levels, rate=self.rate / self.hop)

    @property
    def step_db(self) -> float:
        """Decibels from one level to the next."""
        return -self.floor_db / (self.levels - 1)

    def stream(self, path: Path | str) -> Iterator[np.ndarray]:
        """Yield the codes Int64[t, F] of a sound file of any length in blocks of frames, in memory that does not grow.

        Joined they are what `encode` gives of the file read whole.
        """
        for magnitude in self._magnitudes(blocks_of(path, self.rate)):
            yield to_decibel_levels(magnitude, self.levels, self.floor_db)

    def magnitude(self, samples: np.ndarray) -> np.ndarray:
        """Return the magnitudes Float32[T, F] of samples Float32[N], before they are quantised."""
        return np.concatenate([np.zeros((0, self.bins), np.float32), *self._magnitudes([samples])])

    def invert(self, magnitudes: Sequence[np.ndarray], workers: int = 1) -> list[np.ndarray]:
        """Return signals Float32[T * hop] whose magnitudes are near the given ones.

        Parameters
        ----------
        magnitudes : sequence of Float32[T, F]
            One for each piece of a batch, of any lengths.
        workers : int
            Threads that share the batch; the signals are the same for any number.
        """
        with ThreadPoolExecutor(max(1, workers)) as pool:
            return list(pool.map(self._inverted, magnitudes))

    def loss(self, piece: Piece) -> dict[str, float]:
        """Return what the round trip loses of the sound at its rate.

        `spectral_convergence` (ratio) and `log_spectral_distance_db` compare sound with decoded sound, in a spectrogram
        that is the same for all scales (`distortion.comparing_stft`); `quantisation_db` is the root mean square error
        of the levels where a magnitude lies between the floor and full scale; `clipped` is the share of magnitudes
        above it.
        """
        samples = at_rate(piece.audio, self.rate)
        magnitude = self.magnitude(samples)
        codes = to_decibel_levels(magnitude, self.levels, self.floor_db)
        compare = comparing_stft(self.rate)
        before = compare.magnitude(samples)
        after = compare.magnitude(self.decode(codes).audio.samples[: len(samples)])
        within = (codes > 0) & (magnitude <= 1)
        error = 20 * np.log10(magnitude[within] / from_decibel_levels(codes, self.levels, self.floor_db)[within])
        return {
            "spectral_convergence": magnitude_convergence(before, after),
            "log_spectral_distance_db": magnitude_log_distance(before, after),
            "quantisation_db": float(np.sqrt(np.mean(error**2))) if error.size else 0.0,
            "clipped": float(np.mean(magnitude > 1)) if magnitude.size else 0.0,
        }

    def _encode(self, piece: Piece) -> np.ndarray:
        return to_decibel_levels(self.magnitude(at_rate(piece.audio, self.rate)), self.levels, self.floor_db)

    def _decode(self, x: np.ndarray) -> Piece:
        signal = self._inverted(from_decibel_levels(x, self.levels, self.floor_db))
        signal = signal / max(1.0, float(np.abs(signal).max(initial=0)))
        return Piece("decoded spectrogram", audio=Audio(signal.astype(np.float32), self.rate))

    def _inverted(self, magnitude: np.ndarray) -> np.ndarray:
        if not magnitude.any():
            return np.zeros(len(magnitude) * self.hop, np.float32)
        bands = None if self.weights is None else (magnitude, self.weights)
        if bands is not None:
            magnitude = magnitudes_from_bands(*bands)
        phase = peak_phase(self.transform, magnitude)
        return griffin_lim(self.transform, magnitude, self.iterations, phase=phase, bands=bands)

    def _magnitudes(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield magnitudes of a signal that comes in blocks; the same for any blocks.

        BLOCK frames are analysed with what their windows see on either side, which is then left out.
        """
        side, size = self.context * self.hop, BLOCK * self.hop
        held = np.zeros(side, np.float32)
        for block in blocks:
            held = np.concatenate([held, block])
            while len(held) >= size + 2 * side:
                yield self._within(held[: size + 2 * side])
                held = held[size:]
        rest = -(len(held) - side) % self.hop  # zeros that complete the last hop
        held = np.concatenate([held, np.zeros(rest + side, np.float32)])
        while len(held) > 2 * side:
            yield self._within(held[: size + 2 * side])
            held = held[size:]

    def _within(self, samples: np.ndarray) -> np.ndarray:
        magnitude = self.transform.magnitude(samples)[self.context : -self.context]
        return magnitude if self.weights is None else magnitude @ self.weights.T


def _refuse_empty(weights: np.ndarray) -> None:
    empty = int((weights.sum(axis=1) == 0).sum())
    if empty:
        got = f"{empty} of {len(weights)} empty"
        raise EtudeError("mel bands that each hold a bin of the transform", got, "Take fewer bins or a longer n_fft.")
