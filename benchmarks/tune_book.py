"""A tune book of any length is read in time proportional to it: 1000 tunes in one file against 20 000, and many files.

Run: python benchmarks/tune_book.py [TUNES [FILES]]

Printed are the seconds to open the folder for the first time (every tune is read), to open it again, and to go through
all pieces: of the clock, and of the processors, with those of the workers, which say more where a machine is busy. Per
thousand tunes they stay what they are where the cost is linear.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

SMALL = 1000


def tune(number: int) -> str:
    """Return a tune of 32 bars, of its own."""
    draw = random.Random(number)
    bars = ["".join(draw.choice("CDEFGABcdefg") for _ in range(8)) for _ in range(32)]
    lines = ["|".join(bars[start : start + 4]) + "|" for start in range(0, 32, 4)]
    return "\n".join([f"X:{number}", f"T:Reel {number}", "M:4/4", "L:1/8", "K:D", *lines]) + "\n\n"


def now() -> np.ndarray:
    """Return seconds of the clock, and of the processors for this process and its workers that have ended."""
    times = os.times()
    return np.array([times.elapsed, times.user + times.system + times.children_user + times.children_system])


def measure(folder: Path) -> dict[str, np.ndarray]:
    """Return the seconds of each step over a folder, of the clock and of the processors."""
    import etude

    seconds = {}
    for step in ("first opening", "opening again"):
        started = now()
        corpus = etude.corpus("folder", path=str(folder), split=(1, 0, 0), verbose=False)
        seconds[step] = now() - started
    started = now()
    notes = sum(len(piece.score) for piece in corpus.load("train"))
    seconds["a pass"] = now() - started
    assert notes == 256 * corpus.count("train")
    return seconds


def main(tunes: int = 20_000, files: int = 10_000) -> None:
    """Print the table."""
    layouts = {f"{SMALL} in one file": (1, SMALL), f"{tunes} in one file": (1, tunes), f"{files} files": (files, 1)}
    with tempfile.TemporaryDirectory() as room:
        os.environ["ETUDE_CACHE"] = str(Path(room, "cache"))
        for name, (books, each) in layouts.items():
            folder = Path(room, name.replace(" ", "-"))
            folder.mkdir()
            for book in range(books):
                text = "".join(tune(book * each + number) for number in range(1, each + 1))
                (folder / f"{book:05}.abc").write_text(text)
            for step, seconds in measure(folder).items():
                wall, busy = seconds
                each_thousand = 1000 * busy / (books * each)
                print(f"{name:20} {step:14} {wall:8.2f} s of the clock {busy:8.2f} s of the processors"
                      f" {each_thousand:8.3f} s per thousand tunes", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
