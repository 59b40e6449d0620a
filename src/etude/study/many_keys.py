"""What fits say of music in several keys, asked once and mixed in any way.

A reading is a fit that hears the music some keys higher or lower (`models.transposed`). Any set of readings mixes to a
code; which keys are taken, and with what weights, is decided on validation pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.lengths import length_bits
from etude.models.autoregressive import Autoregressive
from etude.models.mixture import mixed_steps, suited_weights
from etude.models.totals import step_totals
from etude.models.transposed import Transposed, nearest
from etude.types import Bits


@dataclass(frozen=True)
class Readings:
    """The bits of every step of some pieces, by fit and key.

    Parameters
    ----------
    bits : Float64[fits, keys, T]
        Of the steps of all pieces, one piece after the other; the keys are those of `models.transposed.nearest`.
    lengths : Int[N]
        Steps of each piece.
    """

    bits: np.ndarray
    lengths: np.ndarray

    @property
    def keys(self) -> list[int]:
        """The intervals of the readings, the own key first."""
        return nearest(self.bits.shape[1])

    def members(self, fits: Sequence[int], keys: int) -> np.ndarray:
        """Return the bits of some fits in the `keys` nearest keys, Float64[members, T], fit by fit."""
        return self.bits[list(fits), :keys].reshape(-1, self.bits.shape[2])

    def by_piece(self, steps: np.ndarray) -> np.ndarray:
        """Return the sums of Float64[T] over each piece, Float64[N]."""
        return np.array([part.sum() for part in np.split(steps, np.cumsum(self.lengths)[:-1])])

    def code_lengths(self, steps: np.ndarray) -> Bits:
        """Return the whole code length of each piece, its length's code included (`evaluation.code_lengths`)."""
        return Bits(self.by_piece(steps) + [length_bits(int(length)) for length in self.lengths])


def read(fits: Sequence[Autoregressive], keys: int, xs: Sequence[np.ndarray]) -> Readings:
    """Ask every fit for the bits of pieces Int[T, E] in the `keys` nearest keys."""
    if not fits or not len(xs):
        raise EtudeError("at least one fit and one piece", f"{len(fits)} fits, {len(xs)} pieces")
    bits = [[np.concatenate(step_totals(Transposed(fit, by).step_bits(xs))) for by in nearest(keys)] for fit in fits]
    return Readings(np.array(bits), np.array([len(x) for x in xs]))


def mixed(readings: Readings, fits: Sequence[int], keys: int, valid: Readings | None = None) -> np.ndarray:
    """Return what the mixture of some fits in the `keys` nearest keys needs for each step, Float64[T].

    Its weights suit the readings `valid`; without any they are equal.
    """
    steps = readings.members(fits, keys)
    if valid is None:
        return mixed_steps(steps, np.full(len(steps), 1 / len(steps)))
    return mixed_steps(steps, suited_weights(valid.members(fits, keys)))


def key_table(valid: Readings, scale: float, labels: Sequence):
    """Return one row a key: interval, and what each fit needs in that key alone, a column a fit.

    Parameters
    ----------
    valid : Readings
    scale : float
        Of bits per step in the unit of the table: steps per second, or nats per bit.
    labels : sequence
        What the columns of the fits are called.
    """
    import pandas as pd

    alone = scale * valid.bits.mean(axis=2)  # (fits, keys)
    table = pd.DataFrame(alone.T, columns=list(labels)).assign(interval=valid.keys)
    return table[["interval", *labels]].sort_values("interval", ignore_index=True)


def curve_table(valid: Readings, scale: float):
    """Return one row a number of keys: what a fit needs that hears so many, the mean over fits.

    Columns: keys, equal (weights), suited (weights found on these very steps), least_weight (of a reading, the mean).
    """
    import pandas as pd

    rows = []
    for keys in range(1, valid.bits.shape[1] + 1):
        readings = [valid.members([fit], keys) for fit in range(len(valid.bits))]
        weights = [suited_weights(steps) for steps in readings]
        suited = [mixed_steps(steps, shares).mean() for steps, shares in zip(readings, weights, strict=True)]
        equal = [mixed(valid, [fit], keys).mean() for fit in range(len(valid.bits))]
        row = {"keys": keys, "equal": scale * np.mean(equal), "suited": scale * np.mean(suited)}
        rows.append({**row, "least_weight": np.mean([shares.min() for shares in weights])})
    return pd.DataFrame(rows)


def enough(curve, within: float) -> int:
    """Return the fewest keys whose `suited` bits are at most so large a part above the lowest of a `curve_table`."""
    return int(curve.loc[curve["suited"] <= (1 + within) * curve["suited"].min(), "keys"].min())


def ways(test: Readings, valid: Readings, keys: int) -> dict[str, list[np.ndarray]]:
    """Return what each way to use the fits needs for each step, Float64[T]: one array a fit, or one of all fits.

    The ways are "one network" and "one network in K keys", with several fits also "mixture of N networks" and "mixture
    of N networks in K keys"; weights suit the validation steps.
    """
    fits, heard = range(len(test.bits)), f"in {keys} key{'s' * (keys > 1)}"
    found = {
        "one network": [mixed(test, [fit], 1) for fit in fits],
        f"one network {heard}": [mixed(test, [fit], keys, valid) for fit in fits],
    }
    if len(fits) > 1:
        found[f"mixture of {len(fits)} networks"] = [mixed(test, fits, 1, valid)]
        found[f"mixture of {len(fits)} networks {heard}"] = [mixed(test, fits, keys, valid)]
    return found


def hindsight(test: Readings, fit: int = 0) -> np.ndarray:
    """Return the bits of each piece in the key that happens to suit it best, Float64[N]: no code, nobody knows it."""
    return np.min([test.by_piece(steps) for steps in test.bits[fit]], axis=0)


def by_kind(kinds: Mapping[str, np.ndarray], before: np.ndarray, after: np.ndarray, scale: float):
    """Return one row a kind of step: share (of the steps), before, after (bits per step of the kind times `scale`).

    And `of_gain`: how much of what all steps save together is saved on these.

    Parameters
    ----------
    kinds : mapping of name to Bool[T]
        No step belongs to two kinds.
    before, after : Float64[T]
        Bits of every step.
    """
    import pandas as pd

    saved = (before - after).sum()
    rows = []
    for name, here in kinds.items():
        row = {"steps": name, "share": here.mean()}
        row |= {
            part: scale * bits[here].mean() if here.any() else np.nan
            for part, bits in (("before", before), ("after", after))
        }
        rows.append({**row, "of_gain": (before - after)[here].sum() / saved if saved else np.nan})
    return pd.DataFrame(rows)
