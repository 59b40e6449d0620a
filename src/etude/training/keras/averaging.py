"""The running average of the weights, as a Keras callback. Its rule: `etude.training.averaging`.

Only what is learnt is averaged. Other variables belong to the network that is scored (an estimate made while scoring,
say).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from etude.training.averaging import kept
from etude.training.keras.framework import graph, keras, tf


class Averaging(keras.callbacks.Callback):
    """The average of the weights after every step, in their place while they are scored.

    Parameters
    ----------
    network : Layer
    decay : float
        In [0, 1); 0 for none.
    """

    def __init__(self, network, decay: float):
        super().__init__()
        self.decay, self.steps = decay, 0
        self.weights = [weight.value for weight in network.trainable_variables] if decay else []
        self.average = [tf.Variable(weight) for weight in self.weights]
        self._follow = graph(self._follow, [tf.TensorSpec([], tf.float64)])

    def on_train_batch_end(self, batch, logs=None):
        """Take the weights after a step in."""
        if not self.decay:
            return
        if not self.steps:
            for mean, weight in zip(self.average, self.weights, strict=True):
                mean.assign(weight)
        self._follow(1 - kept(self.decay, self.steps))
        self.steps += 1

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network have the averaged weights in the block."""
        held = [tf.identity(weight) for weight in self.weights]
        for mean, weight in zip(self.average, self.weights, strict=True):
            weight.assign(mean)
        try:
            yield
        finally:
            for weight, own in zip(self.weights, held, strict=True):
                weight.assign(own)

    def arrays(self) -> list[np.ndarray]:
        """Return the averages."""
        return [mean.numpy() for mean in self.average]

    def restore(self, steps: int, arrays: list[np.ndarray]) -> None:
        """Go on after so many steps."""
        self.steps = steps
        for mean, array in zip(self.average, arrays, strict=True):
            mean.assign(array)

    def _follow(self, share):
        for mean, weight in zip(self.average, self.weights, strict=True):
            mean.assign_add(tf.cast(share, mean.dtype) * (weight - mean))
