"""Ten hours of sound from files to a fit and to code lengths: peak memory, as a part of 2 GB.

Run: python benchmarks/audio_streaming.py [HOURS [RATE]]

Files of half an hour (a beating tone in noise, WAV, written a minute at a time) are opened as a folder with
`coding="mu-law"`. Each task has a process of its own, whose peak resident memory is printed, pages of the mapped codes
included; the workers that code are counted one by one, the largest is shown.

- code: the folder is read and its recordings are coded, from nothing; opening them again afterwards costs little.
- windows: batches of random windows from all pieces.
- train: a few steps of a WaveNet on all pieces, and its score of a validation piece.
- score: the code lengths of all pieces, ten hours, under the marginal floor; of one piece under the WaveNet.
- generate: half a minute of sound by `WaveNet.stream`.
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

LIMIT = 2e9  # bytes
MINUTES = 30  # in a file
LONGEST = 60.0  # seconds in a piece
WAVENET = {"residual": 32, "skip": 128, "stacks": 2, "dilations": 10, "dropout": 0.0}

OPENED = """
import resource, sys
import etude
from etude.types import Budget
folder, rate, task = sys.argv[1], int(sys.argv[2]), sys.argv[3]
representation = etude.representation("waveform", rate=rate)
options = dict(path=folder, rate=rate, coding="mu-law", longest={longest}, verbose=False)
corpus = etude.corpus("folder", seconds=600.0, split=(0.9, 0.05, 0.05), **options)
pieces = [piece for split in corpus.splits for piece in corpus.load(split)]
xs = [representation.encode(piece) for piece in pieces]
steps = sum(len(x) for x in xs)
wavenet = lambda: etude.model("wavenet", representation.space, **{wavenet})
"""
TASKS = {
    "code": "",
    "windows": """
from etude.training import Windows
windows = Windows(xs, 4096, 16)
steps = sum(windows.batch(step).mask.sum() for step in range(200))
""",
    "train": """
wavenet().fit(xs[1:], xs[:1], Budget(steps=3, batch_size=4, window=4096, valid_every=3))
steps = 3 * 4 * 4096
""",
    "score": """
from etude.evaluation.bits import code_lengths
floor = etude.model("marginal", representation.space)
floor.fit(xs, xs[:1])
code_lengths(floor, xs)
code_lengths(wavenet(), xs[:1])
""",
    "generate": """
steps = 30 * rate
assert sum(block.size for block in wavenet().stream(1, steps)) == steps
""",
}
REPORT = """
unit = 1 if sys.platform == "darwin" else 1024
peaks = [resource.getrusage(who).ru_maxrss * unit for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(len(xs), steps, *peaks)
"""


def write_hours(folder: Path, hours: float, rate: int) -> None:
    """Write `hours` of sound as files of half an hour, no two alike."""
    rng, time_ = np.random.default_rng(0), np.arange(60 * rate) / rate
    for number in range(max(1, round(hours * 60 / MINUTES))):
        tone = 0.5 * np.sin(2 * np.pi * (220 + number) * time_) + rng.normal(0, 0.05, len(time_))
        minute = (32767 * np.clip(tone, -1, 1)).astype("<i2").tobytes()
        with wave.open(str(folder / f"{number:03}.wav"), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            for _ in range(MINUTES):
                file.writeframesraw(minute)


def measured(task: str, folder: Path, rate: int, cache: Path) -> tuple[list[int], float]:
    """Return pieces, steps, peak bytes of the process and of its largest worker; and its seconds."""
    code = OPENED.format(longest=LONGEST, wavenet=WAVENET) + TASKS[task] + REPORT
    started = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-c", code, str(folder), str(rate), task]
    environment = os.environ | {"ETUDE_CACHE": str(cache)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return [int(number) for number in done.stdout.split()[-4:]], time.perf_counter() - started


def main(hours: float = 10.0, rate: int = 16000) -> None:
    """Print the table; end with an error where a task needs more than the limit."""
    worst = 0
    with tempfile.TemporaryDirectory() as room:
        folder, cache = Path(room, "music"), Path(room, "cache")
        folder.mkdir()
        write_hours(folder, hours, rate)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(
            f"{hours:g} h at {rate} Hz, {size / 1e6:.0f} MB; widened to 8 bytes {8 * hours * 3600 * rate / 1e9:.1f} GB"
        )
        print(f"{'task':10}{'pieces':>8}{'steps':>12}{'peak MB':>9}{'of 2 GB':>9}{'worker MB':>11}{'seconds':>9}")
        for task in TASKS:
            (pieces, steps, peak, worker), seconds = measured(task, folder, rate, cache)
            print(
                f"{task:10}{pieces:8}{steps:12}{peak / 1e6:9.0f}{peak / LIMIT:9.2f}{worker / 1e6:11.0f}{seconds:9.1f}"
            )
            worst = max(worst, peak, worker)
    if worst > LIMIT:
        sys.exit(f"{worst / 1e6:.0f} MB, more than {LIMIT / 1e6:.0f}")


if __name__ == "__main__":
    main(*(cast(value) for cast, value in zip((float, int), sys.argv[1:], strict=False)))
