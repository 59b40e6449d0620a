"""The measure of a round trip, on losses computed by hand; and scores on grids other than the sixteenth."""

import numpy as np
import pytest
from conftest import SMALL_PIECES, score_of
from hypothesis import given
from hypothesis import strategies as st

from etude import EtudeError, Score
from etude.representations.grid import LONGEST_PIECE, fitting, on_grid
from etude.representations.score_loss import score_loss


@pytest.mark.parametrize("name", SMALL_PIECES)
def test_a_score_loses_nothing_against_itself(name):
    lost = score_loss(SMALL_PIECES[name], SMALL_PIECES[name])
    assert lost.pop("tempo_ratio") == 1
    assert set(lost.values()) == {0.0}


def test_losses_by_hand():
    original = score_of(
        (0, 480, 60, 100, 0),
        (0, 480, 60, 90, 1),  # a unison of two voices
        (470, 490, 64, 60, 1),  # 10 ticks early, to be put on the grid
        (960, 480, 67, 60, 0),
        ticks=480,
        bpm=60.0,
        length=1920,
    )
    decoded = score_of((0, 4, 60, 80), (4, 4, 64, 80), (8, 2, 67, 80), bpm=80.0)
    lost = score_loss(original, decoded)
    assert lost == {
        "notes_missing": 1.0,  # the last note, whose duration differs
        "notes_added": 1.0,
        "notes_merged": 1.0,
        "onset_shift_quarters": pytest.approx(10 / 480 / 4),
        "onset_shift_ms": pytest.approx(1000 * 10 / 480 / 4),
        "duration_change_quarters": pytest.approx((10 / 480 + 0.5) / 4),
        "velocity_error": pytest.approx((20 + 10 + 20 + 20) / 4),
        "tempo_ratio": pytest.approx(80 / 60),
        "tracks_lost": 1.0,
        "final_rest_lost_quarters": pytest.approx(1.0),
    }


def test_a_note_that_vanished_shifts_nothing():
    original, decoded = score_of((0, 1, 60), (1, 1, 60)), score_of((0, 2, 60))
    lost = score_loss(original, decoded)
    assert (lost["notes_missing"], lost["notes_added"]) == (2, 1)
    assert lost["onset_shift_quarters"] == 0


def test_losing_everything_is_still_finite():
    lost = score_loss(SMALL_PIECES["off the grid"], score_of())
    assert lost["notes_missing"] == 2 and all(np.isfinite(list(lost.values())))


note = st.tuples(st.integers(0, 3000), st.integers(1, 2000), st.integers(0, 127), st.integers(1, 127))


@given(st.lists(note, max_size=20), st.sampled_from([4, 96, 480]))
def test_four_steps_a_quarter_are_the_common_score(notes, ticks):
    score = score_of(*notes, ticks=ticks)
    common = score.common()
    assert on_grid(score, 4) == common
    loud = on_grid(score, 4, velocities=True)
    np.testing.assert_array_equal(loud.notes[:, :3], common.notes[:, :3])
    cells = {}
    for one in score.notes:
        onset, _, pitch, _, _ = Score(one[None], ticks).common().notes[0]
        cells[onset, pitch] = max(cells.get((onset, pitch), 0), one[3])
    assert [cells[onset, pitch] for onset, pitch in loud.notes[:, [0, 2]].tolist()] == loud.notes[:, 3].tolist()


def test_grids_by_hand():
    score = Score(np.array([[0, 480, 60, 30, 0], [0, 160, 60, 90, 1], [320, 160, 64, 50, 0]]), 480)
    triplets = on_grid(score, 3, velocities=True)
    assert triplets.notes.tolist() == [[0, 3, 60, 90, 0], [2, 1, 64, 50, 0]]  # the loudest of the unison
    assert (triplets.ticks_per_quarter, triplets.seconds) == (3, 0.75)


def test_what_does_not_fit_is_refused_with_a_remedy():
    with pytest.raises(EtudeError, match=r"pitches 60 \.\. 72; got 48 \.\. 73.*transposed"):
        fitting(score_of((0, 1, 48), (0, 1, 73)), 60, 72)
    with pytest.raises(EtudeError, match="steps"):
        fitting(score_of((LONGEST_PIECE, 1, 60)), 21, 108)
