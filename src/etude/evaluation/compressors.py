"""General compressors as floors: what a program that knows no music makes of the same codes.

`xz` is LZMA (Lempel-Ziv with a range coder), `ppmd` is PPM variant H (Cleary and Witten 1984; Shkarin 2002), `flac` the
lossless audio coder. Each is taken at its best: no container (LZMA's raw stream, PPMd's raw stream, FLAC's frames
without the header), highest effort, and, for scores, in two forms: `alone`, and primed by the training pieces, which is
how a learnt model meets a piece too:

    bits(piece | train) = 8 (size(train then piece) - size(train)).

PPMd takes contexts of up to 24 bytes. Of 4 to 32, on the validation chorales, that is within 0.5 % of the best for
event tokens and for text, and for the piano roll, whose frame of 22 bytes it just exceeds, less than half of what 16
need. It learns from a piece while it codes it, which the fitted models here do not. FLAC forgets everything at each
block, so priming would change nothing.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.lengths import length_bits
from etude.evaluation.primed import ppmd_stream, xz_stream
from etude.evaluation.primed_sizes import sizes_after
from etude.types import Bits, Piece, Space


def xz(data: bytes) -> bytes:
    """Return `data` as a raw LZMA stream."""
    compress, flush = xz_stream()
    return compress(data) + flush()


def ppmd(data: bytes) -> bytes:
    """Return `data` as a raw PPMd stream (variant H); its length is not part of it."""
    encode, flush = ppmd_stream()
    return encode(data) + flush()


def flac(x: np.ndarray, rate: int = 8000) -> bytes:
    """Return the FLAC frames of 8-bit codes Int[T] (code 128 is silence), the header left out."""
    import soundfile

    buffer = io.BytesIO()
    samples = ((np.asarray(x, np.int32) - 128) * 256).astype(np.int16)
    soundfile.write(buffer, samples, rate, format="FLAC", subtype="PCM_S8", compression_level=1.0)
    return buffer.getvalue()[_flac_header_size(buffer.getvalue()) :]


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {"xz": xz, "ppmd": ppmd}


def as_bytes(x: np.ndarray, space: Space) -> bytes:
    """Return codes as the bytes that suit a compressor.

    One byte a code where the alphabet allows, else two; steps of few levels, such as a piano roll's frames, packed, so
    that a frame of 88 keys is 22 bytes (two bits a key) and a match of bytes is a match of keys.
    """
    x = space.check(x)
    if space.event_shape and space.levels <= 16:
        return _packed(x.reshape(len(x), space.entries), space.levels)
    return x.astype(np.uint8 if space.levels <= 256 else "<u2").tobytes()


def compressor_bits(name: str, xs: Sequence, space: Space, train: Sequence | None = None) -> Bits:
    """Return the bits of each piece Int[T, *E] under the compressor `name`, primed by `train` where it is given.

    Where the space has no end code, the piece's length is added (`length_bits`), so that the number is a whole code
    length, to be compared with a model's.
    """
    if name not in COMPRESSORS:
        raise EtudeError(f"a compressor among {', '.join(COMPRESSORS)}", name)
    before, pieces = b"".join(as_bytes(x, space) for x in train or ()), [as_bytes(x, space) for x in xs]
    sizes = sizes_after(name, before, pieces) if before else _side_by_side(lambda x: len(COMPRESSORS[name](x)), pieces)
    return Bits(8.0 * np.array(sizes) + _lengths(xs, space), "bound")


def flac_bits(xs: Sequence, space: Space) -> Bits:
    """Return the bits of each piece of samples Int[T] of 8 bits as FLAC frames, the length's code added."""
    if space.event_shape or space.levels != 256:
        raise EtudeError("scalar steps of 256 levels", f"{space}", "FLAC codes samples: use it for waveforms.")
    rate = int(space.rate or 8000)
    sizes = _side_by_side(lambda x: len(flac(x, rate)) if len(x) else 0, xs)
    return Bits(8.0 * np.array(sizes) + _lengths(xs, space), "bound")


def midi_file_bits(pieces: Sequence[Piece]) -> Bits:
    """Return the size of each piece's common score as a plain MIDI file, in bits."""
    from etude.formats.midi import write_midi

    with tempfile.TemporaryDirectory() as folder:
        path, sizes = Path(folder) / "piece.mid", []
        for piece in pieces:
            write_midi(piece.score.common(), path)
            sizes.append(8.0 * path.stat().st_size)
    return Bits(np.array(sizes), "bound")


def _packed(x: np.ndarray, levels: int) -> bytes:
    width = 1 if levels <= 2 else 2 if levels <= 4 else 4
    together = 8 // width
    room = np.zeros((len(x), -(-x.shape[1] // together) * together), np.uint8)
    room[:, : x.shape[1]] = x
    parts = room.reshape(len(x), -1, together) << (width * np.arange(together, dtype=np.uint8))
    return parts.sum(axis=-1).astype(np.uint8).tobytes()


def _flac_header_size(data: bytes) -> int:
    position, last = 4, False  # after b"fLaC" come metadata blocks: flag and type, 24 bits of size, content
    while not last:
        last = bool(data[position] & 0x80)
        position += 4 + int.from_bytes(data[position + 1 : position + 4], "big")
    return position


def _lengths(xs: Sequence, space: Space) -> np.ndarray:
    return np.array([0 if space.end is not None else length_bits(len(x)) for x in xs], np.float64)


def _side_by_side(size_of: Callable[[np.ndarray], int], xs: Sequence) -> list[int]:
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)  # the compressors release Python's lock
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(size_of, xs))
