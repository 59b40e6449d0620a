"""What a model leaves of what it was given, and simple facts of a setting: for music that a person and a model share.

A note is kept where its place and length in quarters, its pitch, loudness and track are what they were; the ticks a
quarter may be others. A note lies above the melody where it sounds at its pitch or higher for over half a sixteenth
while the melody sounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from etude.evaluation.statistics import mean_or_nan
from etude.types import DURATION, ONSET, PITCH, TRACK, Score


def kept(given: Score, made: Score) -> float:
    """Return the share of the notes given that stand in what was made; 0 where the tempo is another."""
    there = set(_rows(made))
    return float(np.mean([row in there for row in _rows(given)])) if made.bpm == given.bpm and len(given) else 0.0


def notes_above(melody: Score, made: Score) -> int:
    """Return how many notes of other tracks lie above those of the melody's."""
    tracks = np.unique(melody.notes[:, TRACK])
    others = made.notes[~np.isin(made.notes[:, TRACK], tracks)] / [*2 * [made.ticks_per_quarter], 1, 1, 1]
    found = np.zeros(len(others), bool)
    for onset, duration, pitch, *_ in melody.notes / [*2 * [melody.ticks_per_quarter], 1, 1, 1]:
        ends = np.minimum(onset + duration, others[:, ONSET] + others[:, DURATION])
        found |= (ends - np.maximum(onset, others[:, ONSET]) > 1 / 8) & (others[:, PITCH] >= pitch)
    return int(found.sum())


def settings_table(melodies: Sequence[Score], sets: Mapping[str, Sequence[Score]], reference: str):
    """Return what settings of the same melodies keep, and how busy they are, one row a set.

    Parameters
    ----------
    melodies : sequence of Score
    sets : mapping of name to scores
        One setting of each melody, in their order; the reference among them.
    reference : str

    Returns
    -------
    pandas.DataFrame
        pieces, kept (those whose melody stands note for note), above (notes above the melody, in all),
        onsets_per_quarter (moments at which some note begins), last_bass (share that ends on the reference's bass,
        octaves removed).
    """
    import pandas as pd

    rows = {}
    for name, scores in sets.items():
        pairs = list(zip(melodies, scores, strict=True))
        ends = zip(scores, sets[reference], strict=True)
        rows[name] = {
            "pieces": len(scores),
            "kept": sum(kept(melody, score) == 1 for melody, score in pairs),
            "above": sum(notes_above(melody, score) for melody, score in pairs),
            "onsets_per_quarter": mean_or_nan([onsets_per_quarter(score) for score in scores]),
            "last_bass": mean_or_nan([last_bass(score) == last_bass(other) for score, other in ends]),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def onsets_per_quarter(score: Score) -> float:
    """Return how many moments a quarter have a note that begins."""
    return len(np.unique(score.notes[:, ONSET])) / (score.length / score.ticks_per_quarter) if score.length else np.nan


def last_bass(score: Score) -> int:
    """Return the pitch class of the lowest note of those that end last; -1 without notes."""
    ends = score.notes[:, ONSET] + score.notes[:, DURATION]
    last = score.notes[ends > ends.max(initial=0) - score.ticks_per_quarter // 4, PITCH]
    return int(last.min()) % 12 if len(last) else -1


def _rows(score: Score) -> list[tuple]:
    quarter = score.ticks_per_quarter
    return [(onset / quarter, duration / quarter, *rest) for onset, duration, *rest in score.notes.tolist()]
