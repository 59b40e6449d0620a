from __future__ import annotations
from typing import NamedTuple
import numpy as np
from etude.models.compiled.activations import tanh
from etude.models.compiled.choosing import choose
from etude.models.compiled.jit import kernel, part
from etude.models.compiled.products import add_product

HALF = np.float32(0.5)
ZERO = np.float32(0)


class Weights(NamedTuple):
    input: np.ndarray  # [k, levels + 2, R]
    gated: np.ndarray  # [L, k, R, 2R]
    gated_bias: np.ndarray  # [L, 2R]
    out: np.ndarray  # [L, R, R + S]
    out_bias: np.ndarray  # [L, R]
    skip_bias: np.ndarray  # [S]
    end: np.ndarray
    end_bias: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray


class State(NamedTuple):
    past: np.ndarray  # Int[k, n]
    ring: np.ndarray  # Float32[slots, n, R]
    begin: np.ndarray  # [L]
    at: np.ndarray  # [L]
    dilation: np.ndarray
    x: np.ndarray  # [n, R + S]
    a: np.ndarray  # [n, 2R]
    z: np.ndarray  # [n, R]
    skips: np.ndarray  # [n, S]
    features: np.ndarray
    logits: np.ndarray  # [n, levels]


@part
def advance(w, s):
    first(w, s)
    for layer in range(len(w.gated)):
        gated_layer(w, s, layer)
    residual = w.out_bias.shape[1]
    n, skip = s.skips.shape
    for i in range(n):
        for c in range(skip):
            s.skips[i, c] = max(s.x[i, residual + c], ZERO)
            s.features[i, c] = w.end_bias[c]
    add_product(s.skips, w.end, s.features)
    for i in range(n):
        for c in range(skip):
            s.features[i, c] = max(s.features[i, c], ZERO)
        s.logits[i] = w.output_bias
    add_product(s.features, w.output, s.logits)


@part
def first(w, s):
    taps, n = s.past.shape
    residual = w.out_bias.shape[1]
    for i in range(n):
        x = s.x[i]
        x[:residual] = w.input[0, s.past[0, i]]
        for j in range(1, taps):
            row = w.input[j, s.past[j, i]]
            for c in range(residual):
                x[c] += row[c]
        x[residual:] = w.skip_bias


@part
def gated_layer(w, s, layer):
    n, residual = s.z.shape
    taps = w.gated.shape[1]
    size = (taps - 1) * s.dilation[layer]
    at, begin = s.at[layer], s.begin[layer]
    for i in range(n):
        s.a[i] = w.gated_bias[layer]
    slot = at
    for j in range(taps - 1):
        add_product(s.ring[begin + slot], w.gated[layer, j], s.a)
        slot += s.dilation[layer]
        if slot >= size:
            slot -= size
    add_product(s.x, w.gated[layer, taps - 1], s.a)
    for i in range(n):
        z, a = s.z[i], s.a[i]
        for c in range(residual):
            z[c] = tanh(a[c]) * (HALF + HALF * tanh(a[residual + c]))
        x, kept, bias = s.x[i], s.ring[begin + at, i], w.out_bias[layer]
        for c in range(residual):
            kept[c] = x[c]
            x[c] += bias[c]
    add_product(s.z, w.out[layer], s.x)
    at += 1
    s.at[layer] = 0 if at == size else at


@kernel
def write(w, s, known, uniforms, codes):
    given = len(known)
    taps, n = s.past.shape
    for t in range(len(codes)):
        advance(w, s)
        for j in range(taps - 1):
            s.past[j] = s.past[j + 1]
        for i in range(n):
            code = known[t, i] if t < given else choose(s.logits[i], uniforms[t - given, i])
            s.past[taps - 1, i] = codes[t, i] = code
