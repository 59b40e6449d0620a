"""The benchmark's test split piece by piece: what each costs, and what the pieces that leak cost.

A piece leaks where its melody was in training (`evaluation.leakage`). That such pieces cost less does not say that
their melodies were remembered: they may be easier. The control is a row that cannot remember a melody, and finds the
leaked pieces easier only as far as their frames alone make them so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from etude.corpora.polyphonic import Polyphonic
from etude.errors import EtudeError
from etude.evaluation.leakage import clean_table
from etude.evaluation.rank_correlations import FEWEST, rank_correlation_table
from etude.study.benchmark import Fitted, frame_bits
from etude.study.benchmark_returns import returning
from etude.types import Piece


class FirstPieces(Polyphonic):
    """A set of the benchmark with the first `most` pieces of each split; all of them where that is 0."""

    def __init__(self, collection: str, most: int = 0, folder=None):
        super().__init__(collection, folder)
        self.most = most

    def load(self, split: str) -> tuple[Piece, ...]:
        """Return the pieces of a split."""
        return super().load(split)[: self.most or None]


def frame_nats(fitted: Fitted, pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the nats of every frame, Float64[T] a piece, the mean over the seeds of a row."""
    by_seed = [frame_bits(model, pieces) for model in fitted.models]
    if not by_seed:
        raise EtudeError("a row with at least one fit", f"none of {fitted.name!r}", "Give it a seed.")
    return [np.log(2) * np.mean(bits, axis=0) for bits in zip(*by_seed, strict=True)]


def pieces_table(nats: Sequence[np.ndarray], pieces: Sequence[np.ndarray], leaks: Sequence[bool], collection: str):
    """Return one row a piece: set, piece (its number), frames, nats (per frame), leaks, returns, keys.

    `returns` is the share of frames that return (`study.benchmark_returns`), `keys` how many sound at once.

    Parameters
    ----------
    nats : sequence of Float[T]
        Of every frame, from `frame_nats`.
    pieces : sequence of Int[T, 88]
    leaks : Bool[N]
    """
    import pandas as pd

    rows = [
        {"set": collection, "piece": number, "frames": len(roll), "nats": some.mean(), "leaks": bool(leak)}
        | {"returns": back.mean(), "keys": roll.sum() / len(roll)}
        for number, (some, roll, leak, back) in enumerate(zip(nats, pieces, leaks, returning(pieces), strict=True))
    ]
    return pd.DataFrame(rows)


def audit(nats: Mapping[str, Sequence[np.ndarray]], leaks: Sequence[bool], control: str):
    """Return every row on all pieces, the clean and the leaked ones, and how much wider its gap is than the control's.

    Parameters
    ----------
    nats : mapping of row to a sequence of Float[T]
        Of every frame; all rows on the same pieces.
    leaks : Bool[N]
    control : str
        The row that cannot remember a melody, a name in `nats`.

    Returns
    -------
    pandas.DataFrame
        The columns of `evaluation.clean_table` in nats per frame, with `row`; then, each with its interval (_low,
        _high), `beyond`: the gap less that of the control, in nats per frame, from the differences of the two rows
        piece by piece; and `ratio`: the gap in nats per nat that the control needs on the same pieces. A row whose
        nats are a fixed part of the control's has a ratio of 0 and a `beyond` that is not 0. NaN for the control, and
        where no piece leaks or all do.
    """
    if control not in nats:
        raise EtudeError(f"a control among {', '.join(nats)}", control)
    frames = [len(some) for some in nats[control]]
    totals = {row: np.array([some.sum() for some in values]) for row, values in nats.items()}
    table = clean_table(totals, frames, leaks)
    beyond = clean_table({row: values - totals[control] for row, values in totals.items()}, frames, leaks)
    ratio = clean_table(totals, totals[control], leaks)
    for name, beside in (("beyond", beyond), ("ratio", ratio)):
        for end in ("", "_low", "_high"):
            table[f"{name}{end}"] = beside[f"gap{end}"].where(table.index != control)
    return table.rename_axis("row").reset_index()


def goes_with(pieces, measures: Sequence[str] = ("returns", "keys", "frames")):
    """Return, one row a set and measure, how the nats per frame of its pieces are ordered by a measure of the pieces.

    Parameters
    ----------
    pieces : DataFrame
        From `pieces_table`, of several sets.

    Returns
    -------
    pandas.DataFrame
        set, measure, pieces, correlation, low, high, p, as `evaluation.rank_correlation_table` has them; NaN for a set
        with fewer than four pieces, of which nothing can be said.
    """
    import pandas as pd

    parts = []
    for name, some in pieces.groupby("set", sort=False):
        if len(some) >= FEWEST:
            found = rank_correlation_table(some, "nats", measures).rename(columns={"models": "pieces"})
        else:
            unknown = dict.fromkeys(("correlation", "low", "high", "p"), np.nan)
            found = pd.DataFrame([{"measure": measure, "pieces": len(some), **unknown} for measure in measures])
        parts.append(found.assign(set=name))
    columns = ["set", "measure", "pieces", "correlation", "low", "high", "p"]
    return pd.concat(parts, ignore_index=True)[columns]
