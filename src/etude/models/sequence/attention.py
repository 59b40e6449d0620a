"""Causal self-attention: a Transformer decoder (Vaswani et al. 2017) that knows moments by how long ago they were.

A step looks, in every layer, at the last S steps (`span`), its own included, and takes from each as much as a softmax
says. Position t holds the event before step t (position 0 the start of the piece), so nothing looks ahead. Layers are
normalised first (pre-norm: Xiong et al. 2020). With A heads of size D = C / A, for layer i and each head::

    y = norm(x)    q_t, k_t, v_t = y_t @ W + b    (W = `read`, queries, keys and values side by side, head by head)
    a_ts = softmax over t - S < s <= t of (q_t . k_s + q_t . r_{min(t - s, R - 1)}) / sqrt(D)
    x_t <- x_t + dropout((sum over s of a_ts v_s) @ O + o)        x <- x + dropout(relu(norm'(x) @ U + u) @ V + v)

and features are norm(x) after the last layer. The vectors r are those of Music Transformer (Huang et al. 2019,
section 3.4; Shaw et al. 2018), one for every distance below R (`distances`) and the last for all beyond. Every distance
has its own because a bar is exactly sixteen sixteenths; the ranges that T5 (Raffel et al. 2020) lets share a bias would
blur it. The query's bias gives each distance a worth that depends on nothing else.

No position is counted from the start of a piece and no layer sees further than S, so a piece may be of any length.
A layer needs the last S - 1 keys and values to go on (`receptive_field`: 1 + layers (S - 1) steps), and scoring and
generation carry just these. Bits of a long piece are therefore those of one pass over the whole of it, exactly.

With `recall` the look-up of `models.sequence.rnn` is added to the features; it remembers the whole piece.

Weights of layer i: `attention.i.norm`, `.read` [C, 3 C], `.output` [C, C], `.between` (norm'), `.inner` [C, 4 C],
`.outer` [4 C, C], each with `.weight` and `.bias`, and `attention.i.positions` [A, R, D]; then `attention.norm`, and
`attention.input` [embedding, C] where the embedding has another size.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from etude.errors import EtudeError
from etude.models.sequence.dilated import linear_arrays, named
from etude.models.sequence.rnn import recall_arrays
from etude.models.sequence.sequence import ContextModel, embedding_arrays
from etude.types import Space

MOST_LOOKED_AT = 4096  # steps of a piece whose weights are all returned: with 12 heads 0.8 GB
WIDER = 4  # times C: units of the layer inside a block


class Attention(ContextModel):
    """A context of causal self-attention with any output that fits the space.

    Parameters
    ----------
    space : Space
    channels : int
        Size of what a layer reads and writes, C.
    heads : int
        Heads of a layer, which divide the channels.
    layers : int
    span : int
        Steps that a layer looks at, its own included, S.
    distances : int, optional
        Distances that are told apart, at most `span`, R; by default 128 of them or all. A distance that no window of a
        fit holds is never learnt: leave it out.
    recall : int
        Heads of the look-up in the piece's own past; 0 for none.
    embedding : int, optional
        Size of the vector that an event is read as; by default `channels`.
    dropout : float
        Share of channels dropped while learning, in [0, 1).
    **common
        `seed`, `output`, `output_hidden`: see `ContextModel`.
    """

    name = "attention"

    def __init__(
        self,
        space: Space,
        *,
        channels: int = 128,
        heads: int = 4,
        layers: int = 3,
        span: int = 256,
        distances: int | None = None,
        recall: int = 0,
        **common,
    ):
        sizes = {"channels": channels, "heads": heads, "layers": layers, "span": span, "recall": recall}
        sizes["distances"] = min(span, 128) if distances is None else distances
        for divided, parts in (("heads", heads), ("recall heads", recall)):
            if parts > 0 and channels % parts:
                raise EtudeError(f"{divided} that divide the channels", f"{parts} heads, {channels} channels")
        if sizes["distances"] > span:
            raise EtudeError(f"at most as many distances as a layer spans, {span}", str(distances))
        super().__init__(space, sizes, **common)

    @staticmethod
    def _embedding(space, sizes):
        return sizes["channels"]

    @property
    def receptive_field(self) -> int | None:
        """Steps of the past on which the distribution of the next step depends, at most; None with `recall`: all."""
        return None if self.options["recall"] else 1 + self.options["layers"] * (self.options["span"] - 1)

    def attention(self, x: np.ndarray) -> np.ndarray:
        """Return what every head looks at while each step of a piece is foreseen.

        Parameters
        ----------
        x : Int[T, *E]

        Returns
        -------
        Float32[layers, heads, T, T]
            Row t, of step t, sums to 1. Column s is the event before step s, x[s - 1]; column 0 is the start of the
            piece.

        Raises
        ------
        EtudeError
            The piece has more than `MOST_LOOKED_AT` steps.
        """
        if len(x) > MOST_LOOKED_AT:
            raise EtudeError(
                f"at most {MOST_LOOKED_AT} steps, of which each looks at each", str(len(x)), "Take a part."
            )
        events = self.space.check(x).reshape(len(x), self.space.entries)
        return self.network.attention(np.concatenate([events[:1], events[:-1]]))

    def _initial(self, rng):
        channels, heads, layers, embedding = (self.options[k] for k in ("channels", "heads", "layers", "embedding"))
        arrays = embedding_arrays(self.space, embedding, rng)
        if embedding != channels:
            arrays |= named("attention.input", linear_arrays(embedding, channels, rng))
        shape = (heads, self.options["distances"], channels // heads)
        for layer in range(layers):
            arrays |= named(f"attention.{layer}", layer_arrays(channels, shape, layers, rng))
        arrays |= named("attention.norm", norm_arrays(channels))
        if self.options["recall"]:
            arrays |= recall_arrays(self.options["recall"], embedding, channels, rng)
        return arrays | self._output_arrays(channels, rng)


def layer_arrays(channels: int, positions: tuple[int, ...], layers: int, rng: np.random.Generator) -> dict:
    """Return the initial weights of one of some layers; `positions` is the shape of its vectors of distances.

    What a layer adds has variance 1 / (2 layers), so that all of them together add about as much as the input has.
    """
    small, wide = 1 / sqrt(2 * layers), WIDER * channels
    parts = {
        "norm": norm_arrays(channels),
        "read": linear_arrays(channels, 3 * channels, rng),
        "output": linear_arrays(channels, channels, rng, small),
        "between": norm_arrays(channels),
        "inner": linear_arrays(channels, wide, rng, sqrt(2)),
        "outer": linear_arrays(wide, channels, rng, small),
    }
    arrays = {name: array for part, some in parts.items() for name, array in named(part, some).items()}
    return {**arrays, "positions": (0.1 * rng.normal(size=positions)).astype(np.float32)}


def norm_arrays(channels: int) -> dict[str, np.ndarray]:
    """Return the initial scale and shift of a layer normalisation (Ba et al. 2016)."""
    return {"weight": np.ones(channels, np.float32), "bias": np.zeros(channels, np.float32)}
