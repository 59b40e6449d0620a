"""Push mutated inputs through every door of étude, and count what became of them.

    python tests/fuzz.py                      20,000 inputs (ten minutes and more)
    python tests/fuzz.py --n 500 --seed 3     fewer, others
    python tests/fuzz.py --seconds 600        as many as ten minutes allow, whichever is less
    python tests/fuzz.py --door files.mid --n 1000 --keep faults

Every batch runs in a process of its own, so that a crash of it is counted and not the end. Exit status 1 where a door
crashed, hung, let a traceback out or believed what is wrong, or where memory went beyond the limits: 1 GB in the
process that a reader would be in, 2 GB in a worker.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

BATCH, BATCH_SECONDS = 100, 1800
FAULTS = ("crash", "hang", "traceback", "wrong", "crash in a worker", "hang in a worker")
MAIN_MB, WORKER_MB = 1000, 2000
SHOWN = 12


def fuzz(n: int, seed: int = 0, seconds: float = float("inf"), doors=None, keep: Path | None = None) -> dict:
    """Return the counts by door, peak memory in MB of main processes and workers, and the faults with their inputs."""
    from fuzz_doors import DOORS

    doors, ends = list(doors or DOORS), time.monotonic() + seconds
    shares = {door: DOORS[door][1] for door in doors}
    left = {door: max(1, round(n * share / sum(shares.values()))) for door, share in shares.items()}
    found = {"counts": {door: Counter() for door in doors}, "main_mb": 0.0, "worker_mb": 0.0, "faults": []}
    batch = 0
    while any(left.values()) and time.monotonic() < ends:
        for door in [door for door in doors if left[door]]:
            size = min(BATCH, left[door])
            left[door] -= size
            _add(found, door, _batch(door, seed, batch, size), size, keep)
            batch += 1
            if time.monotonic() >= ends:
                break
    return found


def _batch(door: str, seed: int, number: int, size: int) -> dict | str:
    """Run a batch in a process of its own; return what it says, or how it ended."""
    command = [sys.executable, __file__, "--batch", door, str(seed), str(number), str(size)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BATCH_SECONDS, errors="replace")
    except subprocess.TimeoutExpired:
        return f"still busy after {BATCH_SECONDS} s"
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        return f"exit status {done.returncode}: {done.stderr[-2000:]}"


def _add(found: dict, door: str, said: dict | str, size: int, keep: Path | None) -> None:
    if isinstance(said, str):
        found["counts"][door][("hang" if said.startswith("still") else "crash")] += size
        found["faults"].append((door, "crash", said))
        return
    found["counts"][door].update(said["counts"])
    for who in ("main_mb", "worker_mb"):
        found[who] = max(found[who], said[who])
    for outcome, about, data in said["faults"]:
        data = bytes.fromhex(data)
        found["faults"].append((door, outcome, about))
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            name = f"{door}-{outcome.replace(' ', '_')}-{hashlib.sha256(data).hexdigest()[:8]}"
            (keep / name).write_bytes(data)
            (keep / f"{name}.txt").write_text(about)


def run_batch(door: str, seed: int, number: int, size: int) -> dict:
    """Push `size` inputs through a door, here; the same numbers make the same inputs."""
    import numpy as np

    with tempfile.TemporaryDirectory(prefix="fuzz-") as room:
        for name in ("ETUDE_CACHE", "ETUDE_ROOT"):
            os.environ[name] = str(Path(room, name.lower()))
            Path(os.environ[name]).mkdir()
        from fuzz_doors import DOORS

        from etude.memory import peak_memory_mb

        key = [seed, number, int.from_bytes(hashlib.sha256(door.encode()).digest()[:4], "big")]
        outcomes = list(DOORS[door][0](Path(room), np.random.default_rng(key), size))
    faults = [(outcome, about, data.hex()) for outcome, about, data in outcomes if outcome in FAULTS]
    main, worker = peak_memory_mb(), peak_memory_mb(of_children=True)
    counts = Counter(outcome for outcome, _, _ in outcomes)
    return {"counts": counts, "main_mb": main, "worker_mb": worker, "faults": faults[:20]}


def report(found: dict) -> str:
    """Return the counts as a table, and the first faults."""
    outcomes = sorted({outcome for counts in found["counts"].values() for outcome in counts})
    lines = ["door".ljust(16) + "".join(name.rjust(20) for name in outcomes)]
    rows = [*found["counts"].items(), ("all", sum(found["counts"].values(), Counter()))]
    lines += [door.ljust(16) + "".join(f"{counts[name]:20}" for name in outcomes) for door, counts in rows]
    lines.append(f"peak memory: main {found['main_mb']:.0f} MB, workers {found['worker_mb']:.0f} MB")
    lines += [
        f"{door}: {outcome}: {' '.join(about.split())[-600:]}" for door, outcome, about in found["faults"][:SHOWN]
    ]
    return "\n".join(lines)


def is_clean(found: dict) -> bool:
    """Say whether nothing went wrong."""
    faults = sum(counts[fault] for counts in found["counts"].values() for fault in FAULTS)
    return not faults and found["main_mb"] < MAIN_MB and found["worker_mb"] < WORKER_MB


def main() -> int:
    """Read the command line, fuzz, print."""
    if sys.argv[1:2] == ["--batch"]:
        door, *numbers = sys.argv[2:]
        print("\n" + json.dumps(run_batch(door, *map(int, numbers))))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=20_000, help="inputs (default 20000)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--seed", type=int, default=0, help="other inputs")
    parser.add_argument("--door", action="append", help="one door only; may be repeated")
    parser.add_argument("--keep", type=Path, help="folder for inputs that found a fault")
    given = parser.parse_args()
    found = fuzz(given.n, given.seed, given.seconds, given.door, given.keep)
    print(report(found))
    return 0 if is_clean(found) else 1


if __name__ == "__main__":
    sys.exit(main())
