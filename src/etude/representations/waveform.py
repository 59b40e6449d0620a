"""The waveform: one sample a step, as one of 256 levels.

WaveNet and SampleRNN write music as its samples. A step is 1/8000 s (or another rate), so a chorale of 50 s is 400 000
steps and a note is thousands of steps wide: what a model must remember is the price of coding nothing but air pressure.
Every sound can be coded, every array is a sound. The exact coding is in `etude.representations.mu_law`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.representations.base import Representation
from etude.representations.coded_audio import CodedAudio
from etude.representations.distortion import signal_to_noise
from etude.representations.mu_law import compress, expand, from_levels, to_levels
from etude.representations.sampling import at_rate, blocks_of
from etude.types import Audio, Piece, Space

CODINGS = ("mu-law", "linear")


class Waveform(Representation):
    """Samples as levels.

    Parameters
    ----------
    rate : int
        Samples per second; a sound at another is resampled (soxr HQ).
    coding : {"mu-law", "linear"}
        The mu-law spends its levels on quiet samples: at 256 levels noise follows the signal some 38 dB below it.
    levels : int
        2 to 65536.
    """

    name = "waveform"
    domain = "audio"

    def __init__(self, rate: int = 8000, coding: str = "mu-law", levels: int = 256):
        if coding not in CODINGS:
            raise unknown_name("coding", coding, CODINGS)
        if not (2 <= levels <= 65536 and rate >= 1):
            raise EtudeError("2 to 65536 levels and a rate of at least 1 Hz", f"{levels} levels, {rate} Hz")
        self.rate, self.coding, self.levels = int(rate), coding, int(levels)
        self.options = {"rate": self.rate, "coding": coding, "levels": self.levels}
        self.space = Space((), self.levels, rate=self.rate)

    def stream(self, path: Path | str) -> Iterator[np.ndarray]:
        """Yield the codes Int64[t] of a sound file of any length, a minute at a time, in memory that does not grow.

        Joined they are what `encode` gives of the file read whole.
        """
        for samples in blocks_of(path, self.rate):
            yield self._codes(samples)

    @property
    def dtype(self) -> np.dtype:
        """The smallest unsigned integers that hold the levels: how codes are kept on disk."""
        return np.min_scalar_type(self.levels - 1)

    def loss(self, piece: Piece) -> dict[str, float]:
        """Return what coding does to the sound at its rate (what resampling removes above rate / 2 is not counted).

        `snr_db` (200 for no error), `max_error` and `peak` (of the sound) in units of full scale.
        """
        samples = at_rate(piece.audio, self.rate)
        decoded = self.decode(self.encode(piece)).audio.samples
        return {
            "snr_db": signal_to_noise(samples, decoded),
            "max_error": float(np.abs(samples - decoded).max(initial=0)),
            "peak": float(np.abs(samples).max(initial=0)),
        }

    def _encode(self, piece: Piece) -> np.ndarray:
        audio = piece.audio
        if isinstance(audio, CodedAudio) and audio.waveform.options == self.options:
            return audio.codes
        return self._codes(at_rate(audio, self.rate))

    def _decode(self, x: np.ndarray) -> Piece:
        values = from_levels(x, self.levels)
        samples = expand(values, self.levels - 1) if self.coding == "mu-law" else values
        return Piece("decoded waveform", audio=Audio(samples.clip(-1, 1).astype(np.float32), self.rate))

    def _codes(self, samples: np.ndarray) -> np.ndarray:
        values = compress(samples, self.levels - 1) if self.coding == "mu-law" else samples
        return to_levels(values, self.levels)
