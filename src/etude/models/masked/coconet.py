"""The order-agnostic convolutional model: it fills any gap (Huang et al. 2017, "Counterpoint by Convolution", Coconet).

A network reads a piece of which some entries are hidden, and gives a distribution of each hidden one. It learns from
pieces in which random entries are hidden, so one network holds the conditionals of every order: the orderless NADE of
Uria, Murray & Larochelle (2014), "A Deep and Tractable Density Estimator", sections 3 and 5. Its loss is theirs: the
cross-entropy of the hidden entries, divided by their number and multiplied by that of all.

Bits are exact for one order, which an `Ordering` fixes beforehand: in each of K passes the entries of a group are
guessed at once, independently of each other given all that was revealed before ::

    p(x | T) = prod over passes k of prod over e in group k of p(x_e | x of groups before k)

That is a distribution whatever the network says; the length T is given, and coded apart. More passes leave less that
is guessed independently: fewer bits, more time.

The convolutions run over time and over the entries, both ways: what is learnt of a chord on one key holds on all. With
C channels for every entry of every step, block i has dilation d = 2^(i mod cycle) in time::

    h = read[what is seen] + place[entry]            seen: a code, that it is hidden, or that the piece does not go on
    h = h + entries(relu(time_d(normalise(h))))      normalise: over the channels (Ba, Kiros & Hinton 2016)
    logits = normalise(h) @ write + bias[entry]

Weights, matrices (in, out): `read` [levels + 2, C], `place` [entries, C], `write` [C, levels], `bias` [entries,
levels], `norm.weight`, `norm.bias` [C]; in `block.i`: `norm.weight`, `norm.bias` [C], `time.weight` [kernel * C, C]
and `entries.weight` [reach * C, C] (taps below each other, earliest and lowest first), and their `.bias` [C].

What is given may be anything: `condition` takes every mask. Its samples can be revised by blocked Gibbs sampling.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.models.masked.order_agnostic import OrderAgnostic
from etude.models.masked.orderings import Ordering
from etude.models.masked.spans import Spans
from etude.models.neural import Material, Neural, marginals
from etude.models.sequence.dilated import linear_arrays, named
from etude.models.sequence.outputs import too_large
from etude.types import Space

SCHEDULE = ("passes", "order", "growth", "order_seed")


class Coconet(OrderAgnostic, Neural):
    """A convolutional network over pieces with hidden entries.

    Parameters
    ----------
    space : Space
        Without an end code.
    seed : int
        Of the initial weights.
    channels : int
        Numbers for every entry of every step in a layer, C.
    kernel : int
        Taps of a convolution over time, odd.
    reach : int
        Taps of a convolution over the entries, odd: 13 keys are six on either side. With one entry it is 1.
    blocks : int
    cycle : int
        Blocks after which the dilations begin again at 1.
    dropout : float
        Share of channels dropped while learning, in [0, 1).
    passes, order, growth, order_seed
        The `Ordering` in which pieces are coded and drawn.
    """

    name = "coconet"

    def __init__(
        self,
        space: Space,
        *,
        seed: int = 0,
        channels: int = 16,
        kernel: int = 3,
        reach: int = 13,
        blocks: int = 6,
        cycle: int = 5,
        dropout: float = 0.0,
        passes: int = 32,
        order: str = "coarse",
        growth: float = 2.0,
        order_seed: int = 0,
    ):
        reach = min(reach, 2 * space.entries - 1)
        sizes = {"channels": channels, "kernel": kernel, "reach": reach, "blocks": blocks, "cycle": cycle}
        if min(sizes.values()) < 1 or 0 in (kernel % 2, reach % 2) or not 0 <= dropout < 1:
            got = ", ".join(f"{name}={value}" for name, value in {**sizes, "dropout": dropout}.items())
            raise EtudeError("sizes >= 1, odd kernel and reach, dropout in [0, 1)", got)
        self.ordering = Ordering(passes, order, growth, order_seed)
        schedule = {"passes": passes, "order": order, "growth": growth, "order_seed": order_seed}
        super().__init__(space, seed=seed, **sizes, dropout=dropout, **schedule)

    @classmethod
    def refuses(cls, space: Space) -> str | None:
        """Refuse spaces whose pieces end by a code, and steps whose softmax layers would be too large."""
        if space.end is not None:
            return "It sees a piece from both sides, so it must know the length before it begins; an end code hides it."
        return too_large(space)

    @property
    def radius(self) -> int:
        """Steps before and after a hidden entry on which its distribution depends, at most."""
        blocks, cycle = self.options["blocks"], self.options["cycle"]
        return self.options["kernel"] // 2 * sum(2 ** (i % cycle) for i in range(blocks))

    def ordered(self, **schedule) -> Coconet:
        """Return the same network with other `passes`, `order`, `growth` or `order_seed`: another distribution."""
        for option in schedule:
            if option not in SCHEDULE:
                raise unknown_name("schedule option", option, SCHEDULE)
        other = type(self)(self.space, seed=self.seed, **{**self.options, **schedule})
        other._half, other._network, other._untouched = self.half, self.network, False
        return other

    def bits_of(self, x, asked, known) -> float:
        """Return the bits of some entries of a piece Int[T, *E], given others; what is neither is not seen.

        Parameters
        ----------
        x : Int[T, *E]
        asked, known : Bool[T, *E]
            The passes are spread over what is `asked`. Where all else is `known`, these are the bits of
            `condition(Evidence(x, known))`.

        Raises
        ------
        EtudeError
            If an entry is both.
        """
        x = self.space.check(x)
        asked, known = (np.broadcast_to(mask, x.shape).reshape(len(x), self.space.entries) for mask in (asked, known))
        if (asked & known).any():
            raise EtudeError("entries that are asked for or known", f"{(asked & known).sum()} that are both")
        x, total = x.reshape(1, *asked.shape), 0.0
        with self.network.on_fastest_device():
            for done, group in self._schedule(asked):
                nats = self.network.log_probabilities(x, done & (asked | known), group)[0]  # (k, levels)
                total -= nats[np.arange(len(nats)), x[0, group]].sum() / np.log(2)
        return float(total)

    def _adapted(self, arrays, train):
        # begin at the marginals: no step is spent on learning which codes are rare
        return {**arrays, "bias": np.log(marginals(train, self.space)).astype(np.float32)}

    def _material(self, train, valid, budget, seed):
        spans = Spans(train, budget.window, budget.batch_size, seed)
        return Material(spans.batch, [valid] if valid else [], self._total)

    def _total(self, group: list[np.ndarray]) -> tuple[float, int]:
        return float(sum(bits.sum() for bits in self.step_bits(group))), sum(len(x) for x in group)

    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return initial weights: the distribution is uniform until a fit sets the biases of the output."""
        channels, kernel, reach, blocks = (self.options[k] for k in ("channels", "kernel", "reach", "blocks"))
        entries, levels = self.space.entries, self.space.levels
        arrays = {
            "read": rng.normal(size=(levels + 2, channels)),
            "place": rng.normal(size=(entries, channels)) / 4,
            "write": rng.uniform(-1, 1, (channels, levels)) / channels,
            "bias": np.zeros((entries, levels)),
        }
        arrays |= named("norm", normalisation(channels))
        for i in range(blocks):
            arrays |= named(f"block.{i}.norm", normalisation(channels))
            arrays |= named(f"block.{i}.time", linear_arrays(kernel * channels, channels, rng, np.sqrt(2)))
            arrays |= named(f"block.{i}.entries", linear_arrays(reach * channels, channels, rng, 1 / np.sqrt(blocks)))
        return {name: array.astype(np.float32) for name, array in arrays.items()}


def normalisation(channels: int) -> dict[str, np.ndarray]:
    """Return the initial gain and shift of a layer normalisation."""
    return {"weight": np.ones(channels, np.float32), "bias": np.zeros(channels, np.float32)}
