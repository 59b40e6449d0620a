"""Activations. tanh is a formula that the compiler can vectorise; the library's is called number by number."""

from __future__ import annotations

import numpy as np

from etude.models.compiled.jit import part

LIMIT = np.float32(7.90531110763549805)  # from here on tanh is 1 in single precision
P0, P1, P2, P3, P4, P5, P6 = np.array(
    [
        4.89352455891786e-03,
        6.37261928875436e-04,
        1.48572235717979e-05,
        5.12229709037114e-08,
        -8.60467152213735e-11,
        2.00018790482477e-13,
        -2.76076847742355e-16,
    ],
    np.float32,
)
Q0, Q1, Q2, Q3 = np.array(
    [4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06], np.float32
)
HALF, ZERO = np.float32(0.5), np.float32(0)


@part
def tanh(x):
    """Return x P(x^2) / Q(x^2) of a Float32: tanh(x) to within 3e-7, for every x.

    The coefficients are those of `ptanh_float` in the Eigen library.
    """
    x = min(max(x, -LIMIT), LIMIT)
    s = x * x
    p = P0 + s * (P1 + s * (P2 + s * (P3 + s * (P4 + s * (P5 + s * P6)))))
    q = Q0 + s * (Q1 + s * (Q2 + s * Q3))
    return x * p / q


@part
def sigmoid_of_twice(x):
    """Return sigmoid(2x) of a Float32, to within 2e-7: (1 + tanh(x)) / 2. Weights that are halved bring x."""
    return HALF + HALF * tanh(x)


@part
def rectify(x, first, bias, rectified, y):
    """Set `rectified` to the ReLU of x from channel `first` on, and y to the bias of what reads it."""
    for i in range(len(x)):
        for c in range(rectified.shape[1]):
            rectified[i, c] = max(x[i, first + c], ZERO)
        for c in range(len(bias)):
            y[i, c] = bias[c]
