"""Recurrent networks: LSTM (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000) and GRU (Cho et al. 2014).

The context of a step is a vector that is carried along and updated by gates. With a categorical output over characters
this is the char-RNN (Graves 2013; Karpathy 2015; for ABC notation Sturm et al. 2016); with independent outputs over
the 88 keys, the RNN row of Boulanger-Lewandowski et al. 2012.

Weights of layer l = 0, 1, ..., with H units, matrices (in, out), gates side by side along the columns:

LSTM, gates i f g o. `rnn.l.input` [in, 4H], `rnn.l.recurrent` [H, 4H], `rnn.l.bias` [4H] (one bias)::

    i, f, o = sigmoid(x @ W + h @ U + b)      g = tanh(x @ W + h @ U + b)
    c = f * c + i * g                         h = o * tanh(c)

GRU, gates r z n. `rnn.l.input` [in, 3H], `rnn.l.recurrent` [H, 3H], `rnn.l.bias` [3H], `rnn.l.recurrent_bias` [3H] ::

    r, z = sigmoid(x @ W + b + h @ U + d)     n = tanh(x @ W + b + r * (h @ U + d))
    h = (1 - z) * n + z * h

State and h are zero before the first step. Dropout (Zaremba et al. 2014) stands between layers and before the output.

With `recall`, a step also looks up what followed the earlier moments that were like this one (an attention over the
network's own past: Bahdanau et al. 2015, Vaswani et al. 2017; as a cache, Grave et al. 2017). The moment s has the
state h_s of the top layer and was followed by the event x_s, whose vector v_s the embedding gives; with A heads::

    query q_t = h_t @ Q    key k_s = h_s @ K    each head's part of q_t and of k_s scaled to length 1
    a_s = softmax over s < t of (g q_t . k_s)    features_t = h_t + (sum of a_s (v_s @ V) over s < t) @ O

where a moment that was nothing, with key `recall.key` and value 0, can always be chosen. A query and a key of length 1
(Henry et al. 2020) with g = 8 at first let a moment find its like from the first step on; by lengths as they come the
look-up begins so blurred that some fits never learn to use it. Weights: `recall.query`, `recall.keys` [H, H],
`recall.values` [embedding, H], `recall.output` [H, H], `recall.key` [H], `recall.sharpness` g [A].
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.models.sequence.sequence import ContextModel, embedding_arrays
from etude.models.sequence.streams import Streams
from etude.types import Space

GATES = {"lstm": 4, "gru": 3}
SHARPNESS = 8.0  # of the look-up before it has learnt


class RNN(Streams, ContextModel):
    """A recurrent context with any output that fits the space.

    Parameters
    ----------
    space : Space
    cell : {"lstm", "gru"}
    hidden : int
        Units in a layer, H.
    layers : int
    recall : int
        Heads of the look-up in the piece's own past; 0 for a plain recurrent network.
    embedding : int, optional
        Size of the vector that an event is read as; by default 64 for scalar steps, `hidden` for vectors.
    dropout : float
        Share of units dropped while learning, in [0, 1).
    **common
        `seed`, `output`, `output_hidden`: see `ContextModel`.
    """

    name = "rnn"

    dropout = 0.2

    def __init__(
        self, space: Space, *, cell: str = "lstm", hidden: int = 256, layers: int = 2, recall: int = 0, **common
    ):
        if cell not in GATES:
            raise unknown_name("cell", cell, GATES)
        if recall < 0 or (recall and hidden % recall):
            raise EtudeError("recall heads that divide the hidden units", f"{recall} heads, {hidden} units")
        super().__init__(space, {"cell": cell, "hidden": hidden, "layers": layers, "recall": recall}, **common)

    @staticmethod
    def _embedding(space, sizes):
        return sizes["hidden"] if space.event_shape else 64

    def _initial(self, rng):
        cell, hidden, layers, embedding = (self.options[k] for k in ("cell", "hidden", "layers", "embedding"))
        arrays = embedding_arrays(self.space, embedding, rng)
        for layer in range(layers):
            arrays |= layer_arrays(cell, layer, embedding if layer == 0 else hidden, hidden, rng)
        if self.options["recall"]:
            arrays |= recall_arrays(self.options["recall"], embedding, hidden, rng)
        return arrays | self._output_arrays(hidden, rng)


def layer_arrays(cell: str, layer: int, inputs: int, hidden: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the initial weights of one layer.

    Inputs uniform with variance 1 / inputs, every gate's recurrent matrix orthogonal (Saxe et al. 2014), biases 0 but
    the LSTM's forget gate, which begins open at 1 (Jozefowicz et al. 2015).
    """
    gates = GATES[cell]
    arrays = {
        "input": rng.uniform(-1, 1, (inputs, gates * hidden)) * np.sqrt(3 / inputs),
        "recurrent": np.concatenate([_orthogonal(hidden, rng) for _ in range(gates)], axis=1),
        "bias": np.zeros(gates * hidden),
    }
    if cell == "lstm":
        arrays["bias"][hidden : 2 * hidden] = 1
    else:
        arrays["recurrent_bias"] = np.zeros(gates * hidden)
    return {f"rnn.{layer}.{name}": array.astype(np.float32) for name, array in arrays.items()}


def recall_arrays(heads: int, embedding: int, hidden: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the initial weights of the look-up: uniform with variance 1 / inputs; queries begin as keys do."""
    keys = rng.uniform(-1, 1, (hidden, hidden)) * np.sqrt(3 / hidden)
    values = rng.uniform(-1, 1, (embedding, hidden)) * np.sqrt(3 / embedding)
    output = rng.uniform(-1, 1, (hidden, hidden)) * np.sqrt(3 / hidden) / 4
    arrays = {"query": keys, "keys": keys, "values": values, "output": output, "key": np.zeros(hidden)}
    arrays["sharpness"] = np.full(heads, SHARPNESS)
    return {f"recall.{name}": array.astype(np.float32) for name, array in arrays.items()}


def _orthogonal(size: int, rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(size, size)))
    return q * np.sign(np.diag(r))
