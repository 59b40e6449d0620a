"""The recurrent context in PyTorch. Equations and weight layout: `etude.models.rnn`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}
State = tuple[Tensor, ...]  # (h,) of a GRU, (h, c) of an LSTM; each Float[layers, n, H]


class Recurrent(nn.Module):
    """Stacked LSTM or GRU layers with dropout between them and after the last."""

    def __init__(self, inputs: int, cell: str, hidden: int, layers: int, dropout: float):
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.cell, self.features, self.layers = cell, hidden, layers
        self.rnn = CELLS[cell](inputs, hidden, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        if cell == "lstm":  # torch adds two biases; the layout has one, so the second stays zero
            for layer in range(layers):
                nn.init.zeros_(getattr(self.rnn, f"bias_hh_l{layer}")).requires_grad_(False)

    def forward(self, vectors: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return features Float[n, T, H] of vectors Float[n, T, inputs], and the state after the last step."""
        if state is None:
            state = self._zeros(vectors)
        if vectors.shape[1] == 1 and not self.training:
            return self._one_step(vectors, state)
        features, new = self.rnn(vectors, state if self.cell == "lstm" else state[0])
        return self.dropout(features), new if self.cell == "lstm" else (new,)

    def _one_step(self, vectors: Tensor, state: State) -> tuple[Tensor, State]:
        """Call the cells by themselves: the same numbers as the layers over a sequence, with less to set up."""
        x, news = vectors[:, 0], []
        for layer, weights in enumerate(self.rnn.all_weights):
            if self.cell == "lstm":
                new = torch.lstm_cell(x, [part[layer] for part in state], *weights)
            else:
                new = (torch.gru_cell(x, state[0][layer], *weights),)
            x, news = new[0], [*news, new]
        return x[:, None], tuple(torch.stack(parts) for parts in zip(*news, strict=True))

    def _zeros(self, vectors: Tensor) -> State:
        zeros = vectors.new_zeros(self.layers, len(vectors), self.features)
        return (zeros, zeros) if self.cell == "lstm" else (zeros,)

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        names = {"input": "weight_ih", "recurrent": "weight_hh", "bias": "bias_ih"}
        if self.cell == "gru":
            names["recurrent_bias"] = "bias_hh"
        parameters = {
            (layer, k): getattr(self.rnn, f"{v}_l{layer}") for layer in range(self.layers) for k, v in names.items()
        }
        return {f"rnn.{layer}.{name}": p.T if p.ndim == 2 else p for (layer, name), p in parameters.items()}
