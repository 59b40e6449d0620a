"""The same fit in two frameworks: step time, time to the first step, start-up and memory, as ratios of one run.

Run: python benchmarks/frameworks.py [--wall] [--threads N] [--steps N] [FAMILY ...]

Each fit has a process of its own, and the frameworks take turns, so that what else the machine does falls on both.
A step is the median over a fit; `first` is what the first step takes more, to trace the graph and to make ready.
Seconds are the processor's, of one thread by default; `--wall` takes the clock's, which counts on a machine at rest
only. `start` is until a model is built, `peak` the largest resident memory. The last column is a framework's step over
that of the first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

FAMILIES = {
    "lstm": ("rnn", (), {"hidden": 256, "layers": 2, "embedding": 64}),
    "gru": ("rnn", (), {"cell": "gru", "hidden": 256, "layers": 1, "embedding": 64}),
    "tcn": ("tcn", (), {"channels": 128, "blocks": 5, "embedding": 64}),
    "wavenet": ("wavenet", (), {"residual": 64, "skip": 128, "stacks": 2, "dilations": 6}),
    "rnn-nade": ("rnn", (88,), {"hidden": 128, "layers": 1, "output": "nade"}),
    "vae": ("vae", (88,), {"segment": 16}),
}
FRAMEWORKS = ("torch", "tensorflow")
FIT = """
import json, resource, sys, time
family, shape, options, framework, steps, wall = json.loads(sys.argv[1])
clock = time.perf_counter if wall else time.process_time
begin = clock()
import numpy as np
import etude
from etude.training import record

times, advance = [], record.Record.advance
record.Record.advance = lambda self: times.append(clock()) or advance(self)
space = etude.Space(tuple(shape), 3 if shape else 128)
model = etude.model(family, space, framework=framework, **options)
model.network
start = clock() - begin
rng = np.random.default_rng(0)
share = 0.05 if shape else 1  # of keys that sound
pieces = [rng.integers(0, space.levels, (400, *shape)) * (rng.random((400, *shape)) < share) for _ in range(8)]
budget = etude.Budget(steps=steps, batch_size=32, window=128, valid_every=steps)
before = clock()
model.fit(pieces, (), budget)
step = float(np.median(np.diff(times)))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"start": start, "first": times[0] - before - step, "step": step, "peak": peak}))
"""


def measured(name: str, framework: str, threads: int, steps: int, wall: bool) -> dict[str, float]:
    """Return what one fit takes: seconds and MB."""
    bounds = dict.fromkeys(
        ("ETUDE_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads)
    )
    asked = json.dumps([*FAMILIES[name], framework, steps, wall])
    ran = subprocess.run(
        [sys.executable, "-c", FIT, asked], env={**os.environ, **bounds}, capture_output=True, text=True
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    return json.loads(ran.stdout)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("families", nargs="*", default=list(FAMILIES), metavar="FAMILY", help=", ".join(FAMILIES))
    options.add_argument("--steps", type=int, default=16, help="of a fit")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--wall", action="store_true", help="seconds of the clock")
    given = options.parse_args()
    print(f"{'':10}{'':12}{'start s':>9}{'first s':>9}{'step ms':>9}{'peak MB':>9}{'ratio':>8}")
    for name in given.families:
        found = {fw: measured(name, fw, given.threads, given.steps, given.wall) for fw in FRAMEWORKS}
        for framework, row in found.items():
            numbers = f"{row['start']:9.1f}{row['first']:9.1f}{1000 * row['step']:9.1f}{row['peak']:9.0f}"
            print(f"{name:10}{framework:12}{numbers}{row['step'] / found[FRAMEWORKS[0]]['step']:8.2f}", flush=True)


if __name__ == "__main__":
    main()
