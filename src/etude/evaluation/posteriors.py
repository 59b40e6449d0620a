"""What a network hears: the probability of each key's onset and sound, frame after frame, in memory that does not grow.

The network is Basic Pitch (Bittner, Bosch, Rubinstein, Meseguer-Brocal and Ewert 2022, "A Lightweight
Instrument-Agnostic Model for Polyphonic Note Transcription and Multipitch Estimation", ICASSP): 17 000 weights, trained
on voices, guitars, pianos and mixed ensembles. Its weights are published by Spotify under the Apache licence 2.0; they
lie beside this file in `basic_pitch/` with that licence, taken unchanged from the wheel of basic-pitch 0.4.0. That
package itself cannot be installed here, since it holds TensorFlow below 2.15.1, and is not needed: onnxruntime runs the
graph, and what is before and after it is written here, after the paper.

The network takes 43 844 samples at 22 050 Hz (2 s less a hop) and gives 172 frames, one every 256 samples. What it
says near the ends of a window is unreliable, so 15 frames are dropped on either side and the next window begins 142
frames later: a whole number of hops, so that frame t always stands for the sample 256 t and nothing drifts.

It scales each window's spectrum to its own extremes. Loudness therefore does not matter, but in a window that is as
good as silent the network would transcribe the last bit: below `SILENT` its answer is taken to be nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from etude.errors import CorruptCheckpoint, EtudeError, MissingData, MissingPackage
from etude.types import Audio

RATE, HOP, KEYS = 22050, 256, 88
WINDOW = 43844  # samples
EDGE, KEPT = 15, 142  # frames of a window: dropped at its start, and kept after them
SILENT = 1e-4  # of full scale: three times the last bit of 16
BLOCK_SECONDS = 10.0
WEIGHTS = Path(__file__).with_name("basic_pitch") / "nmp.onnx"
SHA256 = "2c3c1d144bfa61ad236e92e169c13535c880469a12a047d4e73451f2c059a0ec"
ONSET_OUTPUT, FRAME_OUTPUT = "StatefulPartitionedCall:2", "StatefulPartitionedCall:1"  # as the graph names them

Sound = Audio | Iterable[Audio]


def note_posteriors(sound: Sound) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the posteriors of a sound in turn, a window's worth at a time.

    Parameters
    ----------
    sound : Audio, or blocks of one sound
        As `etude.formats.audio.stream_audio` yields them; any rate.

    Yields
    ------
    onset, frame : Float32[n, 88]
        The probability that each key of the piano is struck, and that it sounds, at times 256 t / 22050 s: all blocks
        together are ceil(samples at 22 050 Hz / 256) frames.

    Raises
    ------
    MissingPackage, MissingData, CorruptCheckpoint
        onnxruntime or the weights are not there, or the weights are not those published.
    EtudeError
        Blocks that are not `Audio` of one rate.
    """
    network = _network(WEIGHTS)
    for window, frames in _windows(_resampled(_blocks(sound))):
        onset, frame = network(window)
        yield onset[EDGE : EDGE + frames], frame[EDGE : EDGE + frames]


@lru_cache(maxsize=1)
def _network(weights: Path) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackage("onnxruntime, to transcribe sound", "none", "Run: pip install onnxruntime") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # 45 x real time, and no threads to compete
    session = onnxruntime.InferenceSession(_checked(weights), options, providers=["CPUExecutionProvider"])
    (given,) = (one.name for one in session.get_inputs())

    def network(window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if np.abs(window).max() < SILENT:
            return np.zeros((2, EDGE + KEPT, KEYS), np.float32)
        onset, frame = session.run([ONSET_OUTPUT, FRAME_OUTPUT], {given: window[None, :, None]})
        return onset[0], frame[0]

    return network


def _checked(weights: Path) -> bytes:
    remedy = "Install étude again, or restore the file with git."
    if not weights.is_file():
        raise MissingData("the transcriber's weights", f"no file {weights.name} beside etude.evaluation", remedy)
    content = weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise CorruptCheckpoint("the weights of Basic Pitch 0.4.0", f"other bytes in {weights.name}", remedy)
    return content


def _blocks(sound: Sound) -> Iterator[Audio]:
    rate = None
    for audio in [sound] if isinstance(sound, Audio) else sound:
        if not isinstance(audio, Audio) or audio.rate != (rate or audio.rate):
            got = f"{audio.rate} Hz after {rate} Hz" if isinstance(audio, Audio) else type(audio).__name__
            raise EtudeError("an Audio, or blocks of Audio of one rate", got)
        rate, size = audio.rate, max(1, round(BLOCK_SECONDS * audio.rate))
        yield from (Audio(audio.samples[start : start + size], rate) for start in range(0, len(audio), size))


def _resampled(blocks: Iterator[Audio]) -> Iterator[np.ndarray]:
    """Yield samples at 22 050 Hz; the resampler carries its state from one block to the next."""
    stream = None
    for audio in blocks:
        if audio.rate != RATE and stream is None:
            import soxr

            stream = soxr.ResampleStream(audio.rate, RATE, 1, dtype="float32")
        yield audio.samples if stream is None else stream.resample_chunk(audio.samples)
    if stream is not None:
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _windows(blocks: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, int]]:
    """Yield windows Float32[WINDOW], each a whole number of hops after the last, and how many frames of each count."""
    held, owed = np.zeros(EDGE * HOP, np.float32), 0  # samples from the window's start; those whose frames are to come
    for block in blocks:
        held, owed = np.concatenate([held, block]), owed + len(block)
        while len(held) >= WINDOW:
            yield held[:WINDOW], KEPT
            held, owed = held[KEPT * HOP :], owed - KEPT * HOP
    while owed > 0:
        yield np.pad(held, (0, WINDOW - len(held))), min(KEPT, -(-owed // HOP))
        held, owed = held[KEPT * HOP :], owed - KEPT * HOP
