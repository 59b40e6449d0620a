"""WaveNet (van den Oord et al. 2016, "WaveNet: A Generative Model for Raw Audio", section 2) on any space of the study.

A causal convolution reads the events. Above it, `stacks` times, stand layers whose dilation doubles, 1, 2, 4, ..
Each layer has a filter and a gate, and gives to the next layer (residual) and to the end (skip)::

    z = tanh(filter(x)) * sigmoid(gate(x))    x = x + residual(z)    skips = skips + skip(z)

    features = relu(end(relu(skips)))

and the output's own linear map is the last layer of the paper. It was made for samples of sound and a categorical
output over 256 levels; nothing in it asks for that.

Weights of layer l (layout of a convolution: `dilated`): `wavenet.l.gated` with filter and gate side by
side [k * R, 2R], `wavenet.l.residual` [R, R] (not in the last layer, where nobody reads it), `wavenet.l.skip` [R, S];
beside them `wavenet.input` [k * embedding, R] and `wavenet.end` [S, S]; each with `.weight` and `.bias`.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from etude.models.sequence.dilated import doubling, linear_arrays, named, receptive_field
from etude.models.sequence.sequence import ContextModel, embedding_arrays
from etude.models.sequence.streams import Streams
from etude.types import Space


class WaveNet(Streams, ContextModel):
    """A context of gated dilated causal convolutions with any output that fits the space.

    Parameters
    ----------
    space : Space
    residual : int
        Channels from layer to layer, R; as many filters and gates.
    skip : int
        Channels from the layers to the end, S, and of the features.
    stacks : int
        How often the dilations run from 1 upwards.
    dilations : int
        Layers in a stack; the last has dilation 2^(dilations - 1).
    kernel : int
        Taps of a convolution, at least 2.
    embedding : int, optional
        Size of the vector that an event is read as; by default `residual`.
    dropout : float
        Share of channels dropped before each layer and before the output while learning, in [0, 1).
    **common
        `seed`, `output`, `output_hidden`: see `ContextModel`.
    """

    name = "wavenet"

    def __init__(
        self,
        space: Space,
        *,
        residual: int = 64,
        skip: int = 128,
        stacks: int = 2,
        dilations: int = 6,
        kernel: int = 2,
        **common,
    ):
        sizes = {"residual": residual, "skip": skip, "stacks": stacks, "dilations": dilations, "kernel": kernel}
        super().__init__(space, sizes, **common)

    @staticmethod
    def _embedding(space, sizes):
        return sizes["residual"]

    @property
    def dilations(self) -> list[int]:
        """Dilation of every gated layer, the first read first."""
        return doubling(self.options["dilations"]) * self.options["stacks"]

    @property
    def receptive_field(self) -> int:
        """Steps of the past on which the distribution of the next step depends, at most."""
        return receptive_field(self.options["kernel"], [1, *self.dilations])

    def gates(self, x: np.ndarray) -> np.ndarray:
        """Return how far every gate is open while each step of a piece is foreseen.

        Parameters
        ----------
        x : Int[T, *E]

        Returns
        -------
        Float32[T, layers, R]
            In (0, 1); row t is what the network has when it knows the steps before t.
        """
        events = self.space.check(x).reshape(len(x), self.space.entries)
        return self.network.gates(np.concatenate([events[:1], events[:-1]]))

    def _initial(self, rng):
        residual, skip, kernel, embedding = (self.options[k] for k in ("residual", "skip", "kernel", "embedding"))
        arrays = embedding_arrays(self.space, embedding, rng)
        arrays |= named("wavenet.input", linear_arrays(kernel * embedding, residual, rng))
        layers = len(self.dilations)
        for layer in range(layers):
            arrays |= named(f"wavenet.{layer}.gated", linear_arrays(kernel * residual, 2 * residual, rng))
            if layer < layers - 1:
                arrays |= named(f"wavenet.{layer}.residual", linear_arrays(residual, residual, rng))
            arrays |= named(f"wavenet.{layer}.skip", linear_arrays(residual, skip, rng, 2 / sqrt(layers)))
        arrays |= named("wavenet.end", linear_arrays(skip, skip, rng, sqrt(2)))
        return arrays | self._output_arrays(skip, rng)
