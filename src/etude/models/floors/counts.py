"""Order-k counts, interpolated: the strongest floor. What a learnt model has to beat to have learnt anything.

For tokens and samples the context is the last k codes; for the steps of a piano roll or a spectrogram it is a template
around the entry (see `contexts`), so that a frame is written entry by entry, each given those below it.
The estimates are Kneser-Ney's (see `kneser_ney`).
"""

from __future__ import annotations

import numpy as np

from etude.errors import CorruptCheckpoint, EtudeError
from etude.models.autoregressive import Chooser
from etude.models.floors.closed_form import ClosedForm
from etude.models.floors.contexts import Contexts, Walk, distinct, find
from etude.models.floors.kneser_ney import Table
from etude.types import Space

ORDER_UNSEEN = 4  # order without validation pieces to choose it
PATIENCE = 4  # orders in a row without fewer validation bits before the search ends: a rule may need several codes
REMEMBERED = 2**25  # bytes of distributions that a stepper keeps


class Counts(ClosedForm):
    """p(code | context of order k) by interpolated modified Kneser-Ney; uniform before `fit`.

    Parameters
    ----------
    order : int, optional
        Places of the template that make the context. By default the validation pieces choose: orders are added until
        four in a row bring no fewer bits, and the best is kept (`self.order` after the fit).
    """

    name = "counts"

    def __init__(self, space: Space, *, seed: int = 0, order: int | None = None):
        super().__init__(space, seed=seed, order=order)
        self.contexts = Contexts(space)
        if order is not None and not 0 <= order <= self.contexts.deepest:
            remedy = "Leave it out: the validation pieces then choose."
            raise EtudeError(f"an order from 0 to {self.contexts.deepest} in {space}", str(order), remedy)
        self.branches: list[np.ndarray] = []  # of order 1, 2, ...: node of the order below * radix + code
        self.tables: list[Table] = []  # of order 0, 1, 2, ...

    @property
    def order(self) -> int:
        """The order in use; 0 before the fit."""
        return max(len(self.tables) - 1, 0)

    def stepper(self, n: int = 1) -> CountsStepper:
        """Return a fresh state for `n` pieces."""
        return CountsStepper(self, n)

    def rows(self, codes: np.ndarray) -> np.ndarray:
        """Return the distributions Float64[n, levels] given the codes at the template's places, Int64[n, order]."""
        nodes, p = np.zeros(len(codes), np.int64), np.full((len(codes), self.space.levels), 1 / self.space.levels)
        for order, table in enumerate(self.tables):
            if order:
                nodes = find(self.branches[order - 1], nodes * self.contexts.radix + codes[:, order - 1])
            p = table.rows(nodes, p)
        return p

    def _learn(self, train, valid):
        wanted = self.options["order"]
        if wanted is None and not any(map(len, valid)):
            wanted = min(ORDER_UNSEEN, self.contexts.deepest)
        search = Search(self.contexts, train, valid if wanted is None else [])
        for order in range((self.contexts.deepest if wanted is None else wanted) + 1):
            search.add(order)
            if wanted is None and order - search.best >= PATIENCE:
                break
        self.branches, self.tables = search.result(search.best if wanted is None else wanted)

    def _step_bits(self, xs):
        walk = Walk(self.contexts, [self._flat(x) for x in xs])
        p = [np.full(len(nodes), 1 / self.space.levels) for nodes in walk.nodes]
        for order, table in enumerate(self.tables):
            if order:
                walk.deepen(self.branches[order - 1], order)
            p = _interpolated(table, walk, p)
        bits, ends = -np.log2(np.concatenate(p)), np.cumsum([x.size for x in xs])
        return [bits[end - x.size : end].reshape(x.shape) for x, end in zip(xs, ends, strict=True)]

    def _bits_of(self, x):
        return self._step_bits([x])[0]

    def _arrays(self):
        arrays = {f"branches.{order}": branches for order, branches in enumerate(self.branches, start=1)}
        for order, table in enumerate(self.tables):
            arrays |= {f"pairs.{order}": table.pairs, f"counts.{order}": table.counts}
        return arrays

    def _restore(self, arrays):
        orders = range((len(arrays) + 1) // 3)
        names = {f"{kind}.{k}" for k in orders for kind in ("pairs", "counts", "branches")} - {"branches.0"}
        whole = all(array.dtype == np.int64 for array in arrays.values())
        if not whole or arrays.keys() != names or len(orders) > self.contexts.deepest + 1:
            raise CorruptCheckpoint("branches, pairs and counts of every order", "others", "Fit the model again.")
        branches = [arrays[f"branches.{k}"] for k in orders[1:]]
        pairs = [(arrays[f"pairs.{k}"], arrays[f"counts.{k}"]) for k in orders]
        if not _sound(branches, pairs, self.space.levels, self.contexts.radix):
            raise CorruptCheckpoint(f"counts of contexts in {self.space}", "others", "Fit the model again.")
        self.branches, self.tables = branches, [Table(*table, self.space.levels) for table in pairs]


class Search:
    """Grows the tree of contexts order by order, and scores the validation pieces at each."""

    def __init__(self, contexts: Contexts, train: list[np.ndarray], valid: list[np.ndarray]):
        self.levels, self.contexts = contexts.space.levels, contexts
        self.train, self.valid = Walk(contexts, train), Walk(contexts, valid)
        self.p = [np.full(len(nodes), 1 / self.levels) for nodes in self.valid.nodes]  # of the order below
        self.branches: list[np.ndarray] = []
        self.shorter: list[Table] = []  # with continuation counts
        self.bits: list[float] = []
        self.whole: Table | None = None  # with occurrences, of the last order; `kept` is that of the best

    @property
    def best(self) -> int:
        """The order with the fewest validation bits so far."""
        return int(np.argmin(self.bits))

    def add(self, order: int) -> None:
        """Add the contexts of `order`."""
        if order:
            self.branches.append(distinct(self.train.branches(order))[0])
            self.train.deepen(self.branches[-1], order)
        pairs, counts = distinct(self.train.pairs())
        if order:
            self.shorter.append(Table(*self._continuations(pairs), self.levels))
            self.p = _interpolated(self.shorter[-1], self.valid, self.p)
            self.valid.deepen(self.branches[-1], order)
        self.whole = Table(pairs, counts, self.levels)
        self.bits.append(-sum(np.log2(p).sum() for p in _interpolated(self.whole, self.valid, self.p)))
        if self.best == order:
            self.kept = self.whole

    def result(self, order: int) -> tuple[list[np.ndarray], list[Table]]:
        """Return branches and tables of the chosen order: the best one, or the last."""
        top = self.kept if order == self.best else self.whole
        return self.branches[:order], [*self.shorter[:order], top]

    def _continuations(self, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pairs one order shorter, and in how many distinct pairs of this order each ends."""
        node, code = np.divmod(pairs, self.levels)
        return np.unique(self.branches[-1][node] // self.contexts.radix * self.levels + code, return_counts=True)


class CountsStepper:
    """Walks `n` pieces, entry by entry; distributions once made are remembered, since contexts come back."""

    def __init__(self, model: Counts, n: int):
        self.model, self.n = model, n
        contexts = model.contexts
        self.windows = np.repeat(contexts.blank(contexts.past + 1)[None], n, axis=0)  # (n, past + 1, columns)
        self.rows: dict[bytes, np.ndarray] = {}
        self.most = max(n, REMEMBERED // (8 * model.space.levels))

    def step(self, choose: Chooser) -> np.ndarray:
        """Ask `choose` entry by entry for the next step of each piece, remember it, and return it as Int[n, *E]."""
        space, margin = self.model.space, self.model.contexts.margin
        for entry in range(space.entries):
            p = self._distributions(self.model.contexts.codes_of(self.windows, entry, self.model.order))
            self.windows[:, -1, margin + entry] = np.asarray(choose(p[:, None], np.array([entry])))[:, 0]
        event = self.windows[:, -1, margin : margin + space.entries].reshape(self.n, *space.event_shape).copy()
        self.windows[:, :-1] = self.windows[:, 1:]
        self.windows[:, -1] = space.levels
        return event

    def _distributions(self, codes: np.ndarray) -> np.ndarray:
        contexts = [row.tobytes() for row in codes]
        new = {context: row for row, context in enumerate(contexts) if context not in self.rows}
        if len(self.rows) + len(new) > self.most:
            self.rows, new = {}, {context: row for row, context in enumerate(contexts)}
        if new:
            self.rows.update(zip(new, self.model.rows(codes[list(new.values())]), strict=True))
        return np.stack([self.rows[context] for context in contexts])


def _interpolated(table: Table, walk: Walk, p: list[np.ndarray]) -> list[np.ndarray]:
    groups = zip(walk.nodes, walk.codes(), p, strict=True)
    return [table.given(nodes, codes, shorter) for nodes, codes, shorter in groups]


def _sound(branches: list[np.ndarray], pairs: list[tuple[np.ndarray, np.ndarray]], levels: int, radix: int) -> bool:
    """Say whether nodes are numbered from 0, each from one of the order below, and each with counted codes."""
    grown = all(map(_increasing, branches))
    counted = all(keys.shape == counts.shape and (counts >= 1).all() and _increasing(keys) for keys, counts in pairs)
    if not (grown and counted):
        return False
    sizes = [1, *map(len, branches)][: len(pairs)]
    rooted = all(keys[-1] // radix < size for keys, size in zip(branches, sizes, strict=False))
    numbered = [np.unique(keys // levels) for keys, _ in pairs]
    return rooted and all(np.array_equal(n, np.arange(size)) for n, size in zip(numbered, sizes, strict=True))


def _increasing(keys: np.ndarray) -> bool:
    return keys.ndim == 1 and len(keys) > 0 and bool(keys[0] >= 0 and (np.diff(keys) > 0).all())
