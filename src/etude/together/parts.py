"""The voices of a score as lines of a model's grid: a track that is one line is a voice, others are taken apart.

A track of several notes at a time (a piano's) is separated: at each step the notes that begin go to the free lines
whose last notes are nearest, together as near as can be (an assignment problem). What no line can take stands beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.voices import PARTS
from etude.together.lines import REST, Lines
from etude.together.steps import Steps, is_one_line
from etude.types import PITCH, TRACK

MOST_LINES = 8
ROOM = 2  # semitones that a voice may go beyond its own range


@dataclass(frozen=True)
class Parts:
    """Voices of a score, the highest first.

    Attributes
    ----------
    steps : Steps
    owner : Int[N]
        The voice of each note, -1 where it stands beside them.
    tracks : tuple of int
        The track of each voice.
    """

    steps: Steps
    owner: np.ndarray
    tracks: tuple[int, ...]

    def named(self, wanted: Sequence[str | int]) -> list[int]:
        """Return the voices that are meant by tracks, or by the names of four voices."""
        found: list[int] = []
        for one in wanted:
            as_track = int(one) if str(one).lstrip("-").isdigit() else None
            if as_track is None and (one not in PARTS or len(self.tracks) != len(PARTS)):
                got = f"{one!r} of {len(self.tracks)} voices"
                raise EtudeError(f"a track by its number, or of four voices {', '.join(PARTS)}", got)
            own = (
                [v for v, t in enumerate(self.tracks) if t == as_track] if as_track is not None else [PARTS.index(one)]
            )
            if not own:
                raise EtudeError(f"a track among {sorted(set(self.tracks))}", str(one), "Tracks are counted from 0.")
            found += own
        return found

    def lines(self, hole: np.ndarray, size: int, onwards: int | None = None) -> tuple[Lines, np.ndarray | None]:
        """Return the voices as lines in which the notes of `hole` Bool[N] are open, and what stands beside as a roll.

        Open are the steps at which a note of the hole is heard and no other of its voice, and all from step `onwards`:
        where nothing was heard, nothing is written unless it is asked for.
        """
        notes, count = self.steps.score.notes, len(self.tracks)
        keys, struck = np.full((count, self.steps.count), REST), np.zeros((count, self.steps.count), bool)
        open_ = np.zeros(keys.shape, bool)
        for voice in range(count):
            own = self.owner == voice
            keys[voice], struck[voice] = self.steps.line(notes[own & ~hole])
            was, _ = self.steps.line(notes[own & hole])
            open_[voice] = (was != REST) & (keys[voice] == REST)
        if onwards is not None:
            open_[:, onwards:] = True
        return Lines(keys, struck, ~open_, ~open_), self._beside(hole, size)

    def ranges(self, size: int) -> list[tuple[int, int]]:
        """Return the lowest and highest key that each voice may take: its own, and a little room."""
        keys = [self.steps.keys(self.steps.score.notes[self.owner == v]) for v in range(len(self.tracks))]
        return [(max(0, int(k.min()) - ROOM), min(size - 1, int(k.max()) + ROOM)) for k in keys]

    def added(self, found: Lines, given: np.ndarray) -> list[np.ndarray]:
        """Return what was written, as notes of the score."""
        rows = zip(found.keys, found.struck, self.tracks, given, strict=True)
        return [self.steps.notes(keys, struck, track, ~known) for keys, struck, track, known in rows]

    def _beside(self, hole: np.ndarray, size: int) -> np.ndarray | None:
        notes = self.steps.score.notes[(self.owner < 0) & ~hole]
        return self.steps.roll(notes, size) if len(notes) else None


def parts_of(steps: Steps) -> Parts:
    """Return the voices of a score on steps."""
    notes, owner, tracks = steps.score.notes, np.full(len(steps.score), -1), []
    for track in np.unique(notes[:, TRACK]).tolist():
        own = np.flatnonzero(notes[:, TRACK] == track)
        lines = np.zeros(len(own), int) if is_one_line(notes[own], steps) else separated(notes[own], steps)
        for line in range(lines.max() + 1):
            owner[own[lines == line]] = len(tracks)
            tracks.append(track)
    heights = [-notes[owner == v, PITCH].mean() for v in range(len(tracks))]
    order = np.argsort(heights, kind="stable")
    place = np.append(np.argsort(order), -1)  # of a note beside: -1
    return Parts(steps, place[owner], tuple(tracks[v] for v in order))


def separated(notes: np.ndarray, steps: Steps) -> np.ndarray:
    """Return the line of each note, Int[N], -1 where all are taken; no line has two notes at a step."""
    from scipy.optimize import linear_sum_assignment

    begin, end = steps.spans(notes)
    free_from, last = np.zeros(MOST_LINES, np.int64), np.full(MOST_LINES, np.nan)
    line, used = np.full(len(notes), -1), 0
    for step in np.unique(begin):
        new = np.flatnonzero(begin == step)
        new = new[np.unique(notes[new, PITCH], return_index=True)[1]][::-1]  # two of one pitch: one is beside
        free = np.flatnonzero(free_from[:used] <= step)
        more = min(max(0, len(new) - len(free)), MOST_LINES - used)
        free, used = np.append(free, np.arange(used, used + more)), used + more
        if not len(free):
            continue
        far = np.abs(notes[new, PITCH][:, None] - np.nan_to_num(last[free], nan=notes[new, PITCH].mean()))
        for row, column in zip(*linear_sum_assignment(far), strict=True):
            note, to = new[row], free[column]
            line[note], free_from[to], last[to] = to, end[note], notes[note, PITCH]
    return line
