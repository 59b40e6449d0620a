"""Sound at the rate a representation works at, whole or in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from etude.types import Audio

BLOCK_SECONDS = 60.0


def at_rate(audio: Audio, rate: int) -> np.ndarray:
    """Return the samples Float32[T] of a sound at `rate` (soxr HQ), what overshoots full scale cut off."""
    if audio.rate == rate or not len(audio):
        return audio.samples
    import soxr

    return np.clip(soxr.resample(audio.samples, audio.rate, rate), -1, 1)


def blocks_of(path: Path | str, rate: int) -> Iterator[np.ndarray]:
    """Yield the samples of a sound file at `rate`, a minute at a time."""
    from etude.formats.audio import stream_audio

    for block in stream_audio(path, rate, BLOCK_SECONDS):
        yield block.samples
