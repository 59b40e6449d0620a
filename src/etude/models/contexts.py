"""What a count-based model looks at before it predicts a code: a template of places, packed into one integer.

Lossless image coders (JBIG, ITU-T T.82) predict each pixel from a fixed template of those already coded; a piano roll
or a spectrogram is coded here in the same way, and for tokens and samples the template is the last k codes. The codes
at the first j places make the context of order j. Written in mixed radix, nearest place in the lowest digit, contexts
of every order are exact 63-bit integers: no hash, no collision.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from etude.errors import EtudeError
from etude.types import Space

Place = tuple[int, int]  # steps back in time, entries along the step
ENTRY = None  # the template's pseudo-place: which entry is being predicted
FEW_LEVELS = 8
ROLL = (  # chosen greedily by the validation chorales; an entry's own past, those below, which key it is
    *((1, 0), (4, 0), (0, -2), (0, -1), (1, -2), (1, -1), (0, -3), (0, -4), (1, 2), (2, 0), (1, 1)),
    ENTRY,
)
SPECTRUM = ((1, 0), (0, -1), (1, 1), (2, 0), ENTRY)
LONGEST = 16  # places of a scalar template


def template(space: Space) -> tuple[Place | None, ...]:
    """Return the places that a context of `space` may hold, most telling first; all come before the predicted one."""
    if not space.event_shape:
        return tuple((lag, 0) for lag in range(1, LONGEST + 1))
    return ROLL if space.levels <= FEW_LEVELS else SPECTRUM


class Contexts:
    """The contexts of every entry of a piece.

    Parameters
    ----------
    space : Space
    seen : Bool[levels]
        Codes that occur in training: each has a digit of its own, all others share one, and one more stands for
        places outside the piece.
    """

    def __init__(self, space: Space, seen: np.ndarray):
        self.space, self.places = space, template(space)
        known = np.flatnonzero(seen)
        self.digit = np.full(space.levels + 1, len(known))  # code -> digit; the extra code `levels` means outside
        self.digit[known], self.digit[-1] = np.arange(len(known)), len(known) + 1
        self.is_entry = np.array([place is ENTRY for place in self.places])
        self.steps, self.along = np.array([place or (0, 0) for place in self.places]).T
        self.past, self.margin = int(self.steps.max()), int(abs(self.along).max())
        self._fit_into_63_bits(len(known) + 2)

    def _fit_into_63_bits(self, radix: int) -> None:
        weights = [1]
        for place in self.places:
            weights.append(weights[-1] * (self.space.entries if place is ENTRY else radix))
        self.deepest = sum(weight * self.space.levels < 2**63 for weight in weights) - 1
        self.weights = weights[: self.deepest + 1]  # weights[j]: number of contexts of order j

    def order(self, wanted: int) -> int:
        """Return `wanted`, refusing an order whose contexts would not fit."""
        if not 0 <= wanted <= self.deepest:
            remedy = "Leave the order out: the validation pieces then choose it."
            raise EtudeError(f"an order from 0 to {self.deepest} in {self.space}", str(wanted), remedy)
        return wanted

    def blank(self, rows: int) -> np.ndarray:
        """Return `rows` steps outside the piece, with their margins: Int64[rows, margin + K + margin]."""
        return np.full((rows, self.space.entries + 2 * self.margin), self.space.levels)

    def padded(self, x: np.ndarray) -> np.ndarray:
        """Return codes Int[T, K] with `past` steps before them and the margins beside them."""
        window = self.blank(len(x) + self.past)
        window[self.past :, self.margin : self.margin + x.shape[1]] = x
        return window

    def keys(self, padded: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the contexts of order 0, 1, ... `deepest` of all entries of padded codes, each Int64[T * K]."""
        steps, entries = len(padded) - self.past, self.space.entries
        key = np.zeros(steps * entries, np.int64)
        yield key
        for place, weight in zip(self.places[: self.deepest], self.weights, strict=False):
            if place is ENTRY:
                digit = np.tile(np.arange(entries), steps)
            else:
                rows = slice(self.past - place[0], self.past - place[0] + steps)
                columns = slice(self.margin + place[1], self.margin + place[1] + entries)
                digit = self.digit[padded[rows, columns]].reshape(-1)
            key = key + digit * weight
            yield key

    def key_of(self, window: np.ndarray, entry: int, order: int) -> np.ndarray:
        """Return the context Int64[n] of one entry of the last row of windows Int64[n, past + 1, columns]."""
        back, along = self.steps[:order], self.along[:order]
        digits = self.digit[window[:, self.past - back, self.margin + entry + along]]  # (n, order)
        digits[:, self.is_entry[:order]] = entry
        return digits @ np.array(self.weights[:order], np.int64)
