"""Voice leading: hand-made chords whose faults are known, and Bach."""

import numpy as np
import pytest

import etude
from etude.evaluation import voice_leading_table
from etude.evaluation.voice_leading import FIFTH, broken_rules, hidden, overlaps, parallels, unrecovered, wide
from etude.evaluation.voices import moments
from etude.types import Score

C_MAJOR = (72, 67, 64, 48)


def chorale(*chords, quarter=4):
    """A score of struck chords, a quarter each."""
    rows = [(quarter * i, quarter, pitch, 80, 0) for i, chord in enumerate(chords) for pitch in chord]
    return Score(np.array(rows, np.int64).reshape(-1, 5), 4)


def rules(*chords):
    return {rule: marks.tolist() for rule, marks in broken_rules(moments(chorale(*chords))).items()}


def moves(before, after):
    return np.array([before]), np.array([after])


def test_moments_are_four_part_and_know_what_is_struck():
    held = Score(np.array([(0, 8, 48, 80, 0), (0, 4, 64, 80, 0), (0, 4, 67, 80, 0), (0, 4, 72, 80, 0),
                           (4, 4, 65, 80, 0), (4, 4, 69, 80, 0), (4, 4, 72, 80, 0), (8, 4, 60, 80, 0)]), 4)  # fmt: skip
    found = moments(held)
    assert found.pitches.tolist() == [[72, 67, 64, 48], [72, 69, 65, 48]]
    assert found.struck.tolist() == [[True] * 4, [True, True, True, False]]
    assert found.following.tolist() == [True] and found.share == pytest.approx(2 / 3)


def test_a_pair_across_a_moment_of_other_size_is_no_pair():
    found = moments(chorale(C_MAJOR, (72, 48), (74, 69, 65, 50)))
    assert found.following.tolist() == [False]


@pytest.mark.parametrize(
    ("before", "after", "fifths", "octaves"),
    [
        ((72, 67, 64, 60), (74, 69, 65, 62), True, True),  # all up: C-G to D-A, and the octave C-C to D-D
        ((72, 67, 64, 48), (72, 69, 65, 53), False, False),  # the soprano stays
        ((72, 67, 64, 48), (71, 67, 62, 43), False, False),  # C-G repeated and contrary motion
        ((76, 67, 60, 48), (74, 65, 57, 50), False, False),  # contrary outer voices
        ((79, 67, 64, 60), (81, 69, 60, 53), False, True),  # octave of soprano and alto moves up
    ],
)
def test_parallels(before, after, fifths, octaves):
    assert parallels(*moves(before, after), FIFTH).tolist() == [fifths]
    assert parallels(*moves(before, after), 0).tolist() == [octaves]


def test_hidden_octaves_need_a_leap_of_the_soprano_in_the_direction_of_the_bass():
    assert hidden(*moves((67, 64, 60, 48), (74, 65, 57, 50)), 0).tolist() == [True]
    assert hidden(*moves((72, 64, 60, 48), (74, 65, 57, 50)), 0).tolist() == [False]  # already an octave: parallel
    assert hidden(*moves((73, 64, 60, 48), (74, 65, 57, 50)), 0).tolist() == [False]  # by step
    assert hidden(*moves((67, 64, 60, 52), (74, 65, 57, 50)), 0).tolist() == [False]  # contrary


def test_overlap_spacing_and_range():
    assert overlaps(*moves((67, 64, 60, 48), (72, 69, 60, 48))).tolist() == [True]  # alto above the old soprano
    assert overlaps(*moves((67, 64, 60, 48), (69, 65, 60, 48))).tolist() == [False]
    assert wide(np.array([(79, 65, 60, 48), (72, 67, 60, 40), (72, 67, 52, 40)])).tolist() == [True, False, True]
    assert rules((82, 72, 64, 48))["out_of_range"] == [True]
    assert rules(C_MAJOR)["out_of_range"] == [False]


def test_a_leap_is_recovered_by_a_move_the_other_way():
    up = [(64, 60, 55, 48), (72, 60, 55, 48)]
    after = {"back": (71, 60, 55, 48), "on": (74, 60, 55, 48), "stays": (72, 60, 55, 47)}
    found = {name: unrecovered(np.array([*up, chord]), np.array([True, True]))[0] for name, chord in after.items()}
    assert found == {"back": False, "on": True, "stays": False}
    assert not unrecovered(np.array([*up, after["on"]]), np.array([True, False]))[0]  # the line breaks off


def test_the_table_is_per_hundred_and_empty_sets_have_no_rates():
    faulty = chorale((72, 67, 64, 48), (74, 69, 65, 50), (72, 67, 64, 48), (71, 67, 62, 43))
    table = voice_leading_table({"faulty": [faulty], "none": [], "two voices": [chorale((72, 48), (71, 47))]})
    assert table.loc["faulty", ["pieces", "moments", "four_part"]].tolist() == [1, 4, 1]
    assert table.loc["faulty", "parallel_fifths"] == pytest.approx(200 / 3)
    assert table.loc[["none", "two voices"], "parallel_fifths"].isna().all()


def test_bach_breaks_the_rules_seldom_and_shuffled_bach_often():
    scores = [piece.score for piece in etude.corpus("chorales").load("valid")[:30]]
    rng = np.random.default_rng(0)
    shuffled = []
    for score in scores:
        pitches = moments(score).pitches
        shuffled.append(chorale(*pitches[rng.permutation(len(pitches))].tolist()))
    table = voice_leading_table({"Bach": scores, "chords in random order": shuffled})
    bach, chance = table.iloc[0], table.iloc[1]
    assert bach["parallel_fifths"] < 1 and bach["parallel_octaves"] < 1
    assert chance["parallel_fifths"] > 5 * bach["parallel_fifths"]
    assert chance["unrecovered_leaps"] > 5 * bach["unrecovered_leaps"]
    assert bach["four_part"] > 0.85
