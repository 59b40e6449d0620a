"""Statistics of scores, exactly defined, for setting samples beside held-out music.

All are taken from the *common* score (sixteenth grid, tracks merged), so that every representation is measured alike.
A bar is 16 sixteenths from the start of the piece. The last bar may be short; no bar is added after it. Where a piece
has nothing to measure (no notes, no second voice) the statistic is NaN, and means leave it out.

Other implementations differ, some by mistake, so their numbers cannot be put beside these: muspy's `polyphony_rate`
asks for more than two notes by default, so that two-part music is not polyphonic, and its `empty_beat_rate`,
`empty_measure_rate` and `groove_consistency` count one bar too many; musegan's `empty_bar_rate` returns the share of
bars that are *not* empty; mgeval's `kl_dist` evaluates its two densities on different grids and so cannot see a shift.
Distributions are compared here on one support, see `etude.evaluation.distributions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush

import numpy as np

from etude.clock import at_nominal_tempo
from etude.errors import EtudeError
from etude.formats.limits import LONGEST_QUARTERS
from etude.types import DURATION, ONSET, PITCH, Score

BAR, BEAT, EIGHTH = 16, 4, 2  # sixteenths
CONSONANT = (0, 3, 4, 7, 8, 9)  # semitones above the bass, octaves removed: a fourth above the bass is a dissonance


def sounding(score: Score) -> np.ndarray:
    """Return which pitches sound in each sixteenth, Bool[T, 128], of a common score (no longer than a file may be)."""
    if score.length > BEAT * LONGEST_QUARTERS:
        raise EtudeError(f"a score of at most {BEAT * LONGEST_QUARTERS} sixteenths", str(score.length), "Cut it.")
    roll = np.zeros((score.length, 128), bool)
    for onset, duration, pitch in score.notes[:, [ONSET, DURATION, PITCH]]:
        roll[onset : onset + duration, pitch] = True
    return roll


def top_line(score: Score) -> np.ndarray:
    """Return the melody as Int[N, 2], onset and pitch: the notes that are the highest sounding when they begin."""
    top, open_ = [], []  # open_: heap of (-pitch, end) of notes that have begun
    for onset, pitches, ends in onset_groups(score):
        for pitch, end in zip(pitches, ends, strict=True):
            heappush(open_, (-pitch, end))
        while open_[0][1] <= onset:  # what is over matters only where it would be the highest
            heappop(open_)
        top += [(onset, pitch) for pitch in pitches if pitch == -open_[0][0]]
    return np.array(top, np.int64).reshape(-1, 2)


def onset_groups(score: Score) -> Iterator[tuple[int, list[int], list[int]]]:
    """Yield each onset with the pitches that are struck then, low to high, and the ends of their notes."""
    notes = score.notes
    starts = np.flatnonzero(np.diff(notes[:, ONSET], prepend=-1))
    for group in np.split(notes, starts[1:]) if len(notes) else ():
        yield int(group[0, ONSET]), group[:, PITCH].tolist(), (group[:, ONSET] + group[:, DURATION]).tolist()


def pitch_range(score: Score) -> float:
    """Semitones from the lowest to the highest note."""
    return float(np.ptp(score.notes[:, PITCH])) if len(score) else np.nan


def pitch_classes(score: Score) -> float:
    """How many of the twelve pitch classes occur."""
    return float(len(np.unique(score.notes[:, PITCH] % 12)))


def pitch_class_entropy(score: Score) -> float:
    """Entropy of the notes' pitch classes in bits: 0 for one repeated note, log2(12) = 3.58 at most."""
    return entropy(np.bincount(score.notes[:, PITCH] % 12, minlength=12)) if len(score) else np.nan


def polyphony(score: Score) -> float:
    """Mean number of notes that sound, over all sixteenths, silent ones included."""
    return float(sounding(score).sum(axis=1).mean()) if score.length else np.nan


def polyphony_rate(score: Score) -> float:
    """Share of the sounding sixteenths in which two or more notes sound."""
    together = sounding(score).sum(axis=1)
    return float((together >= 2).sum() / (together >= 1).sum()) if together.any() else np.nan


def notes_per_second(score: Score) -> float:
    """Notes that begin per second, at the nominal tempo."""
    return len(score) / at_nominal_tempo(score, score.length) if score.length else np.nan


def onsets_on_quarters(score: Score) -> float:
    """Share of notes that begin on a quarter."""
    return _share(score.notes[:, ONSET] % BEAT == 0)


def onsets_on_eighths(score: Score) -> float:
    """Share of notes that begin on an eighth between two quarters."""
    return _share(score.notes[:, ONSET] % BEAT == EIGHTH)


def onsets_on_sixteenths(score: Score) -> float:
    """Share of notes that begin on a sixteenth that is neither."""
    return _share(score.notes[:, ONSET] % EIGHTH == 1)


def mean_leap(score: Score) -> float:
    """Mean size, in semitones, of the melody's moves from note to note; a repeated note is a move of 0."""
    return mean_or_nan(leaps(score))


