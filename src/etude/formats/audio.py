"""Sound files: WAV, FLAC, Ogg Vorbis and MP3, read and written by libsndfile; rates changed by libsoxr.

Sound here is mono Float32 in [-1, 1]. Channels are averaged. A lossy decoder may overshoot full scale, and a float WAV
may hold anything: `read_audio` scales such a file by its peak, `stream_audio`, which cannot know the peak beforehand,
clips. WAV, FLAC and MP3 of the same samples are the same bytes each time; an Ogg stream has a random serial number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from etude.errors import EtudeError, UnreadableFile, unknown_name
from etude.files import replacing
from etude.types import Audio

FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS"),
           ".mp3": ("MP3", "MPEG_LAYER_III")}  # fmt: skip
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_BLOCK = 2**16  # frames at a time: libsndfile's Vorbis encoder overflows its stack when handed minutes at once


def read_audio(path: Path | str, rate: int | None = None) -> Audio:
    """Read a sound file whole, as mono.

    Parameters
    ----------
    path : Path or str
    rate : int, optional
        Samples per second wanted; resampled (soxr HQ) where the file has another.

    Raises
    ------
    UnreadableFile
        Where libsndfile cannot decode it, or samples are not finite.
    """
    blocks = list(_resampled(path, rate))
    with _opened(path) as file:
        rate = rate or file.samplerate
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    return Audio(samples / max(1.0, float(np.abs(samples).max(initial=0))), rate)


def stream_audio(path: Path | str, rate: int | None = None, block_seconds: float = 10.0) -> Iterator[Audio]:
    """Yield a sound file in blocks of `block_seconds` (the last may be shorter), in memory that does not grow.

    The blocks join without seams: concatenated they are what `read_audio` returns, except that samples beyond full
    scale are clipped, not scaled. The resampler carries its state from one block to the next.
    """
    with _opened(path) as file:
        rate = rate or file.samplerate
    size, held = max(1, round(block_seconds * rate)), np.zeros(0, np.float32)
    for block in _resampled(path, rate):
        held = np.concatenate([held, block])
        while len(held) >= size:
            yield Audio(np.clip(held[:size], -1, 1), rate)
            held = held[size:]
    if len(held):
        yield Audio(np.clip(held, -1, 1), rate)


def audio_info(path: Path | str) -> tuple[float, int]:
    """Return duration in seconds and rate in Hz of a sound file, from its header."""
    with _opened(path) as file:
        return file.frames / file.samplerate, file.samplerate


def write_audio(audio: Audio, path: Path | str, quality: float | None = None) -> Path:
    """Write `audio` in the format that the suffix of `path` names: .wav, .flac (16 bit), .ogg or .mp3.

    Parameters
    ----------
    audio : Audio
    path : Path or str
    quality : float in [0, 1], optional
        Of .ogg and .mp3, 1 the best; by default libsndfile's choice.
    """
    import soundfile

    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise unknown_name("sound format", path.suffix, FORMATS)
    kind, subtype = FORMATS[path.suffix.lower()]
    if kind == "MP3" and audio.rate not in MP3_RATES:
        raise EtudeError(f"an MP3 rate: {', '.join(map(str, MP3_RATES))}", f"{audio.rate} Hz", "Write .ogg or .wav.")
    if quality is not None and not 0 <= quality <= 1:
        raise EtudeError("quality in [0, 1]", str(quality))
    level = None if quality is None or kind in ("WAV", "FLAC") else 1.0 - quality
    with (
        replacing(path) as new,
        soundfile.SoundFile(new, "w", audio.rate, 1, subtype, format=kind, compression_level=level) as file,
    ):
        for start in range(0, len(audio), _BLOCK):
            file.write(audio.samples[start : start + _BLOCK])
    return path


@contextmanager
def _opened(path: Path | str):
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            yield file
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: a headerless format
        reason = str(error).replace(str(path), Path(path).name).rstrip(".")
        raise UnreadableFile(f"a sound file in {Path(path).name}", reason, "Convert it to WAV.") from error


def _mono(path: Path | str) -> Iterator[np.ndarray]:
    with _opened(path) as file:
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            if not np.isfinite(block).all():
                raise UnreadableFile(f"finite samples in {Path(path).name}", "NaN or infinity")
            yield block.mean(axis=1)


def _resampled(path: Path | str, rate: int | None) -> Iterator[np.ndarray]:
    with _opened(path) as file:
        source = file.samplerate
    if rate is None or rate == source:
        yield from _mono(path)
        return
    if rate < 1:
        raise EtudeError("a rate of at least 1 Hz", str(rate))
    import soxr

    stream = soxr.ResampleStream(source, rate, 1, dtype="float32")
    for block in _mono(path):
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
