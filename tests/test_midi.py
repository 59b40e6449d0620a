"""Event tokens: sequences written by hand, every tokenizer's round trip, nonsense that must still decode."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import score_of
from hypothesis import given, settings
from hypothesis import strategies as st

from etude import EtudeError, Piece, representation
from etude.representations.grid import on_grid
from etude.representations.midi import REFUSED, TOKENIZERS

HAND = Piece("hand", score=score_of((4, 4, 60), (4, 2, 64), (18, 1, 62)))
WRITTEN = {
    "REMI": "Bar_None Position_4 Pitch_60 Duration_1.0.4 Pitch_64 Duration_0.2.4 Bar_None Position_2 Pitch_62 "
    "Duration_0.1.4 EOS_None",
    "TSD": "TimeShift_1.0.4 Pitch_60 Duration_1.0.4 Pitch_64 Duration_0.2.4 TimeShift_3.2.4 Pitch_62 Duration_0.1.4 "
    "EOS_None",
    "MIDILike": "TimeShift_1.0.4 NoteOn_60 NoteOn_64 TimeShift_0.2.4 NoteOff_64 TimeShift_0.2.4 NoteOff_60 "
    "TimeShift_2.2.4 NoteOn_62 TimeShift_0.1.4 NoteOff_62 EOS_None",
    "Structured": "TimeShift_1.0.4 Pitch_60 Duration_1.0.4 TimeShift_0.0.1 Pitch_64 Duration_0.2.4 TimeShift_3.2.4 "
    "Pitch_62 Duration_0.1.4 EOS_None",
}
BUILT = {}


def midi(**options):
    """A representation for these options, built once."""
    key = tuple(sorted(options.items()))
    if key not in BUILT:
        BUILT[key] = representation("midi", **options)
    return BUILT[key]


def codes(one, names: str) -> np.ndarray:
    return np.array([one.vocabulary.index(name) for name in names.split()])


@pytest.mark.parametrize("tokenizer", WRITTEN)
def test_tokens_by_hand(tokenizer):
    one = midi(tokenizer=tokenizer)
    assert " ".join(one.tokens(one.encode(HAND))) == WRITTEN[tokenizer]
    assert one.decode(codes(one, WRITTEN[tokenizer])).score == HAND.score


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_every_tokenizer_keeps_the_common_score(tokenizer, small_piece, chorale_like):
    one = midi(tokenizer=tokenizer)
    pieces = [chorale_like] if small_piece.name == "long rest" and tokenizer == "Structured" else [small_piece]
    for piece in pieces:
        assert one.decode(one.encode(piece)).score == piece.score.common()


@pytest.mark.parametrize("velocities", [0, 8])
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_nonsense_decodes_and_settles_after_one_round(tokenizer, velocities):
    one = midi(tokenizer=tokenizer, velocities=velocities)

    @settings(max_examples=100)
    @given(st.lists(st.integers(0, one.space.levels - 2), max_size=80), st.integers(1, one.space.levels))
    def check(x, few):
        once = one.encode(one.decode(np.array(x, np.int64) % few % (one.space.levels - 1)))
        np.testing.assert_array_equal(one.encode(one.decode(once)), once)

    check()


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_every_token_can_occur_and_names_are_unique(tokenizer):
    one = midi(tokenizer=tokenizer)
    kinds = {name.split("_")[0] for name in one.vocabulary}
    assert len(set(one.vocabulary)) == one.space.levels
    assert not kinds & {"PAD", "BOS", "MASK", "Velocity", "Tempo", "PitchDrum", "Rest" * (tokenizer != "BEAT")}
    assert one.vocabulary[one.space.end] == "EOS_None"


def test_size_of_the_default_alphabet():
    assert midi().space.levels == 1 + 16 + 88 + 64 + 1  # Bar, Position, Pitch, Duration, EOS


@pytest.mark.parametrize(
    ("tokenizer", "names", "expected"),
    [
        ("REMI", "Duration_1.0.4 Pitch_60 Bar_None Position_3", []),
        ("REMI", "Pitch_60 Duration_1.0.4", [[0, 4, 60]]),  # before any bar: at the beginning
        (
            "REMI",
            "Bar_None Position_8 Pitch_60 Duration_1.0.4 Position_0 Pitch_62 Duration_1.0.4",
            [[0, 4, 62], [8, 4, 60]],
        ),
        (
            "MIDILike",
            "NoteOn_60 TimeShift_1.0.4 NoteOn_64 TimeShift_0.1.4",
            [[0, 5, 60], [4, 1, 64]],
        ),  # released at the end
        ("MIDILike", "NoteOff_60 NoteOn_60 NoteOff_60", []),
        ("BEAT", "Pitch_11 Pattern_73", []),  # an interval, with no key to count from
        ("BEAT", "TimeSig_4/4 Pitch_60 Pattern_41", []),  # before the first beat: before the beginning
        ("MIDILike", "NoteOn_60 TimeShift_0.2.4 NoteOn_60 TimeShift_0.2.4 NoteOff_60", [[0, 2, 60], [2, 2, 60]]),
    ],
)
def test_what_has_no_place_is_passed_over(tokenizer, names, expected):
    one = midi(tokenizer=tokenizer)
    assert one.decode(codes(one, names)).score.notes[:, :3].tolist() == expected


def test_velocities_are_kept_to_their_levels():
    one = midi(velocities=4)
    piece = Piece("loud", score=score_of((0, 4, 60, 127), (4, 4, 60, 30)))
    assert one.decode(one.encode(piece)).score.notes[:, 3].tolist() == [127, 31]
    assert one.loss(piece)["velocity_error"] == 0.5
    assert midi().loss(piece)["velocity_error"] == (47 + 50) / 2


@pytest.mark.parametrize("grid", [1, 3, 12])
@pytest.mark.parametrize("tokenizer", ["REMI", "TSD", "MIDILike", "Structured"])
def test_other_grids(tokenizer, grid, chorale_like):
    one = midi(tokenizer=tokenizer, grid=grid)
    assert one.decode(one.encode(chorale_like)).score == on_grid(chorale_like.score, grid)


def test_a_note_beyond_the_longest_is_cut_and_the_loss_says_so():
    piece = Piece("long", score=score_of((0, 80, 60)))
    assert midi().decode(midi().encode(piece)).score.notes[:, 1].tolist() == [64]
    assert midi().loss(piece)["duration_change_quarters"] == 4.0
    assert midi(tokenizer="MIDILike").loss(piece)["notes_missing"] == 0


def test_a_vast_clock_does_not_overflow():
    one = midi(grid=96, longest=256, tokenizer="TSD")
    longest = one.vocabulary.index("TimeShift_256.0.96")
    x = np.full(100_000, longest)
    x[-2:] = codes(one, "Pitch_60 Duration_1.0.96")
    assert len(one.decode(x).score) == 0  # what stands beyond the clock is not read


@pytest.mark.parametrize("tokenizer", REFUSED)
def test_tokenizers_that_do_not_fit_are_refused_with_a_reason(tokenizer):
    with pytest.raises(EtudeError, match=REFUSED[tokenizer][:20]):
        midi(tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenizer": "REMMI"}, "Did you mean 'REMI'"),
        ({"tokenizer": "BEAT", "grid": 3}, "grid of 4"),
        ({"velocities": 200}, "velocities"),
        ({"longest": 0}, "longest"),
        ({"lowest": 0}, "lowest"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(EtudeError, match=message):
        midi(**options)


def test_all_of_miditok_is_spoken_for():
    from miditok import tokenizations

    assert set(TOKENIZERS) | set(REFUSED) == set(tokenizations.__all__)


def test_tokenising_brings_in_no_framework():
    code = "import sys, etude; etude.representation('midi'); print(sorted(set(sys.modules) & {'torch', 'tensorflow'}))"
    out = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (out.stdout.strip(), out.stderr) == ("[]", "")


@pytest.mark.slow
@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_every_chorale_survives_a_tokenizer(tokenizer, chorales):
    options = {"longest": 64} if tokenizer == "Structured" else {}  # two chorales rest for more than 16 quarters
    one, pieces = midi(tokenizer=tokenizer, **options), [piece for split in chorales.values() for piece in split]
    assert len(pieces) == 410
    asked = pieces if tokenizer == "REMI" else pieces[list(TOKENIZERS).index(tokenizer) :: len(TOKENIZERS)]
    assert [piece.name for piece in asked if one.decode(one.encode(piece)).score != piece.score.common()] == []
