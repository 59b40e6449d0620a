"""The RNN step by step, as machine code. Equations: `etude.models.sequence.rnn`.

The embedding and the first layer's input matrix are one table: a look-up instead of a product.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from etude.models.compiled.cells import recur
from etude.models.compiled.jit import part
from etude.models.compiled.products import add_product, fill, look_up
from etude.models.compiled.writing import steps_of


class Weights(NamedTuple):
    """Weights in the order in which a step reads them; L layers of H units with G gates."""

    lstm: bool
    table: np.ndarray  # Float32[1, levels + 2, G * H], the first layer's input for every code, and for the start
    input: np.ndarray  # Float32[L - 1, H, G * H], of the layers above the first
    input_bias: np.ndarray  # Float32[L - 1, G * H]
    recurrent: np.ndarray  # Float32[L, H, G * H]
    recurrent_bias: np.ndarray  # Float32[L, G * H]
    output: np.ndarray  # Float32[H, levels]
    output_bias: np.ndarray  # Float32[levels]


class State(NamedTuple):
    """What n streams remember from step to step, and the room in which a step is computed."""

    past: np.ndarray  # Int64[1, n], the last event's row of `table`
    h: np.ndarray  # Float32[L, n, H]
    c: np.ndarray  # Float32[L, n, H], of an LSTM
    a: np.ndarray  # Float32[n, G * H]
    b: np.ndarray  # Float32[n, G * H]
    logits: np.ndarray  # Float32[n, levels]
    weights: np.ndarray  # Float64[2, levels], for choosing


@part
def advance(w, s, t):
    """Read the last event and compute the logits of the next."""
    top = len(w.recurrent) - 1
    look_up(w.table, 0, 1, s.past, 0, s.a)
    for layer in range(top + 1):
        if layer > 0:
            fill(s.a, w.input_bias[layer - 1])
            add_product(s.h[layer - 1], w.input[layer - 1], s.a)
        recur(w.lstm, w.recurrent[layer], w.recurrent_bias[layer], s.a, s.b, s.h[layer], s.c[layer])
    fill(s.logits, w.output_bias)
    add_product(s.h[top], w.output, s.logits)


@part
def remember(s, codes, t):
    """Keep the last event."""
    for i in range(codes.shape[1]):
        s.past[0, i] = codes[t, i]


steps_of(Weights, advance, remember)
