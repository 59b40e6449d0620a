"""Sound that is kept as the codes of a waveform: an hour at 16 kHz in 58 MB, on disk if that is where the codes lie."""

from __future__ import annotations

import numpy as np

from etude.representations.base import Representation
from etude.types import Audio, Piece


class CodedAudio(Audio):
    """What an array of codes sounds like. `waveform.encode` gives the array itself, neither copied nor widened.

    Parameters
    ----------
    codes : UInt[T]
        In memory, or mapped from a file.
    waveform : Waveform
        The representation whose codes they are.
    """

    def __init__(self, codes: np.ndarray, waveform: Representation):
        for name, value in (("codes", codes), ("waveform", waveform), ("rate", waveform.rate)):
            object.__setattr__(self, name, value)  # sounds are frozen

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def samples(self) -> np.ndarray:
        """The samples Float32[T], decoded whenever they are asked for and not held."""
        return self.waveform.decode(self.codes).audio.samples


def opening(piece: Piece, seconds: float) -> Piece:
    """Return a piece of coded sound with the codes of its first seconds; its score stays whole."""
    sound = piece.audio
    return piece.with_audio(CodedAudio(sound.codes[: round(seconds * sound.rate)], sound.waveform))
