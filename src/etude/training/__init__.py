"""The generic engine that fits a network: windows, schedule, identity, and one `fit` per framework.

What a fit needs is a `Task`, NumPy only. `etude.training.lightning.fit` walks it with PyTorch Lightning; another
framework's engine takes the same task. Models stand above this package and are not known here.
"""

from etude.training.task import Task
from etude.training.windows import Batch, Cuts, Windows, similar_lengths

__all__ = ["Batch", "Cuts", "Task", "Windows", "similar_lengths"]
