"""A recurrent layer, one step. Equations, gates: `models.sequence.rnn`; `rnn_packing` halves what sigmoids read."""

from __future__ import annotations

from etude.models.compiled.activations import sigmoid_of_twice, tanh
from etude.models.compiled.jit import part
from etude.models.compiled.products import add_product, fill


@part
def recur(lstm, recurrent, bias, a, b, h, c):
    """Update h and, of an LSTM, c, Float32[n, H] each, by what the layer reads.

    Parameters
    ----------
    lstm : bool
        Else a GRU.
    recurrent, bias : Float32[H, G * H], Float32[G * H]
        G gates side by side.
    a : Float32[n, G * H]
        The layer's input through its matrix, with its bias.
    b : Float32[n, G * H]
        Room to compute in.
    """
    fill(b, bias)
    add_product(h, recurrent, b)
    units = h.shape[1]
    for i in range(len(h)):
        if lstm:
            remember(a[i], b[i], h[i], c[i], units)
        else:
            blend(a[i], b[i], h[i], units)


@part
def remember(a, b, h, c, units):
    """Update one stream's LSTM layer."""
    for j in range(units):
        enter = sigmoid_of_twice(a[j] + b[j])
        keep = sigmoid_of_twice(a[units + j] + b[units + j])
        new = tanh(a[2 * units + j] + b[2 * units + j])
        c[j] = keep * c[j] + enter * new
        h[j] = sigmoid_of_twice(a[3 * units + j] + b[3 * units + j]) * tanh(c[j])


@part
def blend(a, b, h, units):
    """Update one stream's GRU layer."""
    for j in range(units):
        reset = sigmoid_of_twice(a[j] + b[j])
        keep = sigmoid_of_twice(a[units + j] + b[units + j])
        new = tanh(a[2 * units + j] + reset * b[2 * units + j])
        h[j] = new + keep * (h[j] - new)
