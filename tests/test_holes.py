"""A hole in a piece: its bits by hand, what is far away changes nothing, what is around it stays."""

from functools import cache

import numpy as np
import pytest

import etude
from etude import Budget, EtudeError, Evidence, Space
from etude.models.totals import step_totals
from etude.study import holes

ROLL = Space((3,), 3, rate=4.0)
TINY = {"channels": 6, "blocks": 2, "reach": 3, "passes": 1}


def music(n=12, steps=40):
    rng = np.random.default_rng(1)
    return [np.repeat(rng.integers(0, 3, (steps // 4, 3)), 4, axis=0) for _ in range(n)]


@cache
def filler():
    model = etude.model("coconet", ROLL, seed=0, **TINY)
    model.fit(music(), music(2), Budget(20, 8, 12, 0.03, 10), seed=1)
    return model


@cache
def looking_back():
    model = etude.model("rnn", ROLL, seed=0, hidden=6, output="independent")
    model.fit(music(), music(2), Budget(20, 8, 12, 0.03, 10), seed=1)
    return model


def test_a_hole_begins_at_a_bar_near_the_middle():
    hole = holes.middle_hole(np.zeros((40, 3), int), 6, grid=8)
    assert holes.span(hole) == slice(16, 22)
    assert hole.known.sum() == (40 - 6) * 3


@pytest.mark.parametrize(("length", "steps", "grid"), [(16, 8, 8), (15, 4, 8), (40, 0, 8), (3, 1, 8)])
def test_a_hole_needs_music_on_both_sides(length, steps, grid):
    with pytest.raises(EtudeError, match="around a hole"):
        holes.middle_hole(np.zeros((length, 3), int), steps, grid)


def test_what_lies_beyond_the_window_changes_no_bit():
    (x,) = music(1)
    hole = holes.middle_hole(x, 4, grid=4)
    whole = filler().bits_of(x, ~hole.known, hole.known)
    assert np.isclose(holes.filling_bits(filler(), hole), whole, rtol=1e-5)
    gap, far = holes.span(hole), np.array(x)
    far[gap.stop + filler().radius + 1 :] = 0
    far[: gap.start - filler().radius - 1] = 0
    assert np.isclose(holes.filling_bits(filler(), Evidence(far, hole.known)), whole, rtol=1e-5)


def test_a_hidden_side_is_not_seen():
    (x,) = music(1)
    hole = holes.middle_hole(x, 4, grid=4)
    gap, other = holes.span(hole), np.array(x)
    other[gap.stop :] = (other[gap.stop :] + 1) % 3
    changed = Evidence(other, hole.known)
    assert holes.filling_bits(filler(), hole, after=False) == holes.filling_bits(filler(), changed, after=False)
    assert holes.filling_bits(filler(), hole) != holes.filling_bits(filler(), changed)


def test_looking_back_pays_for_the_steps_of_the_hole_alone():
    xs = music(3)
    torn = [holes.middle_hole(x, 8, grid=4) for x in xs]
    steps = step_totals(looking_back().step_bits(xs))
    assert np.allclose(holes.foreseen_bits(looking_back(), torn), [bits[20:28].sum() for bits in steps])


def test_the_seam_is_what_follows_the_hole():
    xs = music(2)
    torn = [holes.middle_hole(x, 8, grid=4) for x in xs]
    found = holes.seam_bits(looking_back(), xs, torn, steps=6)
    steps = step_totals(looking_back().step_bits(xs))
    assert np.allclose(found, [(bits[20:28].sum(), bits[28:34].sum()) for bits in steps])


def test_what_is_drawn_stays_in_the_hole():
    (x,) = music(1)
    hole = holes.middle_hole(x, 8, grid=4)
    mended = [holes.drawn_on(looking_back(), hole, seed) for seed in range(4)]
    assert all(np.array_equal(one[hole.known], x[hole.known]) for one in mended)
    assert any(not np.array_equal(one, x) for one in mended)
    assert np.array_equal(mended[0], holes.drawn_on(looking_back(), hole, 0))


def test_of_several_tries_the_one_is_kept_that_leads_on():
    (x,) = music(1)
    hole = holes.middle_hole(x, 8, grid=4)
    gap, model = holes.span(hole), looking_back()
    kept = holes.drawn_on(model, hole, seed=3, tries=6)
    drawn = model.condition(Evidence.prefix(x[: gap.start])).sample(6, gap.stop, seed=3)
    whole = [np.concatenate([one[: gap.stop], x[gap.stop :]]) for one in drawn]
    after = [bits[gap.stop : gap.stop + holes.BAR].sum() for bits in step_totals(model.step_bits(whole))]
    assert np.array_equal(kept, whole[int(np.argmin(after))])
    assert len(set(np.round(after, 6))) > 1


def test_the_highest_key_and_the_silence_above_it_are_known():
    x = np.array([[1, 0, 1, 0], [0, 2, 0, 0]])
    known = [[False, False, True, True], [False, True, True, True]]
    assert np.array_equal(holes.under_the_top(x).known, known)
