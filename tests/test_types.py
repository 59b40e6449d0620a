"""Scores, spaces and evidence: projections, refusals, hand-computed cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etude import Audio, Bits, EtudeError, Evidence, Piece, Score, Space
from etude.errors import SpaceMismatch, nearest, unknown_name

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


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("rmn", "rnn"),
        ("RNN", "rnn"),
        ("wave", "wavenet"),
        ("spectro", "spectrogram"),
        ("uniformm", "uniform"),
        ("foo", None),
        ("x", None),
        ("", None),
    ],
)
def test_only_a_near_name_is_suggested(typed, meant):
    known = ["uniform", "rnn", "wavenet", "spectrogram", "counts", "folder", "copy-previous"]
    assert nearest(typed, known) == ([meant] if meant else [])
    assert ("Did you mean" in str(unknown_name("model", typed, known))) == (meant is not None)


def test_music_says_what_it_is_in_a_line():
    score = Score(np.array([[0, 4, 60, 80, 0], [4, 4, 62, 80, 0]]), 4, 120.0)
    sound = Audio(np.zeros(4000), 8000)
    assert repr(score) == "Score(2 notes in 2 quarters at 120 bpm, 1.0 s)"
    assert repr(sound) == "Audio(4000 samples at 8000 Hz, 0.5 s)"
    assert repr(Piece("a", score, sound)) == f"Piece('a', {score!r}, {sound!r})"
    assert repr(Piece("b", text="X:1")) == "Piece('b', 3 letters of text)"


def test_an_empty_prefix_is_a_prefix():
    assert Evidence.prefix(np.zeros((0, 4), int)).prefix_length() == Evidence.prefix([]).prefix_length() == 0


@pytest.mark.parametrize(("pickup", "meter"), [(-0.5, None), (4, None), (3, (3, 4)), (3.5, (6, 8)), (np.nan, (4, 4))])
def test_an_upbeat_is_shorter_than_a_bar(pickup, meter):
    with pytest.raises(EtudeError, match=r"less than a bar, [34]"):
        Score(np.array([[0, 480, 60, 80, 0]]), meter=meter, pickup=pickup)


def test_an_upbeat_stays_with_the_metre():
    jig = Score(np.array([[0, 240, 60, 80, 0], [240, 720, 64, 80, 1]]), 480, 90.0, None, (6, 8), (40, 42), 0.5)
    assert jig.transposed(2).pickup == jig.part(1).pickup == 0.5 and jig.common().pickup == 0
    assert jig.common().like(jig).pickup == 0.5 and jig.like(jig.common()).pickup == 0
    assert Score(jig.notes, pickup=3.5).pickup == 3.5  # a bar of 4/4 where no metre is stated


def test_a_cut_knows_where_the_next_bar_line_is():
    waltz = Score(np.array([[0, 9600, 60, 80, 0]]), 480, meter=(3, 4), pickup=1)
    ticks = {0: 1, 240: 0.5, 480: 0, 960: 2, 480 + 5 * 1440: 0, 480 + 5 * 1440 + 1: 3 - 1 / 480}
    assert [waltz.pickup_at(tick) for tick in ticks] == pytest.approx(list(ticks.values()))
    third = Score(np.array([[0, 9600, 60, 80, 0]]), 4, meter=(4, 4), pickup=1 / 3)
    assert third.pickup_at(0) == 1 / 3 and third.pickup_at(1) == 0  # to the grid, but for the beginning
    free = Score(np.array([[0, 9600, 60, 80, 0]]), 480, pickup=1)
    assert [free.pickup_at(tick) for tick in (0, 240)] == [1, 0]  # no bars are stated


def test_an_excerpt_has_the_notes_that_begin_in_it_cut_at_its_end_and_its_bar_lines():
    score = Score([[0, 6, 60, 80, 0], [4, 8, 62, 80, 0], [16, 4, 64, 80, 1]], 4, 90.0, 24, (3, 4), (5, 6), 1.0)
    part = score.excerpt(4, 10)
    assert part.notes.tolist() == [[0, 6, 62, 80, 0]] and (part.length, part.bpm, part.programs) == (6, 90.0, (5, 6))
    assert part.pickup == 0.0 and score.excerpt(6, 10).pickup == 2.5, "bars of three quarters begin at 4 and at 16"
    assert score.excerpt(0, 24) == score and not len(score.excerpt(12, 16))
