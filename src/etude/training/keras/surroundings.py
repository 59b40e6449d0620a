"""The world around a fit, put back as it was: warnings, and Python's random state, from which Keras seeds layers."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from etude.training.keras.framework import threads


@contextmanager
def of_a_fit() -> Iterator[None]:
    """Enter all of them."""
    with quiet(), own_randomness():
        threads()
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Keras's hints to itself; numerical warnings still pass."""
    with warnings.catch_warnings():
        for category in (UserWarning, FutureWarning, DeprecationWarning):
            warnings.simplefilter("ignore", category)
        yield


@contextmanager
def own_randomness() -> Iterator[None]:
    """Give the caller's random state back after the block."""
    held = random.getstate()
    try:
        yield
    finally:
        random.setstate(held)
