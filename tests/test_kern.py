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


def kern(*lines: str, metre="*M4/4", spines=1) -> str:
    rows = [metre, *lines]
    rows = ["\t".join([row] * spines) if row[0] in "*=" and "\t" not in row else row for row in rows]
    return "\n".join(["\t".join(["**kern"] * spines), *rows, "\t".join(["*-"] * spines)])


UPBEATS = {  # text: metre, quarters of the upbeat
    "a quarter": (kern("4g", "=1", "1c", "=2", "2.c", "=="), (4, 4), 1),
    "none": (kern("=1-", "1c", "=2", "1c", "=="), (4, 4), 0),
    "none, and no line before the first bar": (kern("1c", "=2", "2.c", "=="), (4, 4), 0),
    "6/8": (kern("8g", "=1", "2.c", "=2", "4.c", "4c", "==", metre="*M6/8"), (6, 8), 0.5),
    "3/4 in two spines": (kern("4G\t8g", ".\t8a", "=1", "2.C\t2.c", "==", metre="*M3/4", spines=2), (3, 4), 1),
    "a grace note before the line": (kern("4g", "8qa", "=1", "1c", "=="), (4, 4), 1),
    "a tempo": (kern("*MM90", "4g", "=1", "1c", "=="), (4, 4), 1),
    "a repeat after it": (kern("4g", "=1!|:", "1c", "=2:|!", "1c", "=="), (4, 4), 1),
    "a bar that a repeat divides": (kern("2.g", "=:|!|:", "4g", "=2", "1c", "=="), (4, 4), 0),
    "a bar that a double line divides": (kern("2.g", "=||", "4g", "=2", "1c", "=="), (4, 4), 0),
    "another metre later": (kern("4g", "=1", "1c", "=2", "*M2/4", "2c", "=="), (4, 4), 1),
    "a metre after the music has begun": (kern("4g", "=1", "*M3/4", "2.c", "==", metre="*clefG2"), None, 0),
    "no metre": (kern("4g", "=1", "1c", "==", metre="*clefG2"), None, 0),
    "one bar": (kern("4g", "=="), (4, 4), 0),
}


@pytest.mark.parametrize("name", UPBEATS)
def test_an_upbeat_is_what_stands_before_the_first_whole_bar(name):
    text, meter, pickup = UPBEATS[name]
    assert written(text)[2:] == (meter, pickup)
