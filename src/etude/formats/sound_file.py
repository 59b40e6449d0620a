"""A sound file as blocks of mono samples, held against what the file says of itself."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from etude.errors import UnreadableFile
from etude.formats.sound_containers import Part, check_sound, flac_digest

LOWEST_RATE, HIGHEST_RATE = 1000, 768_000  # Hz
BLOCK, BLOCK_VALUES = 2**16, 2**19  # frames at a time at most, and values: fewer frames where there are many channels
CANCELLED = 0.01  # of the channels' mean power is left in their mean: -20 dB; one of N channels alone leaves 1 / N
WINDOW = 0.0625  # seconds at a time in which channels may cancel
LOST, BRIEF = 0.05, 0.2  # what may get lost so: this share of all power, or so many seconds' worth, whichever is less
UNKNOWN_LENGTH = 2**62  # frames
_OVERSHOOTING = ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG")


@contextmanager
def opened(path: Path | str) -> Iterator[SoundParts]:
    """Open a sound file; whatever libsndfile makes of it in the block is an UnreadableFile."""
    import soundfile

    path = Path(path)
    try:
        with path.open("rb") as file:
            yield SoundParts(path, file)
    except OSError as error:
        raise UnreadableFile("a sound file", f"{path}: {error.strerror or error}", "Check the path.") from error
    except soundfile.SoundFileError as error:
        reason = str(error).partition(": ")[2].removeprefix("Error : ").rstrip(".") or str(error)
        got = f"{path.name}, in which libsndfile finds: {reason}"
        raise UnreadableFile("a sound file that can be decoded", got, "Convert it to WAV.") from error


class SoundParts:
    """An open sound file: one sound, or several that are chained, with one rate.

    Attributes
    ----------
    rate : int
        Samples per second.
    frames : int
        As the header says.
    simple : bool
        One channel and whole numbers: there is nothing to find out by `survey` before `blocks` are taken.
    peak : float
        Largest magnitude of the samples of `blocks`, once `survey` knows it.
    """

    def __init__(self, path: Path, file: io.BufferedReader):
        self.path, self._file, self._parts = path, file, check_sound(path)
        self._size = path.stat().st_size
        self._taken: list[int | None] = [None] * len(self._parts)
        self.peak, rates, self.frames, self.simple = 0.0, set(), 0, True
        for part in self._parts:
            with self._decoder(part) as sound:
                rates.add(sound.samplerate)
                self.frames += sound.frames
                self.simple &= sound.channels == 1 and not sound.subtype.startswith(_OVERSHOOTING)
        if len(rates) > 1:
            got = f"{path.name}, with {' and '.join(f'{rate} Hz' for rate in sorted(rates))}"
            raise UnreadableFile("a chain of sounds at one rate", got, "Convert it to WAV.")
        (self.rate,) = rates
        if not LOWEST_RATE <= self.rate <= HIGHEST_RATE:
            expected = f"a rate of {LOWEST_RATE} to {HIGHEST_RATE} Hz"
            raise UnreadableFile(expected, f"{self.rate} Hz in {path.name}", "Its header is wrong, or it is no sound.")

    def survey(self) -> int:
        """Decode the sound to its end; return how many samples there are. It sets `peak` and what is taken of channels.

        Raises
        ------
        UnreadableFile
            Fewer or other samples than the header tells of, some that are not finite, or channels of which neither the
            mean nor any one holds all that sounds.
        """
        surveys = [_Survey(self._decoded(part), self.path, self.rate) for part in self._parts]
        self._taken = [survey.channel for survey in surveys]
        self.peak = max(survey.peaks[0 if survey.channel is None else 1 + survey.channel] for survey in surveys)
        return sum(survey.frames for survey in surveys)

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield the sound, Float32[t], from the beginning: the mean of the channels, or the one that `survey` took."""
        for part, channel in zip(self._parts, self._taken, strict=True):
            for block in self._decoded(part):
                yield _finite(_mean(block) if channel is None else block[:, channel].copy(), self.path)

    def _decoded(self, part: Part) -> Iterator[np.ndarray]:
        """Yield what libsndfile decodes of a part, Float32[t, channels]; raises UnreadableFile where it is not all."""
        digest = _Digest.of(self.path)
        with self._decoder(part) as sound:
            left, size = sound.frames, max(1, min(BLOCK, BLOCK_VALUES // sound.channels))
            estimated = sound.format == "MP3" or left >= UNKNOWN_LENGTH
            while len(block := sound.read(size, dtype="float32", always_2d=True)):
                left -= len(block)
                digest.update(block)
                yield block
        if (left > 0 and not estimated) or not digest.agrees():
            got = f"{self.path.name}, which is cut off or damaged: its samples are not those that its header tells of"
            raise UnreadableFile("a whole sound file", got, "Copy it again.")

    def _decoder(self, part: Part):
        """Return libsndfile's reader of a part, by open file and not by name: a suffix would mislead it."""
        import soundfile

        if part != Part(0, self._size):
            return soundfile.SoundFile(_Slice(self._file, part))
        self._file.seek(0)
        return soundfile.SoundFile(self._file.fileno(), closefd=False)


class _Survey:
    """What a pass over blocks Float32[t, channels] finds: frames, and of the mean and each channel in turn the peak.

    `channel` is None where the mean of the channels holds all that they do, else the loudest one that does: where
    channels are opposites of each other, their mean is silent.
    """

    def __init__(self, blocks: Iterator[np.ndarray], path: Path, rate: int):
        self.frames, self.peaks, self._powers, self._lost = 0, np.zeros(1), np.zeros(1), np.zeros(1)
        for block in blocks:
            each = np.column_stack([_mean(block), block]) if block.shape[1] > 1 else block
            _finite(each, path)
            self.frames += len(block)
            self.peaks = np.maximum(self.peaks, np.abs(each).max(axis=0))
            if block.shape[1] > 1:
                squares = np.square(each, dtype=np.float64)
                self._powers = self._powers + squares.sum(axis=0)
                self._lost = self._lost + _lost(squares, max(1, round(WINDOW * rate)))
        self.channel = self._taken(path, rate) if len(self._powers) > 1 else None

    def _taken(self, path: Path, rate: int) -> int | None:
        power = self._powers[1:].mean()
        allowed = power * min(LOST, BRIEF * rate / max(self.frames, 1))
        if self._lost[0] <= allowed:
            return None
        whole = self._lost[1:] <= allowed
        if not whole.any():
            got = f"{path.name}, in which channels cancel each other out, and none of them holds all that sounds"
            raise UnreadableFile("channels whose mean can be taken", got, "Mix them down to one channel, and save it.")
        return int(np.where(whole, self._powers[1:], -1).argmax())


def _lost(squares: np.ndarray, window: int) -> np.ndarray:
    """Return what taking each of the columns [t] loses: the channels' mean power in windows where it has next to none.

    The first column is the mean of the channels, which are the others.
    """
    windows = np.add.reduceat(squares, np.arange(0, len(squares), window), axis=0)
    channels = windows[:, 1:].mean(axis=1, keepdims=True)
    return np.where(windows < CANCELLED * channels, channels, 0.0).sum(axis=0)


def _mean(block: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # to infinity, which is refused
        return block.mean(axis=1)


def _finite(samples: np.ndarray, path: Path) -> np.ndarray:
    if not np.isfinite(samples).all():
        got, remedy = "NaN, infinity or what adds up to it", "Write it anew as 16-bit WAV."
        raise UnreadableFile(f"finite samples in {path.name}", got, remedy)
    return samples


class _Digest:
    """The MD5 of the samples of a FLAC file, as whole numbers, held against the one that the file keeps."""

    def __init__(self, expected: bytes, bits: int):
        self.expected, self.bits, self.found = expected, bits, hashlib.md5(usedforsecurity=False)

    @staticmethod
    def of(path: Path) -> _Digest:
        """Return the digest to check; where there is none, or floats cannot hold the samples, all agree."""
        kept = flac_digest(path)
        return _Digest(*kept) if kept and kept[1] <= 24 else _Digest(b"", 0)

    def update(self, block: np.ndarray) -> None:
        if self.expected:
            whole = (block * np.float32(2 ** (self.bits - 1))).astype("<i4").reshape(-1, 1).view(np.uint8)
            self.found.update(np.ascontiguousarray(whole[:, : -(-self.bits // 8)]))

    def agrees(self) -> bool:
        return not self.expected or self.found.digest() == self.expected


class _Slice(io.RawIOBase):
    """A part of an open file as a file."""

    def __init__(self, file: io.BufferedReader, part: Part):
        self._file, self._part, self._at = file, part, 0
        self._size = len(part.before) + part.end - part.start

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        room = max(self._size - self._at, 0)
        size, before = room if size < 0 else min(size, room), len(self._part.before)
        data = self._part.before[self._at : self._at + size]
        self._file.seek(self._part.start + max(self._at - before, 0))
        data += self._file.read(size - len(data))
        self._at += len(data)
        return data
