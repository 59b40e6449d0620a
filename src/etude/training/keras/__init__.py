"""The engine that fits Keras networks, on TensorFlow."""

from etude.training.keras.engine import REVISION, fit
from etude.training.keras.surroundings import own_randomness

__all__ = ["REVISION", "fit", "own_randomness"]
