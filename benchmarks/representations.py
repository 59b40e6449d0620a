"""Speed and memory of the representations, as ratios to the piano roll's.

    python benchmarks/representations.py [NAME ...]

Every representation encodes and decodes the same music: ten chorales of the train split, and the first one as 20 s of
sound made of sines. Times are the best of three by the processor's clock, per second of music, so that scores and
sound can be compared; memory is the peak of what Python and NumPy allocate while they handle the pieces one by one.
"""

import sys
import time
import tracemalloc

import numpy as np

from etude import Audio, EtudeError, Piece, corpus, representation
from etude.registry import REPRESENTATIONS

RATE, SECONDS, PIECES = 22050, 20, 10


def sound(piece: Piece) -> Piece:
    """Return the beginning of a piece as sines that fade."""
    score, samples = piece.score, np.zeros(RATE * SECONDS)
    second = 60 / score.bpm / score.ticks_per_quarter
    for onset, duration, pitch, _, _ in score.notes:
        start, end = (min(int(RATE * second * tick), len(samples)) for tick in (onset, onset + duration))
        clock = np.arange(end - start) / RATE
        samples[start:end] += np.exp(-2 * clock) * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * clock)
    return Piece(piece.name, audio=Audio((samples / np.abs(samples).max()).astype(np.float32), RATE))


def best_time(function, items) -> float:
    """Return processor seconds of `function` over all items, the best of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        for item in items:
            function(item)
        times.append(time.process_time() - start)
    return min(times)


def peak_bytes(function, items) -> int:
    """Return the most bytes that Python and NumPy held beyond those before, over the items one by one."""
    tracemalloc.start()
    for item in items:
        function(item)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def measure(name: str, scores: list[Piece], sounds: list[Piece]) -> dict[str, float]:
    """Return microseconds per second of music and peak megabytes of one representation."""
    one = representation(name)
    pieces = scores if one.domain == "score" else sounds
    codes = [one.encode(piece) for piece in pieces]  # also warms up what is loaded on first use
    one.decode(codes[0])
    seconds = sum(getattr(piece, one.domain).seconds for piece in pieces)
    return {
        "encode": 1e6 * best_time(one.encode, pieces) / seconds,
        "decode": 1e6 * best_time(one.decode, codes) / seconds,
        "encode MB": peak_bytes(one.encode, pieces) / 1e6,
        "decode MB": peak_bytes(one.decode, codes) / 1e6,
        "codes kB/s": sum(x.nbytes for x in codes) / 1e3 / seconds,
    }


def main(names: list[str]) -> None:
    """Print the table."""
    scores = list(corpus("chorales").load("train")[:PIECES])
    sounds = [sound(scores[0])]
    floor = measure("pianoroll", scores, sounds)
    print(f"pianoroll: {floor['encode']:.0f} us to encode and {floor['decode']:.0f} us to decode a second of music")
    print(f"{'':14}{'encode':>10}{'decode':>10}{'encode MB':>12}{'decode MB':>12}{'codes kB/s':>12}")
    for name in names or REPRESENTATIONS:
        row = floor if name == "pianoroll" else measure(name, scores, sounds)
        ratios = "".join(f"{row[key] / floor[key]:9.1f}x" for key in ("encode", "decode"))
        print(f"{name:14}{ratios}" + "".join(f"{row[key]:12.2f}" for key in list(row)[2:]))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except EtudeError as error:
        sys.exit(str(error))
