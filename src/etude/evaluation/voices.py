"""The voices of a score as lines, for rules that speak of voices. Samples have none written down, so height decides.

A *moment* is a sixteenth of the *common* score at which a note begins. A moment counts as four-part where exactly four
pitches sound, held ones too; they are soprano, alto, tenor and bass from high to low. Two voices in unison give three
pitches, so such moments are left out, and voices that cross look as if they did not: what is measured here of a
chorale is what can be measured of a sample of any representation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from etude.evaluation.statistics import sounding
from etude.types import ONSET, PITCH, Score

PARTS = ("soprano", "alto", "tenor", "bass")


class Moments(NamedTuple):
    """The four-part moments of a score.

    pitches : Int[M, 4]
        Soprano first.
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
