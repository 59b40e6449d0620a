"""What followed the same last frames is found in any key, counted by hand, and never looks ahead."""

import numpy as np
import pytest

from etude import Space
from etude.errors import EtudeError, SpaceMismatch
from etude.models.suffixes import SuffixTable

ROLL = Space(levels=3, event_shape=(8,), rate=4.0)


def frames(*keys, code=1):
    """Frames in which these entries sound: a number, several, or none."""
    x = np.zeros((len(keys), ROLL.entries), np.int64)
    for frame, some in zip(x, keys, strict=True):
        frame[list(np.atleast_1d(np.asarray(some, int)))] = code
    return x


def slowly(table, train, x, part):
    """Counts and hits by comparing every suffix with every place in every key: no arrays, no state."""

    def seen(frame):
        sounding = np.flatnonzero(frame)
        if part == "top":
            sounding = sounding[-1:]
        return [(int(e), int(frame[e])) for e in sounding]

    def moved(frame, by):
        return [(e + by, code) for e, code in frame]

    pieces = [[seen(f) for f in piece] for piece in [*train, x]]
    whole = [[[(int(e), int(f[e])) for e in np.flatnonzero(f)] for f in piece] for piece in [*train, x]]
    counts, hits = np.zeros((2, len(x), len(table.orders)))
    for t in range(len(x)):
        for column, order in enumerate(table.orders):
            if order > t:
                continue
            suffix = pieces[-1][t - order : t]
            for number, piece in enumerate(pieces):
                last = t if number == len(pieces) - 1 else len(piece)
                for end in range(order, last):
                    ways = [by for by in range(-8, 9) if [moved(f, by) for f in piece[end - order : end]] == suffix]
                    for by in ways[:1]:
                        after = moved(whole[number][end], by)
                        if all(0 <= e < ROLL.entries for e, _ in after):
                            counts[t, column] += 1
                            hits[t, column] += after == whole[-1][t]
    return counts, hits / np.maximum(counts, 1)


@pytest.mark.parametrize("shortest", [1, 3])
@pytest.mark.parametrize("part", ["frame", "top"])
def test_what_is_found_equals_a_search_through_every_place_and_key(part, shortest):
    rng = np.random.default_rng(0)
    pieces = [rng.choice([0, 0, 0, 1, 2], (n, ROLL.entries)) * (np.arange(ROLL.entries) < 4) for n in (30, 25, 40)]
    for piece in pieces:
        piece[:, 3] = 1  # no frame is empty: an empty one keeps the place of the last
        piece[rng.random(len(piece)) < 0.7] = piece[0]
    x = np.roll(pieces[2], 2, axis=1)
    table = SuffixTable(ROLL, pieces[:2], part, longest=5, shortest=shortest)
    found = table.ask([x])
    counts, hits = slowly(table, pieces[:2], x, part)
    assert np.array_equal(found.counts, counts) and np.allclose(found.right, hits)
    assert counts[:, -1].max() > 0 and hits.max() > 0


def test_what_two_tables_find_adds_up_to_what_one_of_both_finds():
    rng = np.random.default_rng(1)
    train = [rng.choice([0, 1], (20, ROLL.entries), p=[0.8, 0.2]) for _ in range(2)]
    x = np.concatenate([train[0][3:9], train[1][:8], train[0][3:12]])
    both, known, own = (
        SuffixTable(ROLL, some, "top", own=own).ask([x]) for some, own in ((train, True), (train, False), ([], True))
    )
    assert np.array_equal((known + own).counts, both.counts) and np.allclose((known + own).right, both.right)
    assert own.counts.any() and (known.counts != both.counts).any()


def test_by_hand():
    table = SuffixTable(ROLL, [frames(0, 2, 4), frames(1, 3, 5, 6)], longest=2, own=False)
    found = table.ask([frames(2, 4, 6)])
    assert found.counts.tolist() == [[0, 0], [5, 0], [5, 3]]  # one shape; up by two, three times; 4 -> end is no answer
    assert np.allclose(found.right, [[0, 0], [4 / 5, 0], [4 / 5, 2 / 3]])


def test_the_melody_alone_foresees_whole_frames():
    known = frames((0, 5), (1, 6), (2, 7))
    piece = frames((3, 5), (4, 6), (2, 7))
    assert SuffixTable(ROLL, [known], "frame", own=False).ask([piece]).counts.sum() == 0
    found = SuffixTable(ROLL, [known], "top", longest=2, own=False).ask([piece])
    assert found.counts[2].tolist() == [2, 1] and found.right[2].tolist() == [1, 1]


