"""Keras layers whose weights travel as named NumPy arrays in the layout that the frameworks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from etude.models.halves import check_names
from etude.training.keras.framework import keras, precision, tf


@dataclass(frozen=True)
class View:
    """A weight of the shared layout as it lies in a variable of Keras.

    Parameters
    ----------
    variable : Variable
    row : int, optional
        It is this row of the variable.
    swapped : int
        Columns of the two first blocks, which stand the other way round in the variable: Keras has the gates of a GRU
        as z r n, the layout as r z n. 0: none do.
    """

    variable: keras.Variable
    row: int | None = None
    swapped: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array in the layout."""
        shape = tuple(self.variable.shape)
        return shape if self.row is None else shape[1:]

    def array(self) -> np.ndarray:
        """Return the weight in the layout, as a copy in the variable's precision."""
        return self.taken(self.variable.numpy())

    def taken(self, held: np.ndarray) -> np.ndarray:
        """Return what belongs to the weight, in the layout, of an array that lies as the variable does."""
        return self._turned(held if self.row is None else held[self.row])

    def assign(self, array: np.ndarray) -> None:
        """Take on a weight given in the layout."""
        new = self._turned(np.asarray(array))
        if self.row is not None:
            whole = self.variable.numpy().copy()
            whole[self.row] = new
            new = whole
        self.variable.assign(new)

    def _turned(self, array: np.ndarray) -> np.ndarray:
        order = np.arange(array.shape[-1]) if array.ndim else ...
        if self.swapped:
            order[: 2 * self.swapped] = np.roll(order[: 2 * self.swapped], self.swapped)
        return array[..., order].copy()


class Weights(keras.layers.Layer):
    """Base of layers: a subclass makes its weights when it is made, and names them in `views`."""

    def __init__(self):
        super().__init__()
        self.built = True

    counted = True  # whether the loss is the mean nats per step, or a number whose gradient alone means something
    varying: tuple[int, ...] = (0, 1)  # axes of a batch's arrays whose sizes may change from step to step

    def views(self) -> dict[str, View]:
        """Return all weights in the shared layout."""
        raise NotImplementedError

    def new(self, *shape: int, learnt: bool = True, dtype: str | None = None) -> keras.Variable:
        """Return a new weight, zeros."""
        return self.add_weight(shape=shape, initializer="zeros", trainable=learnt, dtype=dtype)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all weights in the shared layout, as Float32 copies."""
        return {name: view.array().astype(np.float32) for name, view in self.views().items()}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take on weights; raises CorruptCheckpoint where names or shapes differ."""
        views = self.views()
        check_names(views, arrays)
        for name, view in views.items():
            view.assign(arrays[name])

    def gradients(self, batch, noise=None) -> tuple[float, dict[str, np.ndarray]]:
        """Return the loss of a batch of arrays, without dropout where there is no noise, and its gradient by names."""
        weights = self.trainable_variables
        with tf.GradientTape() as tape:
            loss = self.loss(type(batch)(*map(tf.constant, batch)), noise)
        found = tape.gradient(loss, [weight.value for weight in weights], unconnected_gradients="zero")
        held = {id(weight): tf.convert_to_tensor(g).numpy() for weight, g in zip(weights, found, strict=True)}
        views = {name: view for name, view in self.views().items() if id(view.variable) in held}
        return float(loss), {name: view.taken(held[id(view.variable)]) for name, view in views.items()}

    def decaying(self) -> list[keras.Variable]:
        """Return what weight decay draws to zero: matrices, as the layout has them.

        Keras holds both biases of a GRU in one variable of two rows, which is none.
        """
        kinds = {id(view.variable): len(view.shape) > 1 for view in self.views().values()}
        return [variable for variable in self.trainable_variables if kinds[id(variable)]]

    @contextmanager
    def on_fastest_device(self) -> Iterator[None]:
        """Stay where the weights are: the study has TensorFlow for the CPU."""
        yield


def double(build: Callable[[], Weights]) -> Weights:
    """Return what `build` returns, in double precision."""
    with precision("float64"):
        return build()


def of(**variables: keras.Variable) -> dict[str, View]:
    """Return variables that lie as the layout has them, under their names."""
    return {name: View(variable) for name, variable in variables.items()}
