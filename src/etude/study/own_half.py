"""What the two halves of chapter 41, on notes and on recordings, have in common: floors, a choice, and a verdict."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from etude import evaluation
from etude.evaluation.intervals import Interval
from etude.study import trial as trials
from etude.study.own_music import Own, cheapest
from etude.study.record import Run
from etude.types import Piece

LEAST = 3  # test pieces below which no interval is to be trusted


class Half:
    """Representations with their floors, and families that were fitted to one of them.

    Parameters
    ----------
    run : Run
    own : Own
    """

    unproven: ClassVar[str]  # said where there are fewer than `LEAST` pieces
    lost: ClassVar[str]  # said where the floor needs fewer bits

    def __init__(self, run: Run, own: Own):
        self.run, self.own = run, own
        self.trials: dict[str, trials.Trial] = {}
        self.fitted: dict[str, trials.Trial] = {}

    def _score_floors(self):
        """Keep and return the test bits of the floors of each representation."""
        import pandas as pd

        rows = [
            evaluation.score_table(one.floors, one.codes["test"], one.pieces["test"], one.representation)
            for one in self.trials.values()
        ]
        self.floor_table = pd.concat(rows, ignore_index=True)
        return self.floor_table

    @cached_property
    def best(self) -> trials.Trial:
        """The fitted family that needs the fewest bits for the validation pieces."""
        lengths = {k: evaluation.code_lengths(t.models[0], t.codes["valid"]).total for k, t in self.fitted.items()}
        return self.fitted[cheapest(lengths)]

    def players(self, music: dict[str, Piece], seconds: float):
        """Show players of pieces, in their own tempo and instruments where they have notes."""
        from etude.display import players

        return players({name: (piece, name.replace("-", " ")) for name, piece in music.items()}, seconds=seconds)

    def _ranked(self, numbers: str, gap: Interval, pieces: int) -> str:
        """Return which needs fewer bits, the network or the floor, as the interval of their difference has it."""
        if pieces < LEAST:
            return f"{numbers}. {self.unproven}"
        numbers += f" (difference {gap.value:+.2f}, 95 % interval {gap.low:+.2f} to {gap.high:+.2f})"
        if gap.high < 0:
            return f"{numbers}. The network needs fewer."
        if gap.low > 0:
            return f"{numbers}. {self.lost}"
        return f"{numbers}. That is a tie."
