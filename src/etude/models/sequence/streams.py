"""The face of generation by compiled code, for the families that have a kernel in `etude.models.compiled`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class Streams:
    """Mixin in front of a `SequenceModel` that has a kernel."""

    def stream(
        self,
        n: int = 1,
        steps: int | None = None,
        seed: int = 0,
        temperature: float = 1.0,
        top_p: float = 1.0,
        prefix: np.ndarray | None = None,
        block: int = 4096,
    ) -> Iterator[np.ndarray]:
        """Draw the pieces of `sample` faster, by compiled code, and hand them out block by block.

        Hours of sound need no more memory than a block. For scalar steps and a categorical output.

        Parameters
        ----------
        n, steps, seed, temperature, top_p
            As for `sample`; without `steps`, the stream does not stop by itself.
        prefix : Int[P], optional
            How every piece begins; its steps count and are handed out too.
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
        from etude.models.compiled.generator import stream

        return stream(self, n, steps, seed, temperature, top_p, prefix, block)
