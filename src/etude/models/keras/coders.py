"""Encoder and decoders of the autoencoders in Keras. Equations and weight layout: `etude.models.latent.coders`."""

from __future__ import annotations

from etude.models.keras.dilated import Linear
from etude.models.keras.dropout import Dropout
from etude.models.keras.rnn import Recurrent
from etude.models.keras.weights import Weights
from etude.models.latent.coders import encoder_sizes
from etude.models.latent.segments import halvings, padded, positions
from etude.models.sequence.dilated import named, part_views
from etude.training.keras.framework import tf


class Encoder(Weights):
    """From a segment to what is known of its latent: convolutions with stride 2, then a linear map."""

    def __init__(self, options: dict, outputs: int):
        super().__init__()
        *convolutions, last = encoder_sizes(options, outputs)
        self.steps = padded(options["segment"])
        self.layers = [Linear(*size) for size in convolutions]
        self.latent = Linear(*last)

    def call(self, vectors, mask):
        """Return Float[n, outputs] of the vectors Float[n, T, embedding] of the steps that exist, mask Bool[n, T]."""
        missing = self.steps - tf.shape(vectors)[1]
        x = tf.pad(tf.where(mask[..., None], vectors, 0), [[0, 0], [0, missing], [0, 0]])
        x = tf.ensure_shape(x, [None, self.steps, vectors.shape[2]])
        for layer in self.layers:
            x = tf.nn.elu(layer(_taps(x, 4, stride=2)))
        return self.latent(tf.reshape(x, [-1, x.shape[1] * x.shape[2]]))

    def views(self):
        """Return the weights in the shared layout."""
        return named("encoder", part_views({**dict(enumerate(self.layers)), "latent": self.latent}))


class SequenceDecoder(Weights):
    """An RNN that reads the event before each step, and the latent."""

    def __init__(self, options: dict):
        super().__init__()
        self.latent, self.features = options["latent"], options["hidden"]
        inputs = self.latent + options["embedding"]
        self.begin = Linear(inputs, self.features)
        self.rnn = Recurrent(inputs, "gru", self.features, layers=1, dropout=options["dropout"])
        self.word_dropout = options["word_dropout"]

    def specs(self):
        """Return what is carried from step to step of a segment."""
        return self.rnn.specs()

    def first_state(self, z, vectors):
        """Return the state before the first step of segments, given z and the vectors of the events before them."""
        return ((tf.tanh(self.begin(tf.concat([vectors[:, 0], z], axis=-1))),),)

    def call(self, z, vectors, state, noise=None):
        """Return the features of steps Float[n, T, H], and the state after them.

        Parameters
        ----------
        z : Float[n, latent]
        vectors : Float[n, T, embedding]
            Of the event before each step.
        state : as returned, or `first_state`
        noise : Noise, optional
            While learning.
        """
        steps = tf.shape(vectors)[1]
        if noise is not None and self.word_dropout:
            heard = noise.uniform(tf.shape(vectors)[:2]) >= self.word_dropout
            heard |= tf.range(steps) == 0  # the event before the segment is what joins it to the piece
            vectors = tf.where(heard[..., None], vectors, 0)
        z = tf.ensure_shape(tf.repeat(z[:, None], steps, axis=1), [None, vectors.shape[1], z.shape[1]])
        return self.rnn(tf.concat([vectors, z], axis=-1), state, noise=noise)

    def views(self):
        """Return the weights in the shared layout."""
        return {**named("decoder.begin", self.begin.views()), **self.rnn.views()}


class ConvolutionDecoder(Weights):
    """Transposed convolutions that write all steps of a segment at once."""

    def __init__(self, options: dict):
        super().__init__()
        segment, self.latent, self.features = options["segment"], options["latent"], options["hidden"]
        self.begin = Linear(options["latent"] + options["embedding"], positions(segment) * self.features)
        self.layers = [Linear(3 * self.features, 2 * self.features) for _ in range(halvings(segment))]
        self.dropout = Dropout(options["dropout"])

    def specs(self):
        """Return what is carried from step to step of a segment: its features, and how many steps are written."""
        features = tf.TensorSpec([None, None, self.features], self.variable_dtype)
        return features, tf.TensorSpec([], tf.int32)

    def first_state(self, z, vectors):
        """Return the state before the first step of segments, given z and the vectors of the events before them."""
        x = tf.nn.elu(self.begin(tf.concat([vectors[:, 0], z], axis=-1)))
        x = tf.reshape(x, [-1, x.shape[1] // self.features, self.features])
        for layer in self.layers:
            x = tf.nn.elu(layer(_taps(x, 3)))
            x = tf.reshape(x, [-1, 2 * x.shape[1], self.features])
        return x, tf.zeros([], tf.int32)

    def call(self, z, vectors, state, noise=None):
        """Return the features of steps Float[n, T, H], and the state after them; arguments as in `SequenceDecoder`."""
        (features, done), steps = state, tf.shape(vectors)[1]
        return self.dropout(features, noise=noise)[:, done : done + steps], (features, done + steps)

    def views(self):
        """Return the weights in the shared layout."""
        return named("decoder", part_views({"begin": self.begin, **dict(enumerate(self.layers))}))


DECODERS = {"sequence": SequenceDecoder, "convolution": ConvolutionDecoder}


def _taps(x, taps: int, stride: int = 1):
    """Return neighbours side by side: Float[n, P / stride, taps * C] of x Float[n, P, C], zeros beyond its ends."""
    padded = tf.pad(x, [[0, 0], [1, 1], [0, 0]])
    last = padded.shape[1] - taps + 1
    return tf.concat([padded[:, j : j + last : stride] for j in range(taps)], axis=-1)
