"""Ten hours of audio through `Waveform.stream` and `Spectrogram.stream`: peak memory and speed.

Run: python benchmarks/streaming.py [HOURS [RATE_OF_THE_FILE]]

The file (noise with a slow beat, FLAC) is written first, a minute at a time, and each representation reads it in a
process of its own, whose peak resident memory is printed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

READ = """
import resource, sys, time
import etude
name, path, options = sys.argv[1], sys.argv[2], eval(sys.argv[3])
started, steps = time.perf_counter(), 0
for codes in etude.representation(name, **options).stream(path):
    steps += len(codes)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
print(steps, peak, time.perf_counter() - started)
"""


def write_hours(path: Path, hours: float, rate: int) -> None:
    """Write `hours` of sound as FLAC at `rate`."""
    rng, minute = np.random.default_rng(0), np.sin(np.arange(60 * rate) * (2 * np.pi * 220 / rate)).astype(np.float32)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
        for _ in range(round(hours * 60)):
            file.write(minute * np.float32(0.5) + rng.normal(0, 0.05, len(minute)).astype(np.float32))


def measure(path: Path, name: str, options: dict) -> tuple[int, float, float]:
    """Return steps, peak memory in MiB and seconds of a process that streams the file."""
    command = [sys.executable, "-c", READ, name, str(path), repr(options)]
    steps, peak, seconds = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return int(steps), float(peak), float(seconds)


def main(hours: float = 10.0, rate: int = 22050) -> None:
    with tempfile.TemporaryDirectory() as room:
        path = Path(room, "long.flac")
        started = time.perf_counter()
        write_hours(path, hours, rate)
        size = path.stat().st_size / 2**20
        print(f"{hours:g} h at {rate} Hz, {size:.0f} MiB, written in {time.perf_counter() - started:.0f} s")
        for name, options in (("waveform", {}), ("spectrogram", {}), ("spectrogram", {"scale": "mel"}),
                              ("spectrogram", {"scale": "cqt"})):  # fmt: skip
            steps, peak, seconds = measure(path, name, options)
            print(
                f"{name} {options.get('scale', '')}: {steps} steps, peak {peak:.0f} MiB = {peak / 1024:.2f} of 1 GiB, "
                f"{hours * 3600 / seconds:.0f} x real time"
            )


if __name__ == "__main__":
    main(*(cast(value) for cast, value in zip((float, int), sys.argv[1:], strict=False)))
