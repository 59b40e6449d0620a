"""The recurrent context in Keras. Equations and weight layout: `etude.models.sequence.rnn`.

The layers are Keras's own. Their LSTM has the gates in the layout's order, i f g o, and one bias; their GRU has z r n
for the layout's r z n, and both biases in one matrix of two rows.
"""

from __future__ import annotations

from etude.models.keras.dropout import Dropout
from etude.models.keras.network import Network, around, sizes
from etude.models.keras.weights import View, Weights
from etude.training.keras.framework import keras, tf


class Recurrent(Weights):
    """Stacked LSTM or GRU layers with dropout between them and after the last."""

    def __init__(self, inputs: int, cell: str, hidden: int, layers: int, dropout: float):
        super().__init__()
        self.kind, self.features = cell, hidden
        self.layers = [_layer(cell, inputs if i == 0 else hidden, hidden) for i in range(layers)]
        self.dropout = Dropout(dropout)

    def specs(self):
        """Return what is carried from step to step: h, and of an LSTM c, Float[n, H] of every layer."""
        carried = tf.TensorSpec([None, self.features], self.variable_dtype)
        return tuple((carried, carried) if self.kind == "lstm" else (carried,) for _ in self.layers)

    def call(self, vectors, state, noise=None):
        """Return features Float[n, T, H] of vectors Float[n, T, inputs], and the state after the last step."""
        x, after = vectors, []
        for layer, carried in zip(self.layers, state, strict=True):
            x, *carried = _run(layer, x, carried)
            x, after = self.dropout(x, noise=noise), [*after, tuple(carried)]
        return x, tuple(after)

    def views(self):
        """Return the weights in the shared layout."""
        views = {}
        for number, layer in enumerate(self.layers):
            views |= {f"rnn.{number}.{name}": view for name, view in _views(self.kind, layer.cell).items()}
        return views


def _layer(kind: str, inputs: int, hidden: int):
    how = {"return_sequences": True, "return_state": True, "kernel_initializer": "zeros"}
    how["recurrent_initializer"] = "zeros"  # no weight is drawn here
    layer = keras.layers.LSTM(hidden, **how) if kind == "lstm" else keras.layers.GRU(hidden, reset_after=True, **how)
    layer.build((None, None, inputs))
    return layer


def _run(layer, x, carried):
    """Return the outputs Float[n, T, H] and the state after them; a single step needs no loop."""
    if x.shape[1] != 1:
        return layer(x, initial_state=list(carried))
    output, after = layer.cell(x[:, 0], list(carried))
    return [output[:, None], *after]


def _views(kind: str, cell) -> dict[str, View]:
    if kind == "lstm":
        return {"input": View(cell.kernel), "recurrent": View(cell.recurrent_kernel), "bias": View(cell.bias)}
    units = cell.units
    return {
        "input": View(cell.kernel, swapped=units),
        "recurrent": View(cell.recurrent_kernel, swapped=units),
        "bias": View(cell.bias, row=0, swapped=units),
        "recurrent_bias": View(cell.bias, row=1, swapped=units),
    }


def build(model) -> Network:
    """Return the network of an `RNN`."""
    return around(Recurrent(**sizes(model, "cell", "hidden", "layers", "dropout")), model)
