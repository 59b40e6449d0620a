"""Drawing one voice exactly: against the enumeration of all lines, and with rules as weights."""

from itertools import product

import numpy as np
import pytest

from etude.together.lines import NEVER, REST, Lines, draw_line
from etude.together.rules import move_weights, note_weights

T, K = 3, 2
RNG = np.random.default_rng(0)
STRUCK, HELD, SILENT, MOVES = (RNG.normal(size=shape) for shape in ((T, K), (T, K), (T,), (T, K, K)))


def weight(line, moves):
    """The log weight of a line of (key, struck) pairs, None where it holds what did not sound."""
    total, before = 0.0, REST
    for t, (key, struck) in enumerate(line):
        if key == REST:
            total += SILENT[t]
        elif struck:
            total += STRUCK[t, key] + (moves[t, before, key] if moves is not None and before != REST else 0)
        elif key != before:
            return None
        else:
            total += HELD[t, key]
        before = key
    return total


@pytest.mark.parametrize("moves", [None, MOVES], ids=["alone", "with moves"])
def test_lines_are_drawn_in_proportion_to_their_weights(moves):
    states = [(REST, False), *product(range(K), (True, False))]
    found = {line: weight(line, moves) for line in product(states, repeat=T)}
    p = {line: np.exp(w) for line, w in found.items() if w is not None}
    total, n, rng, seen = sum(p.values()), 2000, np.random.default_rng(1), {}
    for _ in range(n):
        keys, struck = draw_line(STRUCK, HELD, SILENT, moves, rng)
        line = tuple(zip(keys.tolist(), struck.tolist(), strict=True))
        seen[line] = seen.get(line, 0) + 1
    assert seen.keys() <= p.keys()
    chi = sum((seen.get(line, 0) - n * q / total) ** 2 / (n * q / total) for line, q in p.items())
    assert chi < len(p) + 4 * np.sqrt(2 * len(p))  # chi squared with as many degrees of freedom, 4 deviations


def test_a_line_never_holds_what_it_did_not_strike():
    held = np.full((T, K), 50.0)
    keys, struck = draw_line(STRUCK, held, SILENT, None, np.random.default_rng(0))
    assert struck[np.flatnonzero(keys != REST)[0]]
    assert (keys[1:][~struck[1:] & (keys[1:] != REST)] == keys[:-1][~struck[1:] & (keys[1:] != REST)]).all()


def four(upper, lower):
    keys = np.array([upper, lower])
    every = np.ones(keys.shape, bool)
    return Lines(keys, every, every.copy(), every.copy())


def test_parallels_overlaps_and_leaps_are_made_rare():
    lines = four([24, 26, 26], [12, 12, 12])
    weights = move_weights(lines, 1, 0, 26, 1.0)
    fifth, octave, free = weights[1, 17, 19], weights[1, 12, 14], weights[1, 17, 16]
    assert fifth < -7 and octave < -7 and free == 0  # below a voice that rises by a tone
    assert weights[2, 17, 19] == 0  # it does not move here
    assert weights[1, 15, 25] < -4  # above where the upper voice just was, and a leap
    assert weights[2, 0, 6] < 0 and weights[2, 0, 12] == 0  # a tritone; an octave
    assert move_weights(lines, 1, 0, 26, 0) is None


def test_clashes_and_unrest_are_made_rare():
    lines = four([24, 24, 24], [12, 12, 12])
    lines.struck[0, 1:] = False
    lines.given[1] = False
    weights = note_weights(lines, 1, 0, 26, 1.0)
    assert weights[0, 11] < weights[0, 10] == 0  # a major seventh below
    assert weights[2, 10] < 0 and weights[1, 10] < weights[2, 10]  # nothing given begins, on an odd step least of all


def test_bands_lie_between_the_known_voices():
    lines = four([20, 20, REST], [10, 20, 10])
    low, high = lines.band(1, 5, 30)
    assert low.tolist() == [5, 5, 5] and high.tolist() == [19, 19, 30]
    lines.written[0] = False
    assert lines.band(1, 5, 30)[1].tolist() == [30, 30, 30]


def test_where_written_voices_leave_no_room_nobody_crosses_what_was_given():
    keys = np.array([[20, 20, 4], [0, 0, 0], [19, 10, 10]])
    given = np.array([[True] * 3, [False] * 3, [False] * 3])
    lines = Lines(keys, np.ones(keys.shape, bool), given, np.ones(keys.shape, bool))
    low, high = lines.band(1, 5, 30)
    assert low.tolist() == [5, 11, 5] and high.tolist() == [19, 19, 30]  # at last no key at all: then any
    lines.given[2] = True
    low, high = lines.band(1, 5, 30)
    assert low.tolist() == [5, 11, 5] and high.tolist() == [30, 19, 30]


def test_a_roll_shows_what_is_written_and_no_more():
    lines = four([3, 3, 1], [0, 0, 0])
    lines.struck[0, 1] = False
    lines.written[1] = False
    assert lines.roll(4).tolist() == [[0, 0, 0, 1], [0, 0, 0, 2], [0, 1, 0, 0]]
    assert NEVER < -1e8
