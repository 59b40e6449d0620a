"""The short-time Fourier transform with its least-squares inverse, made to be run back and forth many times.

Frame t is centred on the sample (t + 1/2) * hop, the signal is zero outside its T * hop samples, and a sinusoid of
amplitude a has the magnitude a at its frequency (so full scale is 0 dB). The inverse is the least-squares one of
Griffin and Lim (1984, eq. 6): overlap-add with the window, over the sum of its squares.

Frames are transformed in blocks that stay in the processor's cache: forth, changed and back again before the next
block is touched. That, and real transforms of single precision, is what makes Griffin-Lim fast here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from etude.errors import EtudeError
from etude.representations.transform import Change, Transform

BLOCK_BYTES = 1 << 18  # of samples transformed at once; a quarter of a usual level-2 cache with room for the rest


class Stft(Transform):
    """Short-time Fourier transform with a Hann window of `n_fft` samples every `hop` samples.

    Parameters
    ----------
    n_fft : int
        Length of window and transform.
    hop : int
        Samples between frames, at most `n_fft // 2`.
    """

    def __init__(self, n_fft: int = 1024, hop: int = 256):
        if not (n_fft >= 4 and 1 <= hop <= n_fft // 2):
            raise EtudeError("n_fft >= 4 and 1 <= hop <= n_fft / 2", f"n_fft={n_fft}, hop={hop}")
        self.n_fft, self.hop, self.bins = n_fft, hop, n_fft // 2 + 1
        self.window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
        self._scaled = (self.window * (2 / self.window.sum())).astype(np.float32)
        self._overlap = -(-n_fft // hop)  # hops under one window
        self._lead = n_fft // 2 - hop // 2  # zeros before the first sample
        self._block = max(8, BLOCK_BYTES // (4 * n_fft))

    def turn(self, position: np.ndarray) -> np.ndarray:
        return 2 * np.pi * self.hop / self.n_fft * position

    def at_start(self) -> np.ndarray:
        return np.pi * (np.arange(self.bins) % 2)  # transforms count from the frame's start, half a window earlier

    def analyse(self, signal: np.ndarray) -> np.ndarray:
        """Return the coefficients Complex64[T, F] of a signal Float32[N]."""
        spectrum = np.empty((self.frames(len(signal)), self.bins), np.complex64)
        for index, block in self._spectra(self._padded(signal)):
            spectrum[index] = block
        return spectrum

    def magnitude(self, signal: np.ndarray) -> np.ndarray:
        magnitude = np.empty((self.frames(len(signal)), self.bins), np.float32)
        for index, block in self._spectra(self._padded(signal)):
            np.abs(block, out=magnitude[index])
        return magnitude

    def synthesise(self, spectrum: np.ndarray) -> np.ndarray:
        """Return the signal Float32[T * hop] whose coefficients are nearest to Complex64[T, F]."""

        def give(index, block):
            block[...] = spectrum[index]

        return self.through(np.zeros(len(spectrum) * self.hop, np.float32), give)

    def through(self, signal: np.ndarray, change: Change) -> np.ndarray:
        from scipy.fft import irfft

        padded = self._padded(signal)
        added = np.zeros((len(padded) // self.hop, self.hop), np.float32)
        for index, block in self._spectra(padded):
            change(index, block)
            pieces = irfft(block, self.n_fft, axis=1, overwrite_x=True)
            pieces *= self.window
            self._add(added, pieces, index[0].start)
        count = len(signal)
        result = added.reshape(-1)[self._lead : self._lead + count]
        return result * self._gain(self.frames(count))[:count]

    def _padded(self, signal: np.ndarray) -> np.ndarray:
        padded = np.zeros((self.frames(len(signal)) + self._overlap) * self.hop, np.float32)
        padded[self._lead : self._lead + len(signal)] = signal
        return padded

    def _spectra(self, padded: np.ndarray) -> Iterator[tuple[tuple, np.ndarray]]:
        from scipy.fft import rfft

        count = len(padded) // self.hop - self._overlap
        if not count:
            return
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft)[:: self.hop]
        for start in range(0, count, self._block):
            index = slice(start, min(start + self._block, count))
            yield (index,), rfft(frames[index] * self._scaled, axis=1, overwrite_x=True)

    def _add(self, added: np.ndarray, pieces: np.ndarray, start: int) -> None:
        for part in range(self._overlap):
            piece = pieces[:, part * self.hop : (part + 1) * self.hop]
            added[start + part : start + part + len(pieces), : piece.shape[1]] += piece

    def _gain(self, count: int) -> np.ndarray:
        """Return one over the sum of overlapped windows, Float32[T * hop] (all frames alike but the outermost)."""
        edge = 2 * self._overlap
        short = min(count, 2 * edge)
        added = np.zeros((short + self._overlap, self.hop), np.float32)
        self._add(added, np.broadcast_to(self.window * self._scaled, (short, self.n_fft)), 0)
        total = added.reshape(-1)[self._lead : self._lead + short * self.hop].reshape(short, self.hop)
        if count > short:
            middle = np.broadcast_to(total[edge], (count - short, self.hop))
            total = np.concatenate([total[:edge], middle, total[edge:]])
        return (1 / total).reshape(-1)
