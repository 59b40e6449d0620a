"""A matrix product for a few rows, as loops that the compiler vectorises: `np.dot` costs more to call than to compute.

Four rows of the matrix are read for one pass over the outputs, and four streams share what is read. Between streams
nothing is mixed: each has the numbers that it would have alone. A product with an embedding is a look-up in a table.
"""

from __future__ import annotations

from etude.models.compiled.jit import part

ROWS = 4  # of the matrix at a time: the number of inputs is a multiple


@part
def add_product(x, w, y):
    """Add x[:, :K] @ w to y[:, :N], for x and y Float32[n, ..] and w Float32[K, N], K a multiple of `ROWS`."""
    inputs, outputs = w.shape
    together = len(x) - len(x) % 4
    for n in range(0, together, 4):
        for i in range(0, inputs, ROWS):
            a0, b0, c0, d0 = x[n, i], x[n, i + 1], x[n, i + 2], x[n, i + 3]
            a1, b1, c1, d1 = x[n + 1, i], x[n + 1, i + 1], x[n + 1, i + 2], x[n + 1, i + 3]
            a2, b2, c2, d2 = x[n + 2, i], x[n + 2, i + 1], x[n + 2, i + 2], x[n + 2, i + 3]
            a3, b3, c3, d3 = x[n + 3, i], x[n + 3, i + 1], x[n + 3, i + 2], x[n + 3, i + 3]
            for j in range(outputs):
                p, q, r, s = w[i, j], w[i + 1, j], w[i + 2, j], w[i + 3, j]
                y[n, j] += a0 * p + b0 * q + c0 * r + d0 * s
                y[n + 1, j] += a1 * p + b1 * q + c1 * r + d1 * s
                y[n + 2, j] += a2 * p + b2 * q + c2 * r + d2 * s
                y[n + 3, j] += a3 * p + b3 * q + c3 * r + d3 * s
    for n in range(together, len(x)):
        for i in range(0, inputs, ROWS):
            a, b, c, d = x[n, i], x[n, i + 1], x[n, i + 2], x[n, i + 3]
            for j in range(outputs):
                y[n, j] += a * w[i, j] + b * w[i + 1, j] + c * w[i + 2, j] + d * w[i + 3, j]


@part
def fill(y, bias):
    """Set every row of y Float32[n, N] to `bias` Float32[N]."""
    for i in range(len(y)):
        for c in range(len(bias)):
            y[i, c] = bias[c]


@part
def look_up(tables, begin, end, past, newest, y):
    """Set y Float32[n, N] to the sum of what the last events say in tables `begin` to `end`, the oldest first.

    `tables` is Float32[.., levels + 2, N] and `past` Int64[slots, n] a ring of its rows; the newest event is in slot
    `newest`, older ones are before it.
    """
    for i in range(len(y)):
        for c in range(y.shape[1]):
            y[i, c] = tables[end - 1, past[newest, i], c]
        for j in range(1, end - begin):
            slot = newest - j if newest >= j else newest - j + len(past)
            for c in range(y.shape[1]):
                y[i, c] += tables[end - 1 - j, past[slot, i], c]
