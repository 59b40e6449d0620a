"""The published polyphonic benchmark's number: nats per frame (Boulanger-Lewandowski, Bengio and Vincent 2012).

A frame is 88 keys, on or off. The number is -ln p(frame | frames before), summed over keys, pooled over all frames of
the split, the first of each piece included. Bai, Kolter and Koltun (2018, "An Empirical Evaluation of Generic
Convolutional and Recurrent Networks") leave the first frame out: pass ``first_frame=False``, and never put the two in
one column. The length of a piece is not coded, as in the publications; totals in bits elsewhere in this study are
therefore not nats per frame in another unit.

That the data and the number are the published ones is shown without training: each key's own frequency in the training
frames gives 11.06 nats on JSB's test split and 10.25 on Nottingham's, the table's "Note 1-gram".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.errors import EtudeError
from etude.models.totals import step_totals
from etude.types import Space

FRAME = Space((88,), 2)
UNIFORM = 88 * float(np.log(2))  # 61.00 nats: all keys by the toss of a coin


def nats_per_frame(step_bits: Sequence[np.ndarray], rolls: Sequence[np.ndarray], first_frame: bool = True) -> float:
    """Return the benchmark's number.

    Parameters
    ----------
    step_bits : sequence of Float[T, 88] or Float[T]
        Surprise of every entry or of every frame, in bits: `model.step_bits(rolls)`.
    rolls : sequence of Int[T, 88]
        The pieces that were scored.
    first_frame : bool
        Whether the first frame of each piece counts (BL12: yes; Bai et al. 2018: no).
    """
    start = 0 if first_frame else 1
    frames = step_totals([np.asarray(bits) for bits in step_bits])
    if [len(bits) for bits in frames] != [len(FRAME.check(roll)) for roll in rolls]:
        raise EtudeError("the bits of every frame of every roll", "other lengths", "Use model.step_bits(rolls).")
    counted = np.concatenate([np.zeros(0), *(bits[start:] for bits in frames)])
    if not len(counted):
        raise EtudeError("at least one frame that counts", "none")
    return float(counted.mean() * np.log(2))
