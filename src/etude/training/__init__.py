"""What a fit is, for every framework: task, windows, schedule, average, record. Models stand above and are not known.

What a fit needs is a `Task`, NumPy only. An engine, in a folder for each framework, walks it, and gives ::

    fit(network, task, checkpoint=None) -> History
    own_randomness()    a block after which the framework's random state is what it was
    REVISION            raised where a change of the engine changes what fits give; it is a part of their identity
"""

from etude.training.task import Task
from etude.training.windows import Batch, Cuts, Windows, similar_lengths

__all__ = ["Batch", "Cuts", "Task", "Windows", "similar_lengths"]
