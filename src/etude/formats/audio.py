"""Sound files: WAV, FLAC, Ogg Vorbis and MP3, read and written by libsndfile; rates changed by libsoxr.

Sound here is mono Float32 in [-1, 1]. Channels are averaged; where that would silence them, or a passage of them,
because they are opposites of each other, the loudest that holds all that sounds is taken, and where there is none, the
file is refused. A lossy decoder may overshoot full scale, and a float WAV may hold anything: a sound whose peak is
above 1 is divided by it. What resampling adds beyond full scale is clipped. Whole or in blocks, the samples are the
same; what has to be known before the first of them, one decoding before finds out.

A file is held against what it says of itself: one that is cut off or damaged is refused where its container tells
(`etude.formats.sound_containers`), where fewer samples come than its header promises, or where those of a FLAC have
another digest. WAV, FLAC and MP3 of the same samples are the same bytes each time; an Ogg stream has a random serial
number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from etude.errors import EtudeError, UnreadableFile, unknown_name
from etude.files import replacing
from etude.formats.sound_file import SoundParts, opened
from etude.places import unwritable
from etude.types import Audio

FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS"),
           ".mp3": ("MP3", "MPEG_LAYER_III")}  # fmt: skip
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
MOST_SAMPLES = 90_000_000  # of a sound that is read whole: half an hour at 48 kHz, 360 MB
_BLOCK = 2**16  # frames at a time: libsndfile's Vorbis encoder overflows its stack when handed minutes at once


def read_audio(path: Path | str, rate: int | None = None) -> Audio:
    """Read a sound file whole, as mono.

    It is decoded in this process, by native code: a file that you do not trust belongs in a process of its own, as
    `etude.corpora.one_file.read_piece` and the corpus `folder` read it.

    Parameters
    ----------
    path : Path or str
    rate : int, optional
        Samples per second wanted; resampled (soxr HQ) where the file has another.

    Raises
    ------
    UnreadableFile
        Where it is no sound file, cut off, damaged, with samples that are not finite, or longer than `MOST_SAMPLES`.
    """
    with opened(path) as file:
        peak, blocks, count = _peak(file), [], 0
        for block in _resampled(file, rate):
            blocks.append(block)
            count += len(block)
            if count > MOST_SAMPLES:
                remedy = "Cut it, read it at a lower rate, or stream it."
                raise UnreadableFile(f"at most {MOST_SAMPLES} samples to hold at once", Path(path).name, remedy)
        samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
        return Audio(_within(samples, peak), rate or file.rate)


def stream_audio(path: Path | str, rate: int | None = None, block_seconds: float = 10.0) -> Iterator[Audio]:
    """Yield a sound file in blocks of `block_seconds` (the last may be shorter), in memory that does not grow.

    The blocks join without seams: concatenated they are what `read_audio` returns. The resampler carries its state
    from one block to the next. What `read_audio` refuses for its end is refused when the end is reached.
    """
    with opened(path) as file:
        peak, rate = _peak(file), rate or file.rate
        size, held = max(1, round(block_seconds * rate)), np.zeros(0, np.float32)
        for block in _resampled(file, rate):
            held = np.concatenate([held, block])
            while len(held) >= size:
                yield Audio(_within(held[:size].copy(), peak), rate)
                held = held[size:]
        if len(held):
            yield Audio(_within(held, peak), rate)


def audio_info(path: Path | str) -> tuple[float, int]:
    """Return duration in seconds and rate in Hz of a sound file, from its header."""
    with opened(path) as file:
        return file.frames / file.rate, file.rate


def write_audio(audio: Audio, path: Path | str, quality: float | None = None) -> Path:
    """Write `audio` in the format that the suffix of `path` names: .wav, .flac (16 bit), .ogg or .mp3.

    Parameters
    ----------
    audio : Audio
    path : Path or str
    quality : float in [0, 1], optional
        Of .ogg and .mp3, 1 the best; by default libsndfile's choice.
    """
    with sound_writer(path, audio.rate, quality) as file:
        for start in range(0, len(audio), _BLOCK):
            file.write(audio.samples[start : start + _BLOCK])
    return Path(path)


@contextmanager
def sound_writer(path: Path | str, rate: int, quality: float | None = None) -> Iterator:
    """Yield what takes blocks Float32[t] by `write`; the file appears whole, or not at all.

    Raises
    ------
    EtudeError
        Another format than `FORMATS`, a rate that MP3 does not know, or a quality outside [0, 1].
    Unwritable
        The place is read-only or full; libsndfile does not say which.
    """
    import soundfile

    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise unknown_name("sound format", path.suffix, FORMATS)
    kind, subtype = FORMATS[path.suffix.lower()]
    if kind == "MP3" and rate not in MP3_RATES:
        raise EtudeError(f"an MP3 rate: {', '.join(map(str, MP3_RATES))}", f"{rate} Hz", "Write .ogg or .wav.")
    if quality is not None and not 0 <= quality <= 1:
        raise EtudeError("quality in [0, 1]", str(quality))
    level = None if quality is None or kind in ("WAV", "FLAC") else 1.0 - quality
    form = {"samplerate": rate, "channels": 1, "subtype": subtype, "format": kind, "compression_level": level}
    with replacing(path) as new, new.open("wb") as bare:  # a name that is not UTF-8 is none to libsndfile
        try:
            with soundfile.SoundFile(bare.fileno(), "w", **form, closefd=False) as file:
                yield file
        except soundfile.SoundFileError as error:
            raise unwritable(OSError(str(error)), path) from error


def _peak(file: SoundParts) -> float:
    """Return what the samples of a file have to be divided by, and let the file choose its channels."""
    if not file.simple:
        file.survey()
    return file.peak


def _within(samples: np.ndarray, peak: float) -> np.ndarray:
    """Divide samples by a peak above 1, and clip what is still beyond full scale, in place."""
    if peak > 1:
        np.divide(samples, np.float32(peak), out=samples)
    return np.clip(samples, -1, 1, out=samples)


def _resampled(file: SoundParts, rate: int | None) -> Iterator[np.ndarray]:
    if rate is None or rate == file.rate:
        yield from file.blocks()
        return
    if rate < 1:
        raise EtudeError("a rate of at least 1 Hz", str(rate))
    import soxr

    stream = soxr.ResampleStream(file.rate, rate, 1, dtype="float32")
    for block in file.blocks():
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
