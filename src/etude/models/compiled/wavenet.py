"""WaveNet step by step, as machine code: Fast WaveNet (Le Paine et al. 2016) with every loop compiled.

Each layer keeps its last (k - 1) * dilation inputs in a ring, so that a step reads every weight once and nothing of
the past again. Equations: `etude.models.sequence.wavenet`. Compared with its layout (`wavenet_packing`
makes one from the other):

* the embedding and the first convolution are one table for each tap: a look-up instead of two products;
* what goes to the next layer and what goes to the end are one product, into x and skips side by side;
* the gates' weights are halved, since sigmoid(2x) = (1 + tanh(x)) / 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from etude.models.compiled.activations import rectify, sigmoid_of_twice, tanh
from etude.models.compiled.jit import part
from etude.models.compiled.products import add_product, fill
from etude.models.compiled.writing import steps_of

ZERO = np.float32(0)


class Weights(NamedTuple):
    """Weights in the order in which a step reads them; k taps, L layers, R and S channels."""

    input: np.ndarray  # Float32[k, levels + 2, R]; beside the codes the start, and what was before it
    gated: np.ndarray  # Float32[L, k, R, 2R], oldest tap first
    gated_bias: np.ndarray  # Float32[F, L, 2R], for every frame of a guide; F = 1 where there is none
    out: np.ndarray  # Float32[L, R, R + S], residual and skip
    residual_bias: np.ndarray  # Float32[L, R]
    skip_bias: np.ndarray  # Float32[S], the sum over the layers
    end: np.ndarray  # Float32[S, S]
    end_bias: np.ndarray  # Float32[S]
    output: np.ndarray  # Float32[S, levels]
    output_bias: np.ndarray  # Float32[levels]
    dilations: np.ndarray  # Int64[L]
    hop: int  # steps in a frame
    offset: int  # steps of the first frame that are over


class State(NamedTuple):
    """What n streams remember from step to step, and the room in which a step is computed."""

    past: np.ndarray  # Int64[k, n], rows of `input`, oldest first
    ring: np.ndarray  # Float32[slots, n, R], the rings of all layers
    begin: np.ndarray  # Int64[L], first slot of each layer's ring
    at: np.ndarray  # Int64[L], its oldest slot, from `begin`
    x: np.ndarray  # Float32[n, R + S], channels and skips side by side
    a: np.ndarray  # Float32[n, 2R]
    z: np.ndarray  # Float32[n, R]
    features: np.ndarray  # Float32[2, n, S]
    logits: np.ndarray  # Float32[n, levels]
    weights: np.ndarray  # Float64[2, levels], for choosing


@part
def advance(w, s, t):
    """Read the last event and compute the logits of the next, which lies in a frame of the guide."""
    frame = (w.offset + t) // w.hop
    look_up(w, s)
    for layer in range(len(w.gated)):
        recall(w, s, layer, w.gated_bias[frame, layer])
        add_product(s.x, w.gated[layer, -1], s.a)
        keep(w, s, layer)
        add_product(s.z, w.out[layer], s.x)
    residual = s.z.shape[1]
    rectify(s.x, residual, w.end_bias, s.features[0], s.features[1])
    add_product(s.features[0], w.end, s.features[1])
    rectify(s.features[1], 0, w.output_bias, s.features[0], s.logits)
    add_product(s.features[0], w.output, s.logits)


@part
def look_up(w, s):
    """Set x to the first convolution of the last k events, and the skips to their bias."""
    taps, n = s.past.shape
    residual = s.z.shape[1]
    for i in range(n):
        for c in range(residual):
            s.x[i, c] = ZERO
        for j in range(taps):
            for c in range(residual):
                s.x[i, c] += w.input[j, s.past[j, i], c]
        for c in range(len(w.skip_bias)):
            s.x[i, residual + c] = w.skip_bias[c]


@part
def recall(w, s, layer, bias):
    """Set a to what a layer's bias and its inputs of earlier steps add to filter and gate."""
    fill(s.a, bias)
    earlier, dilation = w.gated.shape[1] - 1, w.dilations[layer]
    for j in range(earlier):
        slot = (s.at[layer] + j * dilation) % (earlier * dilation)
        add_product(s.ring[s.begin[layer] + slot], w.gated[layer, j], s.a)


@part
def keep(w, s, layer):
    """Put x into the oldest slot of a layer's ring, add the bias to x, and set z to tanh(filter) * sigmoid(gate)."""
    n, residual = s.z.shape
    at = s.at[layer]
    slot = s.begin[layer] + at
    for i in range(n):
        for c in range(residual):
            s.ring[slot, i, c] = s.x[i, c]
            s.x[i, c] += w.residual_bias[layer, c]
        filters, gates, z = s.a[i, :residual], s.a[i, residual:], s.z[i]
        for c in range(residual):
            z[c] = tanh(filters[c]) * sigmoid_of_twice(gates[c])
    at += 1
    s.at[layer] = 0 if at == (w.gated.shape[1] - 1) * w.dilations[layer] else at


@part
def remember(s, codes, t):
    """Keep the last k events."""
    for i in range(codes.shape[1]):
        for j in range(len(s.past) - 1):
            s.past[j, i] = s.past[j + 1, i]
        s.past[-1, i] = codes[t, i]


steps_of(Weights, advance, remember)
