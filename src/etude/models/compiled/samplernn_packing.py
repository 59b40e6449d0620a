"""Weights of a SampleRNN as the kernel reads them, and its state before the first step."""

from __future__ import annotations

import numpy as np

from etude.models.compiled.packing import aligned, before, padded, tables, whole
from etude.models.compiled.rnn_packing import layer_weights
from etude.models.compiled.samplernn import State, Weights
from etude.models.sequence.rnn import GATES
from etude.models.sequence.samplernn import ratios


def packed(model) -> Weights:
    """Return the weights of a SampleRNN (`etude.models.sequence.samplernn`) for the kernel."""
    arrays, (frames, cell) = model.network.arrays(), (model.options[k] for k in ("frames", "cell"))
    hidden, levels = arrays["output.weight"].shape
    names, size = [f"samplernn.{k}" for k in range(2, len(frames) + 2)], whole(hidden)
    upsample, upsample_bias = _upsample(arrays, names, hidden)
    return Weights(
        lstm=cell == "lstm",
        frames=np.array(frames, np.int64),
        tables=_begins(frames),
        says=_begins(ratios(frames)),
        frame=_aligned(np.concatenate([tables(arrays, f"{name}.frame") for name in names])),
        **_layers(arrays, names, cell, model.options["layers"], size),
        upsample=upsample,
        upsample_bias=upsample_bias,
        read=tables(arrays, "samplernn.1.read"),
        hidden=padded(arrays["samplernn.1.hidden.weight"], size, size),
        hidden_bias=padded(arrays["samplernn.1.hidden.bias"], size),
        output=padded(arrays["output.weight"], size, levels),
        output_bias=padded(arrays["output.bias"], levels),
    )


def fresh(weights: Weights, n: int) -> State:
    """Return the state of n streams before their first step."""
    (tiers, layers, hidden, gated), levels = weights.recurrent.shape, len(weights.output_bias)
    return State(
        phase=np.zeros(1, np.int64),
        past=before(levels, int(weights.frames[-1]), n),
        h=aligned((tiers, layers, n, hidden)),
        c=aligned((tiers, layers, n, hidden)),
        x=aligned((n, hidden)),
        a=aligned((n, gated)),
        b=aligned((n, gated)),
        features=aligned((2, n, hidden)),
        logits=aligned((n, levels)),
        weights=aligned((2, levels), np.float64),
    )


def _layers(arrays, names, cell: str, layers: int, size: int) -> dict[str, np.ndarray]:
    of_layers = [[layer_weights(arrays, f"{name}.rnn.{layer}", cell) for layer in range(layers)] for name in names]
    gated, tiers = GATES[cell] * size, len(names)
    shapes = {
        "input": (size, gated),
        "input_bias": (gated,),
        "recurrent": (size, gated),
        "recurrent_bias": (gated,),
    }
    return {
        name: padded(np.array([[w[i] for w in tier] for tier in of_layers]), tiers, layers, *shape)
        for i, (name, shape) in enumerate(shapes.items())
    }


def _upsample(arrays, names, hidden: int) -> tuple[np.ndarray, np.ndarray]:
    weights = [arrays[f"{name}.upsample.weight"].reshape(hidden, -1, hidden).transpose(1, 0, 2) for name in names]
    weight = np.concatenate(weights)
    bias = np.concatenate([arrays[f"{name}.upsample.bias"].reshape(-1, hidden) for name in names])
    return padded(weight, len(weight), whole(hidden), whole(hidden)), padded(bias, len(bias), whole(hidden))


def _begins(sizes) -> np.ndarray:
    return np.cumsum(sizes, dtype=np.int64) - np.array(sizes, np.int64)


def _aligned(array: np.ndarray) -> np.ndarray:
    return padded(array, *array.shape)
