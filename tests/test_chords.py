"""Chords: hand-made scores whose chords, shapes and clashes are known."""

import numpy as np
import pytest

from etude.evaluation import chord_table
from etude.evaluation.chords import chords, clashes, shape
from etude.types import Score


def score(*rows):
    return Score(np.array([(onset, duration, pitch, 80, 0) for onset, duration, pitch in rows], np.int64), 4)


C_MAJOR = score((0, 8, 48), (0, 4, 64), (0, 4, 67), (4, 4, 65), (4, 4, 69))  # C E G, then C F A over the held C


def test_a_chord_is_what_sounds_when_something_is_struck():
    assert chords(C_MAJOR) == [(48, 64, 67), (48, 65, 69)]
    assert chords(score()) == []


def test_a_shape_knows_neither_key_nor_octave():
    assert shape((48, 64, 67)) == shape((50, 54, 57, 62)) == (4, 7)
    assert shape((48, 65, 69)) == (5, 9)
    assert shape((60,)) == shape((48, 60)) == ()


@pytest.mark.parametrize(
    ("chord", "clash"), [((48, 64, 67), False), ((60, 61), True), ((59, 72), True), ((60, 62), False), ((), False)]
)
def test_a_clash_is_a_semitone_in_any_octave(chord, clash):
    assert clashes(chord) is clash


def test_the_table_counts_chords_and_knows_the_shapes_of_training():
    odd = score((0, 4, 60), (0, 4, 61), (4, 4, 60), (4, 4, 64), (4, 4, 67))
    table = chord_table({"held-out": [C_MAJOR], "odd": [odd, score()]}, [C_MAJOR.transposed(2)])
    assert table.loc["held-out"].to_dict() == {
        **{"pieces": 1, "chords": 2, "voices": 3, "voices_sd": 0},
        **{"clashing": 0, "unseen": 0},
    }
    assert table.loc["odd"].to_dict() == {
        **{"pieces": 2, "chords": 2, "voices": 2.5, "voices_sd": 0.5},
        **{"clashing": 0.5, "unseen": 0.5},
    }
    empty = chord_table({"nothing": [score()]}, [C_MAJOR]).loc["nothing"]
    assert empty["chords"] == 0 and np.isnan(empty["voices"]) and np.isnan(empty["unseen"])
