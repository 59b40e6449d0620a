"""The piano roll: frames by hand, holds without a beginning, two levels, other grids and ranges."""

import numpy as np
import pytest
from conftest import score_of

from etude import EtudeError, Piece, representation


def roll_of(*rows: str) -> np.ndarray:
    """Frames written as one string a key, lowest key first: `o--.` is a key struck, held twice, released."""
    return np.array([[".o-".index(sign) for sign in row] for row in rows]).T


def notes(piece):
    return piece.score.notes[:, :3].tolist()


def test_frames_by_hand():
    three = representation("pianoroll", lowest=60, highest=62)
    piece = Piece("hand", score=score_of((0, 3, 60), (3, 1, 60), (1, 2, 62)))
    np.testing.assert_array_equal(three.encode(piece), roll_of("o--o", "....", ".o-."))
    assert three.decode(roll_of("o--o", "....", ".o-.")).score == piece.score.common()


def test_a_hold_after_silence_starts_a_note_and_becomes_its_onset():
    three = representation("pianoroll", lowest=60, highest=61)
    loose = roll_of("--o.", ".-.-")
    decoded = three.decode(loose)
    assert notes(decoded) == [[0, 2, 60], [1, 1, 61], [2, 1, 60], [3, 1, 61]]
    np.testing.assert_array_equal(three.encode(decoded), roll_of("o-o.", ".o.o"))


def test_two_levels_merge_a_repeated_note_and_the_loss_says_so():
    two = representation("pianoroll", levels=2)
    piece = Piece("repeated", score=score_of((0, 2, 60), (2, 2, 60), (0, 4, 64)))
    x = two.encode(piece)
    assert x.max() == 1 and x.sum() == 8
    assert notes(two.decode(x)) == [[0, 4, 60], [0, 4, 64]]
    lost = two.loss(piece)
    assert (lost["notes_missing"], lost["notes_added"]) == (2, 1)


def test_length_of_a_decoded_roll_is_its_frames():
    roll = representation("pianoroll")
    x = np.zeros((16, 88), np.int64)
    x[3, 40] = 1
    assert roll.decode(x).seconds == pytest.approx(16 / roll.space.rate)
    assert len(roll.encode(roll.decode(x))) == 4  # silence after the last note is dropped, as in common()


def test_grid_sets_rate_and_rounding():
    eighths = representation("pianoroll", grid=2)
    assert eighths.space.rate == pytest.approx(2 * 80 / 60)
    piece = Piece("off beat", score=score_of((1, 3, 60)))  # a sixteenth late: halves go up
    assert notes(eighths.decode(eighths.encode(piece))) == [[1, 1, 60]]
    assert eighths.loss(piece)["onset_shift_quarters"] == 0.25


def test_a_pitch_outside_the_range_is_refused():
    with pytest.raises(EtudeError, match="Widen"):
        representation("pianoroll", lowest=60).encode(Piece("low", score=score_of((0, 1, 59))))


@pytest.mark.parametrize(
    "options",
    [{"levels": 4}, {"grid": 0}, {"grid": 2.5}, {"grid": "4"}, {"lowest": 70, "highest": 60}, {"highest": 109}],
)
def test_impossible_options_are_refused(options):
    with pytest.raises(EtudeError, match="expected"):
        representation("pianoroll", **options)
