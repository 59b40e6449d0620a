"""What is random inside one optimiser step, from the step's seed alone: a kill can lose no generator's state."""

from __future__ import annotations

from etude.training.keras.framework import tf


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
