"""Diagnostics of Markov chains on chains whose answers are known, and annealing on a machine that can be counted."""

import numpy as np
import pytest

from etude import EtudeError, evaluation
from etude.models.energy.boltzmann import Machine
from etude.models.energy.partition import enumerated


def autoregressive(rho, chains=64, sweeps=4000, seed=0):
    """Chains x' = rho x + noise, begun in their stationary distribution: the correlation at lag k is rho^k."""
    rng, traces = np.random.default_rng(seed), np.zeros((chains, sweeps))
    traces[:, 0] = rng.normal(size=chains)
    for t in range(1, sweeps):
        traces[:, t] = rho * traces[:, t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=chains)
    return traces


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_autocorrelation_of_a_known_process(rho):
    assert evaluation.autocorrelation(autoregressive(rho), 5) == pytest.approx(rho ** np.arange(6), abs=0.02)


def test_scale_reduction_by_hand():
    assert evaluation.scale_reduction([[0, 2], [4, 6]]) == pytest.approx(np.sqrt(1 / 2 + 8 / 2))
    assert evaluation.scale_reduction([[1, 1], [1, 1]]) == 1
    assert evaluation.scale_reduction([[0, 0], [1, 1]]) == np.inf


def test_chains_that_stay_apart_are_told_from_those_that_mix():
    mixed = autoregressive(0.5)
    apart = mixed + 3 * np.random.default_rng(1).normal(size=(64, 1))
    assert evaluation.scale_reduction(mixed) == pytest.approx(1, abs=0.01)
    assert evaluation.scale_reduction(apart) == pytest.approx(np.sqrt(1 + 9), rel=0.3)
    assert evaluation.autocorrelation(apart, 50)[-1] > 0.8 > 0.05 > abs(evaluation.autocorrelation(mixed, 50)[-1])


def test_a_table_of_chains():
    (row,) = evaluation.mixing_table({"by hand": [[0, 2], [4, 6]]})
    assert row["chains"] == "by hand" and row["r_hat"] == pytest.approx(np.sqrt(4.5))
    assert row["lag_1"] == pytest.approx(evaluation.autocorrelation([[0, 2], [4, 6]], 1)[1])  # (3 - 1) / 2 over 5
    assert row["lag_1"] == pytest.approx(((-3 * -1) + (1 * 3)) / 2 / 5)


def test_refusals():
    with pytest.raises(EtudeError, match="Run the chains for longer"):
        evaluation.autocorrelation(np.zeros((2, 5)) + np.arange(5), 5)
    with pytest.raises(EtudeError, match="two chains"):
        evaluation.scale_reduction(np.zeros((1, 5)))
    with pytest.raises(EtudeError, match="chains, sweeps"):
        evaluation.autocorrelation(np.arange(5), 1)


def test_slower_annealing_closes_in_on_the_counted_log_z_from_both_sides():
    rng = np.random.default_rng(0)
    machine = Machine(rng.normal(size=(6, 1)), rng.normal(size=5), 2 * rng.normal(size=(6, 1, 5)))
    exact, table = enumerated(machine), evaluation.annealing_table(machine, np.zeros((6, 1)), [2, 1000], 200)
    assert table[1]["forward_stderr"] < table[0]["forward_stderr"] / 3
    for side in ("forward", "reverse"):
        assert abs(table[1][side] - exact) < 5 * table[1][f"{side}_stderr"] < 0.5
    for row in table:
        assert row["lower"] < row["forward"] and row["reverse"] < row["upper"]  # Jensen's inequality, twice
    assert table[0]["lower"] < exact < table[0]["upper"]
    assert table[1]["upper"] - table[1]["lower"] < 0.1 * (table[0]["upper"] - table[0]["lower"])
    assert table == evaluation.annealing_table(machine, np.zeros((6, 1)), [2, 1000], 200)
