"""What sounds in Humdrum kern: spines that split, join, move, begin and end; what is refused, and how."""

import pytest
from notation_files import heard, tracks

from etude.errors import UnreadableFile
from etude.formats.notation import written

KERN = {
    "a tie of one note of a chord": ("**kern\n[2c 2e\n2c] 2g\n*-", "0+2:64 0+4:60 2+2:67"),
    "a spine split, joined, and split again": (
        "**kern\t**kern\n*\t*^\n4C\t4c\t4g\n4E\t4e\t4a\n*\t*v\t*v\n*\t*^\n*\t*\t*^\n4F\t4c\t4g\t4cc\n4G\t4d\t4a\t4dd\n"
        "*\t*v\t*v\t*\n*\t*v\t*v\n4A\t4cc\n*-\t*-",
        "0+1:48 0+1:60 0+1:67 1+1:52 1+1:64 1+1:69 2+1:53 2+1:60 2+1:67 2+1:72 3+1:55 3+1:62 3+1:69 3+1:74 4+1:57 "
        "4+1:72",
    ),
    "three spines joined at once": ("**kern\n*^\n*\t*^\n4c\t4e\t4g\n*v\t*v\t*v\n4d\n*-", "0+1:60 0+1:64 0+1:67 1+1:62"),
    "two parts that each join": (
        "**kern\t**kern\n*^\t*^\n4C\t4E\t4c\t4e\n*v\t*v\t*v\t*v\n4D\t4d\n*-\t*-",
        "0+1:48 0+1:52 0+1:60 0+1:64 1+1:50 1+1:62",
    ),
    "spines that change places": (
        "**kern\t**kern\n2C\t4c\n.\t4d\n*x\t*x\n4e\t2D\n4f\t.\n*-\t*-", "0+1:60 0+2:48 1+1:62 2+1:64 2+2:50 3+1:65",
    ),
    "a spine added": ("**kern\n4c\n*+\n*\t**kern\n4d\t4D\n4e\t4E\n*-\t*-", "0+1:60 1+1:50 1+1:62 2+1:52 2+1:64"),
    "a spine that ends": ("**kern\t**kern\n4C\t4c\n*-\t*\n4d\n*-", "0+1:48 0+1:60 1+1:62"),
    "words and dynamics": (
        "**kern\t**text\t**dynam\n4c\ta\tf\n*^\t*\t*\n4d\t4f\tb4c\t.\n*v\t*v\t*\t*\n4e\t.\t4g\n*-\t*-\t*-",
        "0+1:60 1+1:62 1+1:65 2+1:64",
    ),
    "a voice that pauses without rests": (
        "**kern\t**kern\n*\t*^\n4C\t4c\t4g\n4D\t4d\t.\n4E\t4e\t4b\n*\t*v\t*v\n*-\t*-",
        "0+1:48 0+1:60 0+1:67 1+1:50 1+1:62 2+1:52 2+1:64 2+1:71",
    ),
    "a spine split under a long note": (
        "**kern\t**kern\n4C\t2c\n*\t*^\n4D\t.\t4g\n4E\t4d\t4a\n*\t*v\t*v\n*-\t*-",
        "0+1:48 0+2:60 1+1:50 1+1:67 2+1:52 2+1:62 2+1:69",
    ),
    "lengths": ("**kern\n0c\n00d\n4.e\n4..f\n3%2g\n12a\n*-",
                "0+8:60 8+16:62 24+3/2:64 51/2+7/4:65 109/4+8/3:67 359/12+1/3:69"),
    "a rest at a height, and a hidden one": ("**kern\n4ggr\n4ryy\n4c\n*-", "2+1:60"),
    "grace notes": ("**kern\n8qd\n4c\n16qqe\n16qqf\n4d\n*-", "0+1:60 1+1:62"),
    "a long tie": ("**kern\n[4c\n=\n4c_\n=\n4c]\n4c\n*-", "0+3:60 3+1:60"),
    "an end without a beginning": ("**kern\n4c\n4c]\n*-", "0+1:60 1+1:60"),
    "accidentals": ("**kern\n4c#\n4d--\n4en\n4CC##\n*-", "0+1:61 1+1:60 2+1:64 3+1:38"),
    "ornaments": ("**kern\n(4c'T^\n{8d/L\n8ee-~J)}\n*-", "0+1:60 1+1/2:62 3/2+1/2:75"),
    "a transposing instrument sounds as written": ("**kern\n*ITrd-1c-2\n4c\n*-", "0+1:60"),
    "comments": ("!!!COM: X\n!! y\n**kern\n! z\n4c\n!LO:TX:t=a\n4d\n*-\n!!!ENC: Z", "0+1:60 1+1:62"),
    "a chord with one length": ("**kern\n4c e g\n*-", "0+1:60 0+1:64 0+1:67"),
}  # fmt: skip


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
