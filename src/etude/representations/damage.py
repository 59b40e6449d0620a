"""What happens to a piece when steps of its code get lost: does the damage stay where it is, or does it travel?

A representation that counts time from the last event moves all that follows a lost step; one that says where things
stand does not. A model that writes one wrong step is hurt in the same way, so this is a property to know of a
representation before any model is fitted.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.representations.base import Representation
from etude.representations.score_loss import score_loss
from etude.types import Piece


def deletion_losses(
    piece: Piece, representation: Representation, share: float | None = None, trials: int = 40, seed: int = 0
) -> np.ndarray:
    """Return, for each trial, the notes that are no longer where they were: Float[trials].

    Parameters
    ----------
    piece : Piece
        With a score; its notes are those of `Score.common()`.
    representation : Representation
        Of scores.
    share : float, optional
        Delete each step with this probability; by default one step, drawn anew for every trial. The end stays.
    trials, seed : int
    """
    if representation.domain != "score":
        raise EtudeError("a representation of scores", representation.name, "Sound has no notes to count.")
    generator, x = np.random.default_rng(seed), representation.encode(piece)
    steps = len(x) - (representation.space.end is not None)
    losses = []
    for _ in range(trials):
        gone = generator.integers(steps) if share is None else np.flatnonzero(generator.random(steps) < share)
        decoded = representation.decode(np.delete(x, gone, axis=0))
        losses.append(score_loss(piece.score, decoded.score)["notes_missing"])
    return np.array(losses, np.float64)
