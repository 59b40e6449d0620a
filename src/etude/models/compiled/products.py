from __future__ import annotations
import numpy as np
from etude.models.compiled.jit import part

@part
def add_product(x, w, y):
    """y += x @ w."""
    n = len(x)
    whole = n - n % 4
    for s in range(0, whole, 4):
        _four(x[s], x[s + 1], x[s + 2], x[s + 3], w, y[s], y[s + 1], y[s + 2], y[s + 3])
    for s in range(whole, n):
        _one(x[s], w, y[s])


@part
def _one(x, w, y):
    inputs, outputs = w.shape
    for i in range(0, inputs, 4):
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        p, q, r, s = w[i], w[i + 1], w[i + 2], w[i + 3]
        for j in range(outputs):
            y[j] += a * p[j] + b * q[j] + c * r[j] + d * s[j]


@part
def _four(x0, x1, x2, x3, w, y0, y1, y2, y3):
    inputs, outputs = w.shape
    for i in range(0, inputs, 4):
        a0, b0, c0, d0 = x0[i], x0[i + 1], x0[i + 2], x0[i + 3]
        a1, b1, c1, d1 = x1[i], x1[i + 1], x1[i + 2], x1[i + 3]
        a2, b2, c2, d2 = x2[i], x2[i + 1], x2[i + 2], x2[i + 3]
        a3, b3, c3, d3 = x3[i], x3[i + 1], x3[i + 2], x3[i + 3]
        p, q, r, s = w[i], w[i + 1], w[i + 2], w[i + 3]
        for j in range(outputs):
            y0[j] += a0 * p[j] + b0 * q[j] + c0 * r[j] + d0 * s[j]
            y1[j] += a1 * p[j] + b1 * q[j] + c1 * r[j] + d1 * s[j]
            y2[j] += a2 * p[j] + b2 * q[j] + c2 * r[j] + d2 * s[j]
            y3[j] += a3 * p[j] + b3 * q[j] + c3 * r[j] + d3 * s[j]
