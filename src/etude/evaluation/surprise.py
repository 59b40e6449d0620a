"""Surprise over time: what each sixteenth of a piece cost, whatever the steps of its representation are.

A token or a letter has no duration of its own. It belongs to the moment of the latest note that the codes up to and
including it spell, so the bits of all steps that together write a chord add up at that chord. (Text also spells notes
that only go on, at bar lines and beside moving voices; their letters count where they stand.)
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.models.totals import step_totals
from etude.representations.base import Representation
from etude.types import ONSET


def bits_per_sixteenth(representation: Representation, x: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Return the bits spent at each sixteenth of the piece, Float[n]; they add up to all bits.

    Parameters
    ----------
    representation : Representation
        Of scores.
    x : Int[T, *E]
        The piece.
    bits : Float[T, *E]
        -log2 p of every entry: `model.step_bits([x])[0]`.
    """
    x, bits = representation.space.check(x), np.asarray(bits, np.float64)
    if representation.domain != "score" or bits.shape != x.shape:
        raise EtudeError(f"bits of every entry {x.shape} of a score", f"{bits.shape}, {representation.domain}")
    length = max(representation.decode(x).score.common().length, 1)
    (spent,) = step_totals([bits])
    return np.bincount(np.minimum(moments(representation, x), length - 1), weights=spent, minlength=length)


def moments(representation: Representation, x: np.ndarray) -> np.ndarray:
    """Return the sixteenth of the piece that each step belongs to, Int[T], never falling."""
    if representation.space.rate is not None:  # steps of one length: no need to spell them
        from etude.types import NOMINAL_BPM

        return (np.arange(len(x)) * NOMINAL_BPM / 15 / representation.space.rate).astype(np.int64)
    latest = np.zeros(len(x), np.int64)
    for t in range(len(x)):
        notes = representation.decode(x[: t + 1]).score.common().notes
        latest[t] = notes[-1, ONSET] if len(notes) else 0
    # half of a chord may read as a line of notes, until its bracket closes: what stands later is right
    return np.minimum.accumulate(latest[::-1])[::-1]
