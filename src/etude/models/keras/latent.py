"""The network of an autoencoder in Keras, with NumPy at its face: all but what is between encoder and decoder."""

from __future__ import annotations

from math import log

import numpy as np

from etude.models.keras.coders import DECODERS, Encoder
from etude.models.keras.network import Network, parts
from etude.training.keras.framework import graph, tf


class LatentNetwork(Network):
    """Of a `LatentModel`: a `Network` whose context is the decoder, and an encoder."""

    def __init__(self, model):
        super().__init__(*parts(DECODERS[model.options["decoder"]](model.options), model))
        self.encoder = Encoder(model.options, model.known * model.options["latent"])

    def _compile(self) -> None:
        events, first, mask = self._events(), tf.TensorSpec([None], tf.bool), tf.TensorSpec([None, None], tf.bool)
        z, one = tf.TensorSpec([None, self.context.latent], self.variable_dtype), self._events(1)
        self._encoded = graph(self._encode, input_signature=[events, mask])
        self._given = graph(self._nats_given, input_signature=[z, events, first, mask])
        self._begun = graph(self._begin, input_signature=[z, one, first])
        self._written = graph(self._write, input_signature=[z, one, first, self.context.specs()])

    def encoded(self, events, mask):
        """Return what the encoder makes of segments Int[n, T, entries], Float[n, known]."""
        inside = tf.zeros(tf.shape(events)[:1], tf.bool)  # the first event of a segment is an event, not a start
        return self.encoder(self.embedding(events, inside), mask)

    def features_given(self, z, past, first, state, noise=None):
        """Return what the output of every step is computed from, Float[n, T, H], and the state after the last."""
        features, state = self.context(z, self.embedding(past, first), state, noise=noise)
        return self.distribution.given(features, past, first), state

    def nats(self, z, events, first, mask, exact: bool = False, noise=None):
        """Return -log p(x | z, c) of each segment given z Float[n, latent], Float[n]."""
        past, x = events[:, :-1], events[:, 1:]
        state = self.context.first_state(z, self.embedding(past[:, :1], first))
        features, _ = self.features_given(z, past, first, state, noise)
        steps = tf.reduce_sum(self.nats_of(features, x, exact, noise), axis=-1)
        return tf.reduce_sum(tf.where(mask, steps, 0), axis=-1)

    def bits_given(self, z: np.ndarray, batch) -> np.ndarray:
        """Return -log2 p(x | z, c) of each segment given each of its latents z Float[n, K, latent], Float64[n, K]."""
        n, copies = z.shape[:2]
        events, first, mask = (np.repeat(part, copies, axis=0) for part in batch[:3])
        nats = self._given(self._latent(z.reshape(n * copies, -1)), events.astype(np.int64), first, mask)
        return nats.numpy().reshape(n, copies) / log(2)

    def write(self, z: np.ndarray, past: np.ndarray, first: np.ndarray, choose, state=None):
        """Return the next event Int[n, entries] of segments with latents z Float[n, latent], and the state after it.

        `past` Int[n, entries] is the event before; `state` is None where the step begins the segment.
        """
        z, past, first = self._latent(z), np.asarray(past, np.int64)[:, None], np.asarray(first, bool)
        state = self._begun(z, past, first) if state is None else state
        prepared, state = self._written(z, past, first, state)
        return self.distribution.choose([part.numpy() for part in prepared], choose), state

    def encode(self, batch) -> np.ndarray:
        """Return what the encoder makes of a batch of arrays, as Float64[n, known]."""
        return self._encoded(batch.events[:, 1:].astype(np.int64), batch.mask).numpy()

    def _latent(self, z: np.ndarray) -> np.ndarray:
        return np.asarray(z, self.variable_dtype)

    def _encode(self, events, mask):
        return tf.cast(self.encoded(events, mask), tf.float64)

    def _nats_given(self, z, events, first, mask):
        return tf.cast(self.nats(z, events, first, mask, exact=True), tf.float64)

    def _begin(self, z, past, first):
        return self.context.first_state(z, self.embedding(past, first))

    def _write(self, z, past, first, state):
        features, state = self.features_given(z, past, first, state)
        return self.distribution.prepared(features[:, 0]), state

    def views(self):
        """Return all weights in the shared layout."""
        return {**super().views(), **self.encoder.views()}
