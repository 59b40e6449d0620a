"""Training the TCN: whole batches through one matrix product a layer, against one sequence at a time.

Run: python benchmarks/tcn_training.py [--epochs N]; about three minutes. It needs the benchmark's files (`etude fetch
benchmark`) and says so where they are missing.

The model is the TCN row of the benchmark chapter on JSB_Chorales. "one by one" is the way of the program that Bai,
Kolter & Koltun (2018) published with their paper (section 3 and appendix A): `nn.Conv1d` with weight norm (Salimans &
Kingma 2016), padded on both sides and cut on the right, `nn.Dropout`, one sequence to an optimiser step, Adam with rate
0.001, gradients clipped. "batched" is `Model.fit`: windows of many pieces side by side, in all keys, AdamW, a schedule.

Both see as many frames in an epoch. Seconds are those of the processor on one thread, the best of alternating epochs
without validation. Nats per frame are those of the validation split without first frames, which their network does not
foresee; after equal epochs, the best so far of each. The test split is not touched.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("ETUDE_THREADS", "1")

import argparse
import sys
import time
from math import log

import numpy as np
import torch
from torch import nn

import etude
from etude import Budget, EtudeError
from etude.evaluation.protocol import FRAME, nats_per_frame
from etude.models.torch.dilated import Dropout
from etude.study import benchmark
from etude.study.benchmark_rows import rows

BATCH, RATE, CLIP = 8, 4e-3, 0.2


class Chomped(nn.Module):
    """A convolution padded on both sides, of which the end that saw the future is cut off; ReLU and dropout."""

    def __init__(self, inputs: int, channels: int, kernel: int, dilation: int, dropout: float):
        super().__init__()
        self.surplus = (kernel - 1) * dilation
        convolution = nn.Conv1d(inputs, channels, kernel, padding=self.surplus, dilation=dilation)
        self.convolution, self.dropout = nn.utils.parametrizations.weight_norm(convolution), nn.Dropout(dropout)

    def forward(self, x):
        return self.dropout(torch.relu(self.convolution(x)[:, :, : -self.surplus].contiguous()))


class Residual(nn.Module):
    """Two such convolutions and the way around them."""

    def __init__(self, inputs: int, channels: int, kernel: int, dilation: int, dropout: float):
        super().__init__()
        self.both = nn.Sequential(
            Chomped(inputs, channels, kernel, dilation, dropout), Chomped(channels, channels, kernel, dilation, dropout)
        )
        self.around = nn.Conv1d(inputs, channels, 1) if inputs != channels else nn.Identity()

    def forward(self, x):
        return torch.relu(self.both(x) + self.around(x))


class OneByOne:
    """The published program's way: one sequence, one step."""

    def __init__(self, train, valid, channels: int, kernel: int, blocks: int, dropout: float):
        torch.manual_seed(0)
        self.rng, widths = np.random.default_rng(0), [88] + [channels] * blocks
        layers = [Residual(widths[i], channels, kernel, 2**i, dropout) for i in range(blocks)]
        self.network = nn.Sequential(*layers, nn.Conv1d(channels, 88, 1))
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        self.train, self.valid = ([torch.tensor(x, dtype=torch.float32).T for x in xs] for xs in (train, valid))

    def nats(self, x):
        """Return the nats of all frames but the first of a roll Float[88, T]."""
        logits = self.network(x[None, :, :-1])[0]
        return nn.functional.binary_cross_entropy_with_logits(logits, x[:, 1:], reduction="sum")

    def epoch(self) -> None:
        """Learn every piece once, in random order."""
        self.network.train()
        for i in self.rng.permutation(len(self.train)):
            self.optimizer.zero_grad()
            self.nats(self.train[i]).backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
            self.optimizer.step()

    def score(self) -> float:
        """Return nats per frame of the validation pieces."""
        self.network.eval()
        with torch.inference_mode():
            return float(sum(self.nats(x) for x in self.valid)) / sum(x.shape[1] - 1 for x in self.valid)


class Batched:
    """The study's way: `Model.fit`."""

    def __init__(self, train, valid, options: dict):
        self.options, self.valid = options, valid
        self.moved, self.window = benchmark.transposed(train, 12), benchmark.window_of(train)
        self.frames = sum(map(len, train))

    def steps(self, epochs: int) -> int:
        """Return the optimiser steps that see as many frames as so many epochs."""
        mean = np.mean([min(len(x), self.window) for x in self.moved])
        return round(epochs * self.frames / (BATCH * mean))

    def fit(self, epochs: int, valid=()):
        """Return the model after so many epochs."""
        model, steps = etude.model("tcn", FRAME, seed=0, **self.options), self.steps(epochs)
        every = max(1, steps // max(1, epochs // 2))
        model.fit(self.moved, valid, Budget(steps, BATCH, self.window, RATE, every, weight_decay=0.1, average=0.99))
        return model

    def score(self, model) -> float:
        """Return nats per frame of the validation pieces."""
        return nats_per_frame(model.step_bits(self.valid), self.valid, first_frame=False)


def seconds(call) -> float:
    """Return the processor seconds of a call."""
    begin = time.process_time()
    call()
    return time.process_time() - begin


def dropout_cost(channels: int, repeats: int = 30) -> float:
    """Return how many times as long `nn.Dropout` takes as ours, forward and backward, on activations of one batch."""
    x = torch.randn(BATCH, 96, channels, requires_grad=True)
    ours, theirs = Dropout(0.5).train(), nn.Dropout(0.5).train()

    def both_ways(layer):
        for _ in range(repeats):
            layer(x).sum().backward()

    times = [(seconds(lambda: both_ways(theirs)), seconds(lambda: both_ways(ours))) for _ in range(5)]
    return min(t for t, _ in times) / min(o for _, o in times)


def main() -> None:
    """Print the comparison."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--epochs", type=int, default=20)
    epochs = options.parse_args().epochs
    torch.set_num_threads(1)
    data = {split: benchmark.rolls("JSB_Chorales")[split] for split in ("train", "valid")}
    sizes = rows(data["train"])["TCN"].options
    theirs, ours = OneByOne(data["train"], data["valid"], **sizes), Batched(data["train"], data["valid"], sizes)
    ours.fit(1)  # what is loaded on first use
    best, times = {}, {"one by one": [], "batched": []}
    for epoch in range(1, epochs + 1):
        times["one by one"].append(seconds(theirs.epoch))
        best[epoch] = min(theirs.score(), best.get(epoch - 1, np.inf))
        if epoch % 4 == 0:
            times["batched"].append(seconds(lambda: ours.fit(4)) / 4)
    slow, fast = (min(some) for some in times.values())
    print(f"TCN {sizes}, {len(data['train'])} pieces; {ours.steps(1)} optimiser steps an epoch instead of one a piece")
    print(f"one by one {slow:6.2f} s an epoch, 1.0 x")
    print(f"batched    {fast:6.2f} s an epoch, {slow / fast:.1f} x as fast")
    for some in (epochs // 2, epochs):
        mine = ours.score(ours.fit(some, data["valid"]))
        print(f"after {some} epochs, nats per frame of the validation split: one by one {best[some]:.2f}, "
              f"batched {mine:.2f} ({mine - best[some]:+.2f})")  # fmt: skip
    print(f"dropout alone: nn.Dropout takes {dropout_cost(sizes['channels']):.1f} x as long")


if __name__ == "__main__":
    try:
        main()
    except EtudeError as error:
        sys.exit(str(error))
