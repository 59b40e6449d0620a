"""No memory at all: every step is drawn from one distribution, whatever came before.

What remains is the output distribution alone. With `nade` over the 88 keys this is the NADE row of the polyphonic
benchmark (Larochelle & Murray 2011), with `independent` its note 1-gram, learnt by gradient instead of counted.
"""

from __future__ import annotations

import numpy as np

from etude.models.sequence.outputs import output_options
from etude.models.sequence.sequence import SequenceModel
from etude.types import Space


class Memoryless(SequenceModel):
    """An output distribution without a context.

    Parameters
    ----------
    space : Space
    seed : int
        Of the initial weights.
    output, output_hidden
        See `etude.models.sequence.outputs.output_options`.
    """

    name = "memoryless"

    def __init__(self, space: Space, *, seed: int = 0, output: str | None = None, output_hidden: int | None = None):
        super().__init__(space, seed=seed, **output_options(space, output, output_hidden))

    def _initial(self, rng):
        empty = {
            "embedding.table": np.zeros((self.space.entries * self.space.levels, 0), np.float32),
            "embedding.start": np.zeros(0, np.float32),
        }
        return empty | self._output_arrays(0, rng)
