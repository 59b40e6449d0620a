"""How fast SampleRNN and the RNN write sound: the piece read again for every sample, carried state, compiled code.

Run it with ``python benchmarks/samplernn_generation.py``; it takes about a minute. All ratios come from one run on one
machine, in processor seconds of one thread, the best of some short repeats.

All ways draw the same samples from the same random numbers, which is asserted. `reread` reads a piece again for one
more sample, here of so many samples as the longest receptive field that the study gives a WaveNet; it grows with the
piece. `carried` is `sample`; `compiled` is the stream, one and several. The floor is what it takes to add up the
weights that a sample needs, on average: a recurrent tier is needed once a frame.
"""

from __future__ import annotations

import argparse

from rnn import seconds, stateful
from wavenet_generation import RATE, SPACE, check, compiled, first_block, floor

import etude

MODELS = {
    "SampleRNN, 3 tiers": ("samplernn", {"frames": [4, 16], "hidden": 256}),
    "SampleRNN, 2 tiers": ("samplernn", {"frames": [16], "hidden": 256}),
    "GRU": ("rnn", {"cell": "gru", "hidden": 256, "layers": 1}),
    "LSTM": ("rnn", {"cell": "lstm", "hidden": 256, "layers": 1}),
}
PIECE = 2047  # samples


def reread(model) -> float:
    """Return the seconds of a sample for which the piece before it is read again."""
    import torch

    past = torch.randint(0, 256, (1, PIECE, 1))
    with torch.inference_mode():
        return seconds(lambda: model.network.features(past, torch.ones(1, dtype=torch.bool)), 5)


def weights_read(model) -> int:
    """Return how many weights a sample needs on average; tables are looked up."""
    tables, total = ("embedding", "rnn.0.input", "samplernn.1.read"), 0.0
    for name, array in model._arrays().items():
        family, tier, *_ = name.split(".")
        if family == "samplernn" and tier != "1":
            # once a frame, and so is each map of `upsample`; what reads the frame is a table
            total += 0 if ".frame." in name else array.size / model.options["frames"][int(tier) - 2]
        elif not name.startswith(tables):
            total += array.size
    return round(total)


def table(name: str, model, steps: int, streams: int) -> None:
    """Print what a model takes, after it was seen that all ways draw the same samples."""
    model.network.eval()
    cold, warm = first_block(model)
    for n in (1, streams):
        check(model, n, 300)
    size = weights_read(model)
    read = floor(size)
    times = {
        ("reread", 1): reread(model),
        ("carried", 1): seconds(lambda: stateful(model, 1, 200), 3) / 200,
        ("compiled", 1): compiled(model, 1, steps),
        ("compiled", streams): compiled(model, streams, steps // streams),
        ("floor", 1): read,
    }
    print(f"\n{name}: {model.parameters / 1e6:.2f} M weights, {4 * size / 1e6:.2f} MB of them for a sample")
    print(f"first sample after {cold:.1f} s, in later processes after {warm:.2f} s: compiled once, kept on disk")
    head = f"{'way':10}{'streams':>8}{'us/step':>10}{'samples/s':>11}{'real time':>11}"
    print(f"{head}{'reread':>9}{'carried':>9}{'floor':>8}")
    for (way, n), time in times.items():
        again, carried = (times[other, 1] * n / time for other in ("reread", "carried"))
        rates = f"{1e6 * time:10.1f}{n / time:11.0f}{n / time / RATE:10.2f}x"
        print(f"{way:10}{n:8}{rates}{again:8.0f}x{carried:8.1f}x{time / read:7.2f}x")


def main() -> None:
    """Print a table for each model."""
    import torch

    torch.set_num_threads(1)  # several would add their waiting to the processor time
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", type=int, default=1600, help="samples of a stream in a repeat")
    options.add_argument("--streams", type=int, default=8, help="streams side by side")
    options.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    given = options.parse_args()
    print(f"one thread; real time is {RATE} samples a second; reread is of {PIECE} samples")
    for name in given.models:
        family, sizes = MODELS[name]
        table(name, etude.model(family, SPACE, **sizes), given.steps, given.streams)


if __name__ == "__main__":
    main()
