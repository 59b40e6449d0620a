"""Order-k counts, interpolated: the strongest floor. What a learnt model has to beat to have learnt anything.

For tokens and samples the context is the last k codes; for the steps of a piano roll or a spectrogram it is a template
around the entry (see `etude.models.contexts`), so that a frame is written entry by entry, each given those below it.
The estimates are Kneser-Ney's (see `etude.models.kneser_ney`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from etude.errors import CorruptCheckpoint
from etude.models.autoregressive import Chooser
from etude.models.closed_form import ClosedForm
from etude.models.contexts import Contexts
from etude.models.kneser_ney import PairCounter, Table, continuations
from etude.types import Space

BLOCK = 2**18  # entries looked at together
ORDER_UNSEEN = 4  # order without validation pieces to choose it
REMEMBERED = 2**25  # bytes of distributions that a stepper keeps


class Counts(ClosedForm):
    """p(code | context of order k) by interpolated modified Kneser-Ney; needs `fit` before it is more than uniform.

    Parameters
    ----------
    order : int, optional
        Places of the template that make the context. By default the validation pieces choose: the order with the
        fewest bits among all whose contexts fit 63 bits (`self.order` after the fit).
    """

    name = "counts"

    def __init__(self, space: Space, *, seed: int = 0, order: int | None = None):
        super().__init__(space, seed=seed, order=order)
        self.seen = np.zeros(space.levels, bool)
        self.contexts, self.tables = Contexts(space, self.seen), []
        if order is not None:
            self.contexts.order(order)

    @property
    def order(self) -> int:
        """The order in use; 0 before the fit."""
        return max(len(self.tables) - 1, 0)

    def stepper(self, n: int = 1) -> CountsStepper:
        """Return a fresh state for `n` pieces."""
        return CountsStepper(self, n)

    def rows(self, keys: np.ndarray) -> np.ndarray:
        """Return the distributions Float64[n, levels] given contexts Int64[n] of the model's order."""
        p = np.full((len(keys), self.space.levels), 1 / self.space.levels)
        for order, table in enumerate(self.tables):
            p = table.rows(keys % self.contexts.weights[order], p)
        return p

    def _learn(self, train, valid):
        self.seen = np.zeros(self.space.levels, bool)
        for x in train:
            self.seen[x] = True
        self.contexts = Contexts(self.space, self.seen)
        wanted = self.options["order"]
        if wanted is None and not any(map(len, valid)):
            wanted = min(ORDER_UNSEEN, self.contexts.deepest)
        deepest = self.contexts.deepest if wanted is None else self.contexts.order(wanted)
        whole, shorter = self._count(train, deepest)
        order = self._best_order(whole, shorter, valid) if wanted is None else deepest
        self.tables = [*shorter[:order], whole[order]]

    def _count(self, train, deepest: int) -> tuple[list[Table], list[Table]]:
        """Tables of every order: with occurrences (the highest order), with continuations (those below it)."""
        counters = [PairCounter() for _ in range(deepest + 1)]
        for codes, keys in self._blocks(train, deepest):
            for counter, key in zip(counters, keys, strict=True):
                counter.add(key * self.space.levels + codes)
        levels, totals = self.space.levels, [counter.total() for counter in counters]
        whole = [Table(*total, levels) for total in totals]
        below = zip(totals[1:], self.contexts.weights, strict=False)
        return whole, [Table(*continuations(pairs, levels, size), levels) for (pairs, _), size in below]

    def _best_order(self, whole: list[Table], shorter: list[Table], valid) -> int:
        bits = np.zeros(len(whole))
        for codes, keys in self._blocks(valid, len(whole) - 1):
            p = np.full(len(codes), 1 / self.space.levels)
            for order, key in enumerate(keys):
                bits[order] -= np.log2(whole[order].given(key, codes, p)).sum()
                if order < len(shorter):
                    p = shorter[order].given(key, codes, p)
        return int(bits.argmin())

    def _blocks(self, pieces, deepest: int) -> Iterator[tuple[np.ndarray, Iterator[np.ndarray]]]:
        """Codes Int64[m] and their contexts, order by order, of blocks of the pieces."""
        past, rows = self.contexts.past, max(1, BLOCK // self.space.entries)
        for x in pieces:
            padded = self.contexts.padded(x)
            for start in range(0, len(x), rows):
                window = padded[start : start + past + rows]
                keys = self.contexts.keys(window)
                yield x[start : start + rows].reshape(-1), (next(keys) for _ in range(deepest + 1))

    def _bits_of(self, x):
        bits = [np.zeros(0)]
        for codes, keys in self._blocks([x], max(self.order, 0)):
            p = np.full(len(codes), 1 / self.space.levels)
            for table, key in zip(self.tables, keys, strict=False):
                p = table.given(key, codes, p)
            bits.append(-np.log2(p))
        return np.concatenate(bits).reshape(x.shape)

    def _arrays(self):
        arrays = {"seen": self.seen.astype(np.uint8)}
        for order, table in enumerate(self.tables):
            arrays |= {f"pairs.{order}": table.pairs, f"counts.{order}": table.counts}
        return arrays

    def _restore(self, arrays):
        try:
            self.seen = arrays["seen"].reshape(self.space.levels).astype(bool)
            self.contexts = Contexts(self.space, self.seen)
            numbered = [(arrays[f"pairs.{k}"], arrays[f"counts.{k}"]) for k in range(len(arrays) // 2)]
            sound = len(numbered) <= self.contexts.deepest + 1 and all(map(_sound, numbered))
        except (KeyError, ValueError) as error:
            raise CorruptCheckpoint(f"counts in {self.space}", str(error), "Fit the model again.") from error
        if not sound:
            raise CorruptCheckpoint("increasing pairs with counts of at least 1", "others", "Fit the model again.")
        self.tables = [Table(*table, self.space.levels) for table in numbered]


class CountsStepper:
    """Walks `n` pieces, entry by entry; distributions once made are remembered, since contexts come back."""

    def __init__(self, model: Counts, n: int):
        self.model, self.n = model, n
        contexts = model.contexts
        self.window = np.repeat(contexts.blank(contexts.past + 1)[None], n, axis=0)  # (n, past + 1, columns)
        self.rows: dict[int, np.ndarray] = {}
        self.most = max(n, REMEMBERED // (8 * model.space.levels))

    def step(self, choose: Chooser) -> np.ndarray:
        space, margin = self.model.space, self.model.contexts.margin
        for entry in range(space.entries):
            p = self._distributions(self.model.contexts.key_of(self.window, entry, self.model.order))
            self.window[:, -1, margin + entry] = np.asarray(choose(p[:, None], np.array([entry])))[:, 0]
        event = self.window[:, -1, margin : margin + space.entries].reshape(self.n, *space.event_shape).copy()
        self.window[:, :-1] = self.window[:, 1:]
        self.window[:, -1] = space.levels
        return event

    def _distributions(self, keys: np.ndarray) -> np.ndarray:
        known = keys.tolist()
        new = sorted(set(known) - self.rows.keys())
        if new:
            if len(self.rows) + len(new) > self.most:
                self.rows.clear()
                new = sorted(set(known))
            self.rows.update(zip(new, self.model.rows(np.array(new)), strict=True))
        return np.stack([self.rows[key] for key in known])


def _sound(table: tuple[np.ndarray, np.ndarray]) -> bool:
    pairs, counts = table
    return pairs.shape == counts.shape and bool((np.diff(pairs) > 0).all() and (counts >= 1).all())