def test_what_would_leave_the_keys_is_no_answer():
    table = SuffixTable(ROLL, [frames(2, 6)], longest=1, own=False)
    assert table.ask([frames(0, 4)]).counts[1] == 1 and table.ask([frames(5, 5)]).counts[1] == 0


def test_held_and_struck_keys_are_different_frames():
    held = frames(2, 4, code=2)
    assert SuffixTable(ROLL, [frames(2, 4)], longest=1, own=False).ask([held]).counts.sum() == 0


def test_the_piece_itself_is_known_as_far_as_it_has_come():
    piece = frames(1, 3, 1, 3, 1, 3)
    found = SuffixTable(ROLL, [], longest=2).ask([piece])
    assert found.counts[:, 1].tolist() == [0, 0, 0, 0, 1, 1] and found.right[:, 1].tolist() == [0, 0, 0, 0, 1, 1]
    assert SuffixTable(ROLL, [], longest=2, own=False).ask([piece]).counts.sum() == 0


def test_no_suffix_reaches_from_one_piece_into_the_next():
    apart = SuffixTable(ROLL, [frames(1, 2), frames(3, 4)], longest=2, own=False)
    assert apart.ask([frames(2, 3, 4)]).counts[2, 1] == 0
    together = SuffixTable(ROLL, [frames(1, 2, 3, 4)], longest=2, own=False)
    assert together.ask([frames(2, 3, 4)]).counts[2, 1] == 2
    alone, both = (together.ask(xs).counts for xs in ([frames(2, 3)], [frames(1, 2), frames(2, 3)]))
    assert np.array_equal(both[2:], alone)


def test_an_empty_frame_keeps_the_key():
    table = SuffixTable(ROLL, [frames(1, [], 2)], longest=2, own=False)
    found = table.ask([frames(4, [], 5)])
    assert found.counts[2].tolist() == [1, 1] and found.right[2].tolist() == [1, 1]
    assert found.counts[1].tolist() == [1, 0] and found.right[1].tolist() == [1, 0]


def test_before_anything_sounds_no_place_is_known():
    table = SuffixTable(ROLL, [frames([], 3, 5, 2)], longest=3, own=False)
    found = table.ask([frames([], 4, 6, 3), frames([], [], 3)])
    assert found.counts[:4].tolist() == [[0, 0, 0], [0, 0, 0], [2, 1, 0], [1, 1, 1]]
    assert found.right[2, 1] == found.right[3, 2] == 1 and not found.counts[4:].any()
    silent = SuffixTable(ROLL, [frames([], [], [])], longest=2, own=False).ask([frames([], [])])
    assert silent.counts[1].tolist() == [2, 0] and silent.right[1, 0] == 1


def test_asking_leaves_a_table_as_it_is():
    table = SuffixTable(ROLL, [frames(1, 2, 4)], longest=2)
    before = len(table.known.shapes), table.ask([frames((1, 2), (3, 4), (1, 2), (3, 4))]).counts.tolist()
    assert (len(table.known.shapes), table.ask([frames((1, 2), (3, 4), (1, 2), (3, 4))]).counts.tolist()) == before
    assert before[0] == 1 and len(table) == 3


@pytest.mark.parametrize(
    ("longest", "orders"), [(1, [1]), (4, [1, 2, 3, 4]), (20, [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20])]
)
def test_the_longest_suffix_is_one_that_is_asked_for(longest, orders):
    assert SuffixTable(ROLL, [], longest=longest).orders.tolist() == orders


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: SuffixTable(Space((), 5), []), SpaceMismatch, "frames of keys"),
        (lambda: SuffixTable(ROLL, [np.zeros((4, 9), int)]), SpaceMismatch, "pieces of"),
        (lambda: SuffixTable(ROLL, [frames(1, 2, code=7)]), SpaceMismatch, "pieces of"),
        (lambda: SuffixTable(ROLL, [], "bass"), EtudeError, "part of a frame"),
        (lambda: SuffixTable(ROLL, [], longest=0), EtudeError, "one frame or more"),
        (lambda: SuffixTable(ROLL, [], longest=2, shortest=3), EtudeError, "one frame or more"),
    ],
)
def test_what_is_no_table_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
