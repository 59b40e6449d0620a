"""The RBM output in Keras: a restricted Boltzmann machine over the entries of a step, biased by the context.

Equations: `models.sequence.outputs`. With U hidden units the distribution is a mixture of 2^U products, one per hidden
state z, and for few units the sum is done::

    p(x) = sum_z p(z) prod_e p(x_e | z)      p(x_e | z) = softmax(a_e + (W z)_e)
    log p(z) = d . z + sum_e log sum_l exp(a_el + (W z)_el) - log Z
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from etude.models.autoregressive import Chooser
from etude.models.energy.partition import states
from etude.models.keras.dilated import product
from etude.models.keras.outputs import Independent
from etude.models.keras.weights import of
from etude.training.keras.framework import tf
from etude.types import Space

AT_ONCE = 2**19  # numbers in a table of (entries, steps, hidden states), in double precision: 4 MB stay in the cache
LEARNT_AT_ONCE = 2**22  # the same while learning
JOINT = 16  # codes of neighbouring entries summed together at most: 4 keys that are on or off


class ConditionalRBM(Independent):
    """Visible biases as in `Independent`, hidden biases from the features, one coupling of entries and hidden units."""

    def __init__(self, features: int, space: Space, hidden: int):
        super().__init__(features, space)
        self.hidden_bias, self.context = self.new(hidden), self.new(features, hidden)
        self.coupling = self.new(space.entries * space.levels, hidden)
        self.units = hidden

    def nats(self, features, x, exact: bool = False, noise=None):
        """Return -log p of `x` Int[N, entries] in its shape.

        Where `exact`, by the chain rule over the entries, low to high, in double precision. Else the nats of a step
        are spread evenly over its entries: the sum is what learning needs, and it costs far less.
        """
        rows = max(1, (AT_ONCE if exact else LEARNT_AT_ONCE) // (2**self.units * self.shape[0]))
        return in_chunks(self._chain if exact else self._spread, rows, features, x)

    def _spread(self, features, x):
        entries = self.shape[0]
        total = (self.log_partition(features) - self._unnormalised(features, x)) / entries
        return tf.repeat(total[:, None], entries, axis=1)

    def log_partition(self, features):
        """Return log Z of every step, Float[n]."""
        sums = tf.reduce_sum(log_sums(self.logits(features), self._shifts(), JOINT), axis=0)  # (n, S)
        every = tf.constant(all_states(self.units), self.compute_dtype)
        return tf.reduce_logsumexp(sums + tf.matmul(self._biases(features), every, transpose_b=True), axis=-1)

    def prepared(self, features) -> tuple:
        """Return the mixture in double precision, see `_mixture`."""
        return self._mixture(features)

    def choose(self, prepared: list[np.ndarray], choose: Chooser) -> np.ndarray:
        """Ask `choose` entry by entry; the answer is Int[n, entries]."""
        a, g, sums, mixture = prepared
        x = np.zeros((len(a), self.shape[0]), np.int64)
        for e in range(self.shape[0]):
            given = a[:, e, None] + g[:, e] - sums[e][..., None]  # (n, S, L): log p(x_e | z)
            x[:, e] = choose(np.einsum("ns,nsl->nl", np.exp(mixture), np.exp(given))[:, None], np.array([e]))[:, 0]
            mixture = mixture + given[np.arange(len(x)), :, x[:, e]]
            mixture = mixture - np.logaddexp.reduce(mixture, axis=-1, keepdims=True)
        return x

    def _chain(self, features, x):
        """Return -log p(x_e | x_<e), Float64[n, E]: what each entry takes away from the sum over z of p(z, x_<e)."""
        a, g, sums, mixture = self._mixture(features)
        chosen = tf.transpose(tf.gather(a, x, batch_dims=2))[..., None]  # (E, n, 1)
        shifts = tf.gather(tf.transpose(g, [1, 2, 0]), tf.transpose(x), batch_dims=1)  # (E, n, S)
        likelihoods = tf.exp(shifts + chosen - sums)

        def hear(before, likelihood):
            joint = before[0] * likelihood
            p = tf.maximum(tf.reduce_sum(joint, axis=-1), np.finfo(np.float64).tiny)
            return joint / p[:, None], p

        start = (tf.exp(mixture), tf.ones_like(mixture[:, 0]))
        return -tf.math.log(tf.transpose(tf.scan(hear, likelihoods, start)[1]))

    def _mixture(self, features) -> tuple:
        """Return the mixture in double precision.

        Visible biases [n, E, L], their shifts [S, E, L], the log of each entry's sum over codes [E, n, S], and the
        log p(z) [n, S].
        """
        a, g = tf.cast(self.logits(features), tf.float64), tf.cast(self._shifts(), tf.float64)
        sums, every = log_sums(a, g), tf.constant(all_states(self.units), tf.float64)
        prior = tf.matmul(tf.cast(self._biases(features), tf.float64), every, transpose_b=True)
        return a, g, sums, tf.nn.log_softmax(prior + tf.reduce_sum(sums, axis=0))

    def _unnormalised(self, features, x):
        """Return -F(x), Float[n]: the hidden units summed out."""
        entries, levels = self.shape
        ones = tf.reshape(tf.one_hot(x, levels, dtype=self.compute_dtype), [-1, entries * levels])
        units = self._biases(features) + tf.matmul(ones, self.coupling.value)
        visible = tf.reduce_sum(tf.reshape(self.logits(features), [-1, entries * levels]) * ones, axis=-1)
        return visible + tf.reduce_sum(tf.math.softplus(units), axis=-1)

    def _biases(self, features):
        return product(features, self.context.value) + self.hidden_bias.value  # (n, U)

    def _shifts(self):
        """Return what each hidden state adds to the visible biases, Float[S, E, L]."""
        every = tf.constant(all_states(self.units), self.compute_dtype)
        return tf.reshape(tf.matmul(every, self.coupling.value, transpose_b=True), [-1, *self.shape])

    def views(self):
        """Return the weights in the shared layout."""
        own = of(bias=self.hidden_bias, context=self.context, weight=self.coupling)
        return {**super().views(), **{f"output.rbm.{name}": view for name, view in own.items()}}


def all_states(units: int) -> np.ndarray:
    """Return every state of `units` binary units, Float64[2^units, units]."""
    return states(np.arange(2**units), units, 2).astype(np.float64)


def log_sums(a, g, most: int = 1):
    """Return log sum_l exp(a[n, e, l] + g[s, e, l]) as Float[groups, n, S]: a matrix product of exponentials.

    Entries whose joint codes are at most `most` form a group, whose logarithms come added up; else a group is an entry.
    """
    size, (entries, levels) = 1, a.shape[1:]
    while levels > 1 and levels ** (size + 1) <= most:
        size += 1
    tops = [tf.stop_gradient(tf.reduce_max(part, axis=-1, keepdims=True)) for part in (a, g)]  # no overflow
    weights = [in_groups(tf.exp(part - top), size) for part, top in zip((a, g), tops, strict=True)]
    products = tf.matmul(weights[0], weights[1], transpose_b=True)
    fill = [[0, 0], [0, -entries % size]]
    top_a, top_g = (tf.reshape(tf.pad(top[..., 0], fill), [-1, -(-entries // size), size]) for top in tops)
    top_a, top_g = (tf.transpose(tf.reduce_sum(top, axis=-1)) for top in (top_a, top_g))  # (groups, n or S)
    least = np.finfo(a.dtype.as_numpy_dtype).tiny
    return tf.math.log(tf.maximum(products, least)) + top_a[:, :, None] + top_g[:, None]


def in_groups(weights, size: int):
    """Return the products of neighbouring entries' weights, Float[groups, n, L^size], of weights Float[n, E, L].

    A short last group is filled with entries that are certainly 0.
    """
    entries, levels = weights.shape[1:]
    certain = tf.one_hot(0, levels, dtype=weights.dtype)
    missing = tf.tile(certain[None, None], [tf.shape(weights)[0], -entries % size, 1])
    groups = tf.reshape(tf.concat([weights, missing], axis=1), [-1, -(-entries // size), size, levels])
    joint = groups[:, :, 0]
    for i in range(1, size):
        joint = joint[..., None] * groups[:, :, i, None]
        joint = tf.reshape(joint, [-1, joint.shape[1], joint.shape[2] * levels])
    return tf.transpose(joint, [1, 0, 2])


def in_chunks(function: Callable, rows: int, features, x):
    """Return `function(features, x)` of features Float[N, H] and codes Int[N, E], computed some rows at a time."""
    count = tf.shape(x)[0]
    fill = [[0, -count % rows], [0, 0]]
    parts = [tf.reshape(tf.pad(part, fill), [-1, rows, part.shape[-1]]) for part in (features, x)]
    dtype = tf.float64 if function.__name__ == "_chain" else features.dtype
    result = tf.map_fn(lambda part: function(*part), tuple(parts), fn_output_signature=dtype)
    return tf.reshape(result, [-1, x.shape[-1]])[:count]
