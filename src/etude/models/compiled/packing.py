"""Weights of a WaveNet as the kernel reads them, and its state before the first step."""

from __future__ import annotations

import numpy as np

from etude.models.compiled.products import ROWS
from etude.models.compiled.wavenet import State, Weights

LINE = 64  # bytes that the processor reads at once


def aligned(shape: tuple[int, ...], dtype=np.float32) -> np.ndarray:
    """Return zeros that begin at a cache line: a vector that lies across two is read twice."""
    room = np.zeros(int(np.prod(shape)) * np.dtype(dtype).itemsize + LINE, np.uint8)
    begin = -room.ctypes.data % LINE
    return room[begin : begin + len(room) - LINE].view(dtype).reshape(shape)


def padded(array: np.ndarray, *shape: int) -> np.ndarray:
    """Return an array Float32[shape] with `array` in its first corner and zeros elsewhere.

    Channels of zeros stay zero through every layer, and make the sizes multiples of `ROWS`.
    """
    room = aligned(shape)
    room[tuple(map(slice, array.shape))] = array
    return room


def packed(arrays: dict[str, np.ndarray], dilations: list[int]) -> Weights:
    """Return the weights of a WaveNet (`etude.models.wavenet`) for the kernel."""
    gated, gated_bias = _gated(arrays, len(dilations))
    out, residual_bias, skip_bias = _out(arrays, len(dilations))
    skip, levels = len(skip_bias), len(arrays["output.bias"])
    return Weights(
        input=_tables(arrays),
        gated=gated,
        gated_bias=gated_bias,
        out=out,
        residual_bias=residual_bias,
        skip_bias=skip_bias,
        end=padded(arrays["wavenet.end.weight"], skip, skip),
        end_bias=padded(arrays["wavenet.end.bias"], skip),
        output=padded(arrays["output.weight"], skip, levels),
        output_bias=padded(arrays["output.bias"], levels),
        dilations=np.array(dilations, np.int64),
    )


def fresh(weights: Weights, n: int) -> State:
    """Return the state of n streams before their first step."""
    (_, taps, residual, _), (skip, levels) = weights.gated.shape, weights.output.shape
    sizes = (taps - 1) * weights.dilations
    past = np.full((taps, n), levels + 1)  # nothing, but for the start
    past[-1] = levels
    return State(
        past=past,
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


def _tables(arrays) -> np.ndarray:
    table, start, bias = (arrays[k] for k in ("embedding.table", "embedding.start", "wavenet.input.bias"))
    vectors = np.concatenate([table, start[None], np.zeros_like(start)[None]]).astype(np.float64)
    taps = arrays["wavenet.input.weight"].reshape(-1, len(start), len(bias))
    tables = np.einsum("ce,jer->jcr", vectors, taps)
    tables[-1] += bias
    return padded(tables, *tables.shape[:2], _whole(len(bias)))


def _gated(arrays, layers: int) -> tuple[np.ndarray, np.ndarray]:
    channels = len(arrays["wavenet.input.bias"])
    weight = np.stack([arrays[f"wavenet.{layer}.gated.weight"] for layer in range(layers)])
    bias = np.stack([arrays[f"wavenet.{layer}.gated.bias"] for layer in range(layers)])
    weight, bias = weight.reshape(layers, -1, channels, 2, channels), bias.reshape(layers, 2, channels)
    weight[..., 1, :] /= 2
    bias[:, 1] /= 2
    taps, whole = weight.shape[1], _whole(channels)
    weight, bias = padded(weight, layers, taps, whole, 2, whole), padded(bias, layers, 2, whole)
    return weight.reshape(layers, taps, whole, 2 * whole), bias.reshape(layers, 2 * whole)


def _out(arrays, layers: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    channels, skip = arrays["wavenet.0.skip.weight"].shape
    residual = _whole(channels)
    weight, bias = aligned((layers, residual, residual + _whole(skip))), aligned((layers, residual))
    for layer in range(layers):
        weight[layer, :channels, residual : residual + skip] = arrays[f"wavenet.{layer}.skip.weight"]
        if layer < layers - 1:
            weight[layer, :channels, :channels] = arrays[f"wavenet.{layer}.residual.weight"]
            bias[layer, :channels] = arrays[f"wavenet.{layer}.residual.bias"]
    skips = sum(arrays[f"wavenet.{layer}.skip.bias"].astype(np.float64) for layer in range(layers))
    return weight, bias, padded(skips, _whole(skip))


def _whole(size: int) -> int:
    return -(-size // ROWS) * ROWS
