"""Precision and recall of notes, on scores whose answer is counted by hand."""

import sys

import numpy as np
import pytest
from conftest import score_of

from etude import EtudeError, Score
from etude.errors import MissingPackage
from etude.evaluation import note_scores

REFERENCE = score_of((0, 4, 60), (4, 4, 64), (8, 4, 67))  # at 80 quarters a minute a sixteenth is 187.5 ms


def moved(*notes) -> Score:
    """A score of (onset, duration in ms, pitch)."""
    rows = [(onset, duration, pitch, 80, 0) for onset, duration, pitch in notes]
    return Score(np.array(rows, np.int64).reshape(-1, 5), 1000, 60.0)  # a tick is a millisecond


def test_counted_by_hand():
    estimate = moved((0, 750, 60), (790, 400, 64), (1500, 750, 79), (1530, 750, 55), (2000, 100, 60))
    found = note_scores(REFERENCE, estimate)
    assert found["precision"] == 2 / 5 and found["recall"] == 2 / 3
    assert found["f1"] == pytest.approx(2 * 2 / (5 + 3))
    assert found["precision_with_offsets"] == 1 / 5 and found["recall_with_offsets"] == 1 / 3  # the second ends early
    assert found["f1_with_offsets"] == pytest.approx(2 * 1 / (5 + 3))
    folded = note_scores(REFERENCE, estimate, octaves=False)  # the two Gs an octave apart are one, and right
    assert folded["precision"] == 3 / 4 and folded["recall"] == 1.0


def test_itself_is_perfect_and_times_are_seconds():
    assert set(note_scores(REFERENCE, REFERENCE).values()) == {1.0}
    same = moved((0, 750, 60), (750, 750, 64), (1500, 750, 67))
    assert set(note_scores(REFERENCE, same).values()) == {1.0}
    faster = Score(REFERENCE.notes, REFERENCE.ticks_per_quarter, 160.0)
    assert note_scores(REFERENCE, faster)["f1"] == pytest.approx(1 / 3)  # only the first is in time


def test_onsets_count_within_their_tolerance():
    for late, right in ((45, 1.0), (55, 0.0)):
        estimate = moved((late, 750, 60), (750 + late, 750, 64), (1500 + late, 750, 67))
        assert note_scores(REFERENCE, estimate)["f1"] == right
        assert note_scores(REFERENCE, estimate, onset_seconds=0.1)["f1"] == 1.0


def test_a_note_is_matched_once():
    twice = moved((0, 750, 60), (20, 750, 60), (750, 750, 64), (1500, 750, 67))
    assert note_scores(REFERENCE, twice)["precision"] == 3 / 4


def test_a_unison_is_one_note_the_longest():
    unison = score_of((0, 2, 60, 80, 0), (0, 4, 60, 80, 1), (4, 4, 64), (8, 4, 67))
    assert set(note_scores(unison, REFERENCE).values()) == {1.0}


def test_nothing_to_find():
    assert note_scores(REFERENCE, score_of())["f1"] == note_scores(score_of(), REFERENCE)["f1"] == 0.0
    assert np.isnan(list(note_scores(score_of(), score_of()).values())).all()


def test_bad_input(monkeypatch):
    with pytest.raises(EtudeError, match="onset_seconds"):
        note_scores(REFERENCE, REFERENCE, onset_seconds=0)
    monkeypatch.setitem(sys.modules, "mir_eval.transcription", None)
    with pytest.raises(MissingPackage, match="pip install mir_eval"):
        note_scores(REFERENCE, REFERENCE)
