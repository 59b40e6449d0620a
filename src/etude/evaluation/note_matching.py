"""How well one score tells another: notes found, notes missed, notes made up (the measures of MIREX).

A note of the estimate is right where a note of the reference of the same pitch begins within 50 ms; each is matched at
most once, as many as can be (`mir_eval.transcription`; Raffel et al. 2014; Bay, Ehmann and Downie 2009). With offsets,
the end must also lie within 50 ms or a fifth of the reference note's length, whichever is more.

Notes of one pitch that begin together (two voices in unison) sound as one and count as one, the longest. Organs add
octaves to what is played: `octaves=False` asks for the right pitch class only, notes an octave apart that begin
together being one.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError, MissingPackage
from etude.types import DURATION, ONSET, PITCH, Score

ONSET_SECONDS = 0.05
MIDDLE_C = 60


def note_scores(
    reference: Score, estimate: Score, onset_seconds: float = ONSET_SECONDS, octaves: bool = True
) -> dict[str, float]:
    """Return precision, recall and F1 of an estimate's notes.

    Parameters
    ----------
    reference, estimate : Score
        Compared in seconds, by each one's own tempo.
    onset_seconds : float
        How far a right note's onset may be off.
    octaves : bool
        Whether a note must be in its octave.

    Returns
    -------
    dict
        `precision`, `recall`, `f1`, and the same `..._with_offsets`, in [0, 1]: 0 where one score has no notes, NaN
        where neither has.
    """
    try:
        from mir_eval.transcription import precision_recall_f1_overlap
    except ImportError as error:
        raise MissingPackage("mir_eval, to match notes", "none", "Run: pip install mir_eval") from error
    if not onset_seconds > 0:
        raise EtudeError("onset_seconds above 0", str(onset_seconds))
    sides = [_times_and_pitches(score, onset_seconds, octaves) for score in (reference, estimate)]
    empty = [not len(pitches) for _, pitches in sides]
    found = {}
    for suffix, ratio in (("", None), ("_with_offsets", 0.2)):
        options = {"onset_tolerance": onset_seconds, "offset_ratio": ratio}
        none = 3 * (np.nan if all(empty) else 0.0,)
        values = none if any(empty) else precision_recall_f1_overlap(*sides[0], *sides[1], **options)[:3]
        names = ("precision", "recall", "f1")
        found |= {name + suffix: float(value) for name, value in zip(names, values, strict=True)}
    return found


def _times_and_pitches(score: Score, together: float, octaves: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return onsets and ends in seconds, Float64[N, 2], and frequencies in hertz, Float64[N]."""
    pitch = score.notes[:, PITCH] if octaves else MIDDLE_C + score.notes[:, PITCH] % 12
    seconds = 60 / score.bpm / score.ticks_per_quarter
    onset = score.notes[:, ONSET] * seconds
    times = np.stack([onset, onset + score.notes[:, DURATION] * seconds], axis=1)
    kept = _once(pitch, times, 0.0 if octaves else together)
    return times[kept], 440.0 * 2 ** ((pitch[kept] - 69) / 12)


def _once(pitch: np.ndarray, times: np.ndarray, together: float) -> np.ndarray:
    """Return which notes stay where those of one pitch that begin within `together` seconds are one, the longest."""
    kept, group = [], {}  # pitch: (onset of its newest group, index into kept)
    for note in np.lexsort((pitch, times[:, 0])):
        first, place = group.get(pitch[note], (-np.inf, -1))
        if times[note, 0] - first > together:
            group[pitch[note]] = (times[note, 0], len(kept))
            kept.append(note)
        elif times[note, 1] > times[kept[place], 1]:
            kept[place] = note
    return np.array(kept, np.int64)
