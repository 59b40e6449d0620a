"""What sounds in Humdrum kern: spines that split, join, move, begin and end; what is refused, and how."""

import pytest
from notation_files import KERN, heard, tracks

from etude.errors import UnreadableFile
from etude.formats.notation import written


@pytest.mark.parametrize("name", KERN)
def test_what_sounds_in_kern(name):
    text, expected = KERN[name]
    assert heard(text) == expected


def test_the_rightmost_spine_is_the_first_track_and_the_tempo_is_read():
    text = "**kern\t**kern\n*MM72\t*MM72\n4C\t4c\n*-\t*-"
    assert tracks(text) == [(0, 60), (1, 48)] and written(text).bpm == 72


BAD_KERN = {
    "a field too few": ("**kern\t**kern\n4C\n*-\t*-", "1 fields for 2 spines in line 2"),
    "durations that disagree": ("**kern\t**kern\n4C\t2c\n4D\t4d\n4E\t4e\n*-\t*-", "line 3"),
    "a second piece": ("**kern\n4c\n*-\n**kern\n4d\n*-", "line 4"),
    "no kern": ("**mens\nSc\n*-", "**mens"),
    "a join of one": ("**kern\t**kern\n*v\t*\n4C\t4c\n*-\t*-", "line 2"),
    "no duration": ("**kern\nc\n*-", "'c'"),
    "no pitch": ("**kern\n4\n*-", "'4'"),
    "two pitches in one": ("**kern\n4ce\n*-", "'4ce'"),
    "too high": ("**kern\n4cccccccc\n*-", "cccccccc"),
    "a duration of ten million digits": ("**kern\n4" + "4" * 10**7 + "c\n*-", "duration"),
    "mixed": ("**kern\t**kern\n4c\t=\n*-\t*-", "line 2"),
    "three that change places": ("**kern\t**kern\t**kern\n*x\t*x\t*x\n*-\t*-\t*-", "3 *x"),
}


@pytest.mark.parametrize("name", BAD_KERN)
def test_kern_that_makes_no_sense_is_refused_in_words(name):
    text, words = BAD_KERN[name]
    with pytest.raises(UnreadableFile) as caught:
        heard(text)
    assert words in str(caught.value) and len(str(caught.value)) < 400
