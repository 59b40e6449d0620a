"""What is kept of what was given: each planted fault is found."""

from dataclasses import replace

import numpy as np
from conftest import chorale_like_score, score_of

from etude.evaluation.settings import kept, last_bass, notes_above, onsets_per_quarter, settings_table
from etude.types import PITCH, TRACK, Score

WHOLE = chorale_like_score(1)
MELODY = replace(WHOLE, notes=WHOLE.notes[WHOLE.notes[:, TRACK] == 0])


def changed(column: int, by: int) -> Score:
    notes = WHOLE.notes.copy()
    notes[np.flatnonzero(notes[:, TRACK] == 0)[2], column] += by
    return replace(WHOLE, notes=notes, length=None)


def test_a_melody_that_was_changed_is_found():
    assert kept(MELODY, WHOLE) == 1 and kept(MELODY, replace(WHOLE, bpm=81.0)) == 0
    for column, by in ((0, 10), (1, -10), (PITCH, 1), (3, 5), (TRACK, 4)):
        assert kept(MELODY, changed(column, by)) == 7 / 8


def test_ticks_may_be_others():
    notes = WHOLE.notes * [3, 3, 1, 1, 1]
    assert kept(MELODY, Score(notes, 1440, WHOLE.bpm)) == 1


def test_a_note_above_the_melody_is_found():
    assert notes_above(MELODY, WHOLE) == 0
    high = np.concatenate([WHOLE.notes, [[0, 480, 80, 80, 1], [0, 20, 90, 80, 2]]])
    assert notes_above(MELODY, replace(WHOLE, notes=high)) == 1  # the short one is within the slack


def test_settings_by_hand():
    assert onsets_per_quarter(WHOLE) == 2 and last_bass(WHOLE) == 0
    table = settings_table([MELODY, MELODY], {"a": [WHOLE, WHOLE], "b": [WHOLE, changed(PITCH, 1)]}, "a")
    assert table["kept"].tolist() == [2, 1] and table["last_bass"].tolist() == [1, 1]
    assert last_bass(score_of((0, 4, 60), (4, 4, 43), (4, 4, 67))) == 7
