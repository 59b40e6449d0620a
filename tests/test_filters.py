"""Hidden units that are triads are named; units of noise pass for triads as often as three random notes."""

import numpy as np
import pytest

from etude import evaluation
from etude.evaluation.filters import BY_CHANCE


def test_triads_are_found_in_any_octave_and_what_is_forbidden_does_not_count():
    weights = np.zeros((88, 2))
    weights[[60 - 21, 76 - 21, 43 - 21], 0] = 2.0  # C4, E5, G2
    weights[[50 - 21, 65 - 21, 57 - 21], 1] = 1.0  # D3, F4, A3
    weights[[61 - 21, 70 - 21], 1] = -5.0
    first, second = evaluation.filter_table(weights)
    assert (first["root"], first["triad"]) == (0, "major") and first["match"] == pytest.approx(1)
    assert (second["root"], second["triad"]) == (2, "minor") and second["match"] == pytest.approx(1)
    assert first["is_triad"] and second["is_triad"]


def test_the_match_is_a_correlation_and_two_notes_are_no_triad():
    weights = np.zeros((12, 1))
    weights[[0, 4]] = 1.0
    (row,) = evaluation.filter_table(weights, lowest=60)
    profile, triad = np.isin(range(12), [0, 4]), np.isin(range(12), [0, 4, 7])
    assert row["match"] == pytest.approx(np.corrcoef(profile, triad)[0, 1])
    assert not row["is_triad"]


def test_noise_passes_for_triads_as_often_as_chance_says():
    assert pytest.approx(36 / 220) == BY_CHANCE
    rows = evaluation.filter_table(np.abs(np.random.default_rng(0).normal(size=(12, 2000))), lowest=60)
    assert np.mean([row["is_triad"] for row in rows]) == pytest.approx(BY_CHANCE, abs=0.03)
