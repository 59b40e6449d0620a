"""The table of round trips: what each representation keeps of the same pieces, and in how many symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from etude.clock import music_seconds
from etude.errors import EtudeError
from etude.representations.base import Representation
from etude.types import Piece

if TYPE_CHECKING:
    from pandas import DataFrame


def round_trip_table(
    pieces: Sequence[Piece], representations: Mapping[str, Representation] | Sequence[Representation]
) -> DataFrame:
    """Return one row per representation, by its label in a mapping or its own name.

    Columns
    -------
    pieces, exact : int
        Pieces, and those whose decoded score equals `Score.common()` (absent for sound, which has no such form).
    event_shape, levels
        The space.
    steps_per_second, symbols_per_second : float
        Steps, and entries of all steps, over seconds of music (`etude.clock`).
    flat_bits_per_second : float
        What the symbols cost before anything is learnt: symbols x log2(levels).
    ...
        Mean over the pieces of every measure of `loss`.
    """
    from pandas import DataFrame

    if not len(pieces):
        raise EtudeError("at least one piece", "none")
    if not isinstance(representations, Mapping):
        representations = {one.name: one for one in representations}
    rows = {label: _row(pieces, one) for label, one in representations.items()}
    table = DataFrame.from_dict(rows, orient="index")
    table.index.name = "representation"
    return table.astype({"exact": "Int64"}) if "exact" in table else table


def _row(pieces: Sequence[Piece], representation: Representation) -> dict:
    space = representation.space
    encoded = [representation.encode(piece) for piece in pieces]
    seconds = float(sum(music_seconds(pieces, representation.domain)))
    steps = sum(len(x) for x in encoded) / max(seconds, 1e-9)
    losses = [representation.loss(piece) for piece in pieces]
    row = {"pieces": len(pieces)}
    if representation.domain == "score":
        trips = zip(encoded, pieces, strict=True)
        row["exact"] = sum(representation.decode(x).score == piece.score.common() for x, piece in trips)
    row |= {"event_shape": space.event_shape, "levels": space.levels, "steps_per_second": steps}
    row |= {"symbols_per_second": steps * space.entries}
    row |= {"flat_bits_per_second": steps * space.entries * float(np.log2(space.levels))}
    return row | {measure: float(np.mean([lost[measure] for lost in losses])) for measure in losses[0]}
