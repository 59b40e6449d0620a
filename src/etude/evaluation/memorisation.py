"""Does a sample repeat the training pieces? The longest run it shares with any of them, whatever the key.

A piece is read in two ways, both free of key and tempo: its `melody`, as steps (interval to the next note of the top
line, sixteenths until it begins), and its `texture`, as chords (sixteenths since the last onset, how the lowest struck
note moved, the struck intervals above it). Real music repeats real music too, formula by formula: held-out pieces are
the measure, and a sample is a copy only where it shares more than they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.evaluation.intervals import rate_interval
from etude.evaluation.statistics import BEAT, melodic_steps, onset_groups
from etude.types import ONSET, Piece, Score


@dataclass(frozen=True)
class Copy:
    """A run of events that a score shares with a training piece."""

    events: int  # how long it is
    share: float  # of the score's events
    start: int  # its first event in the score
    source: str  # name of the training piece, "" where nothing is shared
    source_start: int  # its first event there


def melody(score: Score) -> list[tuple]:
    """Return the top line as steps (signed interval, sixteenths)."""
    return [tuple(step) for step in melodic_steps(score.common()).tolist()]


def texture(score: Score) -> list[tuple]:
    """Return the struck chords as (sixteenths since the last, movement of the lowest, intervals above it)."""
    events, before = [], None
    for onset, pitches, _ in onset_groups(score.common()):
        if before is not None:
            above = tuple(pitch - pitches[0] for pitch in pitches)
            events.append((onset - before[0], pitches[0] - before[1], above))
        before = onset, pitches[0]
    return events


VIEWS = {"melody": melody, "texture": texture}


class Memory:
    """The training pieces, ready to be searched.

    Parameters
    ----------
    train : sequence of Piece
    view : {"melody", "texture"}
    """

    def __init__(self, train: Sequence[Piece], view: str = "melody"):
        if view not in VIEWS:
            raise unknown_name("view", view, VIEWS)
        if not len(train):
            raise EtudeError("at least one training piece", "none")
        self.view, self.names = VIEWS[view], [piece.name for piece in train]
        self.codes: dict[tuple, int] = {}
        self.holders: dict[int, dict[tuple, set[int]]] = {}
        events, self.owner, self.place = [], [], []
        for number, piece in enumerate(train):
            ids = [self.codes.setdefault(event, len(self.codes)) for event in self.view(piece.score)]
            events += [*ids, -1]  # no run crosses from one piece into the next
            self.owner += [number] * (len(ids) + 1)
            self.place += range(len(ids) + 1)
        self.events = np.array(events)

    def longest_copy(self, score: Score) -> Copy:
        """Return the longest run of events that `score` shares with a training piece (the first of equal ones)."""
        events = [self.codes.get(event, -2) for event in self.view(score)]
        run, best = np.zeros(len(self.events) + 1, np.int64), Copy(0, 0.0, 0, "", 0)
        for i, event in enumerate(events):
            run[1:] = np.where(self.events == event, run[:-1] + 1, 0)
            end = int(run[1:].argmax())
            if (length := int(run[end + 1])) > best.events:
                source, start = self.names[self.owner[end]], self.place[end] - length + 1
                best = Copy(length, length / len(events), i - length + 1, source, start)
        return best

    def nearest(self, score: Score, n: int = 4) -> tuple[str, float]:
        """Return the training piece that holds most of the score's distinct n-grams, and the share that it holds."""
        grams = _grams([self.codes.get(event, -2) for event in self.view(score)], n)
        if not grams:
            return "", 0.0
        found, holders = np.zeros(len(self.names)), self._holders(n)
        for gram in grams:
            found[list(holders.get(gram, ()))] += 1
        return self.names[int(found.argmax())], float(found.max() / len(grams))

    def _holders(self, n: int) -> dict[tuple, set[int]]:
        """Which training pieces hold each n-gram."""
        if n not in self.holders:
            self.holders[n] = {}
            for end in range(n, len(self.events) + 1):
                gram = tuple(self.events[end - n : end].tolist())
                self.holders[n].setdefault(gram, set()).add(self.owner[end - 1])
        return self.holders[n]


def memorisation_table(sets: Mapping[str, Sequence[Score]], train: Sequence[Piece], view: str = "melody"):
    """Return how much sets of scores share with the training pieces, one row per set.

    Columns: pieces, mean_copied (events in the longest run, mean over pieces), most_copied, mean_share (of a piece's
    events that its longest run is), source (of the longest run of all), nearest_share (mean share of 4-grams that one
    training piece holds). Give held-out music as a row.
    """
    import pandas as pd

    memory, rows = Memory(train, view), {}
    for label, scores in sets.items():
        copies = [memory.longest_copy(score) for score in scores]
        most = max(copies, key=lambda copy: copy.events, default=Copy(0, 0.0, 0, "", 0))
        rows[label] = {
            "pieces": len(copies),
            "mean_copied": float(np.mean([copy.events for copy in copies])),
            "most_copied": most.events,
            "mean_share": float(np.mean([copy.share for copy in copies])),
            "source": most.source,
            "nearest_share": float(np.mean([memory.nearest(score)[1] for score in scores])),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def memorisation_curve(
    samples: Mapping[tuple[str, float], Sequence[Score]],
    held_out: Sequence[Score],
    train: Sequence[Piece],
    view: str = "melody",
    beats: int = 32,
):
    """Return the longest run shared with the training pieces, by model and temperature, beside real music's own.

    Parameters
    ----------
    samples : mapping of (model, temperature) to scores
    held_out : sequence of Score
        Real music that was not learnt: the row `held-out`, whose temperature is NaN.
    train : sequence of Piece
    view : {"melody", "texture"}
    beats : int
        Quarters of each piece, from its start, that are searched: a longer piece finds longer runs by chance alone.

    Returns
    -------
    pandas.DataFrame
        model, temperature, pieces, events (of the longest run, mean over pieces), low, high (bootstrap over pieces),
        most, above (share of the pieces whose run is longer than that of 95 % of the held-out pieces).
    """
    import pandas as pd

    memory, rows = Memory(train, view), []
    longest = {key: np.array([memory.longest_copy(_beginning(score, beats)).events for score in scores])
               for key, scores in {("held-out", np.nan): held_out, **samples}.items()}  # fmt: skip
    usual = np.quantile(next(iter(longest.values())), 0.95)
    for (model, temperature), events in longest.items():
        mean = rate_interval(events, np.ones(len(events)))
        row = {"model": model, "temperature": temperature, "pieces": len(events), "events": mean.value}
        row |= {"low": mean.low, "high": mean.high, "most": int(events.max())}
        rows.append(row | {"above": float((events > usual).mean())})
    return pd.DataFrame(rows)


def _beginning(score: Score, beats: int) -> Score:
    score = score.common()
    return Score(score.notes[score.notes[:, ONSET] < BEAT * beats], score.ticks_per_quarter, score.bpm)


def _grams(events: list[int], n: int) -> set[tuple]:
    return {tuple(events[i : i + n]) for i in range(len(events) - n + 1)}
