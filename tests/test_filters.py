"""Hidden units that are triads are named; units of noise pass for triads as often as chance says."""

import numpy as np
import pytest

from etude import evaluation


def test_triads_are_found_in_any_octave_and_what_is_forbidden_does_not_count():
    weights = np.zeros((88, 2))
    weights[[60 - 21, 76 - 21, 43 - 21], 0] = 2.0  # C4, E5, G2
    weights[[50 - 21, 65 - 21, 57 - 21], 1] = 1.0  # D3, F4, A3
    weights[[61 - 21, 70 - 21], 1] = -5.0
    first, second = evaluation.filter_table(weights)
    assert (first["root"], first["triad"]) == (0, "major") and first["match"] == pytest.approx(1)
    assert (second["root"], second["triad"]) == (2, "minor") and second["match"] == pytest.approx(1)


def test_the_match_is_a_correlation():
    weights = np.zeros((12, 1))
    weights[[0, 4]] = 1.0  # two notes of three
    (row,) = evaluation.filter_table(weights, lowest=60)
    profile, triad = np.isin(range(12), [0, 4]), np.isin(range(12), [0, 4, 7])
    assert row["match"] == pytest.approx(np.corrcoef(profile, triad)[0, 1])


def test_one_unit_of_noise_in_twenty_passes_for_a_triad():
    rows = evaluation.filter_table(np.random.default_rng(0).normal(size=(12, 400)), lowest=60)
    assert 0.02 < np.mean([row["match"] > row["chance"] for row in rows]) < 0.08
