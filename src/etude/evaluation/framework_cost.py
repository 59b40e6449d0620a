"""What the same fit costs in each framework: start-up, first step, later steps, memory. Taught in chapter 21.

Every fit has a process of its own, and the frameworks take turns, so that what else the machine does falls on both. A
step is the mean over the second half of a fit; the first half pays for building graphs, whose excess over the second is
the first step. Seconds are the processor's, of one thread, unless the clock's are asked for; ratios of one run say more
than either.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.memory import peak_memory_mb
from etude.models.halves import tables
from etude.types import Budget, Space

FAMILIES = {  # family, event shape, options
    "lstm": ("rnn", (), {"hidden": 256, "layers": 2, "embedding": 64}),
    "gru": ("rnn", (), {"cell": "gru", "hidden": 256, "layers": 1, "embedding": 64}),
    "tcn": ("tcn", (), {"channels": 128, "blocks": 5, "embedding": 64}),
    "wavenet": ("wavenet", (), {"residual": 64, "skip": 128, "stacks": 2, "dilations": 6}),
    "rnn-nade": ("rnn", (88,), {"hidden": 128, "layers": 1, "output": "nade"}),
    "vae": ("vae", (88,), {"segment": 16}),
}
SHARE = 0.05  # of keys that sound
POOLS = ("ETUDE_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def cost_table(families: Sequence[str] = tuple(FAMILIES), steps: int = 10, threads: int = 1, wall: bool = False):
    """Return what fits cost, one row for each family and framework.

    Parameters
    ----------
    families : sequence of str
        Among `FAMILIES`, with the sizes given there.
    steps : int
        Optimiser steps in each half of a fit, of 32 windows of 128 steps.
    threads : int
    wall : bool
        Seconds of the clock, which count on a machine at rest only.

    Returns
    -------
    pandas.DataFrame
        family, framework, start (until a model has scored a piece, s), first_step (s), step (s), peak_mb (largest
        resident memory of the process), ratio (of the step to that of the family's first row).
    """
    import pandas as pd

    rows = []
    for name in families:
        if name not in FAMILIES:
            raise unknown_name("family with sizes", name, FAMILIES)
        found = {framework: _apart(name, framework, steps, threads, wall) for framework in tables()}
        first = next(iter(found.values()))["step"]
        rows += [{"family": name, "framework": fw, **row, "ratio": row["step"] / first} for fw, row in found.items()]
    return pd.DataFrame(rows)


def _apart(name: str, framework: str, steps: int, threads: int, wall: bool) -> dict[str, float]:
    """Measure one fit in a process of its own."""
    command = [sys.executable, "-m", __name__, json.dumps([name, framework, steps, wall])]
    environment = {**os.environ, **dict.fromkeys(POOLS, str(threads))}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ran.returncode:
        said = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
        raise EtudeError(f"a fit of {name} in {framework}", f"a process that ended with: {said}")
    return json.loads(ran.stdout.splitlines()[-1])


class _Borders(logging.Handler):
    """Reads a clock whenever the engine says how far it is."""

    def __init__(self, clock):
        super().__init__(logging.INFO)
        self.clock, self.times = clock, []

    def emit(self, record):
        if record.getMessage().startswith("step "):
            self.times.append(self.clock())


def _measured(name: str, framework: str, steps: int, wall: bool) -> dict[str, float]:
    clock = time.perf_counter if wall else time.process_time
    begun = 0.0 if not wall else clock()  # the processor's seconds count from the start of the process
    from etude import registry

    family, shape, options = FAMILIES[name]
    space = Space(shape, 3 if shape else 128)
    model = registry.model(family, space, framework=framework, **options)
    model.weights()
    model.bits([np.zeros((2, *shape), np.int64)])
    start = clock()
    borders, log = _Borders(clock), logging.getLogger("etude.training")
    log.addHandler(borders)
    log.setLevel(logging.INFO)
    model.fit(_pieces(space), (), Budget(steps=2 * steps, batch_size=32, window=128, valid_every=steps))
    first, second = np.diff([start, *borders.times])
    step = second / steps
    return {"start": start - begun, "first_step": first - second + step, "step": step, "peak_mb": peak_memory_mb()}


def _pieces(space: Space) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, space.levels, (400, *space.event_shape)) for _ in range(8)]
    return [x * (rng.random(x.shape) < SHARE) if space.event_shape else x for x in drawn]


if __name__ == "__main__":
    print(json.dumps(_measured(*json.loads(sys.argv[1]))))
