"""The engine that fits PyTorch networks, with Lightning."""

from etude.training.torch.engine import REVISION, fit
from etude.training.torch.surroundings import own_randomness

__all__ = ["REVISION", "fit", "own_randomness"]
