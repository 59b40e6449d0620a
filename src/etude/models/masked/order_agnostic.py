"""Models that fill gaps: coding, drawing, conditioning and revising in the passes of an ordering, once for all of them.

A family gives `ordering` and a network that, for a piece of which some entries are known, returns the distributions of
others. What is open is revealed in passes; the entries of a pass are independent of each other given the passes before.

Whoever walks the passes brings a `Chooser`, as with the models that read from left to right: drawing codes gives
samples, returning known ones drives the entropy coder, reading them from its file decodes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from etude.errors import EtudeError
from etude.models.autoregressive import Chooser, draw
from etude.models.base import Model
from etude.models.conditioned import Masked
from etude.models.halves import MaskedNetwork
from etude.models.masked.orderings import Ordering
from etude.types import Evidence

STEPS_AT_ONCE = 2**13  # of pieces of one length that go through the network side by side
HIDDEN_SHARE = (0.9, 0.05)  # of the open entries: in the first and in the last sweep of a revision


class OrderAgnostic(Model):
    """Base of the models that fill any gap: a family gives `ordering`, `network` and how they are fitted."""

    ordering: Ordering
    network: MaskedNetwork

    def step_bits(self, xs) -> list[np.ndarray]:
        """Return what every entry costs in its pass, in bits: Float64[T, *E] for each piece Int[T, *E]."""
        return self._step_bits([self._admitted(x) for x in xs])

    def walk(self, n: int, steps: int, choose: Chooser) -> np.ndarray:
        """Return n pieces Int[n, T, *E] that `choose` fills, all entries of a pass at once.

        Parameters
        ----------
        n, steps : int
            T is `steps`, or the length of what is given where that is longer.
        choose : callable
            (probabilities Float64[n, k, levels], entries Int[k]) -> Int[n, k], where entry e of step t is number
            t * entries + e.
        """
        x = np.repeat(self._given(steps)[None], n, axis=0)
        with self.network.on_fastest_device():
            for known, group in self._schedule(self._open(x[0])):
                p = np.exp(self.network.log_probabilities(x, known, group))
                x[:, group] = choose(p, np.flatnonzero(group))
        return x.reshape(*x.shape[:2], *self.space.event_shape)

    def revise(self, xs, sweeps: int, seed: int = 0, temperature: float = 1.0) -> list[np.ndarray]:
        """Return the pieces after blocked Gibbs sampling of all that is not given.

        In each sweep a share of the open entries is hidden, at random, and drawn again at once given the others. The
        share falls linearly from 0.9 to 0.05 (Yao et al. 2014; Huang et al. 2017, section 4.2): large blocks mix, small
        ones agree with what stands around them.
        """
        rng, xs = np.random.default_rng(seed), [self.space.check(x) for x in xs]
        with self.network.on_fastest_device():
            return [self._revised(x, self._open(x), sweeps, rng, temperature) for x in xs]

    def _open(self, x: np.ndarray) -> np.ndarray:
        """Return which entries of a piece are not given, Bool[T, entries]."""
        return np.ones((len(x), self.space.entries), bool)

    def _bits(self, xs):
        return np.array([bits.sum() for bits in self._step_bits(xs)], np.float64)

    def _step_bits(self, xs: list[np.ndarray]) -> list[np.ndarray]:
        opens, found = [self._open(x) for x in xs], {}
        with self.network.on_fastest_device():
            for group in alike(xs, opens):
                x = np.stack([xs[i].reshape(len(xs[i]), self.space.entries) for i in group])
                for i, bits in zip(group, self._passes(x, opens[group[0]]), strict=True):
                    found[i] = bits.reshape(xs[i].shape)
        return [found[i] for i in range(len(xs))]

    def _passes(self, x: np.ndarray, open_: np.ndarray) -> np.ndarray:
        """Return the bits of pieces Int[n, T, entries] of one length of which the same entries are open."""
        bits = np.zeros(x.shape)
        for known, group in self._schedule(open_):
            nats = self.network.log_probabilities(x, known, group)  # (n, k, levels)
            bits[:, group] = -np.take_along_axis(nats, x[:, group][..., None], axis=-1)[..., 0] / np.log(2)
        return bits

    def _schedule(self, open_: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield, pass by pass, what is known and what is asked for, each Bool[T, entries]."""
        order = self.ordering.revealed_in(open_)
        for k in range(self.ordering.passes):
            group = order == k
            if group.any():
                yield order < k, group

    def _sample(self, n, steps, rng, temperature, top_p=1.0):
        return list(self.walk(n, steps, draw(rng, temperature, top_p)))

    def _given(self, steps: int) -> np.ndarray:
        """Return Int[T, entries] of at least so many steps that holds what is given in its place, 0 elsewhere."""
        return np.zeros((steps, self.space.entries), np.int64)

    def _revised(self, x: np.ndarray, open_: np.ndarray, sweeps: int, rng, temperature: float) -> np.ndarray:
        new, choose = x.reshape(1, len(x), self.space.entries).copy(), draw(rng, temperature)
        for share in np.linspace(*HIDDEN_SHARE, sweeps):
            hidden = open_ & (rng.random(open_.shape) < share)
            if hidden.any():
                p = np.exp(self.network.log_probabilities(new, ~hidden, hidden))
                new[:, hidden] = choose(p, np.flatnonzero(hidden))
        return new.reshape(x.shape)

    def _condition(self, evidence: Evidence) -> Model:
        return Completion(self, evidence)


class Completion(Masked, OrderAgnostic):
    """An order-agnostic model given some entries: bits are those of the others, samples keep what is given.

    The passes are spread over the entries that are open. A piece may be longer than the evidence, never shorter.
    """

    name = "completion"

    def __init__(self, model: OrderAgnostic, evidence: Evidence):
        super().__init__(model, evidence)
        self.ordering, self.network = model.ordering, model.network

    def _open(self, x):
        steps, (given, known) = len(self.known), (self.values, self.known)
        if len(x) < steps or (x[:steps].reshape(given.shape) != given)[known].any():
            raise EtudeError("pieces that keep what is given, and are no shorter", "another piece")
        return np.concatenate([~known, np.ones((len(x) - steps, self.space.entries), bool)])

    def _given(self, steps):
        x = super()._given(max(steps, len(self.values)))
        x[: len(self.values)][self.known] = self.values[self.known]
        return x


def alike(xs: list[np.ndarray], opens: list[np.ndarray]) -> list[list[int]]:
    """Return groups of indices of pieces of one length of which the same entries are open, some steps at once."""
    groups: dict[tuple, list[list[int]]] = {}
    for i, (x, open_) in enumerate(zip(xs, opens, strict=True)):
        of_this_kind = groups.setdefault((len(x), open_.tobytes()), [[]])
        if of_this_kind[-1] and (len(of_this_kind[-1]) + 1) * len(x) > STEPS_AT_ONCE:
            of_this_kind.append([])
        of_this_kind[-1].append(i)
    return [group for some in groups.values() for group in some]
