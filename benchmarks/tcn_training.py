"""Training the TCN: batches of windows, a matrix product a layer, against one sequence at a time.

Run: python benchmarks/tcn_training.py [--epochs N] [--threads N]; about two minutes. It needs the benchmark's files
(`etude fetch benchmark`) and says so where they are missing.

The model is the TCN row of the benchmark chapter on JSB_Chorales. "one by one" is the way that Bai, Kolter & Koltun
(2018, section 3 and appendix A) describe and published: `nn.Conv1d` with weight norm (Salimans & Kingma 2016), padded
on both sides and cut on the right, `nn.Dropout`, one sequence to an optimiser step, Adam, gradients clipped. "batched"
is `Model.fit`: windows of many pieces side by side, AdamW, a schedule, averaged weights.

An epoch is as many frames as the training split has, for both. Seconds are those of epochs without validation, the two
ways in turn, the best of each: of the processor where there is one thread, else of the clock, on a machine at rest.
Nats per frame are those of the validation split without the first frames, which their network does not foresee: the
best so far after equal epochs. The test split is not touched.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import numpy as np
import torch
from torch import nn

import etude
from etude import Budget, EtudeError
from etude.errors import MissingData
from etude.evaluation.protocol import FRAME, nats_per_frame
from etude.models.torch.dilated import Dropout
from etude.study import benchmark
from etude.study.benchmark_rows import rows

BATCH, WINDOW, RATE, CLIP = 8, 64, 4e-3, 0.2


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

    def __init__(self, train, valid, sizes):
        self.train, self.valid, self.sizes = train, valid, sizes

    def steps(self, epochs: int) -> int:
        """Return the optimiser steps that see as many frames as so many epochs."""
        lengths = np.array([len(x) for x in self.train])
        # frames in a batch: pieces are drawn in proportion to their lengths
        seen = BATCH * np.average(np.minimum(lengths, WINDOW), weights=lengths)
        return round(epochs * lengths.sum() / seen)

    def fit(self, epochs: int, valid=()):
        """Return the model after so many epochs."""
        model, steps = etude.model("tcn", FRAME, seed=0, **self.sizes), self.steps(epochs)
        every = steps // 8 if valid else steps
        model.fit(self.train, valid, Budget(steps, BATCH, WINDOW, RATE, every, weight_decay=0.1, average=0.98))
        return model

    def score(self, epochs: int) -> float:
        """Return nats per frame of the validation pieces after so many epochs, the best weights kept."""
        model = self.fit(epochs, self.valid)
        return nats_per_frame(model.step_bits(self.valid), self.valid, first_frame=False)


def seconds(call, clock) -> float:
    """Return the seconds of a call."""
    begin = clock()
    call()
    return clock() - begin


def epoch_seconds(theirs: OneByOne, ours: Batched, clock, times: int = 4) -> tuple[float, float]:
    """Return the seconds of an epoch of each, the best of some taken in turn."""
    measured = [(seconds(theirs.epoch, clock), seconds(lambda: ours.fit(4), clock) / 4) for _ in range(times)]
    return tuple(map(min, zip(*measured, strict=True)))


def dropout_ratio(channels: int, repeats: int = 30) -> float:
    """Return how many times as long `nn.Dropout` takes as ours, forward and backward, on activations of one batch."""
    x = torch.randn(BATCH, WINDOW, channels, requires_grad=True)

    def both_ways(layer):
        for _ in range(repeats):
            layer(x).sum().backward()

    layers, clock = (nn.Dropout(0.5).train(), Dropout(0.5).train()), time.process_time
    times = [[seconds(lambda layer=layer: both_ways(layer), clock) for layer in layers] for _ in range(5)]
    theirs, ours = map(min, zip(*times, strict=True))
    return theirs / ours


def main() -> None:
    """Print the comparison."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--epochs", type=int, default=15)
    options.add_argument("--threads", type=int, default=1)
    given = options.parse_args()
    epochs, clock = given.epochs, time.process_time if given.threads == 1 else time.perf_counter
    os.environ["ETUDE_THREADS"] = str(given.threads)
    torch.set_num_threads(given.threads)
    data = benchmark.rolls("JSB_Chorales")
    train, valid = data["train"], data["valid"]
    sizes = rows(train)["TCN"].options
    theirs, ours = OneByOne(train, valid, **sizes), Batched(train, valid, sizes)
    print(f"TCN {sizes}: {len(train)} optimiser steps an epoch one by one, {ours.steps(1)} batched")
    ours.fit(1)  # what is loaded on first use
    slow, fast = epoch_seconds(theirs, ours, clock)
    compared = f"{slow:.2f} one by one, {fast:.2f} batched: {slow / fast:.1f} x as fast"
    print(f"seconds an epoch, threads {given.threads}: {compared}")
    theirs = OneByOne(train, valid, **sizes)
    scores = [theirs.epoch() or theirs.score() for _ in range(epochs)]
    print("nats per frame of the validation split, one by one and batched:")
    for some in (epochs // 2, epochs):
        print(f"after {some:3} epochs {min(scores[:some]):6.2f} {ours.score(some):6.2f}")
    print(f"dropout alone: nn.Dropout takes {dropout_ratio(sizes['channels']):.1f} x as long as ours")


if __name__ == "__main__":
    try:
        main()
    except MissingData as error:
        print(f"left out: {error}")
    except EtudeError as error:
        sys.exit(str(error))
