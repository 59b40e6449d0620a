"""Keras layers whose weights travel as named NumPy arrays in the layout that the frameworks share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from etude.errors import CorruptCheckpoint
from etude.models.keras.start import keras


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
        held = self.variable.numpy()
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
        expected = {name: view.shape for name, view in views.items()}
        got = {name: array.shape for name, array in arrays.items()}
        if got != expected:
            wrong = min(k for k in expected.keys() | got.keys() if expected.get(k) != got.get(k))
            raise CorruptCheckpoint(f"{wrong} of shape {expected.get(wrong)}", f"{got.get(wrong)}", "Train it again.")
        for name, view in views.items():
            view.assign(arrays[name])


def of(**variables: keras.Variable) -> dict[str, View]:
    """Return variables that lie as the layout has them, under their names."""
    return {name: View(variable) for name, variable in variables.items()}
