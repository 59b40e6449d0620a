"""Bootstrap intervals cover what they should, and pair what belongs together."""

import numpy as np
import pytest

from etude import EtudeError
from etude.evaluation.intervals import paired_difference, rate_interval, unpaired_difference


def test_the_rate_is_pooled_not_a_mean_of_rates():
    interval = rate_interval([10, 90], [1, 3])
    assert interval.value == 25  # the mean of the two rates would be 20
    assert interval.low == 10 and interval.high == 30
    middle = rate_interval([10, 90], [1, 3], level=0.4)  # half of the resamples hold one of each
    assert middle.low == middle.high == 25


def test_equal_pieces_have_no_spread():
    interval = rate_interval([6.0] * 9, [2.0] * 9)
    assert (interval.low, interval.value, interval.high) == (3, 3, 3)


def test_coverage_is_near_its_level():
    rng, hits = np.random.default_rng(0), 0
    for trial in range(300):
        seconds = rng.uniform(10, 60, 60)
        bits = seconds * rng.normal(20, 5, 60)
        interval = rate_interval(bits, seconds, level=0.9, resamples=400, seed=trial)
        hits += interval.low <= 20 <= interval.high
    assert 0.84 < hits / 300 < 0.95


def test_the_width_is_that_of_the_standard_error():
    rng = np.random.default_rng(1)
    bits = rng.normal(50, 8, 400)
    interval = rate_interval(bits, np.ones(400))
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * bits.std() / 20, rel=0.05)


def test_a_paired_difference_is_narrower_than_two_intervals():
    rng = np.random.default_rng(2)
    seconds = rng.uniform(10, 60, 50)
    hard = seconds * rng.normal(20, 5, 50)
    easier = hard - seconds * rng.normal(0.5, 0.2, 50)
    difference = paired_difference(easier, hard, seconds)
    assert difference.high < 0 and difference.value == pytest.approx((easier - hard).sum() / seconds.sum())
    one, other = rate_interval(easier, seconds), rate_interval(hard, seconds)
    assert one.high > other.low  # the separate intervals overlap, the difference is clear
    assert difference.high - difference.low < 0.2 * (one.high - one.low)
    same = paired_difference(hard, hard, seconds)
    assert (same.low, same.high) == (0, 0)


def test_same_seed_same_interval_in_one_block_or_many(monkeypatch):
    rng = np.random.default_rng(3)
    bits, seconds = rng.normal(50, 8, 30), rng.uniform(1, 2, 30)
    whole = rate_interval(bits, seconds, resamples=500)
    assert whole == rate_interval(bits, seconds, resamples=500)
    assert whole != rate_interval(bits, seconds, resamples=500, seed=1)
    monkeypatch.setattr("etude.evaluation.intervals.BLOCK", 30 * 7)
    blocks = rate_interval(bits, seconds, resamples=500)
    assert (blocks.low, blocks.high) == (whole.low, whole.high)


@pytest.mark.parametrize("bits, amounts, level", [([], [], 0.9), ([1], [1, 2], 0.9), ([1], [0], 0.9), ([1], [1], 1.0)])
def test_impossible_requests_are_refused(bits, amounts, level):
    with pytest.raises(EtudeError):
        rate_interval(bits, amounts, level)


@pytest.mark.filterwarnings("error")
def test_resamples_without_amounts_are_left_out_in_silence():
    interval = rate_interval([0.0, 8.0], [0.0, 2.0])  # a quarter of the resamples hold the first piece alone
    assert (interval.low, interval.value, interval.high) == (4, 4, 4)
    apart = unpaired_difference([0.0, 8.0], [0.0, 2.0], [3.0], [3.0])
    assert (apart.low, apart.value, apart.high) == (3, 3, 3)
