"""Learning without chance: expected sweeps and gradients of machines whose frames can be written down."""

import numpy as np
import pytest

from etude.errors import EtudeError
from etude.evaluation.contrastive import follow, frequencies, probabilities, swept, total_variation
from etude.models.energy.boltzmann import Machine


@pytest.fixture
def machine() -> Machine:
    rng = np.random.default_rng(1)
    return Machine(rng.normal(size=(4, 1)), rng.normal(size=3), rng.normal(size=(4, 1, 3)))


@pytest.fixture
def data() -> np.ndarray:
    p = np.zeros(16)
    p[[0, 3, 12, 15]] = 0.4, 0.3, 0.2, 0.1
    return p


def test_frames_are_numbered_lowest_entry_first():
    share = frequencies(np.array([[1, 0], [1, 0], [0, 1], [1, 1]]))
    assert share.tolist() == [0, 0.5, 0.25, 0.25]


def test_a_sweep_leaves_the_machines_own_distribution_alone_and_leads_to_it(machine, data):
    own = probabilities(machine)
    assert own.sum() == pytest.approx(1)
    assert np.allclose(swept(machine, own), own)
    away = [total_variation(swept(machine, data, k), own) for k in (0, 1, 4, 100)]
    assert away == sorted(away, reverse=True) and away[0] > 0.3 and away[-1] < 1e-9


def test_a_sweep_is_what_chains_do(machine, data):
    rng = np.random.default_rng(0)
    frames = np.arange(16)[:, None] // 2 ** np.arange(4) % 2
    chains = machine.gibbs(frames[rng.choice(16, 20000, p=data)], rng)
    assert total_variation(frequencies(chains), swept(machine, data)) < 0.03


def test_the_exact_way_climbs_the_gradient_of_log_p(machine, data):
    step = 1e-6
    moved = follow(machine, data, "exact", 1, 1, step).machine

    def nats(changed):
        return -data @ np.log(probabilities(changed))

    for name in ("visible", "hidden", "weight"):
        array = getattr(machine, name)
        nudge = np.zeros_like(array)
        nudge.flat[0] = 1e-5
        up, down = (Machine(**{**vars(machine), name: array + sign * nudge}) for sign in (1, -1))
        slope = (nats(down) - nats(up)) / 2e-5
        assert (getattr(moved, name) - array).flat[0] / step == pytest.approx(slope, abs=1e-4)


def test_the_bias_of_contrastive_divergence_vanishes_with_sweeps_and_with_chains_that_persist():
    rng = np.random.default_rng(0)
    start = Machine(rng.normal(size=(4, 1)), rng.normal(size=2), rng.normal(size=(4, 1, 2)))
    data = rng.dirichlet(np.full(16, 0.3))
    best = follow(start, data, "exact", 1, 800, 0.5).machine
    bits = {}
    for way in (("exact", 1), ("cd", 1), ("cd", 20), ("pcd", 1)):
        bits[way] = -data @ np.log2(probabilities(follow(best, data, *way, 150, 0.1).machine))
    cost = {way: value - bits["exact", 1] for way, value in bits.items()}
    assert cost["cd", 1] > 5e-4
    assert abs(cost["cd", 20]) < 1e-4 and abs(cost["pcd", 1]) < 1e-4


def test_what_it_cannot_write_down_is_refused(machine, data):
    with pytest.raises(EtudeError, match="exact"):
        follow(machine, data, "hope", 1, 1)
    wide = Machine(np.zeros((88, 1)), np.zeros(3), np.zeros((88, 1, 3)))
    with pytest.raises(EtudeError, match="pitch classes"):
        probabilities(wide)
