"""Ten hours of sound, from a file to a fit and to code lengths: peak memory, as a part of 2 GB.

Run: python benchmarks/audio_streaming.py [HOURS [RATE]]

Each task has a process of its own, whose peak resident memory is printed, pages of mapped codes included. `code` opens
a folder with one recording of a tenth of the hours (a tone in noise, WAV) with `coding="mu-law"`; its worker is
measured too. `benchmarks/streaming.py` shows that what coding holds does not grow with the file. The other tasks use
codes of all the hours, cut into pieces of a minute, which are written without sounds:

- windows: batches of random windows from all pieces.
- train: some steps of a WaveNet on all pieces, and its score of four seconds.
- score: the code lengths of all pieces under the marginal floor, fitted to all; of four seconds under a WaveNet.
- generate: ten seconds by `WaveNet.stream`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np

from etude.corpora.code_store import stored

LIMIT = 2e9  # bytes

START = """
import resource, sys
from pathlib import Path
import etude
room, rate = Path(sys.argv[1]), int(sys.argv[2])
representation = etude.representation("waveform", rate=rate)

def pieces():
    from etude.corpora.code_store import stored
    return list(stored(room / "codes", "uint8", ()).values())

def wavenet():
    return etude.model("wavenet", representation.space, residual=32, skip=128, stacks=2, dilations=10, dropout=0.0)
"""
TASKS = {
    "code": """
options = {"path": room / "music", "rate": rate, "coding": "mu-law", "longest": 60.0, "verbose": False}
corpus = etude.corpus("folder", seconds=600.0, **options)
xs = [representation.encode(piece) for split in corpus.splits for piece in corpus.load(split)]
done = sum(map(len, xs))
""",
    "windows": """
from etude.training import Windows
windows = Windows(pieces(), 4096, 16)
done = sum(int(windows.batch(step).mask.sum()) for step in range(200))
""",
    "train": """
xs, budget = pieces(), etude.Budget(steps=2, batch_size=4, window=4096, valid_every=2)
wavenet().fit(xs, [xs[0][: 4 * rate]], budget)
done = 2 * 4 * 4096
""",
    "score": """
from etude.evaluation.bits import code_lengths
xs, floor = pieces(), etude.model("marginal", representation.space)
floor.fit(xs, xs[:1])
done = sum(map(len, xs)) if code_lengths(floor, xs).total > 0 else 0
code_lengths(wavenet(), [xs[0][: 4 * rate]])
""",
    "generate": """
done = sum(block.size for block in wavenet().stream(1, 10 * rate))
""",
}
END = """
unit = 1 if sys.platform == "darwin" else 1024
print(done, *(resource.getrusage(who).ru_maxrss * unit for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
"""


def write_recording(path: Path, minutes: int, rate: int) -> None:
    """Write a tone in noise, a minute over and over."""
    tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(60 * rate) / rate) + noise(60 * rate)
    minute = (32767 * np.clip(tone, -1, 1)).astype("<i2").tobytes()
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        for _ in range(minutes):
            file.writeframesraw(minute)


def write_codes(folder: Path, minutes: int, rate: int) -> None:
    """Write a store of pieces of a minute, normally distributed about the code of silence."""
    piece = np.clip(128 + 600 * noise(60 * rate), 0, 255).astype(np.uint8)
    stored(folder, np.uint8, ((f"minute {k}", [np.roll(piece, k)]) for k in range(minutes)))


def noise(samples: int) -> np.ndarray:
    """Return normal noise of standard deviation 0.05."""
    return np.random.default_rng(0).normal(0, 0.05, samples)


def measured(task: str, room: Path, rate: int) -> tuple[list[int], float]:
    """Return steps done, peak bytes of the process and of its largest worker; and its seconds."""
    command = [sys.executable, "-W", "ignore", "-c", START + TASKS[task] + END, str(room), str(rate)]
    environment = os.environ | {"ETUDE_CACHE": str(room / "cache")}
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return [int(number) for number in done.stdout.split()[-3:]], time.perf_counter() - started


def main(hours: float = 10.0, rate: int = 16000) -> None:
    """Print the table; end with an error where a task needs more than the limit."""
    minutes, worst = round(60 * hours), 0
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        (room / "music").mkdir()
        write_recording(room / "music" / "long.wav", max(1, minutes // 10), rate)
        write_codes(room / "codes", minutes, rate)
        size = 60 * minutes * rate
        print(
            f"{hours:g} h at {rate} Hz: {size / 1e6:.0f} MB of codes; as integers of 8 bytes, {8 * size / 1e9:.1f} GB"
        )
        print(f"{'task':10}{'steps':>12}{'peak MB':>9}{'of 2 GB':>9}{'worker MB':>11}{'seconds':>9}")
        for task in TASKS:
            (steps, peak, worker), seconds = measured(task, room, rate)
            row = f"{task:10}{steps:12}{peak / 1e6:9.0f}{peak / LIMIT:9.2f}"
            print(f"{row}{worker / 1e6:11.0f}{seconds:9.1f}", flush=True)
            worst = max(worst, peak, worker)
    if worst > LIMIT:
        sys.exit(f"{worst / 1e6:.0f} MB, more than {LIMIT / 1e6:.0f}")


if __name__ == "__main__":
    main(*(cast(value) for cast, value in zip((float, int), sys.argv[1:], strict=False)))
