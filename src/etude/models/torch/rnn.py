"""The recurrent context in PyTorch. Equations and weight layout: `etude.models.sequence.rnn`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from etude.models.torch.network import Network, around, sizes
from etude.models.torch.recall import Recall

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}
# (h,) of a GRU, (h, c) of an LSTM, each Float[layers, n, H]; then, with recall, its keys and values
State = tuple[Tensor, ...]


class Recurrent(nn.Module):
    """Stacked LSTM or GRU layers with dropout between them and after the last, and an optional look-up of the past."""

    def __init__(self, inputs: int, cell: str, hidden: int, layers: int, dropout: float, recall: int = 0):
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.cell, self.features, self.layers, self.carried = cell, hidden, layers, 2 if cell == "lstm" else 1
        self.resumes = 0 if recall else 1  # what is looked up grows with the piece
        self.rnn = CELLS[cell](inputs, hidden, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.recall = Recall(inputs, hidden, recall) if recall else None
        if cell == "lstm":  # torch adds two biases; the layout has one, so the second stays zero
            for layer in range(layers):
                nn.init.zeros_(getattr(self.rnn, f"bias_hh_l{layer}")).requires_grad_(False)

    def forward(self, vectors: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return features Float[n, T, H] of vectors Float[n, T, inputs], and the state after the last step."""
        state = self._zeros(vectors) if state is None else state
        carried, past = state[: self.carried], state[self.carried :]
        if vectors.shape[1] == 1 and not self.training:
            features, carried = self._one_step(vectors, carried)
        else:
            features, new = self.rnn(vectors, carried if self.cell == "lstm" else carried[0])
            carried = new if self.cell == "lstm" else (new,)
        if self.recall is None:
            return self.dropout(features), carried
        recalled, past = self.recall(features, vectors, past)
        return self.dropout(features + recalled), (*carried, *past)

    def _one_step(self, vectors: Tensor, state: State) -> tuple[Tensor, State]:
        """Call the cells by themselves: the same numbers as the layers over a sequence, with less to set up."""
        x, news = vectors[:, 0], []
        for layer, weights in enumerate(self.rnn.all_weights):
            if self.cell == "lstm":
                new = torch.lstm_cell(x, [part[layer] for part in state], *weights)
            else:
                new = (torch.gru_cell(x, state[0][layer], *weights),)
            x, news = new[0], [*news, new]
        return x[:, None], tuple(map(torch.stack, zip(*news, strict=True)))

    def _zeros(self, vectors: Tensor) -> State:
        zeros = vectors.new_zeros(self.layers, len(vectors), self.features)
        return (zeros, zeros) if self.cell == "lstm" else (zeros,)

    def resumed(self, state: Sequence[Tensor], first: Tensor) -> State:
        """Return a state of windows that go on from `state`; where `first` Bool[n], it is fresh."""
        return tuple(part.masked_fill(first[:, None], 0) for part in state)

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        names = {"input": "weight_ih", "recurrent": "weight_hh", "bias": "bias_ih"}
        if self.cell == "gru":
            names["recurrent_bias"] = "bias_hh"
        parameters = {
            (layer, k): getattr(self.rnn, f"{v}_l{layer}") for layer in range(self.layers) for k, v in names.items()
        }
        views = {f"rnn.{layer}.{name}": p.T if p.ndim == 2 else p for (layer, name), p in parameters.items()}
        return views if self.recall is None else {**views, **self.recall.views()}


def build(model) -> Network:
    """Return the network of an `RNN`."""
    return around(Recurrent(**sizes(model, "cell", "hidden", "layers", "dropout", "recall")), model)
