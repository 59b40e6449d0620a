"""The study's table: code lengths per second of music, with floors, kinds, seeds and intervals.

All rows of a table code the same pieces, whole: the end of a piece by its end code, or, in spaces without one, by
Elias's code of the number of steps. Seconds and notes are those of the piece's *common* score, whatever the
representation, so bits per second and bits per note of `midi`, `pianoroll` and `text` are rates of one thing and may be
ranked together. Bits per step never may. Audio is counted in bits per sample and kbit/s, and never ranked with scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.intervals import rate_interval
from etude.evaluation.lengths import length_bits
from etude.models.base import Model
from etude.representations.base import Representation
from etude.types import Bits, Piece

Scored = Model | Bits
ENTRIES_AT_ONCE = 2**23  # of pieces that a model scores together, in double precision 64 MB


def score_table(
    models: Mapping[str, Scored | Sequence[Scored]],
    xs: Sequence[np.ndarray],
    pieces: Sequence[Piece],
    representation: Representation,
    level: float = 0.95,
):
    """Return code lengths of held-out pieces as a table, one row per model.

    Parameters
    ----------
    models : mapping of name to a model, or to Bits that are code lengths already (a compressor's), or to several
        Several are the same model under different seeds: rates are their mean, `seed_sd` the spread of the totals.
    xs : sequence of Int[T, *E]
        The pieces in the representation's codes; where a model is conditional, pairs with what it is given (`Guided`),
        which the others take as the pieces alone.
    pieces : sequence of Piece
    representation : Representation
        Says whether this is a table of scores or of audio.
    level : float
        Coverage of the bootstrap interval over pieces, columns `low` and `high`, in the unit of the column before.

    Returns
    -------
    pandas.DataFrame
        model, representation, kind; for scores bits_per_second, low, high, bits_per_note; for audio kbit_per_second,
        low, high, bits_per_sample (scalar steps only); bits_per_step, seed_sd (of the first rate), seeds, pieces.
    """
    import pandas as pd

    if len(xs) != len(pieces) or not len(xs):
        raise EtudeError("as many pieces as arrays, at least one", f"{len(pieces)} pieces, {len(xs)} arrays")
    for x in xs:
        representation.space.check(x, complete=True, widen=False)
    rows = [_row(name, scored, xs, pieces, representation, level) for name, scored in models.items()]
    return pd.DataFrame(rows)


def code_lengths(scored: Scored, xs: Sequence[np.ndarray]) -> Bits:
    """Return the whole code length of each piece: a model's bits, and the length's code where no end code says it."""
    if isinstance(scored, Bits):
        if len(scored.values) != len(xs):
            raise EtudeError(f"bits of {len(xs)} pieces", f"bits of {len(scored.values)}")
        return scored
    bits = _in_parts(scored, xs)
    if scored.space.end is not None:
        return bits
    return Bits(bits.values + [length_bits(len(x)) for x in xs], bits.kind, bits.stderr)


def _in_parts(model: Model, xs: Sequence[np.ndarray]) -> Bits:
    """Return the bits of all pieces, those of so many at a time that memory does not grow with their number."""
    parts, size = [[]], 0
    for x in xs:
        if parts[-1] and size + np.size(x) > ENTRIES_AT_ONCE:
            parts, size = [*parts, []], 0
        parts[-1].append(x)
        size += np.size(x)
    if len(parts) == 1:
        return model.bits(xs)
    found = [model.bits(part) for part in parts]
    stderr = None if any(bits.stderr is None for bits in found) else np.concatenate([bits.stderr for bits in found])
    return Bits(np.concatenate([bits.values for bits in found]), found[0].kind, stderr)


def amounts(pieces: Sequence[Piece], domain: str) -> dict[str, np.ndarray]:
    """Return what the bits of each piece are divided by: seconds, and for scores notes, of the common score."""
    if domain == "audio":
        return {"seconds": np.array([piece.audio.seconds for piece in pieces])}
    scores = [piece.score.common() for piece in pieces]
    return {"seconds": np.array([s.seconds for s in scores]), "notes": np.array([float(len(s)) for s in scores])}


def _row(name, scored, xs, pieces, representation, level) -> dict:
    runs = [scored] if isinstance(scored, Model | Bits) else list(scored)
    lengths = [code_lengths(run, xs) for run in runs]
    mean = np.mean([bits.values for bits in lengths], axis=0)  # over seeds, per piece
    per, domain = amounts(pieces, representation.domain), representation.domain
    unit, scale = ("bits_per_second", 1.0) if domain == "score" else ("kbit_per_second", 1e-3)
    rate = rate_interval(scale * mean, per["seconds"], level)
    spread = np.std([scale * bits.per(per["seconds"]) for bits in lengths], ddof=1) if len(runs) > 1 else np.nan
    row = {"model": name, "representation": representation.name, "kind": _kind(name, lengths)}
    row |= {unit: rate.value, "low": rate.low, "high": rate.high}
    if domain == "score":
        row["bits_per_note"] = Bits(mean).per(per["notes"])
    elif not representation.space.event_shape:
        row["bits_per_sample"] = Bits(mean).per([len(x) for x in xs])
    row["bits_per_step"] = Bits(mean).per([len(x) for x in xs])
    return {**row, "seed_sd": float(spread), "seeds": len(runs), "pieces": len(xs)}


def _kind(name: str, lengths: list[Bits]) -> str:
    kinds = {bits.kind for bits in lengths}
    if len(kinds) != 1:
        raise EtudeError(f"runs of {name} of one kind", " and ".join(sorted(kinds)))
    return kinds.pop()
