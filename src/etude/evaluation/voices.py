"""The voices of a score as lines, for rules that speak of voices. Samples have none written down, so height decides.

A *moment* is a sixteenth of the *common* score at which a note begins. A moment counts as four-part where exactly four
pitches sound, held ones too; they are soprano, alto, tenor and bass from high to low. Two voices in unison give three
pitches, so such moments are left out, and voices that cross look as if they did not: what is measured here of a
chorale is what can be measured of a sample of any representation. Where a score has its four voices written down, one a
track, they can be asked for instead: then unisons and crossings are seen for what they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.statistics import sounding
from etude.types import DURATION, ONSET, PITCH, TRACK, Score

PARTS = ("soprano", "alto", "tenor", "bass")


class Moments(NamedTuple):
    """The four-part moments of a score.

    pitches : Int[M, 4]
        Soprano first: from high to low, or by track.
    struck : Bool[M, 4]
        The voice begins a note here.
    onsets : Int[M]
        In sixteenths.
    following : Bool[M - 1]
        The next moment of the score is four-part too: a pair to which rules of motion apply.
    share : float
        Of the score's moments that are four-part, NaN without moments.
    """

    pitches: np.ndarray
    struck: np.ndarray
    onsets: np.ndarray
    following: np.ndarray
    share: float


def moments(score: Score) -> Moments:
    """Return the four-part moments of a score."""
    score = score.common()
    roll, struck = sounding(score), np.zeros((score.length, 128), bool)
    struck[score.notes[:, ONSET], score.notes[:, PITCH]] = True
    onsets = np.unique(score.notes[:, ONSET])
    places = np.flatnonzero(roll[onsets].sum(axis=1) == len(PARTS))
    onsets_of_four = onsets[places]
    pitches = np.nonzero(roll[onsets_of_four])[1].reshape(-1, len(PARTS))[:, ::-1]
    begins = np.take_along_axis(struck[onsets_of_four], pitches, axis=1)
    share = len(places) / len(onsets) if len(onsets) else np.nan
    return Moments(pitches, begins, onsets_of_four, np.diff(places) == 1, share)


def moments_by_track(score: Score) -> Moments:
    """Return the moments at which all four tracks of a score sound, 0 (soprano) to 3 (bass), whatever their heights.

    Raises
    ------
    EtudeError
        Of a score whose tracks are not 0 to 3, or whose tracks hold chords.
    """
    if set(score.notes[:, TRACK].tolist()) != set(range(len(PARTS))):
        raise EtudeError("four voices as tracks 0 (soprano) to 3 (bass)", f"tracks {np.unique(score.notes[:, TRACK])}")
    lines = [_line(replace(score, notes=score.notes[score.notes[:, TRACK] == track])) for track in range(len(PARTS))]
    steps = max(len(pitches) for pitches, _ in lines)
    pitches = np.stack([np.pad(line, (0, steps - len(line)), constant_values=-1) for line, _ in lines], axis=1)
    struck = np.stack([np.pad(marks, (0, steps - len(marks))) for _, marks in lines], axis=1)
    onsets = np.flatnonzero(struck.any(axis=1))
    places = np.flatnonzero((pitches[onsets] >= 0).all(axis=1))
    chosen = onsets[places]
    return Moments(pitches[chosen], struck[chosen], chosen, np.diff(places) == 1, len(places) / len(onsets))


def _line(voice: Score) -> tuple[np.ndarray, np.ndarray]:
    """Return the pitch that a voice holds at each sixteenth, -1 in rests, and where it begins a note."""
    onset, duration = voice.notes[:, ONSET], voice.notes[:, DURATION]
    if (onset[1:] < (onset + duration)[:-1]).any():
        raise EtudeError("voices of one note at a time", "a track with chords", "Ask for the voices by height.")
    voice = voice.common()
    line, struck = np.full(voice.length, -1), np.zeros(voice.length, bool)
    for start, length, pitch in voice.notes[:, [ONSET, DURATION, PITCH]]:  # rounded to the grid, a later note may cut
        line[start : start + length], struck[start] = pitch, True
    return line, struck
