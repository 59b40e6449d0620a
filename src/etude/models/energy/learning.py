"""How a machine is learnt, without naming a framework: which chains there are, and whether log Z is counted.

The gradient of log p(x) is that of -F(x) + F(x'), averaged over frames x' of the machine. Contrastive divergence
(Hinton 2002) begins the chain that gives x' at the data and cuts it after k sweeps; persistent contrastive divergence
(Tieleman 2008) keeps its chains from step to step. With few hidden units log Z itself is differentiated instead.

The gradient of the loss is that of -log p, exact or estimated; its value is F + log Z. With persistent chains the log Z
of the last score is followed by weights on them: annealed importance sampling whose path is the learning itself. It
shows the course; scores are estimated afresh. Chains that begin at the data carry nothing from step to step; there
log Z is counted, or, where the layers are too large (`counted` is False), not that of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from etude.models.energy.partition import states

MOST_STATES = 2**12  # of the smaller layer, summed over at every step of contrastive divergence


@dataclass(frozen=True)
class Learning:
    """The sizes of a machine and the way in which it is learnt.

    Parameters
    ----------
    entries, levels : int
        Of a frame.
    hidden : int
        Hidden units, U.
    learning : {"cd", "pcd", "exact"}
    gibbs : int
        Gibbs sweeps a step, k.
    chains : int
        Persistent chains.
    """

    entries: int
    levels: int
    hidden: int
    learning: str
    gibbs: int
    chains: int

    @classmethod
    def of(cls, model) -> Learning:
        """Return how an `RBM` is learnt."""
        options = {name: model.options[name] for name in ("hidden", "learning", "gibbs", "chains")}
        return cls(model.space.entries, model.space.levels, **options)

    @property
    def above(self) -> int:
        """Levels above 0, which have a place in a one-hot code."""
        return self.levels - 1

    @property
    def visible(self) -> int:
        """Places of a frame's one-hot code, E * (L - 1)."""
        return self.entries * self.above

    @property
    def by_hidden(self) -> bool:
        """True where log Z is summed over the hidden layer, which has no more states than there are frames."""
        return 2**self.hidden <= self.levels**self.entries

    @property
    def counted(self) -> bool:
        """True where the value of the loss is the mean nats per frame."""
        return self.learning != "cd" or min(2**self.hidden, self.levels**self.entries) <= MOST_STATES

    def all_frames(self) -> np.ndarray:
        """Return every frame there is, Int64[L^E, E]."""
        return states(np.arange(self.levels**self.entries), self.entries, self.levels)

    def first_frames(self, frames: np.ndarray) -> np.ndarray:
        """Return where the persistent chains begin, Int64[chains, E]: at frames Int[n, E], repeated as needed."""
        return np.resize(frames, (self.chains, frames.shape[1])).astype(np.int64)
