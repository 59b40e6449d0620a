"""SampleRNN (Mehri et al. 2017, "SampleRNN: An Unconditional End-to-End Neural Audio Generation Model", section 2).

A clock for every tier. Tier k = 2 .. K is a recurrent network that goes on once for a frame of F_k steps. It reads the
last F_k events and what the tier above says, and says one vector to each frame of the tier below, for which its state
is upsampled by r = F_k / F_{k-1} learned linear maps side by side. Tier 1 goes on at every step (F_1 = 1) and is a
perceptron over the last F_2 events. With e_s the vector of event s, [..] side by side, t the first step of a frame::

    tier k:  x = [e_{t-F_k} .. e_{t-1}] @ frame + c_{k+1}    h = rnn(x, h)    [c_k of the next r frames] = upsample(h)
    tier 1:  features = relu(hidden(relu([e_{t-F_2} .. e_{t-1}] @ read + c_2)))

Above the top tier there is no c; the output's own linear map is the last layer of the paper's perceptron. Frames do
not overlap and are counted from the first step of the piece; events before it are 0, but for the start vector of the
last. A step thus depends on all of the past, through states that were updated t / F_k times instead of t times.

Where this differs from the paper: frames are read as embedded events, as tier 1 reads them, instead of as amplitudes;
so codes need no order and steps may be vectors. But amplitudes are one such embedding, and where steps are the levels
of a signal (scalars at a rate), the table begins as that: level v in [-1, 1] is read as v and as sinh(5 v) / sinh(5),
near the amplitude that a mu-law code stands for, beside small random numbers. States begin at 0, not at learned ones.
Windows of a fit begin with fresh states (see `etude.training.windows`), unless its budget says `cuts="carried"`: then,
as in the paper, a state is handed from one subsequence of truncated back-propagation to the next (see
`etude.training.consecutive`). Scoring and generation carry it through the whole piece in any case.

Weights, matrices (in, out), H units: of tier k `samplernn.k.frame` [F_k * embedding, H], `samplernn.k.rnn.l` as of an
RNN's layer l (`etude.models.sequence.rnn`), and `samplernn.k.upsample` [H, r * H], nearest frame first; of tier 1
`samplernn.1.read` [F_2 * embedding, H] and `samplernn.1.hidden` [H, H]. All but the layers have `.weight` and `.bias`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.models.neural import marginals
from etude.models.sequence.dilated import linear_arrays, named
from etude.models.sequence.rnn import GATES, layer_arrays
from etude.models.sequence.sequence import ContextModel, embedding_arrays
from etude.models.sequence.streams import Streams
from etude.types import Space


class SampleRNN(Streams, ContextModel):
    """A context of recurrent tiers with slower and slower clocks, with any output that fits the space.

    Parameters
    ----------
    space : Space
    frames : sequence of int
        Steps in a frame, F_2, F_3, ..: of the fastest recurrent tier, then of each above it, every one a multiple of
        the one before. One number makes the two-tier model, two the three-tier one.
    hidden : int
        Units of every layer, H.
    cell : {"gru", "lstm"}
    layers : int
        Recurrent layers in a tier.
    embedding : int
        Size of the vector that an event is read as.
    dropout : float
        Share of units dropped while learning, after each recurrent layer and before the output, in [0, 1).
    **common
        `seed`, `output`, `output_hidden`: see `ContextModel`.
    """

    name = "samplernn"

    def __init__(
        self, space: Space, *, frames: Sequence[int] = (4, 16), hidden: int = 256, cell: str = "gru", layers=1, **common
    ):
        if cell not in GATES:
            raise unknown_name("cell", cell, GATES)
        frames = [int(frame) for frame in frames]
        if not frames or frames[0] < 1 or any(r < 2 for r in ratios(frames)[1:]):
            remedy = "frames=[16] makes two tiers, frames=[4, 16] three."
            raise EtudeError("frames of 1 step or more, each a multiple of the one before", str(frames), remedy)
        super().__init__(space, {"frames": frames, "cell": cell, "hidden": hidden, "layers": layers}, **common)

    def _initial(self, rng):
        hidden, layers, embedding, frames, cell = (
            self.options[k] for k in ("hidden", "layers", "embedding", "frames", "cell")
        )
        arrays = embedding_arrays(self.space, embedding, rng)
        if self.space.is_signal:
            arrays["embedding.table"] = amplitude_table(arrays["embedding.table"])
        for k, (frame, ratio) in enumerate(zip(frames, ratios(frames), strict=True), start=2):
            tier = named("frame", linear_arrays(frame * embedding, hidden, rng))
            for layer in range(layers):
                tier |= layer_arrays(cell, layer, hidden, hidden, rng)
            arrays |= named(f"samplernn.{k}", tier | named("upsample", linear_arrays(hidden, ratio * hidden, rng)))
        arrays |= named("samplernn.1.read", linear_arrays(frames[0] * embedding, hidden, rng))
        arrays |= named("samplernn.1.hidden", linear_arrays(hidden, hidden, rng, sqrt(2)))
        return arrays | self._output_arrays(hidden, rng)

    def _adapted(self, arrays, train):
        if not self.space.is_signal:
            return super()._adapted(arrays, train)
        counted = np.log(marginals(train, self.space)).ravel().astype(np.float32)
        return {**arrays, "output.bias": counted}  # the table stays: it would be scaled as if its columns were alike


def amplitude_table(table: np.ndarray) -> np.ndarray:
    """Return an embedding Float32[levels, size] in which levels are read as amplitudes.

    Two columns (one, where there is no second) hold the level and its expansion, the others a tenth of `table`.
    """
    level = np.linspace(-1, 1, len(table))
    columns = np.stack([3 * level, 8 * np.sinh(5 * level) / np.sinh(5)], axis=1)[:, : table.shape[1]]
    return np.concatenate([columns, table[:, columns.shape[1] :] / 10], axis=1).astype(np.float32)


def ratios(frames: Sequence[int]) -> list[int]:
    """Return how many frames of the tier below a frame of each tier spans, 0 where that is not a whole number.

    Below the first recurrent tier a frame is a step.
    """
    below = [1, *frames[:-1]]
    return [frame // b if b > 0 and frame % b == 0 else 0 for frame, b in zip(frames, below, strict=True)]
