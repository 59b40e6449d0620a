"""Neural sequence models: a context and an output distribution. This is their logic; no framework is named.

p(x) = prod_t p(x_t | h_t), h_t = context(x_0 .. x_{t-1}), where x_0 is the start of the piece. The context
remembers, the output says what a step may be. A family (RNN, TCN, ...) has a network in each framework
(`etude.models.halves.Network`); windows, scoring in chunks with carried state and generation are here, once.

Weights travel as named Float32 arrays, the same in every framework. Matrices are (in, out): y = x @ W + b. Every
family has `embedding.table` Float32[entries * levels, embedding], where the vector of a step is the sum over its
entries e, with code c, of row e * levels + c, and `embedding.start` Float32[embedding] for the event before the first.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from etude.errors import EtudeError
from etude.models.autoregressive import Autoregressive, Chooser
from etude.models.halves import Network
from etude.models.neural import Material, Neural, marginals
from etude.models.sequence.outputs import output_arrays, output_options, too_large
from etude.training import Windows, similar_lengths
from etude.training.consecutive import Consecutive
from etude.training.windows import pad
from etude.types import CUTS, Space

LOGITS_AT_ONCE = 2**22  # of a chunk that is scored: 32 MB in double precision
GROUP_STEPS = 2**15  # padded steps of pieces scored side by side


class SequenceModel(Neural, Autoregressive):
    """Base of the families that are a context and an output."""

    cuts = CUTS

    @classmethod
    def refuses(cls, space: Space) -> str | None:
        """Refuse steps whose softmax layers would be too large."""
        return too_large(space)

    def _output_arrays(self, features: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return initial weights of the output that the options name, over a context with so many features."""
        return output_arrays(features, self.space, rng, self.options["output"], self.options["output_hidden"])

    def stepper(self, n: int = 1) -> NetworkStepper:
        """Return a fresh state for `n` pieces, before their first step."""
        return NetworkStepper(self.network, n, self.space)

    def _step_bits(self, xs):
        result: list[Any] = [None] * len(xs)
        with self.network.on_fastest_device():
            for group in similar_lengths([len(x) for x in xs], GROUP_STEPS):
                for i, bits in zip(group, self._score([xs[i] for i in group]), strict=True):
                    result[i] = bits
        return result

    def _score(self, xs: list[np.ndarray]) -> list[np.ndarray]:
        """Score pieces side by side, some steps at a time, the state carried over."""
        batch = pad([(x.reshape(len(x), self.space.entries), True) for x in xs])
        chunk = max(1, LOGITS_AT_ONCE // (len(xs) * self.space.entries * self.space.levels))
        state, parts = None, []
        for begin in range(0, batch.mask.shape[1], chunk):
            events = batch.events[:, begin : begin + chunk + 1]
            part, state = self.network.surprise(events[:, :-1], batch.first & (begin == 0), events[:, 1:], state)
            parts.append(part)
        bits = np.concatenate(parts, axis=1) if parts else np.zeros(batch.events[:, 1:].shape)
        return [row[: len(x)].reshape(x.shape) for row, x in zip(bits, xs, strict=True)]

    def _adapted(self, arrays, train):
        return adapted(arrays, marginals(train, self.space))

    def _material(self, train, valid, budget, seed):
        return Material(self._windows(train, budget, seed).batch, self._groups(valid), self._total)

    def _windows(self, train, budget, seed):
        """Return what cuts batches from the training pieces."""
        if budget.cuts == "carried":
            self._check_resumes(budget.window)
        return (Windows if budget.cuts == "random" else Consecutive)(train, budget.window, budget.batch_size, seed)

    def _check_resumes(self, window: int) -> None:
        """Raise EtudeError unless windows of so many steps may begin with the state in which others ended."""
        every = getattr(self.network, "resumes", 0)
        if not every:
            remedy = 'An rnn without recall and samplernn, in PyTorch, carry it; or cuts="consecutive".'
            raise EtudeError("a network whose state is carried", f"{self.name} in {self.framework}", remedy)
        if window % every:
            got = f"windows of {window} steps, frames of {every}"
            raise EtudeError("windows of whole frames, for a state that is carried", got, "Take a multiple.")

    def _groups(self, valid) -> list[list]:
        """Return validation pieces in groups of similar lengths."""
        return [[valid[i] for i in group] for group in similar_lengths(list(map(len, valid)), GROUP_STEPS)]

    def _total(self, group) -> tuple[float, int]:
        """Return bits and steps of pieces that are scored side by side."""
        return float(sum(bits.sum() for bits in self._score(group))), sum(map(len, group))


class ContextModel(SequenceModel):
    """Base of the families whose context reads events as vectors.

    Parameters
    ----------
    space : Space
    sizes : dict
        The options that the family has beside these, checked: numbers, all of them at least 1.
    seed : int, optional
        Of the initial weights; None draws one.
    embedding : int, optional
        Size of the vector that an event is read as; a family says what it is by default.
    dropout : float, optional
        Share of units dropped while learning, in [0, 1); a family says how many by default.
    output, output_hidden
        See `etude.models.sequence.outputs.output_options`.
    """

    dropout: ClassVar[float] = 0.1

    def __init__(
        self,
        space: Space,
        sizes: dict,
        /,
        seed: int | None = 0,
        embedding: int | None = None,
        dropout: float | None = None,
        output: str | None = None,
        output_hidden: int | None = None,
    ):
        sizes["embedding"] = self._embedding(space, sizes) if embedding is None else embedding
        sizes["dropout"] = self.dropout if dropout is None else dropout
        check_sizes(sizes)
        super().__init__(space, seed=seed, **sizes, **output_options(space, output, output_hidden))

    @staticmethod
    def _embedding(space: Space, sizes: dict) -> int:
        """Return the size of the vector that an event is read as by default."""
        return 64


def check_sizes(sizes: dict) -> None:
    """Raise EtudeError unless numbers are at least 1, a kernel has two taps or more and dropout is a share."""
    for name, value in sizes.items():
        least = {"kernel": 2, "dropout": 0, "recall": 0}.get(name, 1)
        if not isinstance(value, str | list) and not (least <= value and (name != "dropout" or value < 1)):
            bounds = "dropout in [0, 1)" if name == "dropout" else f"{name} >= {least}"
            raise EtudeError(bounds, ", ".join(f"{name}={size}" for name, size in sizes.items()))


class NetworkStepper:
    """n pieces that grow together: the network's state and the last event of each."""

    def __init__(self, network: Network, n: int, space: Space):
        self.network, self.shape, self.state = network, (n, *space.event_shape), None
        self.past, self.first = np.zeros((n, space.entries), np.int64), np.ones(n, bool)

    def step(self, choose: Chooser) -> np.ndarray:
        """Ask `choose` for the next step of each piece, remember it, and return it as Int[n, *E]."""
        self.past, self.state = self.network.step(self.past, self.first, choose, self.state)
        self.first = np.zeros_like(self.first)
        return self.past.reshape(self.shape)


def embedding_arrays(space: Space, size: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return initial embeddings: a step's vector, a sum over its entries, has entries of unit variance."""
    table = rng.normal(size=(space.entries * space.levels, size)) / np.sqrt(space.entries)
    return {"embedding.table": table.astype(np.float32), "embedding.start": rng.normal(size=size).astype(np.float32)}


def adapted(arrays: dict[str, np.ndarray], p: np.ndarray) -> dict[str, np.ndarray]:
    """Return untrained weights fitted to the marginals p Float64[entries, levels] of the training pieces.

    The output begins at the marginals: its biases are their logarithms, and no step is spent on learning which codes
    are rare. The rows of the table are centred and scaled so that the vectors of the training steps have mean 0 and
    variance 1; otherwise the few keys that sound would be lost among eighty that rest.
    """
    news = {"output.bias": np.log(p).ravel()}
    if arrays["embedding.table"].size:
        shape = arrays["embedding.table"].shape
        table = arrays["embedding.table"].reshape(*p.shape, shape[1]).astype(np.float64)  # (entries, levels, embedding)
        table -= np.einsum("el,els->es", p, table)[:, None]
        table /= max(np.sqrt(np.einsum("el,els->s", p, table**2).mean()), 1e-6)
        news["embedding.table"] = table.reshape(shape)
    return {**arrays, **{name: array.astype(np.float32) for name, array in news.items()}}
