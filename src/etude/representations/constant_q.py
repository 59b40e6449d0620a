"""The constant-Q transform with an inverse: bins at one interval, each window the same number of periods long.

Definition of Brown (1991): bin k correlates the signal with a complex exponential at ``fmin * 2**(k / per_octave)``
under a Hann window of Q periods, centred on the frame. It is computed in frequency (Velasco, Holighaus, Dörfler and
Grill 2011): the signal's spectrum times the window's, folded to the rate of the hops, transformed back. A sinusoid of
amplitude a has the magnitude a at its own bin; frame t is centred on the sample (t + 1/2) * hop.

All bins share one hop, so that frames are steps of a sequence. Low bins are then sampled far more often than they need
and high ones, whose windows are short, too seldom: where a bin's bandwidth exceeds the rate of the hops its content
folds onto itself, and the inverse used here (the diagonal of the frame operator) is no longer exact. That is the price
of a constant-Q picture on a regular grid; `Stft` does not pay it.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.representations.transform import Change, Transform

LOBES = 4.0  # half width kept of a window's spectrum, in bins of its own length: main lobe (2) and two side lobes
GROUP = 16  # bins transformed at once


class ConstantQ(Transform):
    """Constant-Q transform.

    Parameters
    ----------
    rate : int
        Samples per second.
    hop : int
        Samples between frames.
    fmin : float
        Frequency of the lowest bin in hertz.
    bins : int, optional
        By default all that fit below half the rate.
    per_octave : int
        Bins an octave.
    """

    def __init__(self, rate: int, hop: int, fmin: float = 55.0, bins: int | None = None, per_octave: int = 36):
        if not (rate >= 1 and hop >= 1 and per_octave >= 1 and 0 < fmin < rate / 4):
            got = f"rate={rate}, hop={hop}, fmin={fmin}, per_octave={per_octave}"
            raise EtudeError("hop and per_octave of at least 1, fmin below a quarter of the rate", got)
        step = 2.0 ** (1 / per_octave)
        self.quality = (step**2 + 1) / (step**2 - 1)
        room = int(per_octave * np.log2(rate / 2 / fmin))
        self.bins = room if bins is None else int(bins)
        if not 1 <= self.bins <= room:
            raise EtudeError(f"1 to {room} bins between {fmin:g} Hz and half the rate", str(bins))
        self.rate, self.hop, self.per_octave = rate, hop, per_octave
        self.frequencies = fmin * step ** np.arange(self.bins)
        self.context = int(np.ceil(self.quality * rate / fmin / 2 / hop)) + 1  # hops under half the longest window
        self._responses: dict[int, list[tuple[slice, np.ndarray]]] = {}

    def turn(self, position: np.ndarray) -> np.ndarray:
        return 2 * np.pi * self.hop / self.rate * self.frequencies[0] * 2.0 ** (position / self.per_octave)

    def at_start(self) -> np.ndarray:
        return np.zeros(self.bins)

    def magnitude(self, signal: np.ndarray) -> np.ndarray:
        count = self.frames(len(signal))
        magnitude = np.empty((count, self.bins), np.float32)
        spectrum, size = self._spectrum(signal)
        for bins in self._groups():
            np.abs(self._forth(spectrum, size, bins, count).T, out=magnitude[:, bins])
        return magnitude

    def through(self, signal: np.ndarray, change: Change) -> np.ndarray:
        from scipy.fft import irfft

        count = self.frames(len(signal))
        spectrum, size = self._spectrum(signal)
        total, weight = np.zeros_like(spectrum), np.zeros(len(spectrum), np.float32)
        for bins in self._groups():
            block = np.ascontiguousarray(self._forth(spectrum, size, bins, count).T)
            change((slice(None), bins), block)
            self._back(block, size, bins, total, weight)
        total /= np.maximum(weight, 0.05 * weight.max(initial=1))
        lead = self._lead()
        return irfft(total, size)[lead : lead + len(signal)].astype(np.float32)

    def _groups(self) -> list[slice]:
        return [slice(start, min(start + GROUP, self.bins)) for start in range(0, self.bins, GROUP)]

    def _lead(self) -> int:
        return self.context * self.hop - self.hop // 2

    def _spectrum(self, signal: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the spectrum of the signal between zeros, and how many samples that is."""
        from scipy.fft import next_fast_len, rfft

        size = next_fast_len(self.frames(len(signal)) + 2 * self.context) * self.hop
        padded = np.zeros(size, np.float32)
        padded[self._lead() : self._lead() + len(signal)] = signal
        return rfft(padded, overwrite_x=True), size

    def _forth(self, spectrum: np.ndarray, size: int, bins: slice, count: int) -> np.ndarray:
        """Return the coefficients Complex64[F, T] of some bins: filter, fold to the rate of hops, transform back."""
        from scipy.fft import ifft

        folded = np.zeros((bins.stop - bins.start, size // self.hop), np.complex64)
        for row, (band, response) in zip(folded, self._filters(size)[bins], strict=True):
            _fold(row, spectrum[band] * response, band.start)
        coefficients = ifft(folded, axis=1, overwrite_x=True)
        coefficients *= np.float32(2 / self.hop)
        return coefficients[:, self.context : self.context + count]

    def _back(self, block: np.ndarray, size: int, bins: slice, total: np.ndarray, weight: np.ndarray) -> None:
        """Add what some bins, Complex64[T, F], say about the spectrum, and how much say they have."""
        from scipy.fft import fft

        rows = np.zeros((block.shape[1], size // self.hop), np.complex64)
        rows[:, self.context : self.context + len(block)] = block.T
        rows = fft(rows, axis=1, overwrite_x=True)
        rows *= np.float32(self.hop / 2)
        for row, (band, response) in zip(rows, self._filters(size)[bins], strict=True):
            total[band] += row.take(np.arange(band.start, band.stop), mode="wrap") * response
            weight[band] += response * response

    def _filters(self, size: int) -> list[tuple[slice, np.ndarray]]:
        """Return where each bin's window lies in a spectrum of `size` samples, and its values; kept for one size."""
        if size not in self._responses:
            self._responses = {size: [self._response(frequency, size) for frequency in self.frequencies]}
        return self._responses[size]

    def _response(self, frequency: float, size: int) -> tuple[slice, np.ndarray]:
        width = frequency / self.quality  # hertz: one over the window's length
        first = max(int(np.ceil((frequency - LOBES * width) * size / self.rate)), 0)
        last = min(int((frequency + LOBES * width) * size / self.rate), size // 2)
        return slice(first, last + 1), hann_spectrum(
            (np.arange(first, last + 1) * self.rate / size - frequency) / width
        )


def hann_spectrum(offset: np.ndarray) -> np.ndarray:
    """Return the spectrum of a Hann window of length 1 and area 1, centred on 0: ``sinc(f) / (1 - f**2)``."""
    at_one = np.abs(np.abs(offset) - 1) < 1e-6
    below = np.where(at_one, 1, 1 - offset * offset)
    return np.where(at_one, 0.5, np.sinc(offset) / below).astype(np.float32)


def _fold(row: np.ndarray, band: np.ndarray, start: int) -> None:
    """Add `band`, which begins at place `start`, to `row`, round and round."""
    at, done = start % len(row), 0
    while done < len(band):
        part = min(len(row) - at, len(band) - done)
        row[at : at + part] += band[done : done + part]
        at, done = 0, done + part