def stepwise_rate(score: Score) -> float:
    """Share of the melody's moves of at most two semitones."""
    return _share(leaps(score) <= 2)


def consonance_rate(score: Score) -> float:
    """Share of intervals above the bass, in all sixteenths, that are unisons, thirds, fifths, sixths or octaves."""
    return _share(np.isin(intervals_above_bass(score), CONSONANT))


def empty_bar_rate(score: Score) -> float:
    """Share of bars in which nothing sounds."""
    return _share([not bar.any() for bar in _bars(sounding(score))])


def repeated_bar_rate(score: Score) -> float:
    """Share of the sounding bars that occurred before in the piece, struck and held alike."""
    struck = np.zeros((score.length, 128), bool)
    struck[score.notes[:, ONSET], score.notes[:, PITCH]] = True
    both = np.concatenate([sounding(score), struck], axis=1)
    bars = [bar.tobytes() for bar in _bars(both) if bar.any()]
    return 1 - len(set(bars)) / len(bars) if bars else np.nan


def groove_consistency(score: Score) -> float:
    """1 - the share of positions whose onset pattern changes from one whole bar to the next (Wu and Yang 2020)."""
    onsets = np.zeros(score.length // BAR * BAR, bool)
    inside = score.notes[:, ONSET]
    onsets[inside[inside < len(onsets)]] = True
    bars = onsets.reshape(-1, BAR)
    return float(1 - (bars[1:] != bars[:-1]).mean()) if len(bars) > 1 else np.nan


def longest_repeat(score: Score) -> float:
    """Notes in the melody's longest phrase that comes twice, at any pitch and without overlap."""
    steps = melodic_steps(score)
    longest, run = 0, np.zeros(len(steps) + 1, np.int64)  # run[j]: matched steps that end before i and before j
    for i in range(1, len(steps)):
        earlier = (steps[:i] == steps[i]).all(axis=1)
        run[1 : i + 1] = np.where(earlier, run[:i] + 1, 0)
        run[i + 1 :] = 0
        apart = np.minimum(run[1 : i + 1], i - np.arange(i))
        longest = max(longest, int(apart.max(initial=0)))
    return float(longest + 1) if longest else 0.0


def leaps(score: Score) -> np.ndarray:
    """Return the sizes of the melody's moves, in semitones."""
    return np.abs(np.diff(top_line(score)[:, 1]))


def melodic_steps(score: Score) -> np.ndarray:
    """Return the melody as Int[N - 1, 2]: the signed interval to the next note and the sixteenths until it begins."""
    line = top_line(score)
    return np.stack([np.diff(line[:, 1]), np.diff(line[:, 0])], axis=1)


def intervals_above_bass(score: Score) -> np.ndarray:
    """Return all intervals above the lowest sounding note, octaves removed, one per note and sixteenth."""
    roll = sounding(score)
    step, pitch = np.nonzero(roll)
    bass = roll.argmax(axis=1)[step]
    return ((pitch - bass) % 12)[pitch > bass]


def inter_onset_intervals(score: Score) -> np.ndarray:
    """Return the sixteenths between successive distinct onsets."""
    return np.diff(np.unique(score.notes[:, ONSET]))


STATISTICS: dict[str, Callable[[Score], float]] = {
    statistic.__name__: statistic
    for statistic in (
        *(notes_per_second, polyphony, polyphony_rate, pitch_range, pitch_classes, pitch_class_entropy),
        *(onsets_on_quarters, onsets_on_eighths, onsets_on_sixteenths, mean_leap, stepwise_rate, consonance_rate),
        *(empty_bar_rate, repeated_bar_rate, groove_consistency, longest_repeat),
    )
}
DISTRIBUTIONS: dict[str, Callable[[Score], np.ndarray]] = {
    "pitch": lambda score: score.notes[:, PITCH],
    "pitch_class": lambda score: score.notes[:, PITCH] % 12,
    "duration": lambda score: score.notes[:, DURATION],
    "inter_onset": inter_onset_intervals,
    "leap": leaps,
    "above_bass": intervals_above_bass,
}


def statistics(score: Score) -> dict[str, float]:
    """Return every statistic of a score, by name."""
    score = score.common()
    return {name: statistic(score) for name, statistic in STATISTICS.items()}


def histogram(scores: Sequence[Score], name: str) -> np.ndarray:
    """Return how often each value of a distribution occurs in all scores together, Int64[largest value + 1]."""
    values = [np.zeros(0, np.int64), *(DISTRIBUTIONS[name](score.common()) for score in scores)]
    return np.bincount(np.concatenate(values).astype(np.int64))


def entropy(counts: np.ndarray) -> float:
    """Return the entropy of a histogram in bits."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum()) + 0.0


def _bars(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + BAR] for start in range(0, len(rows), BAR)]


def _share(marks) -> float:
    return mean_or_nan(np.asarray(marks, bool))


def mean_or_nan(values: Sequence[float]) -> float:
    """Return the mean, nan of nothing."""
    return float(np.mean(values)) if len(values) else np.nan
