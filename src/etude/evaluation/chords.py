"""Chords: what sounds together when something is struck. Wrong notes show here that no melody betrays.

A chord is taken at every sixteenth on which a note begins, from the *common* score: all pitches that sound there, held
ones too. Its *shape* is the set of their intervals above the lowest, octaves removed, so that a triad has one shape in
any key and spacing. Real music too has seconds, and shapes that the training pieces lack: it is the measure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from etude.evaluation.statistics import mean_or_nan, sounding
from etude.types import ONSET, Score

Chord = tuple[int, ...]


def chords(score: Score) -> list[Chord]:
    """Return the pitches of every chord of a score, low to high, in the order of time."""
    score = score.common()
    roll = sounding(score)
    return [tuple(np.flatnonzero(roll[t]).tolist()) for t in np.unique(score.notes[:, ONSET])]


def shape(chord: Chord) -> Chord:
    """Return the intervals above the lowest pitch, octaves removed, each once, in semitones."""
    return tuple(sorted({(pitch - chord[0]) % 12 for pitch in chord} - {0}))


def clashes(chord: Chord) -> bool:
    """Say whether two of its pitches are a semitone apart, octaves removed."""
    classes = {pitch % 12 for pitch in chord}
    return any((pitch + 1) % 12 in classes for pitch in classes)


def chord_table(sets: Mapping[str, Sequence[Score]], train: Sequence[Score]):
    """Return what the chords of several sets of scores are like, one row a set.

    Parameters
    ----------
    sets : mapping of name to scores
        Give held-out music as a row.
    train : sequence of Score
        The scores whose shapes are known.

    Returns
    -------
    pandas.DataFrame
        pieces, chords (their number), voices (mean number of pitches in a chord), voices_sd (its standard deviation),
        clashing and unseen (shares of the chords with a semitone, and of those whose shape `train` has not).
    """
    import pandas as pd

    known = {shape(chord) for score in train for chord in chords(score)}
    rows = {}
    for name, scores in sets.items():
        found = [chord for score in scores for chord in chords(score)]
        voices = np.array([len(chord) for chord in found], float)
        rows[name] = {
            "pieces": len(scores),
            "chords": len(found),
            "voices": mean_or_nan(voices),
            "voices_sd": float(voices.std()) if len(found) else np.nan,
            "clashing": mean_or_nan([clashes(chord) for chord in found]),
            "unseen": mean_or_nan([shape(chord) not in known for chord in found]),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
