"""The temporal convolutional network (Bai, Kolter & Koltun 2018, "An Empirical Evaluation of Generic Convolutional and
Recurrent Networks for Sequence Modeling", section 3): residual blocks of dilated causal convolutions.

Block i = 0, 1, .. has two convolutions with dilation 2^i, and adds what it found to what it read::

    y = dropout(relu(conv(x)))    y = dropout(relu(conv(y)))    out = relu(y + x)

where x is mapped linearly to the width of y in a block that changes it. The features of a step are the last block's.
With independent outputs over the 88 keys this is the TCN row of the polyphonic benchmark. The paper also normalises
weights (Salimans & Kingma 2016), which is left out here.

Weights of block i (layout of a convolution: `dilated`): `tcn.i.first`, `tcn.i.second`, and where the width
changes `tcn.i.project`, each with `.weight` and `.bias`.
"""

from __future__ import annotations

from math import sqrt

from etude.models.sequence.dilated import doubling, linear_arrays, named, reading_arrays, reading_size, receptive_field
from etude.models.sequence.sequence import ContextModel
from etude.types import Space


class TCN(ContextModel):
    """A context of dilated causal convolutions with any output that fits the space.

    Parameters
    ----------
    space : Space
    channels : int
        Width of every convolution, C.
    kernel : int
        Taps of a convolution, at least 2.
    blocks : int
        Residual blocks; each doubles the dilation.
    embedding : int, optional
        Size of the vector that an event is read as; by default 64 for scalar steps, for vectors the roll
        itself: a channel for each code that sounds.
    dropout : float
        Share of channels dropped while learning, in [0, 1).
    **common
        `seed`, `output`, `output_hidden`: see `ContextModel`.
    """

    name = "tcn"

    dropout = 0.2

    def __init__(self, space: Space, *, channels: int = 128, kernel: int = 3, blocks: int = 5, **common):
        super().__init__(space, {"channels": channels, "kernel": kernel, "blocks": blocks}, **common)

    @staticmethod
    def _embedding(space, sizes):
        return reading_size(space, scalar=64)

    @property
    def receptive_field(self) -> int:
        """Steps of the past on which the distribution of the next step depends, at most."""
        return receptive_field(self.options["kernel"], [d for d in doubling(self.options["blocks"]) for _ in (1, 2)])

    def _initial(self, rng):
        channels, kernel, blocks, embedding = (self.options[k] for k in ("channels", "kernel", "blocks", "embedding"))
        arrays, inputs = reading_arrays(self.space, embedding, rng), embedding
        for block in range(blocks):
            arrays |= named(f"tcn.{block}.first", linear_arrays(kernel * inputs, channels, rng, sqrt(2)))
            arrays |= named(f"tcn.{block}.second", linear_arrays(kernel * channels, channels, rng, sqrt(2 / blocks)))
            if inputs != channels:
                arrays |= named(f"tcn.{block}.project", linear_arrays(inputs, channels, rng))
            inputs = channels
        return arrays | self._output_arrays(channels, rng)
