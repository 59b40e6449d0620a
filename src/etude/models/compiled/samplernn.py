"""SampleRNN step by step, as machine code. Equations: `etude.models.sequence.samplernn`.

A recurrent tier is computed at the first step of each of its frames, what it says to a frame of the tier below when
that frame begins. The embedding and every map of events are tables, one for each place in a frame: look-ups instead of
products.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from etude.models.compiled.activations import rectify
from etude.models.compiled.cells import recur
from etude.models.compiled.jit import part
from etude.models.compiled.products import add_product, fill, look_up
from etude.models.compiled.writing import steps_of


class Weights(NamedTuple):
    """Weights of tiers of L layers with H units and G gates; of the recurrent tiers, N, the fastest is the first."""

    lstm: bool
    frames: np.ndarray  # Int64[N], steps in a frame
    tables: np.ndarray  # Int64[N], where a tier's tables begin in `frame`
    says: np.ndarray  # Int64[N], where its maps begin in `upsample`
    frame: np.ndarray  # Float32[sum of frames, levels + 2, H]
    input: np.ndarray  # Float32[N, L, H, G * H]
    input_bias: np.ndarray  # Float32[N, L, G * H]
    recurrent: np.ndarray  # Float32[N, L, H, G * H]
    recurrent_bias: np.ndarray  # Float32[N, L, G * H]
    upsample: np.ndarray  # Float32[sum of ratios, H, H], a map for each frame of the tier below
    upsample_bias: np.ndarray  # Float32[sum of ratios, H]
    read: np.ndarray  # Float32[frames[0], levels + 2, H]
    hidden: np.ndarray  # Float32[H, H]
    hidden_bias: np.ndarray  # Float32[H]
    output: np.ndarray  # Float32[H, levels]
    output_bias: np.ndarray  # Float32[levels]


class State(NamedTuple):
    """What n streams remember from step to step, and the room in which a step is computed."""

    phase: np.ndarray  # Int64[1], steps written of the slowest tier's frame
    past: np.ndarray  # Int64[longest frame, n], a ring of rows of the tables; step t of a frame goes to slot t
    h: np.ndarray  # Float32[N, L, n, H]
    c: np.ndarray  # Float32[N, L, n, H], of an LSTM
    x: np.ndarray  # Float32[n, H]
    a: np.ndarray  # Float32[n, G * H]
    b: np.ndarray  # Float32[n, G * H]
    features: np.ndarray  # Float32[2, n, H]
    logits: np.ndarray  # Float32[n, levels]
    weights: np.ndarray  # Float64[2, levels], for choosing


@part
def advance(w, s, t):
    """Let every tier whose frame begins go on, and compute the logits of the next event."""
    phase = s.phase[0]
    newest = (phase if phase > 0 else len(s.past)) - 1
    for tier in range(len(w.frames) - 1, -1, -1):
        if phase % w.frames[tier] == 0:
            begin = w.tables[tier]
            look_up(w.frame, begin, begin + w.frames[tier], s.past, newest, s.x)
            if tier + 1 < len(w.frames):
                hear(w, s, tier + 1)
            go_on(w, s, tier)
    look_up(w.read, 0, len(w.read), s.past, newest, s.x)
    hear(w, s, 0)
    rectify(s.x, 0, w.hidden_bias, s.features[0], s.features[1])
    add_product(s.features[0], w.hidden, s.features[1])
    rectify(s.features[1], 0, w.output_bias, s.features[0], s.logits)
    add_product(s.features[0], w.output, s.logits)


@part
def hear(w, s, tier):
    """Add to x what a recurrent tier says to the frame of the tier below that begins now."""
    below = w.frames[tier - 1] if tier > 0 else 1
    place = w.says[tier] + s.phase[0] % w.frames[tier] // below
    for i in range(len(s.x)):
        for c in range(s.x.shape[1]):
            s.x[i, c] += w.upsample_bias[place, c]
    add_product(s.h[tier, -1], w.upsample[place], s.x)


@part
def go_on(w, s, tier):
    """Update the layers of a recurrent tier that reads x."""
    for layer in range(w.input.shape[1]):
        fill(s.a, w.input_bias[tier, layer])
        if layer == 0:
            add_product(s.x, w.input[tier, layer], s.a)
        else:
            add_product(s.h[tier, layer - 1], w.input[tier, layer], s.a)
        bias = w.recurrent_bias[tier, layer]
        recur(w.lstm, w.recurrent[tier, layer], bias, s.a, s.b, s.h[tier, layer], s.c[tier, layer])


@part
def remember(s, codes, t):
    """Put the last event into the ring."""
    phase = s.phase[0]
    for i in range(codes.shape[1]):
        s.past[phase, i] = codes[t, i]
    s.phase[0] = 0 if phase + 1 == len(s.past) else phase + 1


steps_of(Weights, advance, remember)
