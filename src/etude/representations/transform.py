"""What the short-time Fourier transform and the constant-Q transform share: frames at hops, there and back again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

Change = Callable[[tuple, np.ndarray], None]  # (index of the block in (T, F), its coefficients, to alter in place)


class Transform(ABC):
    """A transform of a signal Float32[N] into coefficients Complex64[T, F], `bins` = F every `hop` samples."""

    hop: int
    bins: int

    def frames(self, samples: int) -> int:
        """Return the number of frames T of a signal: every sample lies in one hop."""
        return -(-samples // self.hop)

    @abstractmethod
    def turn(self, position: np.ndarray) -> np.ndarray:
        """Return by how many radians a sinusoid at a (fractional) bin turns in one hop."""

    @abstractmethod
    def at_start(self) -> np.ndarray:
        """Return the phase Float64[F] that a peak of phase 0 at the middle of its frame has in each bin."""

    @abstractmethod
    def magnitude(self, signal: np.ndarray) -> np.ndarray:
        """Return the magnitudes Float32[T, F] of a signal Float32[N]."""

    @abstractmethod
    def through(self, signal: np.ndarray, change: Change) -> np.ndarray:
        """Return the signal whose coefficients are nearest, or near, to those of `signal` after `change`.

        Parameters
        ----------
        signal : Float32[T * hop]
        change : (index, block) -> None
            Alters a block of coefficients in place; `index` is its place in an array (T, F).
        """
