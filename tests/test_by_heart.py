"""Tables of what is known, counted by hand; every choice comes from the validation steps."""

import numpy as np
import pytest

from etude import Space
from etude.models.suffixes import Found, SuffixTable
from etude.study import by_heart
from etude.study.many_keys import Readings

ROLL = Space(levels=2, event_shape=(6,), rate=4.0)


def found():
    """Four steps, two orders: nothing known, then more and more."""
    return Found(np.array([[0, 0], [2, 0], [3, 1], [30, 1]]), np.array([[0, 0], [0.5, 0], [1 / 3, 1], [0, 0]], float))


def test_what_is_known_by_hand():
    groups = {"first": np.array([True, True, False, False]), "never": np.zeros(4, bool)}
    table = by_heart.known_table({"a": found()}, [1, 2], groups).set_index(["group", "order"])
    assert table.loc[("all", 1), "share"] == 0.75 and np.isclose(table.loc[("all", 1), "right"], (0.5 + 1 / 3) / 3)
    assert table.loc[("all", 2), "share"] == 0.5 and table.loc[("all", 2), "right"] == 0.5
    assert table.loc[("first", 1), "share"] == 0.5 and np.isnan(table.loc[("first", 2), "right"])
    assert table.loc[("never", 1), "share"] == 0


def test_trusts_are_named_by_how_often_a_suffix_is_known():
    table = by_heart.trust_table(np.arange(10).reshape(2, 5) / 10, np.array([1, 4]))
    assert list(table) == ["1", "2", "3 to 5", "6 to 20", "21 or more", "frames"]
    assert table["frames"].tolist() == [1, 4] and table.loc[1, "21 or more"] == 0.9


def test_the_fewest_parts_that_come_near_are_taken():
    steps = np.full(400, 3.0)
    counts, rng = np.full((400, 1), 30), np.random.default_rng(0)
    sure, vague = Found(counts, rng.choice([0.0, 0.9], (400, 1))), Found(counts, rng.choice([0.0, 0.3], (400, 1)))
    choices = by_heart.parts_table(steps, {"frame": sure, "top": vague}, 2.0).set_index("parts")["valid"]
    assert choices["none"] == 6.0 and choices["frame"] < choices["top"] < 6.0
    assert choices["frame and top"] <= choices["frame"]
    table = by_heart.parts_table(steps, {"frame": sure, "top": vague}, 2.0)
    assert by_heart.enough_parts(table, 0.5) == ("frame",) and by_heart.enough_parts(table, 0.0) == ("frame", "top")


def test_trust_comes_from_the_validation_steps():
    steps, right, wrong = np.full(50, 5.0), np.ones((50, 1)), np.zeros((50, 1))
    counts = np.full((50, 1), 4)
    learnt_well = by_heart.beside(steps, [Found(counts, wrong)], steps, [Found(counts, right)])
    learnt_badly = by_heart.beside(steps, [Found(counts, right)], steps, [Found(counts, wrong)])
    assert (learnt_well > 9).all() and (learnt_badly > 1).all()


@pytest.mark.parametrize("known", by_heart.KNOWN)
def test_each_table_holds_what_its_name_says(known):
    train = [np.eye(6, dtype=int)[[0, 1, 0, 1, 2]]]
    piece = np.eye(6, dtype=int)[[3, 4, 3, 4, 3]]
    tables = by_heart.tables(ROLL, train, 4, known)
    assert [table.part for table in tables] == ["frame", "top"] and [table.orders[0] for table in tables] == [1, 2]
    training, own = by_heart.KNOWN[known]
    assert [len(table) for table in tables] == [5 if training else 0] * 2
    found = by_heart.ask(ROLL, train, 4, [piece])
    assert by_heart.of_parts(found, ["top"])[known] == [found[known][1]]
    counts = found[known][0].counts
    assert (counts[1, 0] > 0) == training and counts[4].sum() > counts[1].sum()
    both = SuffixTable(ROLL, train if training else [], longest=4, own=own).ask([piece]).counts
    assert np.array_equal(counts, both)


def test_a_table_can_be_as_short_as_one_frame():
    assert [table.orders.tolist() for table in by_heart.tables(ROLL, [], 1)] == [[1], [1]]


def test_every_way_stands_beside_a_table():
    test = Readings(np.array([[[1.0, 2, 3], [1, 1, 5]], [[2.0, 2, 2], [4, 4, 4]]]), np.array([2, 1]))
    counts = np.array([[0], [3], [3]])
    tables = {
        known: [Found(counts, np.array([[0], [hit], [hit]]))]
        for known, hit in zip(by_heart.KNOWN, (0.2, 0.5, 0.9), strict=True)
    }
    wrong = {known: [Found(counts, np.zeros((3, 1)))] for known in by_heart.KNOWN}
    unsure = by_heart.ways(test, test, 2, tables, wrong)["one network with a table"][0]
    found = by_heart.ways(test, test, 2, tables, tables)
    assert (unsure[1:] > found["one network with a table"][0][1:]).all()
    assert list(found)[:5] == [
        "one network",
        *(f"one network with {known}" for known in by_heart.KNOWN),
        "one network in 2 keys",
    ]
    assert list(found)[-1] == "mixture of 2 networks in 2 keys with a table" and len(found) == 10
    assert [len(some) for some in found.values()] == [2] * 6 + [1] * 4
    for with_table, alone in (("one network with a table", "one network"), (list(found)[-1], list(found)[-2])):
        for one, other in zip(found[with_table], found[alone], strict=True):
            assert one[0] == other[0] and (one[1:] < other[1:]).all()
