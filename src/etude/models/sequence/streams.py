"""The face of generation by compiled code, for the families that have a kernel in `etude.models.compiled`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from etude.lookup import resolve
from etude.models.autoregressive import cut_at_end


class Streams:
    """Mixin in front of a model that has a kernel."""

    generator = "etude.models.compiled.generator:Generator"  # what writes, made from the model
    longest: int | None = None  # steps of a piece at most

    def stream(
        self,
        n: int = 1,
        steps: int | None = None,
        seed: int | None = 0,
        temperature: float = 1.0,
        top_p: float = 1.0,
        prefix: np.ndarray | None = None,
        block: int = 4096,
        new: int | None = None,
    ) -> Iterator[np.ndarray]:
        """Draw the pieces of `sample` faster, by compiled code, and hand them out block by block.

        Hours of sound need no more memory than a block. For scalar steps and a categorical output.

        Parameters
        ----------
        n, seed, temperature, top_p, prefix, new
            As for `Model.sample`; the prefix is handed out too.
        steps : int, optional
            As for `Model.sample`; by default the stream does not stop by itself, but where a guide ends.
        block : int
            Steps in a block.

        Returns
        -------
        iterator of Int64[n, at most `block`]
            In a space with an end code it stops with the block in which the last piece ends; what follows a piece's
            first end code is not part of the piece.

        Raises
        ------
        EtudeError
            Another space or output, or a number outside its range.
        """
        return resolve("etude.models.compiled.generator:stream")(
            self, n, steps, seed, temperature, top_p, prefix, block, new
        )

    def _compiled_sample(self, n, steps, rng, temperature, top_p, prefix=None):
        unsuited = resolve("etude.models.compiled.generator:unsuited")
        if unsuited(self) is not None:
            return None
        blocks = self.stream(n, steps, rng, temperature, top_p, prefix)
        codes = np.concatenate([np.zeros((n, 0), np.int64), *blocks], axis=1)
        return [cut_at_end(x, self.space.end) for x in codes]
