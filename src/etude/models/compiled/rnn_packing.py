"""Weights of an RNN as the kernel reads them, and its state before the first step."""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.models.compiled.packing import aligned, before, padded, tables, whole
from etude.models.compiled.rnn import State, Weights
from etude.models.sequence.rnn import GATES

SIGMOIDS = {"gru": [0, 1], "lstm": [0, 1, 3]}  # gates whose arguments are halved: sigmoid(2x) = (1 + tanh(x)) / 2


def packed(model) -> Weights:
    """Return the weights of an RNN (`etude.models.sequence.rnn`) for the kernel."""
    if model.options["recall"]:
        got = f"{model.options['recall']} heads"
        raise EtudeError("an RNN without recall", got, "Use `sample`: what it looks up grows with the piece.")
    arrays, cell, layers = model.network.arrays(), model.options["cell"], model.options["layers"]
    hidden, levels = arrays["output.weight"].shape
    first = {f"first.{to}": gates(arrays[f"rnn.0.{of}"], cell) for to, of in (("weight", "input"), ("bias", "bias"))}
    above = [layer_weights(arrays, f"rnn.{layer}", cell) for layer in range(layers)]
    size = whole(hidden)
    return Weights(
        lstm=cell == "lstm",
        table=tables({**arrays, **first}, "first"),
        input=stacked([w[0] for w in above[1:]], size, GATES[cell] * size),
        input_bias=stacked([w[1] for w in above[1:]], GATES[cell] * size),
        recurrent=stacked([w[2] for w in above], size, GATES[cell] * size),
        recurrent_bias=stacked([w[3] for w in above], GATES[cell] * size),
        output=padded(arrays["output.weight"], size, levels),
        output_bias=padded(arrays["output.bias"], levels),
    )


def fresh(weights: Weights, n: int) -> State:
    """Return the state of n streams before their first step."""
    (layers, hidden, gated), levels = weights.recurrent.shape, len(weights.output_bias)
    return State(
        past=before(levels, 1, n),
        h=aligned((layers, n, hidden)),
        c=aligned((layers, n, hidden)),
        a=aligned((n, gated)),
        b=aligned((n, gated)),
        logits=aligned((n, levels)),
        weights=aligned((2, levels), np.float64),
    )


def layer_weights(arrays: dict[str, np.ndarray], name: str, cell: str) -> tuple[np.ndarray, ...]:
    """Return the input matrix, its bias, the recurrent matrix and its bias of a layer, gates as `gates` has them."""
    matrix, bias, recurrent = (gates(arrays[f"{name}.{part}"], cell) for part in ("input", "bias", "recurrent"))
    recurrent_bias = arrays.get(f"{name}.recurrent_bias")
    return matrix, bias, recurrent, np.zeros_like(bias) if recurrent_bias is None else gates(recurrent_bias, cell)


def gates(array: np.ndarray, cell: str) -> np.ndarray:
    """Return an array Float32[..., G * H] with every gate's columns padded to whole sizes, the sigmoids' halved."""
    columns = array.reshape(*array.shape[:-1], GATES[cell], -1).copy()
    columns[..., SIGMOIDS[cell], :] /= 2
    size = whole(columns.shape[-1])
    room = padded(columns, *columns.shape[:-1], size)
    return room.reshape(*array.shape[:-1], GATES[cell] * size)


def stacked(arrays: list[np.ndarray], *shape: int) -> np.ndarray:
    """Return arrays above each other, Float32[len(arrays), *shape], padded; there may be none."""
    return padded(np.stack(arrays), len(arrays), *shape) if arrays else aligned((0, *shape))
