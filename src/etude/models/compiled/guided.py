"""Streams of a WaveNet that follows a guide. What the guide adds is worked out for the frames of a block at a time."""

from __future__ import annotations

from etude.models.compiled.generator import Generator
from etude.models.compiled.packing import aligned
from etude.models.compiled.wavenet_packing import side_by_side


class GuidedGenerator(Generator):
    """n streams that follow one guide.

    Parameters
    ----------
    following : etude.models.sequence.guided.Following
    n : int
        Streams.
    """

    family = "wavenet"

    def __init__(self, following, n: int = 1):
        super().__init__(following.model, n)
        self._following, self._done = following, 0

    def _weights_of(self, steps: int):
        hop = self._following.model.hop
        first, last = self._done // hop, (self._done + max(steps, 1) - 1) // hop
        local = side_by_side(self._following.local(first, last + 1 - first))
        biases = aligned(local.shape)
        biases[:] = local + self._weights.gated_bias
        weights = self._weights._replace(gated_bias=biases, hop=hop, offset=self._done - first * hop)
        self._done += steps
        return weights
