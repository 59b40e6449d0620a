"""A range coder whose files do not depend on the last digits of the probabilities that drive it.

Two frameworks with the same weights give probabilities that differ in the last of some fifteen digits, and a decoder
that sees another number than the encoder reads nonsense from there on. Both therefore round log p to a grid of 2^-8
nats, and compute with the rounded numbers alone. Rounding by itself only makes the accident rare: a number that lies
within the frameworks' difference of the middle between two grid points is rounded to either. So the encoder looks: it
has eight grids, each shifted by an eighth of a step, takes the first on which every number stands clear of such a
middle by at least `GUARD` nats, and says which. The decoder rounds on that grid, and rounds alike wherever the two
agree to `GUARD`; networks in double precision agree 10 000 times better (`etude.evaluation.frameworks`).

What it costs: rounding, 2^-16 / 24 nats a symbol; saying "the first grid", which is nearly always so, 2e-5 bits for
each time that the model is asked; a sum of 16 bits over all symbols, by which a reader whose model is another one
notices that it read nonsense.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.range_coder import COIN, Reader, Writer, damaged

STEP = 2.0**-8  # nats between two points of a grid
GRIDS = 8
GUARD = 1e-9  # nats that log p keeps away from the middle between two points
FLOOR = -18.0  # log p of whatever is rarer, below the coder's own smallest probability
OTHER_GRID = 2.0**-16  # how likely the first grid does not do
SUM_BITS = 16

_WHICH = np.array([[1 - OTHER_GRID, *[OTHER_GRID / (GRIDS - 1)] * (GRIDS - 1)]])


class PortableWriter(Writer):
    """A range encoder that rounds what it is given."""

    def __init__(self):
        super().__init__()
        self.sum = 0

    def write(self, symbols: np.ndarray, probabilities: np.ndarray) -> None:
        """Write symbols Int[k] under distributions Float64[k, levels]."""
        grid = sure_grid(probabilities)
        super().write(np.array([grid]), _WHICH)
        super().write(symbols, rounded(probabilities, grid))
        self.sum = _added(self.sum, symbols)

    def data(self) -> bytes:
        """Return the file, its sum at the end."""
        for bit in np.binary_repr(self.sum % 2**SUM_BITS, SUM_BITS):
            super().write(np.array([int(bit)]), COIN)
        return super().data()


class PortableReader(Reader):
    """The decoder of such files."""

    def __init__(self, data: bytes):
        super().__init__(data)
        self.sum = 0

    def read(self, probabilities: np.ndarray) -> np.ndarray:
        """Return symbols Int[k], read under distributions Float64[k, levels]."""
        grid = int(super().read(_WHICH)[0])
        symbols = super().read(rounded(probabilities, grid))
        self.sum = _added(self.sum, symbols)
        return symbols

    def close(self) -> None:
        """Read the sum; raises UnreadableFile where it is another one."""
        digits = "".join(str(int(super(PortableReader, self).read(COIN)[0])) for _ in range(SUM_BITS))
        if int(digits, 2) != self.sum % 2**SUM_BITS:
            raise damaged("a sum of other symbols")


def sure_grid(probabilities: np.ndarray) -> int:
    """Return the first grid on which no log p lies near the middle between two points.

    Raises
    ------
    EtudeError
        There is none, which chance hardly brings about: a number is near a middle on one grid in two millions.
    """
    for grid in range(GRIDS):
        place = _place(probabilities, grid)
        if (np.abs(place - np.floor(place) - 0.5) * STEP > GUARD).all():
            return grid
    raise EtudeError("probabilities that one of the grids rounds alike in every framework", "others on all grids")


def rounded(probabilities: np.ndarray, grid: int) -> np.ndarray:
    """Return distributions Float64[k, levels] whose log p, before they are normalised, are points of a grid."""
    weights = np.exp((np.rint(_place(probabilities, grid)) - grid / GRIDS) * STEP)
    return weights / weights.sum(axis=-1, keepdims=True)


def _place(probabilities: np.ndarray, grid: int) -> np.ndarray:
    """Return log p in steps of a grid."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(np.asarray(probabilities, np.float64)), FLOOR - STEP / 3) / STEP + grid / GRIDS


def _added(total: int, symbols: np.ndarray) -> int:
    return crc32(np.asarray(symbols, np.int64).tobytes(), total)
