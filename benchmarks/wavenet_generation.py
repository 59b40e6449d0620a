"""How fast WaveNet writes sound: the full pass for every sample, the state carried in PyTorch, and compiled code.

Run it with ``python benchmarks/wavenet_generation.py``; it takes about a minute. All ratios come from one run on one
machine, in processor seconds of one thread, the best of some short repeats.

All ways draw the same samples from the same random numbers, which is asserted. `full pass` reads the whole receptive
field again for every sample; `carried` is `WaveNet.sample`; `compiled` is `WaveNet.stream`, one stream and several. The
floor is what it takes to add up all weights that a sample needs: no program that reads them once for each sample of one
stream is faster. Several streams share what is read.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from rnn import rereading, seconds, stateful

import etude
from etude import Space

RATE = 16000
SPACE = Space((), 256, rate=RATE)
SIZES = {"residual": 32, "skip": 128, "stacks": 2, "dilations": 10}
FIRST = """
import json, sys, time, etude
from etude.models.compiled.generator import stream
name, rate, sizes = json.loads(sys.argv[1])
blocks = stream(etude.model(name, etude.Space((), 256, rate=rate), **sizes), block=1)
started = time.perf_counter()
next(blocks)
print(time.perf_counter() - started)
"""


def full_pass(model) -> float:
    """Return the seconds of a sample whose whole receptive field is read again."""
    import torch

    past = torch.randint(0, 256, (1, model.receptive_field, 1))
    with torch.inference_mode():
        return seconds(lambda: model.network.features(past, torch.zeros(1, dtype=torch.bool)), 8)


def floor(size: int, repeats: int = 500) -> float:
    """Return the seconds that it takes to add up so many weights."""
    from etude.models.compiled.jit import part
    from etude.models.compiled.packing import aligned

    @part
    def read(weights, times):
        total = np.float32(0)
        for t in range(times):
            weights[t] += np.float32(1)  # or the compiler would read once
            for i in range(len(weights)):
                total += weights[i]
        return total

    weights = aligned((size,))
    read(weights, 1)
    return seconds(lambda: read(weights, repeats), 20) / repeats


def weights_read(model) -> int:
    """Return how many weights a sample needs; tables are looked up."""
    tables = ("embedding", "wavenet.input")
    return sum(array.size for name, array in model._arrays().items() if not name.startswith(tables))


def compiled(model, n: int, steps: int) -> float:
    """Return the seconds of a step of n streams."""
    from etude.models.compiled.generator import Generator

    generator, uniforms = Generator(model, n), np.random.default_rng(0).random((steps, n))
    return seconds(lambda: generator.write(np.zeros((0, n)), uniforms), 20) / steps


def first_block(model) -> list[float]:
    """Return the seconds to the first sample in two new processes: nothing on disk, and what the first left there."""
    with tempfile.TemporaryDirectory() as cache:
        what = json.dumps([model.name, model.space.rate, model.options])
        command = [sys.executable, "-c", FIRST, what]
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        runs = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(2)]
    return [float(run.stdout) for run in runs]


def check(model, n: int, steps: int) -> None:
    """Raise AssertionError unless all ways draw the same samples."""
    from etude.models.compiled.generator import stream

    codes = next(stream(model, n, steps, seed=0, block=steps))
    assert np.array_equal(codes, stateful(model, n, steps)), "the compiled stream and the stepper differ"
    again = rereading(model, n, min(steps, 100))
    assert np.array_equal(codes[:, : again.shape[1]], again), "the compiled stream and the full pass differ"


def main() -> None:
    """Print the table."""
    import torch

    torch.set_num_threads(1)  # several would add their waiting to the processor time
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", type=int, default=2000, help="samples of a stream in a repeat")
    options.add_argument("--streams", type=int, default=8, help="streams side by side")
    given = options.parse_args()
    model = etude.model("wavenet", SPACE, **SIZES)
    model.network.eval()
    cold, warm = first_block(model)
    print(f"WaveNet {SIZES}, receptive field {model.receptive_field}; one thread")
    print(f"first sample after {cold:.1f} s, in later processes after {warm:.2f} s: compiled once, kept on disk")
    for n in (1, given.streams):
        check(model, n, 2500 if n == 1 else 300)
    size = weights_read(model)
    read = floor(size)
    times = {
        ("full pass", 1): full_pass(model),
        ("carried", 1): seconds(lambda: stateful(model, 1, 200), 5) / 200,
        ("compiled", 1): compiled(model, 1, given.steps),
        ("compiled", given.streams): compiled(model, given.streams, given.steps // given.streams),
        ("floor", 1): read,
    }
    print(f"{4 * size / 1e6:.2f} MB of weights a sample")
    print(f"{'way':10}{'streams':>8}{'us/step':>10}{'samples/s':>11}{'real time':>11}{'full pass':>11}{'floor':>8}")
    for (way, n), time in times.items():
        faster, slower = times["full pass", 1] * n / time, time / read
        print(f"{way:10}{n:8}{1e6 * time:10.1f}{n / time:11.0f}{n / time / RATE:10.2f}x{faster:10.0f}x{slower:7.2f}x")


if __name__ == "__main__":
    main()
