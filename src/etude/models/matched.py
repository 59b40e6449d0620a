"""A model beside tables of known music: the longer a suffix of the piece stands in them, the more they are trusted.

A network keeps of its training music what its weights hold; a table keeps all of it. Each order o of each table, from
the shortest suffix to the longest, takes its part of what the shorter ones left::

    p = trust * (share of what followed the last o frames) + (1 - trust) * p

where the trust depends on the order and on how many times the suffix stands in the table. It is found on validation
pieces. Where no suffix of an order is known, nothing changes. A step's probability is thus a mixture of the model's and
of finitely many whole frames, so the bits are exact where the model's are, and the entropy coder writes its files. It
is how counts of several orders are interpolated (Jelinek & Mercer 1980), with a network below them, and how a language
model is mixed with the continuations of its nearest neighbours (Khandelwal et al. 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.errors import EtudeError, SpaceMismatch
from etude.models.autoregressive import Autoregressive, Chooser, Stepper
from etude.models.derived import Derived
from etude.models.suffixes import Follows, Found, SuffixTable, Walk
from etude.models.totals import step_totals

TIMES = (2, 3, 6, 21)  # where the classes of how often a suffix is known begin: 1, 2, 3 to 5, 6 to 20, more
ROUNDS = 60  # of expectation and maximisation
DOUBT = 1.0  # steps for and against a table that are counted before any is seen, half each


class Matched(Derived, Autoregressive):
    """A fitted model, and tables of known music that are trusted as far as validation pieces say.

    Parameters
    ----------
    model : Autoregressive
        Of frames Int[E]; it asks for a frame's entries from low to high, or for all at once.
    tables : sequence of SuffixTable
        Of the same space; each takes its part after the one before.
    trusts : sequence of Float64[orders, classes]
        Of each table, in [0, 1): by order and by how often the suffix is known. `Matched.fitted` finds them.

    Raises
    ------
    SpaceMismatch
        A table of another space.
    EtudeError
        A model that does not foresee step by step, or trusts that are none.
    """

    name = "matched"

    def __init__(self, model: Autoregressive, tables: Sequence[SuffixTable], trusts: Sequence[np.ndarray]):
        if not isinstance(model, Autoregressive):
            raise EtudeError("a model that foresees step by step", repr(model))
        for table in tables:
            if table.space != model.space:
                raise SpaceMismatch(f"tables of {model.space}", str(table.space))
        super().__init__(model.space)
        trusts = [np.asarray(trust, np.float64) for trust in trusts]
        shapes = [(len(table.orders), len(TIMES) + 1) for table in tables]
        if [trust.shape for trust in trusts] != shapes or not all(((t >= 0) & (t < 1)).all() for t in trusts):
            got = ", ".join(str(trust.shape) for trust in trusts) or "none"
            raise EtudeError(f"a trust in [0, 1) for every order and class of each table, {shapes}", got)
        self.model, self.tables, self.trusts = model, list(tables), trusts

    @classmethod
    def fitted(cls, model: Autoregressive, tables: Sequence[SuffixTable], valid: Sequence[np.ndarray]) -> Matched:
        """Return the model beside the tables, trusted as suits the pieces `valid` best."""
        if not len(valid):
            raise EtudeError("at least one validation piece", "none", "The tables are trusted as far as it shows.")
        steps = np.concatenate(step_totals(model.step_bits(valid)))
        return cls(model, tables, suited_trusts(steps, [table.ask(valid) for table in tables]))

    def stepper(self, n: int = 1) -> Beside:
        """Return a fresh state for `n` pieces, before their first step."""
        return Beside(self, self.model.stepper(n), n)

    def foreseen(self, walks: Sequence[Walk]) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the model's part of the next step, and the frames Int[U, E] that are known with theirs, Float64[U]."""
        left, frames, parts, entries = 1.0, [], [], self.space.entries
        for table, walk, trust in zip(self.tables, walks, self.trusts, strict=True):
            follows = walk.follows()
            rest, part = shares(follows, table.orders, trust)
            parts = [rest * before for before in parts]
            left *= rest
            names, where = np.unique(follows.shapes.astype(np.int64) * entries + follows.lows, return_inverse=True)
            parts.append(np.bincount(where, part, len(names)))
            frames.append(walk.line.shapes.frames(names // entries, names % entries, entries))
        return left, np.concatenate([np.zeros((0, entries), np.int64), *frames]), np.concatenate([np.zeros(0), *parts])

    def _made_from(self):
        return [self.model]

    def _step_bits(self, xs):
        found = self.model._step_bits(xs)
        return [self._mixed(bits, x) for bits, x in zip(found, xs, strict=True)]

    def _mixed(self, bits: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the bits of every entry of a piece Int[T, E], of the model's: each given those before it."""
        walks, mixed = [table.walk() for table in self.tables], np.empty_like(bits)
        for t, frame in enumerate(x):
            left, frames, parts = self.foreseen(walks)
            differs = frames != frame
            agree = np.where(differs.any(axis=1), differs.argmax(axis=1), len(frame))  # entries from the lowest
            still = np.bincount(agree, parts, len(frame) + 1)[::-1].cumsum()[::-1][1:]  # up to an entry
            mixed[t] = np.diff(-np.logaddexp2(_log2(left) - bits[t].cumsum(), _log2(still)), prepend=0.0)
            for walk in walks:
                walk.hear(frame)
        return mixed

    def _about(self) -> str:
        return f"{self.model!r} beside {', '.join(f'{len(table)} frames' for table in self.tables)}"


class Beside:
    """The state of n pieces: the model's own, and where the past of each stands in the tables."""

    def __init__(self, matched: Matched, stepper: Stepper, n: int):
        self.matched, self.stepper = matched, stepper
        self.walks = [[table.walk() for table in matched.tables] for _ in range(n)]

    def step(self, choose: Chooser) -> np.ndarray:
        """Ask `choose` for every entry of the next step as the model comes to it; return the step as Int[n, E]."""
        known = [self.matched.foreseen(walks) for walks in self.walks]
        event = self.stepper.step(Next(known, choose).choose)
        for walks, frame in zip(self.walks, event, strict=True):
            for walk in walks:
                walk.hear(frame)
        return event


class Next:
    """One step: what the model offers for an entry is mixed with what the known frames have there."""

    def __init__(self, known: Sequence[tuple[float, np.ndarray, np.ndarray]], choose: Chooser):
        self.ask = choose
        self.left = np.array([left for left, _, _ in known])  # the model's part, of what is chosen so far
        self.frames = [frames for _, frames, _ in known]
        self.parts = [parts.copy() for _, _, parts in known]

    def choose(self, probabilities: np.ndarray, entries: np.ndarray) -> np.ndarray:
        """Return the codes Int[n, k] of `entries`, chosen one after the other."""
        chosen = [self._one(probabilities[:, place], int(entry)) for place, entry in enumerate(entries)]
        return np.concatenate(chosen, axis=1)

    def _one(self, offered: np.ndarray, entry: int) -> np.ndarray:
        levels = offered.shape[1]
        known = np.array([np.bincount(f[:, entry], p, levels) for f, p in zip(self.frames, self.parts, strict=True)])
        mixed = self.left[:, None] * offered + known
        symbols = np.asarray(self.ask((mixed / mixed.sum(axis=1, keepdims=True))[:, None], np.array([entry])))
        taken = np.take_along_axis(mixed, symbols, axis=1)[:, 0]
        self.left = self.left * np.take_along_axis(offered, symbols, axis=1)[:, 0] / taken
        for frames, parts, symbol, mass in zip(self.frames, self.parts, symbols[:, 0], taken, strict=True):
            parts *= (frames[:, entry] == symbol) / mass
        return symbols


def classes(counts: np.ndarray) -> np.ndarray:
    """Return the class of how often a suffix is known, of counts above 0."""
    return np.digitize(counts, TIMES)


def shares(follows: Follows, orders: np.ndarray, trust: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the part that is left to what was said before, and the parts Float64[P] of all that followed; sum 1."""
    counts = follows.counts(orders)
    asked = np.where(counts > 0, trust[np.arange(len(orders)), classes(np.maximum(counts, 1))], 0.0)
    after = np.append(np.cumprod((1 - asked)[::-1])[::-1][1:], 1.0)  # of an order's part, when the longer took theirs
    each = asked * after / np.maximum(counts, 1)
    reaches = np.searchsorted(orders, follows.lengths, side="right")  # orders that a suffix is long enough for
    return float((1 - asked).prod()), np.append(0.0, each.cumsum())[reaches]


def suited_trusts(steps: np.ndarray, found: Sequence[Found]) -> list[np.ndarray]:
    """Return the trusts Float64[orders, classes] of each table that suit steps best: bits Float64[T] of the model's."""
    said, trusts = -steps, []  # as logarithms, as a step may be as unlikely as it likes
    for table in found:
        trust = np.zeros((table.counts.shape[1], len(TIMES) + 1))
        for order in range(len(trust)):
            here = table.counts[:, order] > 0
            kind, share = classes(table.counts[here, order]), table.right[here, order]
            trust[order] = _suited(share, np.exp2(said[here]), kind)
            said[here] = _mix(share, said[here], trust[order][kind])
        trusts.append(trust)
    return trusts


def matched_steps(steps: np.ndarray, found: Sequence[Found], trusts: Sequence[np.ndarray]) -> np.ndarray:
    """Return what a model beside tables needs for each step, Float64[T], of what it needs alone."""
    said = -steps
    for table, trust in zip(found, trusts, strict=True):
        for order in range(len(trust)):
            here = table.counts[:, order] > 0
            given = trust[order][classes(table.counts[here, order])]
            said[here] = _mix(table.right[here, order], said[here], given)
    return -said


def _mix(share: np.ndarray, said: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Return log2 of trust * share + (1 - trust) * 2^said."""
    return np.logaddexp2(_log2(trust * share), _log2(1 - trust) + said)


def _log2(values) -> np.ndarray:
    """Return log2, minus infinity of 0."""
    with np.errstate(divide="ignore"):
        return np.log2(values)


def _suited(share: np.ndarray, said: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Return the trust of each class that suits the steps: expectation and maximisation, 0 where none was seen."""
    size = len(TIMES) + 1
    seen = np.bincount(kind, minlength=size)
    trust = np.where(seen > 0, 0.5, 0.0)
    for _ in range(ROUNDS):
        by = trust[kind] * share
        of = by / np.maximum(by + (1 - trust[kind]) * said, 1e-300)
        trust = np.where(seen > 0, (np.bincount(kind, of, size) + DOUBT / 2) / (seen + DOUBT), 0.0)
    return trust
