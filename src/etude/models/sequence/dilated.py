"""Dilated causal convolutions: what the TCN and WaveNet share, without naming a framework.

A convolution is causal where its output at step t reads inputs up to t only, and dilated by d where its k taps are d
steps apart (van den Oord et al. 2016, section 2.1; Bai, Kolter & Koltun 2018, section 3)::

    y_t = b + sum of x_{t - (k - 1 - j) d} @ W[j] over j = 0 .. k - 1,    x_s = 0 before the first step

One such layer sees (k - 1) d steps beyond the current one. With dilations that double from layer to layer, a stack of
n layers sees of the order of 2^n steps, and remembers, from step to step, the last (k - 1) d inputs of each layer.

`weight` is Float32[k * in, out], the taps below each other, oldest first: y is one matrix product of `weight` and the
k inputs side by side. `bias` is Float32[out].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np

from etude.errors import EtudeError
from etude.models.sequence.sequence import embedding_arrays
from etude.types import Space

MOST_DOUBLINGS = 40


def receptive_field(kernel: int, dilations: Sequence[int]) -> int:
    """Return how many inputs, the current one included, the output of stacked convolutions depends on.

    Parameters
    ----------
    kernel : int
        Taps of each convolution, k.
    dilations : sequence of int
        Steps between the taps, one number a convolution.
    """
    return 1 + (kernel - 1) * sum(dilations)


def doubling(layers: int) -> list[int]:
    """Return the dilations 1, 2, 4, .. of some layers; raises EtudeError for more than `MOST_DOUBLINGS`."""
    if layers > MOST_DOUBLINGS:
        got = str(layers)[:20]
        raise EtudeError(f"at most {MOST_DOUBLINGS} layers whose dilation doubles", got, "That sees 10^12 steps.")
    return [2**layer for layer in range(layers)]


def linear_arrays(inputs: int, outputs: int, rng: np.random.Generator, gain: float = 1.0) -> dict[str, np.ndarray]:
    """Return initial `weight` and `bias` of a linear map, or of a convolution with `inputs` = kernel * channels.

    Weights are uniform with variance gain^2 / inputs (gain sqrt(2) before a ReLU: He et al. 2015), biases 0.
    """
    weight = rng.uniform(-1, 1, (inputs, outputs)) * (gain * sqrt(3 / inputs))
    return {"weight": weight.astype(np.float32), "bias": np.zeros(outputs, np.float32)}


def reading_size(space: Space, scalar: int) -> int:
    """Return how large a vector an event is read as by default: `scalar`, or a channel for each code that sounds."""
    return space.entries * (space.levels - 1) if space.event_shape else scalar


def reading_arrays(space: Space, size: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return initial embeddings: a frame of `reading_size` channels is read as the roll itself, 1 where a code sounds.

    On the polyphonic benchmark that is 0.1 nats a frame better than random vectors.
    Anything else is read as in `embedding_arrays`.
    """
    arrays = embedding_arrays(space, size, rng)
    if space.event_shape and size == reading_size(space, 0):
        rows = np.arange(space.entries * space.levels)
        arrays["embedding.table"] = np.eye(len(rows), dtype=np.float32)[:, rows % space.levels > 0]
        arrays["embedding.start"] = np.zeros(size, np.float32)
    return arrays


def part_views(parts: Mapping) -> dict:
    """Return the weights of the parts of a layer, each under the part's name; a part that is None has none."""
    there = {prefix: part for prefix, part in parts.items() if part is not None}
    return {name: view for prefix, part in there.items() for name, view in named(prefix, part.views()).items()}


def named(prefix: str, arrays: dict) -> dict:
    """Return the arrays with `prefix.` before their names."""
    return {f"{prefix}.{name}": array for name, array in arrays.items()}
