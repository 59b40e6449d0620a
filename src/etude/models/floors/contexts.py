"""What a count-based model looks at before it predicts: a template of places, and the tree of what was seen there.

Lossless image coders (JBIG, ITU-T T.82) predict each pixel from a fixed template of those already coded; a piano roll
or a spectrogram is coded here in the same way, and for tokens and samples the template is the last k codes. The codes
at the first j places make the context of order j. Contexts are nodes of a tree: a context of order j is its shorter
context of order j - 1 and one more code, so that the tree grows order by order, exactly, to any depth.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from etude.models.floors.kneser_ney import KeyCounter, insertion
from etude.types import Space

Place = tuple[int, int]  # steps back in time, entries along the step
ENTRY = None  # the template's pseudo-place: which entry is being predicted
FEW_LEVELS = 8
ROLL = (  # chosen greedily on a random split of the chorales; an entry's own past, those below, which key it is
    *((1, 0), (4, 0), (0, -2), (0, -1), (1, -2), (1, -1), (0, -3), (0, -4), (1, 2), (2, 0), (1, 1)),
    ENTRY,
)
SPECTRUM = ((1, 0), (0, -1), (1, 1), (2, 0), ENTRY)
LONGEST = 16  # places of a scalar template
BLOCK = 2**19  # entries looked at together
UNSEEN = -1  # the node of a context that training never saw


def template(space: Space) -> tuple[Place | None, ...]:
    """Return the places that a context of `space` may hold, most telling first; all come before the predicted one."""
    if not space.event_shape:
        return tuple((lag, 0) for lag in range(1, LONGEST + 1))
    return ROLL if space.levels <= FEW_LEVELS else SPECTRUM


class Contexts:
    """Reads the codes at the template's places; the extra code `levels` stands for places outside the piece."""

    def __init__(self, space: Space):
        self.space, self.places = space, template(space)
        self.is_entry = np.array([place is ENTRY for place in self.places])
        self.steps, self.along = np.array([place or (0, 0) for place in self.places]).T
        self.past, self.margin = int(self.steps.max()), int(abs(self.along).max())
        self.radix = max(space.levels + 1, space.entries)

    @property
    def deepest(self) -> int:
        """The highest order."""
        return len(self.places)

    def blank(self, rows: int) -> np.ndarray:
        """Return `rows` steps outside the piece, with their margins: Int64[rows, margin + K + margin]."""
        return np.full((rows, self.space.entries + 2 * self.margin), self.space.levels)

    def window(self, x: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Return the steps start .. stop of codes Int[T, K], with `past` steps before them and the margins beside."""
        window = self.blank(self.past + stop - start)
        known = x[max(0, start - self.past) : stop]
        window[len(window) - len(known) :, self.margin : self.margin + x.shape[1]] = known
        return window

    def codes(self, window: np.ndarray, order: int) -> np.ndarray:
        """Return what stands at place number `order` (from 1) of every entry of a window, Int64[T * K]."""
        steps, entries, place = len(window) - self.past, self.space.entries, self.places[order - 1]
        if place is ENTRY:
            return np.tile(np.arange(entries), steps)
        row, column = self.past - place[0], self.margin + place[1]
        return window[row : row + steps, column : column + entries].reshape(-1)

    def codes_of(self, windows: np.ndarray, entry: int, order: int) -> np.ndarray:
        """Return what stands at the first `order` places of one entry of the last row, Int64[n, order].

        `windows` is Int64[n, past + 1, columns].
        """
        codes = windows[:, self.past - self.steps[:order], self.margin + entry + self.along[:order]]
        codes[:, self.is_entry[:order]] = entry
        return codes


class Walk:
    """Pieces, group by group, with the node of the context that each entry stands in; `deepen` adds one order."""

    def __init__(self, contexts: Contexts, pieces: Sequence[np.ndarray]):
        self.contexts, self.groups = contexts, [[]]
        rows, room = max(1, BLOCK // contexts.space.entries), BLOCK
        for x in pieces:
            for start in range(0, len(x), rows):
                stop = min(start + rows, len(x))
                if room <= 0:
                    self.groups, room = [*self.groups, []], BLOCK
                self.groups[-1].append((x, start, stop))
                room -= (stop - start) * x.shape[1]
        self.nodes = [np.zeros(len(codes), np.int32) for codes in self.codes()]

    def codes(self) -> Iterator[np.ndarray]:
        """Yield the codes of each group, Int[m]."""
        for group in self.groups:
            yield _joined(x[start:stop].reshape(-1) for x, start, stop in group)

    def pairs(self) -> Iterator[np.ndarray]:
        """Yield ``node * levels + code`` of each group, Int64[m]."""
        levels = self.contexts.space.levels
        return (nodes * np.int64(levels) + codes for nodes, codes in zip(self.nodes, self.codes(), strict=True))

    def branches(self, order: int) -> Iterator[np.ndarray]:
        """Yield ``node * radix + code at the next place`` of each group: the contexts of `order`, Int64[m]."""
        read, window = self.contexts.codes, self.contexts.window
        for group, nodes in zip(self.groups, self.nodes, strict=True):
            codes = _joined(read(window(x, start, stop), order) for x, start, stop in group)
            yield nodes * np.int64(self.contexts.radix) + codes

    def deepen(self, known: np.ndarray, order: int) -> None:
        """Step from the contexts of the order below to those of `order`, whose branches are `known`."""
        self.nodes = [find(known, branches).astype(np.int32) for branches in self.branches(order)]


def distinct(groups: Iterator[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys of all groups, increasing, and how often each occurs."""
    counter = KeyCounter()
    for keys in groups:
        counter.add(keys)
    return counter.total()


def find(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where each key stands in the increasing array `known`, `UNSEEN` where it does not."""
    if not len(known):
        return np.full(len(wanted), UNSEEN)
    place = np.minimum(insertion(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, place, UNSEEN)


def _joined(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *parts])
