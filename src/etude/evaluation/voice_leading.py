"""How voices move: the rules of four-part writing, counted. Bach breaks each now and then; his rate is the measure.

All rules are of pairs of moments that follow each other and are both four-part (`evaluation.voices`), or of single
moments. Rates are per hundred of them, pooled over the pieces of a set. The rules are those of a textbook (Aldwell and
Schachter, *Harmony and Voice Leading*); motion is as in music21's `VoiceLeadingQuartet`, but of *direct* motion only.

parallel fifths, octaves
    Two voices move in the same direction from a fifth (octave, unison), octaves removed, to another.
    Octaves hold unisons. These are also counted alone, where voices are tracks (`moments_by_track`): of voices told by
    their heights no two have one pitch.
hidden fifths, octaves
    Soprano and bass move in the same direction into a fifth or octave that they did not have, and the soprano leaps.
overlap
    A voice moves above where its upper neighbour just was, or below where its lower one was.
crossing
    A voice sounds below its lower neighbour; seen only where voices are tracks.
wide spacing
    More than an octave between soprano and alto or alto and tenor.
out of range
    A voice outside its usual range: soprano C4 to A5, alto F3 to D5, tenor C3 to A4, bass E2 to D4.
leap, unrecovered leap
    A voice leaps by more than a fifth; and its next move is not in the other direction.

A rule may be broken by several pairs of voices at once; the moment then counts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from etude.evaluation.voices import PARTS, Moments, moments
from etude.types import Score

RANGES = {"soprano": (60, 81), "alto": (53, 74), "tenor": (48, 69), "bass": (40, 62)}
FIFTH, OCTAVE, STEP, LEAP = 7, 12, 2, 7  # semitones
PAIRS = [(upper, lower) for lower in range(len(PARTS)) for upper in range(lower)]


def parallels(before: np.ndarray, after: np.ndarray, interval: int) -> np.ndarray:
    """Return which moves Int[P, 4] -> Int[P, 4] carry an interval (0 to 11) in parallel between some two voices."""
    found = np.zeros(len(before), bool)
    for upper, lower in PAIRS:
        was, now = ((pitches[:, upper] - pitches[:, lower]) % OCTAVE == interval for pitches in (before, after))
        found |= was & now & _same_direction(before, after, upper, lower)
    return found


def parallel_unisons(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return which moves carry one pitch of two voices to another pitch of both."""
    same = [(before[:, upper] == before[:, lower]) & (after[:, upper] == after[:, lower]) for upper, lower in PAIRS]
    moved = [before[:, upper] != after[:, upper] for upper, _ in PAIRS]
    return (np.array(same) & np.array(moved)).any(axis=0)


def hidden(before: np.ndarray, after: np.ndarray, interval: int) -> np.ndarray:
    """Return which moves lead soprano and bass in one direction into an interval, the soprano by a leap."""
    was, now = ((pitches[:, 0] - pitches[:, -1]) % OCTAVE == interval for pitches in (before, after))
    leap = np.abs(after[:, 0] - before[:, 0]) > STEP
    return ~was & now & leap & _same_direction(before, after, 0, len(PARTS) - 1)


def overlaps(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return which moves take a voice beyond where its neighbour just was."""
    above = (after[:, 1:] > before[:, :-1]).any(axis=1)
    below = (after[:, :-1] < before[:, 1:]).any(axis=1)
    return above | below


def crossings(pitches: np.ndarray) -> np.ndarray:
    """Return which moments Int[M, 4] have a voice below the next lower one."""
    return (pitches[:, 1:] > pitches[:, :-1]).any(axis=1)


def leaps(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return which moves take a voice by more than a fifth."""
    return (np.abs(after - before) > LEAP).any(axis=1)


def wide(pitches: np.ndarray) -> np.ndarray:
    """Return which moments Int[M, 4] are spaced wider than an octave above the tenor."""
    return (pitches[:, :2] - pitches[:, 1:3] > OCTAVE).any(axis=1)


def out_of_range(pitches: np.ndarray) -> np.ndarray:
    """Return which moments Int[M, 4] have a voice outside its range."""
    low, high = np.array([RANGES[part] for part in PARTS]).T
    return ((pitches < low) | (pitches > high)).any(axis=1)


def unrecovered(pitches: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Return which moves leave a leap unrecovered, Bool[M - 1]; a leap that ends the line counts as recovered."""
    found = np.zeros(max(len(pitches) - 1, 0), bool)
    for line in pitches.T:
        moves = np.diff(line)
        for place in np.flatnonzero((np.abs(moves) > LEAP) & following):
            later = moves[place + 1 :]
            moved = np.flatnonzero(later)
            gap = np.flatnonzero(~following[place + 1 :])
            inside = len(moved) and (not len(gap) or moved[0] < gap[0])
            found[place] |= bool(inside and np.sign(later[moved[0]]) == np.sign(moves[place]))
    return found


def broken_rules(found: Moments) -> dict[str, np.ndarray]:
    """Return, rule by rule, which pairs of moments (rules of motion) or moments break it."""
    before, after = found.pitches[:-1][found.following], found.pitches[1:][found.following]
    return {
        "parallel_fifths": parallels(before, after, FIFTH),
        "parallel_octaves": parallels(before, after, 0),
        "hidden_fifths": hidden(before, after, FIFTH),
        "hidden_octaves": hidden(before, after, 0),
        "overlaps": overlaps(before, after),
        "leaps": leaps(before, after),
        "unrecovered_leaps": unrecovered(found.pitches, found.following)[found.following],
        "wide_spacing": wide(found.pitches),
        "out_of_range": out_of_range(found.pitches),
    }


def rules_of_tracks(found: Moments) -> dict[str, np.ndarray]:
    """Return the same of the rules that make sense only where voices are tracks."""
    before, after = found.pitches[:-1][found.following], found.pitches[1:][found.following]
    return {"parallel_unisons": parallel_unisons(before, after), "crossings": crossings(found.pitches)}


def voice_leading_table(sets: Mapping[str, Sequence[Score]]):
    """Return how often several sets of scores break each rule, one row a set.

    Parameters
    ----------
    sets : mapping of name to scores
        Give held-out music as a row.

    Returns
    -------
    pandas.DataFrame
        pieces, moments (four-part ones), four_part (their share of all), then each rule per hundred.
    """
    import pandas as pd

    rows = {}
    for name, scores in sets.items():
        found = [moments(score) for score in scores]
        rules = [broken_rules(one) for one in found]
        broken = {rule: np.concatenate([each[rule] for each in rules]) for rule in rules[0]} if rules else {}
        shares = [one.share for one in found if np.isfinite(one.share)]
        rows[name] = {
            "pieces": len(scores),
            "moments": sum(len(one.pitches) for one in found),
            "four_part": float(np.mean(shares)) if shares else np.nan,
            **{rule: 100 * float(marks.mean()) if len(marks) else np.nan for rule, marks in broken.items()},
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _same_direction(before: np.ndarray, after: np.ndarray, upper: int, lower: int) -> np.ndarray:
    moves = np.sign(after - before)
    return (moves[:, upper] == moves[:, lower]) & (moves[:, upper] != 0)
