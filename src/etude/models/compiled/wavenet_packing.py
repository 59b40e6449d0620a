"""Weights of a WaveNet as the kernel reads them, and its state before the first step."""

from __future__ import annotations

import numpy as np

from etude.models.compiled.packing import aligned, before, padded, tables, whole
from etude.models.compiled.wavenet import State, Weights

FOREVER = 2**62  # steps


def packed(model) -> Weights:
    """Return the weights of a WaveNet (`etude.models.sequence.wavenet`) for the kernel."""
    arrays, dilations = model.network.arrays(), model.dilations
    gated, gated_bias = _gated(arrays, len(dilations))
    out, residual_bias, skip_bias = _out(arrays, len(dilations))
    skip, levels = len(skip_bias), len(arrays["output.bias"])
    return Weights(
        input=tables(arrays, "wavenet.input"),
        gated=gated,
        gated_bias=gated_bias[None],
        out=out,
        residual_bias=residual_bias,
        skip_bias=skip_bias,
        end=padded(arrays["wavenet.end.weight"], skip, skip),
        end_bias=padded(arrays["wavenet.end.bias"], skip),
        output=padded(arrays["output.weight"], skip, levels),
        output_bias=padded(arrays["output.bias"], levels),
        dilations=np.array(dilations, np.int64),
        hop=FOREVER,
        offset=0,
    )


def fresh(weights: Weights, n: int) -> State:
    """Return the state of n streams before their first step."""
    (_, taps, residual, _), (skip, levels) = weights.gated.shape, weights.output.shape
    sizes = (taps - 1) * weights.dilations
    return State(
        past=before(levels, taps, n),
        ring=aligned((sizes.sum(), n, residual)),
        begin=sizes.cumsum() - sizes,
        at=np.zeros_like(sizes),
        x=aligned((n, residual + skip)),
        a=aligned((n, 2 * residual)),
        z=aligned((n, residual)),
        features=aligned((2, n, skip)),
        logits=aligned((n, levels)),
        weights=aligned((2, levels), np.float64),
    )


def _gated(arrays, layers: int) -> tuple[np.ndarray, np.ndarray]:
    channels = len(arrays["wavenet.input.bias"])
    weight = np.stack([arrays[f"wavenet.{layer}.gated.weight"] for layer in range(layers)])
    bias = np.stack([arrays[f"wavenet.{layer}.gated.bias"] for layer in range(layers)])
    weight = side_by_side(weight.reshape(layers, -1, channels, 2 * channels))
    size, taps = whole(channels), weight.shape[1]
    return padded(weight, layers, taps, size, 2 * size), side_by_side(bias)


def side_by_side(x: np.ndarray) -> np.ndarray:
    """Return filters and gates Float32[.., 2R] with room after each, and the gates halved."""
    channels = x.shape[-1] // 2
    x = x.reshape(*x.shape[:-1], 2, channels) * np.array([[1], [0.5]], np.float32)
    size = whole(channels)
    return padded(x, *x.shape[:-1], size).reshape(*x.shape[:-2], 2 * size)


def _out(arrays, layers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    channels, skip = arrays["wavenet.0.skip.weight"].shape
    residual = whole(channels)
    weight, bias = aligned((layers, residual, residual + whole(skip))), aligned((layers, residual))
    for layer in range(layers):
        weight[layer, :channels, residual : residual + skip] = arrays[f"wavenet.{layer}.skip.weight"]
        if layer < layers - 1:
            weight[layer, :channels, :channels] = arrays[f"wavenet.{layer}.residual.weight"]
            bias[layer, :channels] = arrays[f"wavenet.{layer}.residual.bias"]
    skips = sum(arrays[f"wavenet.{layer}.skip.bias"].astype(np.float64) for layer in range(layers))
    return weight, bias, padded(skips, whole(skip))
