"""Scores, spaces and evidence: projections, refusals, hand-computed cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude import Audio, Bits, EtudeError, Evidence, Score, Space
from etude.errors import SpaceMismatch

note = st.tuples(
    st.integers(0, 4000), st.integers(1, 2000), st.integers(0, 127), st.integers(1, 127), st.integers(0, 5)
)


def test_notes_are_sorted_and_length_is_the_last_end():
    score = Score(np.array([[480, 480, 60, 80, 0], [0, 240, 72, 80, 0], [0, 240, 60, 80, 1]]), 480, 60.0)
    assert score.notes[:, 2].tolist() == [60, 72, 60]
    assert score.length == 960
    assert score.seconds == 2.0


def test_common_on_a_hand_made_score():
    notes = [
        [0, 1000, 60, 100, 0],  # cut at the next 60
        [0, 300, 60, 30, 1],  # same pitch and onset, shorter: dropped
        [480, 50, 60, 90, 2],  # shorter than a sixteenth: keeps one
        [130, 220, 8, 90, 2],  # 130 ticks -> sixteenth 1, end 350 -> 3; pitch 8 -> 32
        [0, 480, 127, 90, 2],  # pitch 127 -> 103
    ]
    got = Score(np.array(notes), 480, 140.0, length=9600).common()
    expected = [[0, 4, 60, 80, 0], [0, 4, 103, 80, 0], [1, 2, 32, 80, 0], [4, 1, 60, 80, 0]]
    assert got.notes.tolist() == expected
    assert (got.ticks_per_quarter, got.length) == (4, 5)


@given(st.lists(note, max_size=30), st.sampled_from([1, 4, 24, 480]))
def test_common_is_a_projection_without_overlaps(notes, ticks):
    common = Score(np.array(notes, np.int64).reshape(-1, 5), ticks).common()
    assert common == common.common()
    sounding = np.zeros((common.length, 128), int)
    for onset, duration, pitch, _, _ in common.notes:
        sounding[onset : onset + duration, pitch] += 1
    assert sounding.max(initial=0) <= 1


@pytest.mark.parametrize("bad", [[[0, 0, 60, 80, 0]], [[0, 1, 128, 80, 0]], [[-1, 1, 60, 80, 0]], [[0, 1, 60, 0, 0]]])
def test_impossible_notes_are_refused(bad):
    with pytest.raises(EtudeError, match="duration >= 1"):
        Score(np.array(bad))


def test_space_checks():
    roll, text = Space((88,), 3), Space((), 5, end=4)
    assert roll.check(np.zeros((0,), int)).shape == (0, 88)
    assert text.check([0, 1, 4], complete=True).tolist() == [0, 1, 4]
    for space, x, message in [
        (roll, np.zeros((2, 87), int), r"\(T, 88\)"),
        (roll, np.full((2, 88), 3), "codes 0 .. 2"),
        (text, np.array([0.5]), "integer"),
        (text, [4, 1], "only as the last"),
    ]:
        with pytest.raises(SpaceMismatch, match=message):
            space.check(x)
    with pytest.raises(SpaceMismatch, match="closed"):
        text.check([1, 2], complete=True)


def test_evidence_knows_a_prefix_from_a_gap():
    known = np.array([[True, True], [True, True], [False, False]])
    assert Evidence(np.zeros((3, 2), int), known).prefix_length() == 2
    assert Evidence(np.zeros((3, 2), int), known[::-1]).prefix_length() is None
    half = known.copy()
    half[2, 0] = True
    assert Evidence(np.zeros((3, 2), int), half).prefix_length() is None


def test_audio_refuses_what_would_clip():
    with pytest.raises(EtudeError, match=r"\[-1, 1\]"):
        Audio(np.array([0.0, 1.5]), 8000)


def test_bits_pool_over_pieces():
    bits = Bits([10.0, 30.0])
    assert bits.total == 40.0
    assert bits.per([1.0, 3.0]) == 10.0


def test_codes_keep_their_integers_where_nobody_widens_them():
    space, codes = Space((), 256), np.array([0, 255, 7], np.uint8)
    assert space.check(codes).dtype == np.int64
    assert space.check(codes, widen=False) is codes
    with pytest.raises(SpaceMismatch):
        Space((), 200).check(codes, widen=False)


def test_an_empty_prefix_is_a_prefix():
    assert Evidence.prefix(np.zeros((0, 4), int)).prefix_length() == Evidence.prefix([]).prefix_length() == 0
