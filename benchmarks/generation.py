"""How fast music is written: state carried from step to step against reading the past again at every step.

Run it with ``python benchmarks/generation.py``; it takes about a minute and a half. All ratios come from one run on one
machine, in processor seconds of one thread, so that busy neighbours matter less.

Three ways draw the same pieces from the same random numbers, which is asserted: `carried` keeps the state (an RNN's
vectors, a convolution's caches), `prefix` reads all events so far again, `field` reads again only as many as the
convolutions can see, which an RNN does not allow. What reading costs grows with the piece, or with the field; carrying
costs the same at every step. A batch shares what a step costs beside arithmetic: the last column says how many times as
many steps a second it writes as one piece does.
"""

from __future__ import annotations

import argparse

import numpy as np
from rnn import SPACE, rereading, seconds, stateful

import etude

WAYS = ("prefix", "field")  # of reading again
MODELS = {
    "rnn": {"cell": "gru", "hidden": 256, "layers": 1},
    "tcn": {"channels": 128, "blocks": 5, "kernel": 3},
    "wavenet": {"residual": 64, "skip": 128, "stacks": 2, "dilations": 6},
}


def measured(model, n: int, steps: int) -> dict[str, float]:
    """Return the milliseconds of a step of n pieces, for each way to write them."""
    ways = {"carried": lambda: stateful(model, n, steps), "prefix": lambda: rereading(model, n, steps)}
    if hasattr(model, "receptive_field"):
        ways["field"] = lambda: rereading(model, n, steps, model.receptive_field)
    pieces = {}
    times = {name: seconds(lambda name=name: pieces.update({name: ways[name]()}), 1) for name in ways}
    assert all(np.array_equal(pieces["carried"], other) for other in pieces.values()), "two ways, two pieces"
    times["carried"] = min(times["carried"], seconds(ways["carried"], 2))
    return {name: 1000 * time / steps for name, time in times.items()}


def row(name: str, n: int, ms: dict[str, float], alone: float) -> str:
    """Return a line of the table; `alone` are the milliseconds of one piece, its state carried."""
    again = "".join(f"{ms[way]:11.2f}{ms[way] / ms['carried']:7.1f}x" if way in ms else f"{'-':>19}" for way in WAYS)
    return f"{name:9}{n:7}{ms['carried']:13.3f}{again}{1000 * n / ms['carried']:10.0f}{alone * n / ms['carried']:7.1f}x"


def main() -> None:
    """Print the table."""
    import torch

    torch.set_num_threads(1)  # several would add their waiting to the processor time
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", type=int, default=400, help="length of the pieces")
    options.add_argument("--pieces", type=int, nargs="+", default=[1, 16], help="pieces side by side")
    given = options.parse_args()
    print(f"{given.steps} steps, {SPACE.levels} levels; processor milliseconds of a step, one thread")
    heads = "".join(f"{way:>11}{'ratio':>8}" for way in WAYS)
    print(f"{'model':9}{'pieces':>7}{'carried':>13}{heads}{'steps/s':>10}{'batch':>8}")
    for name, sizes in MODELS.items():
        model = etude.model(name, SPACE, **sizes)
        model.network.eval()
        stateful(model, 1, 5)  # what the first calls set up is not counted
        rows = {n: measured(model, n, given.steps) for n in sorted({1, *given.pieces})}
        for n, ms in rows.items():
            print(row(name, n, ms, rows[1]["carried"]))


if __name__ == "__main__":
    main()
