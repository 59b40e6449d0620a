"""A sequence model in Keras: embedding, context and output, with NumPy at its face.

Every graph is traced once, for any number of pieces and steps: no shape is fixed but those of the weights. Reading a
single step is a graph of its own. Padded steps are computed and left out of every sum.
"""

from __future__ import annotations

from math import log

import numpy as np

from etude.models.keras.outputs import build as build_output
from etude.models.keras.weights import Weights, of
from etude.training.keras.framework import graph, tf
from etude.types import Space

FEW_LEVELS = 4  # up to here a product with ones and zeros is faster than adding up rows


class Embedding(Weights):
    """Events as vectors: the sum over entries of one row per code, and a learnt vector for the start of a piece.

    That is one-hot coding of all entries followed by a linear layer. With many levels the ones and zeros are not built.
    """

    def __init__(self, space: Space, size: int):
        super().__init__()
        self.entries, self.levels, self.size = space.entries, space.levels, size
        self.table, self.start = self.new(space.entries * space.levels, size), self.new(size)

    def call(self, past, first):
        """Return vectors Float[n, T, size] of events Int[n, T, entries]; where `first` Bool[n], step 0 is the start."""
        if not self.size:  # a context that remembers nothing
            return tf.zeros([*tf.unstack(tf.shape(past)[:2]), 0], self.compute_dtype)
        start = first[:, None, None] & (tf.range(tf.shape(past)[1]) == 0)[:, None]
        return tf.where(start, self.start.value, self._vectors(past))

    def _vectors(self, events):
        """Return the sum over entries of the rows of their codes, Float[n, T, size], for events Int[n, T, entries]."""
        table = self.table.value
        if self.entries == 1:
            return tf.gather(table, events[..., 0])
        shape = tf.concat([tf.shape(events)[:2], [self.size]], axis=0)
        if self.levels <= FEW_LEVELS:
            ones = tf.one_hot(events, self.levels, dtype=self.compute_dtype)
            vectors = tf.matmul(tf.reshape(ones, [-1, self.entries * self.levels]), table)
        else:
            rows = tf.reshape(events + np.arange(self.entries) * self.levels, [-1])
            steps = tf.range(tf.size(rows)) // self.entries
            vectors = tf.sparse.segment_sum(table, rows, steps)
        return tf.ensure_shape(tf.reshape(vectors, shape), [*events.shape[:2], self.size])

    def views(self):
        """Return the weights in the shared layout."""
        return {f"embedding.{name}": view for name, view in of(table=self.table, start=self.start).items()}


class Network(Weights):
    """A context between an embedding and an output distribution.

    Parameters
    ----------
    space : Space
    embedding : int
    context : Layer
        `context(vectors Float[n, T, embedding], state, noise) -> (features Float[n, T, context.features], state)`,
        where the features of a step depend on vectors up to and with that step; `specs()` says what a state is,
        all zeros before the first step; `views()` gives its weights.
    output : str
        A name in `etude.models.sequence.outputs.OUTPUTS`.
    hidden : int, optional
        Units of the output's own hidden layer.
    """

    def __init__(self, space: Space, embedding: int, context: Weights, output: str, hidden: int | None = None):
        super().__init__()
        self.embedding, self.context = Embedding(space, embedding), context
        self.distribution = build_output(output, context.features, space, hidden)
        self.entries = space.entries
        self._compile()

    def _compile(self) -> None:
        first, specs = tf.TensorSpec([None], tf.bool), self.context.specs()
        self._scored = graph(self._score, input_signature=[self._events(), first, self._events(), specs])
        self._stepped = graph(self._step, input_signature=[self._events(1), first, specs])

    def _events(self, steps: int | None = None):
        return tf.TensorSpec([None, steps, self.entries], tf.int64)

    def fresh(self, n) -> tuple:
        """Return the state of n pieces before their first step."""

        def zeros(spec):
            return tf.zeros([n if size is None else size for size in spec.shape], spec.dtype)

        return tf.nest.map_structure(zeros, self.context.specs())

    def features(self, past, first, state, noise=None):
        """Return what the output of every step is computed from, Float[n, T, H], and the state after the last."""
        features, state = self.context(self.embedding(past, first), state, noise=noise)
        return self.distribution.given(features, past, first), state

    def loss(self, batch, noise=None):
        """Return the mean nats per step of a `Batch` of tensors."""
        features, _ = self.features(batch.events[:, :-1], batch.first, self.fresh(tf.shape(batch.first)[0]), noise)
        nats = self.nats_of(features, batch.events[:, 1:], noise=noise)
        return masked(nats, batch.mask) / tf.reduce_sum(tf.cast(batch.mask, nats.dtype))

    def nats_of(self, features, x, exact: bool = False, noise=None):
        """Return -log p of x Int[n, T, entries] in its shape, given features Float[n, T, H]."""
        flat = (tf.reshape(part, [-1, part.shape[-1]]) for part in (features, x))
        return tf.reshape(self.distribution.nats(*flat, exact, noise), tf.shape(x))

    def surprise(self, past, first, x, state=None):
        """Return -log2 p of `x` as Float64[n, T, entries] and the state: the framework-free face for scoring."""
        state = self.fresh(len(past)) if state is None else state
        past, x = (np.asarray(events, np.int64) for events in (past, x))
        nats, state = self._scored(past, np.asarray(first, bool), x, state)
        return nats.numpy() / log(2), state

    def step(self, past, first, choose, state=None):
        """Return the next event Int[n, entries] that `choose` picks, and the state: the face for generation."""
        state = self.fresh(len(past)) if state is None else state
        prepared, state = self._stepped(np.asarray(past, np.int64)[:, None], np.asarray(first, bool), state)
        return self.distribution.choose([part.numpy() for part in prepared], choose), state

    def _score(self, past, first, x, state):
        features, state = self.features(past, first, state)
        return tf.cast(self.nats_of(features, x, exact=True), tf.float64), state

    def _step(self, past, first, state):
        features, state = self.features(past, first, state)
        return self.distribution.prepared(features[:, 0]), state

    def views(self):
        """Return all weights in the shared layout."""
        return {**self.embedding.views(), **self.context.views(), **self.distribution.views()}


def masked(nats, mask):
    """Return the sum of nats Float[n, T, entries] over the steps that exist, mask Bool[n, T]."""
    return tf.reduce_sum(tf.where(mask, tf.reduce_sum(nats, axis=-1), 0))


def around(context: Weights, model, kind: type[Network] = Network) -> Network:
    """Return the network of a sequence model around its context."""
    return kind(*parts(context, model))


def parts(context: Weights, model) -> tuple:
    """Return what the `Network` of a model is made of; without an embedding the context reads nothing."""
    options = model.options
    return model.space, options.get("embedding", 0), context, options["output"], options["output_hidden"]


def sizes(model, *names: str) -> dict:
    """Return the options of a sequence model that its context is built with, and what it reads."""
    return {"inputs": model.options["embedding"], **{name: model.options[name] for name in names}}
