"""Parameters of notebooks: what a cell declares, how text becomes a value of the declared type, what is refused."""

import math
import re

import pytest

from etude.errors import EtudeError
from etude.study.parameter_text import split_list
from etude.study.parameters import read_parameters

CELL = """
# optimiser steps
steps = 1000
rate = 1e-3  # peak of the schedule
deep = False
name: str = "lstm"
window: int | None = None  # steps, None: whole pieces
limit = None
sizes = (1, 2)
names = ["a", "b"]
options = {"dropout": 0.1, "tied": False, "sound": {"first": 64, "hole": [5.0, 6.0]}}
free = {}
representation = "pianoroll"
shift = -5
"""
SOUND = {"first": 64, "hole": [5.0, 6.0]}
KNOWN = read_parameters(CELL, "test")


def test_a_cell_is_read_without_running_it():
    assert {name: p.default for name, p in KNOWN.items()} == {
        "steps": 1000,
        "rate": 1e-3,
        "deep": False,
        "name": "lstm",
        "window": None,
        "limit": None,
        "sizes": (1, 2),
        "names": ["a", "b"],
        "options": {"dropout": 0.1, "tied": False, "sound": {"first": 64, "hole": [5.0, 6.0]}},
        "free": {},
        "representation": "pianoroll",
        "shift": -5,
    }
    assert KNOWN["steps"].help == "optimiser steps"
    assert KNOWN["rate"].help == "peak of the schedule"
    assert KNOWN["window"].help == "steps, None: whole pieces"


@pytest.mark.parametrize("cell", ["steps = 2 * 3", "import os", "a = b = 1", "x = open('f')", "a, b = 1, 2", "%time"])
def test_a_cell_that_computes_is_refused(cell):
    with pytest.raises(EtudeError, match="parameters cell"):
        read_parameters(cell, "test")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("steps", "50", 50),
        ("steps", "1_000", 1000),
        ("steps", "-3", -3),
        ("rate", "5e-4", 5e-4),
        ("rate", "1", 1.0),
        ("rate", "inf", math.inf),
        ("deep", "true", True),
        ("deep", "False", False),
        ("deep", "0", False),
        ("name", "1_000", "1_000"),
        ("name", "nan", "nan"),
        ("name", "true", "true"),
        ("name", "", ""),
        ("window", "64", 64),
        ("window", "none", None),
        ("limit", "3", 3),
        ("limit", "all of it", "all of it"),
        ("sizes", "3,4,5", (3, 4, 5)),
        ("sizes", "(3, 4)", (3, 4)),
        ("sizes", "[3]", (3,)),
        ("sizes", "7", (7,)),
        ("names", "c,d", ["c", "d"]),
        ("names", "['c', 'd,e']", ["c", "d,e"]),
        ("options", "{'tied': True, 'dropout': 1}", {"dropout": 1.0, "tied": True, "sound": SOUND}),
        ("options", '{"tied": true}', {"dropout": 0.1, "tied": True, "sound": SOUND}),
        ("options", '{"sound": {"first": 4}}', {"dropout": 0.1, "tied": False, "sound": {**SOUND, "first": 4}}),
        ("options", "{}", {"dropout": 0.1, "tied": False, "sound": SOUND}),
        ("free", "{'a': 1}", {"a": 1}),
        ("representation", "text", "text"),
    ],
)
def test_text_is_read_by_the_declared_type(name, text, value):
    got = KNOWN[name].parse(text)
    assert got == value
    assert type(got) is type(value)


def test_a_number_may_be_no_number():
    assert math.isnan(KNOWN["rate"].parse("nan"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("steps", "many", "expected an integer for steps; got 'many'"),
        ("steps", "1e3", "an integer for steps"),
        ("steps", "2.5", "an integer for steps"),
        ("steps", "", "an integer for steps"),
        ("rate", "fast", "a number for rate"),
        ("deep", "2", "true or false for deep"),
        ("window", "wide", "an integer or none for window"),
        ("sizes", "3,x", "a tuple of int for sizes"),
        ("sizes", "('a', 'b')", "a tuple of int for sizes"),
        ("names", "(0)", "a list of str for names; got '(0)'"),
        ("options", "{[1]: 2}", "a dictionary for options"),
        ("options", "[1]", "a dictionary for options"),
        ("options", "{'dropot': 0.5}", "name of a key of options; got 'dropot'. Did you mean 'dropout'?"),
        ("options", "{'dropout': 'much'}", "a number for options['dropout']; got 'much'"),
        ("options", "{'tied': 1}", "true or false for options['tied']"),
        ("options", "{'sound': {'frist': 4}}", "key of options['sound']; got 'frist'. Did you mean 'first'?"),
        ("options", "{'sound': {'hole': ['a', 'b']}}", "a list of float for options['sound']['hole']"),
        ("options", "{'sound': 4}", "a dictionary for options['sound']"),
        ("options", "{1: 2}", "got 1"),
        ("options", "__import__('os')", "a dictionary for options"),
        ("representation", "txt", "Did you mean 'text'"),
    ],
)
def test_text_of_another_type_is_refused_and_the_type_named(name, text, message):
    with pytest.raises(EtudeError, match=re.escape(message)):
        KNOWN[name].parse(text)


def test_values_of_a_profile_are_checked_by_type():
    assert KNOWN["rate"].check(1) == 1.0
    assert KNOWN["sizes"].check([5, 6]) == (5, 6)
    for name, value in [("steps", 1.5), ("steps", True), ("deep", 1), ("name", 3), ("sizes", ["a"]), ("steps", None)]:
        with pytest.raises(EtudeError):
            KNOWN[name].check(value)


def test_lists_are_split_where_nothing_encloses_the_comma():
    assert split_list("0, (1,2),[3,4],'a,b',{'k': 1, 'l': 2}") == ["0", "(1,2)", "[3,4]", "'a,b'", "{'k': 1, 'l': 2}"]


def test_entries_are_changed_on_top_of_those_of_the_profile():
    profile = KNOWN["options"].check({"dropout": 0.7, "sound": {"first": 8}})
    both = KNOWN["options"].parse("{'sound': {'hole': [1.0, 2.0]}}", profile)
    assert both == {"dropout": 0.7, "tied": False, "sound": {"first": 8, "hole": [1.0, 2.0]}}
    assert list(both) == list(KNOWN["options"].default)
    assert KNOWN["options"].default["sound"] == SOUND  # itself unchanged
