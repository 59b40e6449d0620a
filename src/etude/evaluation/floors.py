"""All floors of a table at once: what has to be beaten before anything can be said to have been learnt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.evaluation.compressors import COMPRESSORS, compressor_bits, flac_bits
from etude.models.base import Model
from etude.registry import FLOORS, model
from etude.types import Bits, Space


def fitted_floors(space: Space, train: Sequence[np.ndarray], valid: Sequence[np.ndarray]) -> dict[str, Model]:
    """Return every floor model of the registry, fitted on `train`, chosen on `valid`.

    Pass the training pieces that the learnt models get, transpositions included, so that no floor is held back.
    """
    floors = {name: model(name, space) for name in FLOORS}
    for floor in floors.values():
        floor.fit(train, valid)
    return floors


def compressor_floors(
    space: Space, train: Sequence[np.ndarray], xs: Sequence[np.ndarray], moved: Sequence[np.ndarray] | None = None
) -> dict[str, Bits]:
    """Return the compressors' code lengths of `xs`: alone and primed by `train`, and FLAC for 8-bit samples.

    PPMd, by far the stronger, is primed by `moved` (the training pieces in all keys) where it is given. xz would take
    minutes for what it cannot use: it looks for verbatim repeats.
    """
    if space.end is None and not space.event_shape and space.levels == 256:
        return {"FLAC": flac_bits(xs, space)}
    floors = {}
    for name in COMPRESSORS:
        floors[f"{name} alone"] = compressor_bits(name, xs, space)
        floors[f"{name} primed"] = compressor_bits(name, xs, space, train if name == "xz" else moved or train)
    return floors
