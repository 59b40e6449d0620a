"""A range coder that distributions drive: symbols in, bytes out, and back.

`constriction` codes; this file closes its files with the fewest bytes that name a point of the final interval (its own
closing costs 16 bits on average, ours 3), and keeps a damaged file from running on for ever: a file of n bytes cannot
hold symbols of more than 8 n bits, give or take the closing.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError, UnreadableFile
from etude.evaluation.lengths import elias_delta, read_elias_delta

SLACK, ROUNDING = 64, 1.02  # a sound file may seem to hold so many bits, and times, beyond its size: the closing
LEAST = 2.0**-24  # the coder's own smallest probability, and the step in which it counts
COIN = np.array([[0.5, 0.5]])


class Writer:
    """A range encoder that choosers write to."""

    def __init__(self):
        from constriction import stream

        self.queue, self.family = stream.queue.RangeEncoder(), stream.model.Categorical(perfect=False)

    def write(self, symbols: np.ndarray, probabilities: np.ndarray) -> None:
        """Write symbols Int[k] under distributions Float64[k, levels]."""
        if probabilities.shape[-1] > 1:  # a sure thing takes no room
            self.queue.encode(np.asarray(symbols, np.int32), self.family, _normalisable(probabilities))

    def whole_number(self, n: int) -> None:
        """Write n >= 1 in Elias's delta code."""
        for bit in elias_delta(n):
            self.write(np.array([bit]), COIN)

    def data(self) -> bytes:
        """Return the file, closed with the fewest bytes that name a point of the final interval."""
        words, (written, (lower, width)) = self.queue.get_compressed(), self.queue.pos()
        data = words.astype(">u4").tobytes()
        for size in range(9):
            unit = 1 << (64 - 8 * size)
            point = -(-lower // unit) * unit
            if point < min(lower + width, 1 << 64):
                return data[: 4 * written] + point.to_bytes(9, "big")[1 : 1 + size]
        return data  # the interval straddles a carry: constriction's own closing


class Reader:
    """A range decoder that choosers read from; refuses to give more than its file can hold."""

    def __init__(self, data: bytes):
        from constriction import stream

        words = np.frombuffer(bytes(data) + b"\0" * (-len(data) % 4), ">u4").astype(np.uint32)  # zeros past the end
        self.queue, self.family = stream.queue.RangeDecoder(words), stream.model.Categorical(perfect=False)
        self.room = ROUNDING * 8 * len(data) + SLACK

    def read(self, probabilities: np.ndarray) -> np.ndarray:
        """Return symbols Int[k], read under distributions Float64[k, levels]."""
        if probabilities.shape[-1] == 1:
            return np.zeros(len(probabilities), np.int64)
        p = _normalisable(probabilities)
        try:
            symbols = self.queue.decode(self.family, p).astype(np.int64)
        except AssertionError as error:
            raise damaged(str(error)) from error
        chosen = np.minimum(p[np.arange(len(p)), symbols] + 3 * LEAST, 1.0)  # what the coder gave it, at most
        self.room += np.log2(chosen).sum()
        if self.room < 0:
            raise damaged("one that goes on beyond its size")
        return symbols

    def close(self) -> None:
        """Take note that all has been read."""

    def whole_number(self) -> int:
        """Read a number in Elias's delta code."""
        return read_elias_delta(lambda: int(self.read(COIN)[0]))


def _normalisable(p: np.ndarray) -> np.ndarray:
    p = np.ascontiguousarray(p, np.float64)
    if not (np.isfinite(p).all() and (p >= 0).all() and (p.sum(axis=-1) > 0).all()):
        raise EtudeError("probabilities, finite and not negative", "others", "The model's output is at fault.")
    return p


def damaged(got: str) -> UnreadableFile:
    """Return the error for a file that no encoder wrote."""
    return UnreadableFile("a file that this model wrote", got, "It is damaged, or another model wrote it.")
