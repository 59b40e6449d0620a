"""How fast the RNN writes: one step with carried state against a second look at the whole prefix; LSTM against GRU.

Run it with ``python benchmarks/rnn.py``; it takes about half a minute. All ratios come from one run on one machine.
Processor seconds are counted, not wall time, so that busy neighbours matter less.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import etude
from etude import Space
from etude.models.autoregressive import draw
from etude.training import Windows

SPACE = Space((), 170, end=169)  # event tokens of the chorales


def seconds(call, repeats: int = 3) -> float:
    """Return the processor seconds of the fastest of some calls."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        call()
        times.append(time.process_time() - begin)
    return min(times)


def stateful(model, n: int, steps: int) -> np.ndarray:
    """Draw n pieces, one step of the network for each event."""
    stepper, choose = model.stepper(n), draw(np.random.default_rng(0))
    return np.stack([stepper.step(choose) for _ in range(steps)], axis=1)


def rereading(model, n: int, steps: int, reach: int | None = None) -> np.ndarray:
    """Draw the same pieces, reading the whole prefix again for each event, or its last `reach` events."""
    reach = reach or steps
    choose, x = draw(np.random.default_rng(0)), np.zeros((n, 1, 1), np.int64)  # the first event is the start vector
    for t in range(steps):
        begins = np.full(n, t < reach)  # the start is still among the events read
        x = np.concatenate([x, _next(model.network, x[:, -reach:], begins, choose)[:, None]], axis=1)
    return x[:, 1:, 0]


def _next(network, past, begins, choose):
    import torch

    with torch.inference_mode():
        features, _ = network.features(torch.from_numpy(past), torch.from_numpy(begins))
        return network.output.choose(features[:, -1], choose)


def train_step(model, batch_size: int = 32, window: int = 128):
    """Return a call that goes through one batch forward and backward."""
    import torch

    pieces = [np.random.default_rng(0).integers(0, 169, 5000)]
    batch = Windows(pieces, window, batch_size).batch(0)
    batch = type(batch)(*map(torch.from_numpy, batch))
    return lambda: model.network.train().loss(batch).backward()


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hidden", type=int, default=256)
    options.add_argument("--layers", type=int, default=1)
    options.add_argument("--steps", type=int, default=300)
    given = options.parse_args()
    print(f"hidden {given.hidden}, layers {given.layers}, {given.steps} steps, 170 levels; processor time")
    print(f"{'cell':6}{'pieces':>7}{'ms/step':>9}{'steps/s':>9}{'reread ms/step':>16}{'ratio':>7}{'train ms':>10}")
    for cell in ("lstm", "gru"):
        model = etude.model("rnn", SPACE, cell=cell, hidden=given.hidden, layers=given.layers)
        learning = 1000 * seconds(train_step(model))
        model.network.eval()
        for n in (1, 16, 64):
            assert np.array_equal(stateful(model, n, 50), rereading(model, n, 50)), "two ways, two pieces"
            carried = 1000 * seconds(lambda model=model, n=n: stateful(model, n, given.steps)) / given.steps
            again = 1000 * seconds(lambda model=model, n=n: rereading(model, n, given.steps), 1) / given.steps
            rate = 1000 * n / carried
            print(f"{cell:6}{n:7}{carried:9.3f}{rate:9.0f}{again:16.2f}{again / carried:7.1f}{learning:10.0f}")


if __name__ == "__main__":
    main()
