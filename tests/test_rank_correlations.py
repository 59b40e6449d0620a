"""Rank correlations: by hand, as SciPy has them, and covering what they should."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, spearmanr

from etude.errors import EtudeError
from etude.evaluation import rank_correlation, rank_correlation_table
from etude.evaluation.rank_correlations import kendall, permutation_p, spearman


def test_by_hand():
    x = np.array([1.0, 2, 3, 4])
    assert spearman(x, np.array([1.0, 2, 4, 3])) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert kendall(x, np.array([1.0, 2, 4, 3])) == pytest.approx((5 - 1) / 6)
    assert spearman(x, -x) == kendall(x, -x) == -1
    assert np.isnan(spearman(x, np.ones(4))) and np.isnan(kendall(x, np.ones(4)))


def test_ties_are_as_in_scipy():
    rng = np.random.default_rng(0)
    for _ in range(10):
        x, y = rng.integers(0, 6, (2, 12)).astype(float)
        assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
        assert kendall(x, y) == pytest.approx(kendalltau(x, y).statistic)


@pytest.mark.parametrize("method", ["spearman", "kendall"])
def test_the_interval_covers_and_knows_nothing_from_something(method):
    rng, held = np.random.default_rng(1), 0
    for trial in range(60):
        x, y = rng.normal(size=(2, 25))
        found = rank_correlation(x, y, method, resamples=300, seed=trial)
        held += found.low <= 0 <= found.high
    assert held >= 50
    x = rng.normal(size=25)
    strong = rank_correlation(x, x + rng.normal(0, 0.3, 25), method)
    assert strong.low > 0.5 and permutation_p(x, x + rng.normal(0, 0.3, 25), method) < 0.01
    assert permutation_p(x, rng.normal(size=25), method) > 0.01


def test_models_without_both_numbers_are_left_out():
    table = pd.DataFrame(
        {"bits": [1, 2, 3, 4, 5, np.nan], "closing": [9, 7, 5, 3, 1, 0], "c2st": [1, np.nan, 2, 3, 4, 5]}
    )
    found = rank_correlation_table(table, "bits", ["closing", "c2st"]).set_index("measure")
    assert found["models"].tolist() == [5, 4] and found["correlation"].tolist() == [-1, 1]
    with pytest.raises(EtudeError, match="closing"):
        rank_correlation_table(table, "bits", ["closin"])
    with pytest.raises(EtudeError, match="at least 4"):
        rank_correlation([1, 2, 3], [1, 2, 3])
    with pytest.raises(EtudeError, match="kendall"):
        rank_correlation([1, 2, 3, 4], [1, 2, 3, 4], "kendal")


def test_what_is_the_same_for_all_models_is_correlated_with_nothing():
    found = rank_correlation([1.0, 2.0, 3.0, 4.0], [5.0] * 4)
    assert all(map(np.isnan, (found.value, found.low, found.high)))
    assert np.isnan(permutation_p([1.0, 2.0, 3.0, 4.0], [5.0] * 4))
