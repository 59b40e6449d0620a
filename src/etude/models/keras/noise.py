"""What is random inside one optimiser step, from the step's seed alone: no generator has a state that a kill could lose."""

from __future__ import annotations

from etude.models.keras.start import keras, tf


class Noise:
    """Random tensors of one step: the k-th that is asked for follows from (seed, k).

    Parameters
    ----------
    seed : Int64 tensor
        Of the step, see `etude.training.task.step_seed`.
    """

    def __init__(self, seed):
        self.seed, self.asked = tf.cast(seed, tf.int64), 0

    def _next(self):
        self.asked += 1
        return tf.stack([self.seed, tf.constant(self.asked, tf.int64)])

    def uniform(self, shape, dtype=tf.float32):
        """Return numbers even in [0, 1)."""
        return tf.random.stateless_uniform(shape, self._next(), dtype=dtype, alg="philox")

    def normal(self, shape, dtype=tf.float32):
        """Return standard normal numbers."""
        return tf.random.stateless_normal(shape, self._next(), dtype=dtype, alg="philox")

    def bytes(self, shape):
        """Return numbers even in 0 .. 255, UInt8."""
        size = tf.reduce_prod(shape)
        words = tf.random.stateless_uniform(
            [(size + 3) // 4], self._next(), minval=None, maxval=None, dtype=tf.int32, alg="philox"
        )
        return tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size], shape)


class Dropout(keras.layers.Layer):
    """Dropout (Srivastava et al. 2014) whose coins are random bytes: the share is rounded to 1 / 256."""

    def __init__(self, share: float):
        super().__init__()
        self.dropped = min(round(256 * share), 255)

    def call(self, x, noise: Noise | None = None):
        """Return x with some entries zero and the others enlarged to keep the mean; x itself without noise."""
        if noise is None or not self.dropped:
            return x
        kept = noise.bytes(tf.shape(x)) >= tf.constant(self.dropped, tf.uint8)
        return x * (tf.cast(kept, x.dtype) * (256 / (256 - self.dropped)))
