"""Neural sequence models: a context and an output distribution. This is their logic; no framework is named.

p(x) = prod_t p(x_t | h_t), h_t = context(x_0 .. x_{t-1}), where x_0 is the start of the piece. The context
remembers, the output says what a step may be. A family (RNN, TCN, ...) gives a network for each framework, as a
`Network`; cutting windows, scoring in chunks with carried state, generation, conditioning and budgets are here, once.

Weights travel as named Float32 arrays, the same in every framework. Matrices are (in, out): y = x @ W + b. Every
family has `embedding.table` Float32[entries * levels, embedding], where the vector of a step is the sum over its
entries e, with code c, of row e * levels + c, and `embedding.start` Float32[embedding] for the event before the first.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from etude.models.autoregressive import Autoregressive, Chooser
from etude.models.sequence.outputs import output_arrays, too_large
from etude.training import Task, Windows, similar_lengths
from etude.training.task import data_digest, source_digest
from etude.training.windows import pad
from etude.types import Budget, History, Space

LOGITS_AT_ONCE = 2**22  # of a chunk that is scored: 32 MB in double precision
GROUP_STEPS = 2**15  # padded steps of pieces scored side by side
COUNTED_AT_ONCE = 2**18  # steps of a piece


class Network(Protocol):
    """A framework's half of a model. Events are Int[n, T, entries]; `state` is the framework's own, None at first."""

    def surprise(self, past: np.ndarray, first: np.ndarray, x: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """Return -log2 p of `x` as Float64[n, T, entries], and the state after reading `past`.

        `past` holds the event before each step of `x`; where `first` Bool[n], its first event is the start.
        """
        ...

    def step(self, past: np.ndarray, first: np.ndarray, choose: Chooser, state: Any) -> tuple[np.ndarray, Any]:
        """Read `past` Int[n, entries], ask `choose` for the next event, return it and the new state."""
        ...

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights in the layout that the frameworks share."""
        ...

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take on weights; raises CorruptCheckpoint where names or shapes differ."""
        ...


class SequenceModel(Autoregressive):
    """Base of the families that are a context and an output; a half per framework gives `_build` and `_train`."""

    narrow = True

    def __init__(self, space: Space, *, seed: int = 0, **options):
        super().__init__(space, seed=seed, **options)
        self._network: Network | None = None
        self._untouched = True  # weights as drawn

    @classmethod
    def refuses(cls, space: Space) -> str | None:
        """Refuse steps whose softmax layers would be too large."""
        return too_large(space)

    @property
    def network(self) -> Network:
        """The framework's half, with weights drawn from the seed when it is first asked for."""
        if self._network is None:
            self._network = self._build()
            self._network.restore(self._initial(np.random.default_rng(self.seed)))
        return self._network

    @abstractmethod
    def _build(self) -> Network:
        """Return the framework's network for this space and these options."""

    @abstractmethod
    def _initial(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return initial weights, the same for every framework."""

    def _output_arrays(self, features: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return initial weights of the output that the options name, over a context with so many features."""
        return output_arrays(features, self.space, rng, self.options["output"], self.options["output_hidden"])

    @abstractmethod
    def _train(self, task: Task, checkpoint: Path | None) -> History:
        """Fit the network to a task with the framework's engine."""

    def stepper(self, n: int = 1) -> NetworkStepper:
        """Return a fresh state for `n` pieces, before their first step."""
        return NetworkStepper(self.network, n, self.space)

    def _step_bits(self, xs):
        result: list[Any] = [None] * len(xs)
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

    def _fit(self, train, valid, budget, seed, checkpoint):
        train, valid = compact(train, self.space), compact([x for x in valid if len(x)], self.space)
        windows = Windows(train, budget.window, budget.batch_size, seed)
        groups = [[valid[i] for i in group] for group in similar_lengths([len(x) for x in valid], GROUP_STEPS)]
        if self._untouched:
            self._restore(adapted(self._arrays(), marginals(train, self.space)))
        identity = self._identity(train, valid, budget, seed) if checkpoint is not None else {}
        history = self._train(Task(windows.batch, groups, self._total, budget, seed, identity), checkpoint)
        history.parameters = self.parameters
        return history

    def _total(self, group: list[np.ndarray]) -> tuple[float, int]:
        return float(sum(bits.sum() for bits in self._score(group))), sum(len(x) for x in group)

    def _identity(self, train, valid, budget: Budget, seed: int) -> dict:
        classes = {*type(self).__mro__, *type(self.network).__mro__, *self._parts()}
        weights = [array for _, array in sorted(self.network.arrays().items())]
        made_of = {"source": source_digest(classes), "data": data_digest(train, valid), "start": data_digest(weights)}
        return {**self.describe(), "budget": asdict(budget), "fit_seed": seed, **made_of}

    def _parts(self) -> set[type]:
        """Return the classes that the network is made of."""
        return set()

    def _arrays(self):
        return self.network.arrays()

    def _restore(self, arrays):
        self.network.restore(arrays)
        self._untouched = False


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


def compact(xs: list[np.ndarray], space: Space) -> list[np.ndarray]:
    """Return the pieces in the smallest unsigned integers that hold the levels: a corpus in twelve keys is large."""
    return [x.astype(np.min_scalar_type(space.levels - 1), copy=False) for x in xs]


def embedding_arrays(space: Space, size: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return initial embeddings: a step's vector, a sum over its entries, has entries of unit variance."""
    table = rng.normal(size=(space.entries * space.levels, size)) / np.sqrt(space.entries)
    return {"embedding.table": table.astype(np.float32), "embedding.start": rng.normal(size=size).astype(np.float32)}


def marginals(xs: list[np.ndarray], space: Space) -> np.ndarray:
    """Return how often each entry has each code, Float64[entries, levels], with one added to every count."""
    counts = np.ones((space.entries, space.levels))
    for part in (x[begin : begin + COUNTED_AT_ONCE] for x in xs for begin in range(0, len(x), COUNTED_AT_ONCE)):
        codes = part.reshape(len(part), space.entries) + np.arange(space.entries) * space.levels
        counts += np.bincount(codes.ravel(), minlength=counts.size).reshape(counts.shape)
    return counts / counts.sum(axis=1, keepdims=True)


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
