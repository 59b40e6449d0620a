"""What the two halves of chapter 41, on notes and on recordings, have in common: floors, a choice, and verdicts.

A verdict is a whole sentence with the conditions under which it is true. For every question there are several, which
together leave no folder out: the page shows the first whose conditions hold.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np

from etude import evaluation
from etude.errors import EtudeError
from etude.evaluation.intervals import Interval
from etude.study import trial as trials
from etude.study.own_music import Own, Verdict, cheapest, first_true
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

    unit: ClassVar[str]  # of the rates that are ranked
    value: ClassVar[str]  # their column
    what: ClassVar[str]  # what is tested on, in the plural

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

    def _score_families(self, fitted: list[trials.Trial], by: str, order: list[str]):
        """Keep and return the test bits of families, and of the floor of each representation with the least `by`."""
        import pandas as pd

        best = self.floor_table.loc[self.floor_table.groupby("representation")[by].idxmin()]
        rows = [
            evaluation.score_table({one.label: one.models}, one.codes["test"], one.pieces["test"], one.representation)
            for one in fitted
        ]
        self.scored = pd.concat([*rows, best], ignore_index=True).sort_values(order, ignore_index=True)
        return self.scored

    @cached_property
    def best(self) -> trials.Trial:
        """The fitted family with exact bits that needs the fewest for the validation pieces."""
        exact = {name: one for name, one in self.fitted.items() if one.models[0].kind == "exact"}
        if not exact:
            got = ", ".join(self.fitted) or "none"
            raise EtudeError("a family with exact code lengths among those fitted", got, "Add `rnn` to the families.")
        lengths = {
            name: evaluation.code_lengths(one.models[0], one.codes["valid"]).total for name, one in exact.items()
        }
        return exact[cheapest(lengths)]

    def bars(self):
        """Return the rows of the last table that have the rate which is ranked, bounds of networks marked as such."""
        rows = self.scored.dropna(subset=[self.value])
        bound = (rows["kind"] == "bound") & rows["model"].isin(list(self.fitted))
        return rows.assign(model=rows["model"] + np.where(bound, " (at most)", ""))

    def players(self, music: dict[str, Piece], seconds: float):
        """Show players of pieces, in their own tempo and instruments where they have notes."""
        from etude.display import players

        return players({name: (piece, name.replace("-", " ")) for name, piece in music.items()}, seconds=seconds)

    def _ranked(self, network: str, ours: float, floor: str, theirs: float, gap: Interval, pieces: int) -> Verdict:
        """Return which needs fewer bits, network or floor, as the 95 % interval of their difference has it."""
        span = f"{gap.value:+.2f}, with a 95 % interval of {gap.low:+.2f} to {gap.high:+.2f}"
        return first_true(
            (
                f"{network} needs {ours:.2f} {self.unit} on the test side, and the best floor, {floor}, {theirs:.2f}. "
                f"The test side has {pieces} of the {LEAST} {self.what} that an interval takes at least, so nothing "
                "is ranked here.",
                pieces < LEAST,
            ),
            (
                f"{network} needs **{ours:.2f} {self.unit}** on held-out music, and the best floor, {floor}, "
                f"{theirs:.2f}. The difference is {span}: **the network has learnt something that no floor knows**.",
                pieces >= LEAST,
                gap.high < 0,
            ),
            (
                f"{network} needs {ours:.2f} {self.unit} on held-out music, and the best floor, {floor}, "
                f"**{theirs:.2f}**. The difference is {span}: **at this budget the floor needs fewer bits than the "
                "network**.",
                pieces >= LEAST,
                gap.low > 0,
            ),
            (
                f"{network} needs {ours:.2f} {self.unit} on held-out music, and the best floor, {floor}, {theirs:.2f}. "
                f"The difference is {span}: zero lies within it, so this is **a tie**.",
                pieces >= LEAST,
                gap.low <= 0 <= gap.high,
            ),
        )
