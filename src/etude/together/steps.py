"""From ticks to the steps of a model and back: its sixteenths, its keys, and the moments at which a person plays.

A chorale moves in quarters. Music written in halves or in eighths is read at a *pace* at which its notes last about a
quarter, and music that lies too high or low is read a few semitones off; what the model writes goes back the same way.
What is given is never moved. Where it begins off the grid, new notes of that step begin with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.voice_leading import RANGES
from etude.evaluation.voices import PARTS
from etude.together.lines import HELD, REST, STRUCK
from etude.types import DURATION, ONSET, PITCH, VELOCITY, Piece, Score, into_keyboard

GRID = 4  # steps a quarter
SLOWEST, FASTEST = 1.6, 0.4  # quarters that a note may last, in the median, before the pace is changed
MOST_STEPS = 2**14  # over an hour at 80 quarters a minute
FARTHEST = 36  # semitones
COMPASS = (36, 81)  # pitches of a choir
SWEEPS, TEMPERATURE = 24, 0.8  # of Gibbs sampling, as measured: see chapter 31


@dataclass(frozen=True)
class Steps:
    """A score on the steps of a model.

    Attributes
    ----------
    score : Score
        With ticks that steps divide: `unit` of them each.
    unit : int
    shift : int
        Semitones that the model reads it higher.
    lowest : int
        Pitch of the model's lowest key.
    """

    score: Score
    unit: int
    shift: int
    lowest: int

    @property
    def count(self) -> int:
        """Steps of the score, a last one that has only begun included."""
        return max(-(-self.score.length // self.unit), int(self.spans(self.score.notes)[1].max(initial=0)))

    def spans(self, notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps at which notes begin and end; none is shorter than one."""
        begin, end = ((2 * t + self.unit) // (2 * self.unit) for t in (notes[:, ONSET], notes[:, :2].sum(axis=1)))
        return begin, np.maximum(end, begin + 1)

    def keys(self, notes: np.ndarray) -> np.ndarray:
        """Return the model's key of each note."""
        return into_keyboard(notes[:, PITCH] + self.shift) - self.lowest

    def line(self, notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return notes as one voice, keys Int[T] and struck Bool[T]: where several sound, the highest."""
        keys, struck = np.full(self.count, REST), np.zeros(self.count, bool)
        begin, end = self.spans(notes)
        for i in np.lexsort((self.keys(notes), begin)):
            keys[begin[i] : end[i]], struck[begin[i] : end[i]] = self.keys(notes)[i], False
            struck[begin[i]] = True
        begins = np.concatenate([[True], keys[1:] != keys[:-1]])  # what is left of a longer note below
        return keys, (struck | begins) & (keys != REST)

    def roll(self, notes: np.ndarray, size: int) -> np.ndarray:
        """Return notes of any texture as codes of a roll, Int[T, size]; keys outside of it are left out."""
        x, (begin, end), keys = np.zeros((self.count, size), np.int64), self.spans(notes), self.keys(notes)
        for i in np.flatnonzero((keys >= 0) & (keys < size)):
            x[begin[i] : end[i], keys[i]] = np.where(x[begin[i] : end[i], keys[i]] == STRUCK, STRUCK, HELD)
            x[begin[i], keys[i]] = STRUCK
        return x

    def ticks(self) -> np.ndarray:
        """Return the tick at which each step begins, Int[count + 1]: with a note that is given, where one begins."""
        ticks = np.arange(self.count + 1) * self.unit
        begin, _ = self.spans(self.score.notes)
        step, first = np.unique(begin, return_index=True)  # notes are sorted by onset
        ticks[step] = self.score.notes[first, ONSET]
        ticks[-1] = max(ticks[-1] if self.count * self.unit == self.score.length else self.score.length, ticks[-2] + 1)
        return ticks

    def notes(self, keys: np.ndarray, struck: np.ndarray, track: int, fresh: np.ndarray | None = None) -> np.ndarray:
        """Return a voice as notes Int[N, 5] of the score; `fresh` Bool[T] says at which steps they may begin."""
        sounds, ticks = keys != REST, self.ticks()
        begins = np.flatnonzero(sounds & struck)
        stops = np.append(np.flatnonzero(struck | ~sounds), len(keys))
        ends = stops[np.searchsorted(stops, begins, side="right")]
        pitch = keys[begins] + self.lowest - self.shift
        if len(pitch) and (pitch.min() < 0 or pitch.max() > 127):
            raise EtudeError("music with room for the other voices", f"a voice at MIDI pitch {pitch.min()}")
        velocity = int(np.median(self.score.notes[:, VELOCITY])) if len(self.score) else 80
        rest = np.broadcast_to([velocity, track], (len(begins), 2))
        notes = np.column_stack([ticks[begins], ticks[ends] - ticks[begins], pitch, rest]).astype(np.int64)
        return notes if fresh is None else notes[fresh[begins]]


def on_steps(score: Score, lowest: int, shift: int = 0, pace: float | None = None) -> Steps:
    """Return a score on the steps of a model whose lowest key is a pitch.

    Parameters
    ----------
    score : Score
    lowest, shift : int
    pace : float, optional
        Steps of the model for each sixteenth; by default so many (a power of two) that notes last about a quarter.

    Raises
    ------
    EtudeError
        No notes, or more than 2^14 steps.
    """
    if not len(score):
        raise EtudeError("music with at least one note", "none")
    pace = suited_pace(score) if pace is None else pace
    per_quarter = round(GRID * pace) if pace >= 1 / GRID else 1
    score = _divisible(score, per_quarter)
    steps = Steps(score, score.ticks_per_quarter // per_quarter, shift, lowest)
    if steps.count > MOST_STEPS:
        raise EtudeError(f"music of at most {MOST_STEPS} steps", f"{steps.count}", "Give a part of it.")
    return steps


def suited_pace(score: Score) -> float:
    """Return the power of two, 1/4 to 4, by which notes are read longer so that the median lasts about a quarter."""
    quarters, pace = float(np.median(score.notes[:, DURATION])) / score.ticks_per_quarter, 1.0
    while quarters * pace > SLOWEST and pace > 1 / 4:
        pace /= 2
    while quarters * pace < FASTEST and pace < 4:
        pace *= 2
    return pace


def suited_shift(score: Score, part: str) -> int:
    """Return the smallest move, in semitones, that takes most of a line's time into the range of a part."""
    low, high = RANGES[part]
    moves = sorted(range(-FARTHEST, FARTHEST + 1), key=abs)
    outside = [_outside(score.notes, move, low, high) for move in moves]
    return moves[int(np.argmin(outside))]


def octaves(score: Score) -> int:
    """Return the smallest move by whole octaves, in semitones, that takes most of the music into a choir's compass."""
    moves = (0, 12, -12, 24, -24)
    return moves[int(np.argmin([_outside(score.notes, move, *COMPASS) for move in moves]))]


def part_ranges(lowest: int) -> list[tuple[int, int]]:
    """Return the keys of the four parts' ranges, soprano first."""
    return [(RANGES[part][0] - lowest, RANGES[part][1] - lowest) for part in PARTS]


def joined(score: Score, new: Sequence[np.ndarray]) -> Score:
    """Return a score with notes added; tempo and all else stay, and no end comes sooner."""
    longer = replace(score, notes=np.concatenate([score.notes, *new]), length=None)
    return replace(longer, length=max(longer.length, score.length))


def score_in(music: Score | Piece) -> Score:
    """Return the notes of a score or of a piece; raises EtudeError where a piece has none."""
    score = music.score if isinstance(music, Piece) else music
    if not isinstance(score, Score):
        raise EtudeError("a score, or a piece with one", repr(music)[:80], "etude harmonise and the others take files.")
    return score


def _outside(notes: np.ndarray, move: int, low: int, high: int) -> int:
    pitch = notes[:, PITCH] + move
    return int((notes[:, DURATION] * (np.maximum(low - pitch, 0) + np.maximum(pitch - high, 0))).sum())


def _divisible(score: Score, per_quarter: int) -> Score:
    """Return the score with ticks that a quarter's steps divide, as it is where they do."""
    by = per_quarter // int(np.gcd(per_quarter, score.ticks_per_quarter))
    if by == 1:
        return score
    notes = score.notes.copy()
    notes[:, [ONSET, DURATION]] *= by
    ticks = score.ticks_per_quarter * by
    return replace(score, notes=notes, ticks_per_quarter=ticks, length=score.length * by)


def is_one_line(notes: np.ndarray, steps: Steps) -> bool:
    """Say whether at most one note of these sounds in nearly every step."""
    begin, end = steps.spans(notes)
    change = np.zeros(steps.count + 1, np.int64)
    np.add.at(change, begin, 1)
    np.add.at(change, end, -1)
    sounding = change.cumsum()
    return bool((sounding > 1).sum() <= 0.05 * max(1, (sounding > 0).sum()))
