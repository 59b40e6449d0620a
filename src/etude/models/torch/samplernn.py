"""The context of SampleRNN in PyTorch. Equations and weight layout: `etude.models.sequence.samplernn`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from etude.models.sequence.dilated import named
from etude.models.sequence.samplernn import ratios
from etude.models.torch.dilated import CausalConvolution, Dropout, Linear
from etude.models.torch.network import Network, around, sizes
from etude.models.torch.rnn import Recurrent


class State(NamedTuple):
    """Where a piece stands between two calls; lists go from the top tier down."""

    phase: int  # steps read of the top tier's frame
    past: Tensor  # Float[F_K - 1, n, inputs], the last vectors
    recurrent: list  # states of the recurrent tiers
    said: list[Tensor]  # Float[n, .., H], what each tier has said of frames of the tier below that are yet to come


class Tier(nn.Module):
    """A recurrent network over frames, and what it says to the tier below."""

    def __init__(self, inputs: int, frame: int, ratio: int, hidden: int, cell: str, layers: int, dropout: float):
        super().__init__()
        self.size, self.hidden = frame, hidden
        self.frame = Linear(frame * inputs, hidden)
        self.recurrent = Recurrent(hidden, cell, hidden, layers, dropout)
        self.upsample = Linear(hidden, ratio * hidden)

    def forward(self, frames: Tensor, above: Tensor | None, state) -> tuple[Tensor, tuple]:
        """Return Float[n, M * ratio, H] for the tier below, and the new state.

        Parameters
        ----------
        frames : Float[n, M, size * inputs]
        above : Float[n, M, H], optional
            What the tier above says of them.
        state
            Of the recurrent layers.
        """
        if not frames.shape[1]:  # no frame begins
            return frames.new_zeros(len(frames), 0, self.hidden), state
        x = self.frame(frames)
        h, state = self.recurrent(x if above is None else x + above, state)
        return self.upsample(h).unflatten(-1, (-1, self.hidden)).flatten(1, 2), state

    def views(self) -> dict[str, Tensor]:
        """Return the weights by their names in the tier."""
        return {
            **named("frame", self.frame.views()),
            **self.recurrent.views(),
            **named("upsample", self.upsample.views()),
        }


class Tiers(nn.Module):
    """Recurrent tiers over frames, the slowest first, and the perceptron that looks at every step."""

    def __init__(self, inputs: int, frames: Sequence[int], hidden: int, cell: str, layers: int, dropout: float):
        super().__init__()
        self.features, self.longest, self.resumes = hidden, frames[-1], frames[-1]
        sizes = list(zip(frames, ratios(frames), strict=True))[::-1]
        self.tiers = nn.ModuleList(Tier(inputs, *size, hidden, cell, layers, dropout) for size in sizes)
        self.read = CausalConvolution(inputs, hidden, frames[0], 1)
        self.hidden, self.dropout = Linear(hidden, hidden), Dropout(dropout)

    def forward(self, vectors: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return features Float[n, T, H] of vectors Float[n, T, inputs], and the state after the last step."""
        steps = vectors.shape[1]
        state = self._fresh(vectors) if state is None else state
        past = torch.cat([state.past, vectors.transpose(0, 1)])  # (F_K - 1 + T, n, inputs)
        above, recurrent, said = None, [], []
        for i, tier in enumerate(self.tiers):
            frames = self._frames(past, tier.size, state.phase)
            says, carried = tier(frames, above, state.recurrent[i])
            says = torch.cat([state.said[i], says], dim=1)
            below = self.tiers[i + 1].size if i + 1 < len(self.tiers) else 1
            asked = len(range(-state.phase % below, steps, below))  # frames of the tier below that begin
            above, recurrent, said = says[:, :asked], [*recurrent, carried], [*said, says[:, asked:]]
        # the last F_2 - 1 vectors before the first step are what the convolution needs
        reach = self.read.kernel - 1
        read, _ = self.read(past[self.longest - 1 :], past[self.longest - 1 - reach : self.longest - 1])
        features = torch.relu(self.hidden(torch.relu(read + above.transpose(0, 1))))
        phase = (state.phase + steps) % self.longest
        return self.dropout(features).transpose(0, 1), State(phase, past[steps:], recurrent, said)

    def resumed(self, state: Sequence, first: Tensor) -> State:
        """Return a state of windows of whole frames that go on from `state`; where `first` Bool[n], it is fresh.

        Pieces that begin and pieces that go on are then at the first step of a frame alike, and no tier has said more
        than was asked for.
        """
        phase, past, recurrent, said = state
        recurrent = [tier.recurrent.resumed(part, first) for tier, part in zip(self.tiers, recurrent, strict=True)]
        return State(phase, past.masked_fill(first[:, None], 0), recurrent, said)

    def _frames(self, past: Tensor, size: int, phase: int) -> Tensor:
        """Return the frames that are complete when a step of this call begins a new one, Float[n, M, size * inputs]."""
        begin = self.longest - size + -phase % size
        count = max(0, len(past) - begin) // size
        frames = past[begin : begin + count * size].unflatten(0, (count, size))  # (M, size, n, inputs)
        return frames.permute(2, 0, 1, 3).flatten(2)

    def _fresh(self, vectors: Tensor) -> State:
        past = vectors.new_zeros(self.longest - 1, len(vectors), vectors.shape[2])
        nothing = vectors.new_zeros(len(vectors), 0, self.features)
        return State(0, past, [None] * len(self.tiers), [nothing] * len(self.tiers))

    def views(self) -> dict[str, Tensor]:
        """Return the weights in the shared layout."""
        tiers = [(f"{k}", tier) for k, tier in enumerate(reversed(self.tiers), start=2)]
        views = {name: view for k, tier in tiers for name, view in named(k, tier.views()).items()}
        views |= named("1.read", self.read.views()) | named("1.hidden", self.hidden.views())
        return named("samplernn", views)


def build(model) -> Network:
    """Return the network of a `SampleRNN`."""
    return around(Tiers(**sizes(model, "frames", "hidden", "cell", "layers", "dropout")), model)
