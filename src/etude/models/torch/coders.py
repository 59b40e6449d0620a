"""Encoder and decoders of the autoencoders in PyTorch. Equations and weight layout: `etude.models.latent.coders`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from etude.models.latent.coders import encoder_sizes
from etude.models.latent.segments import halvings, padded, positions
from etude.models.sequence.dilated import named, part_views
from etude.models.torch.dilated import Linear
from etude.models.torch.rnn import Recurrent


class Encoder(nn.Module):
    """From a segment to what is known of its latent: convolutions with stride 2, then a linear map."""

    def __init__(self, options: dict, outputs: int):
        super().__init__()
        *convolutions, last = encoder_sizes(options, outputs)
        self.steps = padded(options["segment"])
        self.layers = nn.ModuleList(Linear(*size) for size in convolutions)
        self.latent = Linear(*last)

    def forward(self, vectors: Tensor, mask: Tensor) -> Tensor:
        """Return Float[n, outputs] of the vectors Float[n, T, embedding] of the steps that exist, mask Bool[n, T]."""
        x = nn.functional.pad(vectors * mask[..., None], (0, 0, 0, self.steps - vectors.shape[1]))
        for layer in self.layers:
            x = nn.functional.elu(layer(_taps(x, 4, stride=2)))
        return self.latent(x.flatten(1))

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return named("encoder", part_views({**dict(enumerate(self.layers)), "latent": self.latent}))


class SequenceDecoder(nn.Module):
    """An RNN that reads the event before each step, and the latent."""

    def __init__(self, options: dict):
        super().__init__()
        inputs, self.features = options["latent"] + options["embedding"], options["hidden"]
        self.begin = Linear(inputs, self.features)
        self.rnn = Recurrent(inputs, "gru", self.features, layers=1, dropout=options["dropout"])
        self.word_dropout = options["word_dropout"]

    def forward(self, z: Tensor, vectors: Tensor, state=None) -> tuple[Tensor, tuple]:
        """Return the features of steps Float[n, T, H], and the state after them.

        Parameters
        ----------
        z : Float[n, latent]
        vectors : Float[n, T, embedding]
            Of the event before each step.
        state : as returned; None where the first step begins the segment
        """
        if state is None:
            state = (torch.tanh(self.begin(torch.cat([vectors[:, 0], z], dim=-1)))[None],)
        if self.training and self.word_dropout:
            heard = torch.rand(vectors.shape[:2], device=vectors.device) >= self.word_dropout
            heard[:, 0] = True  # the event before the segment is what joins it to the piece
            vectors = vectors * heard[..., None]
        z = z[:, None].expand(-1, vectors.shape[1], -1)
        return self.rnn(torch.cat([vectors, z], dim=-1), state)

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return {**named("decoder.begin", self.begin.views()), **self.rnn.views()}


class ConvolutionDecoder(nn.Module):
    """Transposed convolutions that write all steps of a segment at once."""

    def __init__(self, options: dict):
        super().__init__()
        segment, self.features = options["segment"], options["hidden"]
        self.begin = Linear(options["latent"] + options["embedding"], positions(segment) * self.features)
        self.layers = nn.ModuleList(Linear(3 * self.features, 2 * self.features) for _ in range(halvings(segment)))
        self.dropout = nn.Dropout(options["dropout"])

    def forward(self, z: Tensor, vectors: Tensor, state=None) -> tuple[Tensor, tuple]:
        """Return the features of steps Float[n, T, H], and the state after them; arguments as in `SequenceDecoder`.

        Of `vectors` only the first in a segment is read: the event before it.
        """
        features, done = (self._all(z, vectors[:, 0]), 0) if state is None else state
        steps = vectors.shape[1]
        return features[:, done : done + steps], (features, done + steps)

    def _all(self, z: Tensor, before: Tensor) -> Tensor:
        x = nn.functional.elu(self.begin(torch.cat([before, z], dim=-1))).unflatten(1, (-1, self.features))
        for layer in self.layers:
            x = nn.functional.elu(layer(_taps(x, 3)).unflatten(-1, (2, self.features)).flatten(1, 2))
        return self.dropout(x)

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        return named("decoder", part_views({"begin": self.begin, **dict(enumerate(self.layers))}))


DECODERS = {"sequence": SequenceDecoder, "convolution": ConvolutionDecoder}


def _taps(x: Tensor, taps: int, stride: int = 1) -> Tensor:
    """Return neighbours side by side: Float[n, P / stride, taps * C] of x Float[n, P, C], zeros beyond its ends."""
    padded = nn.functional.pad(x, (0, 0, 1, 1))
    last = padded.shape[1] - taps + 1
    return torch.cat([padded[:, j : j + last : stride] for j in range(taps)], dim=-1)
