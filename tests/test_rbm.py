"""The restricted Boltzmann machine: energies by hand, log Z from both sides, gradients, evidence, the RBM output."""

from itertools import product

import numpy as np
import pytest
import torch

import etude
from etude import Budget, EtudeError, Evidence, Space
from etude.errors import CorruptCheckpoint, SpaceMismatch
from etude.models.energy import partition
from etude.models.energy.boltzmann import Machine, draw_visible
from etude.models.energy.learning import Learning
from etude.models.energy.rbm import RBM, Frames
from etude.models.torch.rbm import Energy, one_hot
from etude.models.torch.rbm_output import ConditionalRBM

KEYS, CODES = Space((5,), 2), Space((3,), 3)
SPACES = pytest.mark.parametrize("space", [KEYS, CODES], ids=["keys", "codes"])


def coupled(space, hidden=4, scale=1.5, seed=0, **options):
    """A model whose weights are large enough that mistakes show."""
    model = RBM(space, hidden=hidden, **options)
    rng = np.random.default_rng(seed)
    model._restore({name: scale * rng.normal(size=array.shape) for name, array in model._arrays().items()})
    return model


def all_frames(space):
    return np.array(list(product(range(space.levels), repeat=space.entries)))


def by_brute_force(machine, space):
    """Return log Z and p(x) of all frames, by the sum of exp(-E) over all states of both layers."""
    weights = np.zeros(space.levels**space.entries)
    for z in product((0.0, 1.0), repeat=len(machine.hidden)):
        for i, x in enumerate(all_frames(space)):
            visible = sum(machine.visible[e, code - 1] for e, code in enumerate(x) if code)
            coupling = sum(machine.weight[e, code - 1] @ z for e, code in enumerate(x) if code)
            weights[i] += np.exp(visible + machine.hidden @ z + coupling)
    return np.log(weights.sum()), weights / weights.sum()


def estimated_only(monkeypatch):
    """Let no layer be small enough to be summed over."""
    monkeypatch.setattr(partition, "MOST_STATES", 0)


def chi_squared_is_plausible(drawn, p):
    often, expected = np.bincount(drawn, minlength=len(p)), len(drawn) * p
    common = expected >= 5
    statistic = ((often - expected)[common] ** 2 / expected[common]).sum()
    return statistic < common.sum() + 6 * np.sqrt(2 * common.sum())


def numbers_of(frames, space):
    return frames.reshape(-1, space.entries) @ space.levels ** np.arange(space.entries)[::-1]


# Energies and log Z ----------------------------------------------------------------------------------------------


def test_two_keys_and_two_units_by_hand():
    machine = Machine(np.array([[1.0], [0.0]]), np.array([0.0, -1.0]), np.array([[[2.0, 0.0]], [[0.0, 3.0]]]))
    assert machine.energy(np.array([[1, 1]]), np.array([[1.0, 1.0]]))[0] == -(1 + 0 + 0 - 1 + 2 + 3)
    assert machine.energy(np.array([[0, 1]]), np.array([[1.0, 0.0]]))[0] == 0
    free = -np.log([2 * (1 + np.e**-1), 2 * (1 + np.e**2), np.e * (1 + np.e**2) * (1 + np.e**-1)])
    assert machine.free_energy(np.array([[0, 0], [0, 1], [1, 0]])) == pytest.approx(free)
    assert machine.hidden_free_energy(np.array([[1.0, 0.0]]))[0] == pytest.approx(-np.log((1 + np.e**3) * 2))


@SPACES
@pytest.mark.parametrize("hidden", [2, 9], ids=["hidden layer smaller", "visible layer smaller"])
def test_log_z_and_bits_are_those_of_brute_force(space, hidden):
    model = coupled(space, hidden)
    log_z, p = by_brute_force(model.machine, space)
    found = model.log_partition()
    assert (found.kind, found.stderr, found.reverse) == ("exact", 0, None) and model.kind == "exact"
    assert found.value == pytest.approx(log_z)
    frames = all_frames(space)
    assert 2.0 ** -model.frame_bits([frames])[0] == pytest.approx(p)
    assert model.bits([frames]).total == pytest.approx(-np.log2(p).sum())
    assert -model.free_energy(frames) - log_z == pytest.approx(np.log(p))


@SPACES
def test_annealing_errs_downwards_and_its_reverse_upwards(space, monkeypatch):
    model = coupled(space, 6)
    exact = partition.enumerated(model.machine)
    estimated_only(monkeypatch)
    rough = [partition.log_partition(model.machine, model.base, np.random.default_rng(s), 1, 6) for s in range(150)]
    below, above = (np.array([getattr(found, side) for found in rough]) for side in ("value", "reverse"))
    error = np.hypot(below.std(), above.std()) / np.sqrt(len(rough))
    assert below.mean() < exact - 2 * error and above.mean() > exact + 2 * error
    for seed in range(3):
        rng = np.random.default_rng(seed)
        fine = partition.log_partition(model.machine, model.base, rng, 200, 1000)
        assert fine.kind == "estimate" and 0 < fine.stderr < 0.05
        assert abs(fine.value - exact) < 4 * fine.stderr and abs(fine.reverse - exact) < 8 * fine.stderr


def test_weights_of_annealing_are_unbiased(monkeypatch):
    model = coupled(CODES, 3)
    exact = partition.enumerated(model.machine)
    log_w, _ = partition.annealed(model.machine, model.base, np.random.default_rng(1), 40_000, 4)
    value, stderr = partition.log_mean(log_w)
    assert partition.log_base(model.machine, model.base) + value == pytest.approx(exact, abs=4 * stderr)
    x = partition.draw_exactly(model.machine, 40_000, np.random.default_rng(2))
    back, error = partition.log_mean(partition.reversed_(model.machine, model.base, x, np.random.default_rng(3), 4))
    assert partition.log_base(model.machine, model.base) - back == pytest.approx(exact, abs=4 * error)


def test_a_log_z_that_is_off_breaks_the_sum_to_one(monkeypatch):
    model, frames = coupled(KEYS), all_frames(KEYS)[:, None]

    def mass():
        return (2.0 ** -model.bits(list(frames)).values).sum()

    assert mass() == pytest.approx(1)
    honest = model.log_partition().value
    monkeypatch.setattr(model, "log_partition", lambda: partition.LogPartition(honest - 0.05))
    assert mass() == pytest.approx(np.exp(0.05)) and abs(mass() - 1) > 0.05


def test_estimated_bits_carry_their_error(monkeypatch):
    estimated_only(monkeypatch)
    model = coupled(KEYS, scale=0.5)
    assert model.kind == "estimate"
    bits = model.bits([all_frames(KEYS)[:4], all_frames(KEYS)[:8]])
    assert bits.kind == "estimate"
    assert bits.stderr == pytest.approx(np.array([4, 8]) * model.log_partition().stderr / np.log(2))
    assert model.log_partition() is model.log_partition(), "annealed once for given weights"


# Learning --------------------------------------------------------------------------------------------------------


def network_of(space, learning, chains=8, sweeps=1, scale=1.0):
    network = Energy(Learning(space.entries, space.levels, 4, learning, sweeps, chains)).double()
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return network


def finite_differences(function, parameters, step=1e-5):
    gradients = []
    for parameter in parameters:
        gradient = torch.zeros_like(parameter)
        for i in range(parameter.numel()):
            values = []
            for sign in (1, -1):
                with torch.no_grad():
                    parameter.view(-1)[i] += sign * step
                    values.append(float(function()))
                    parameter.view(-1)[i] -= sign * step
            gradient.view(-1)[i] = (values[0] - values[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


@SPACES
@pytest.mark.parametrize("learning", ["cd", "pcd"])
def test_the_gradient_is_that_of_the_difference_of_free_energies(space, learning, monkeypatch):
    monkeypatch.setattr("etude.models.torch.rbm.one_hot", lambda x, above: one_hot(x, above).double())
    network, frames = network_of(space, learning), torch.from_numpy(all_frames(space)[::3])
    data = one_hot(frames, space.levels - 1).double()
    model = network.model_frames(data)
    monkeypatch.setattr(network, "model_frames", lambda data: model)
    network.loss(Frames(frames)).backward()
    differences = finite_differences(
        lambda: network.free_energy(data).mean() - network.free_energy(model).mean(), list(network.parameters())
    )
    for parameter, difference in zip(network.parameters(), differences, strict=True):
        torch.testing.assert_close(parameter.grad, difference, atol=1e-6, rtol=1e-5)


@SPACES
def test_exact_learning_follows_the_likelihood_and_chains_approach_it(space):
    exact, chained = network_of(space, "exact"), network_of(space, "pcd", chains=20_000, sweeps=20).float()
    frames = torch.from_numpy(all_frames(space)[::3])
    model = coupled(space)
    loss = exact.float().loss(Frames(frames))
    loss.backward()
    model._restore(exact.arrays())
    assert loss.item() == pytest.approx(model.frame_bits([frames.numpy()])[0].mean() * np.log(2), abs=1e-5)
    torch.manual_seed(0)
    chained.loss(Frames(frames)).backward()
    for one, other in zip(exact.parameters(), chained.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=0.025, rtol=0)


def chords(n=40, seed=0):
    """Pieces whose frames are one of two triads on five keys, 3 to 1, whatever came before."""
    rng = np.random.default_rng(seed)
    triads = np.array([[1, 0, 1, 0, 1], [0, 1, 0, 1, 0]])
    return [triads[(rng.random(12) < 0.25).astype(int)] for _ in range(n)]


@pytest.mark.parametrize("learning", ["exact", "pcd", "cd"])
def test_two_chords_cost_their_entropy(learning):
    model = RBM(KEYS, hidden=4, learning=learning, gibbs=5)
    history = model.fit(chords(), chords(8, 1), Budget(400, 64, learning_rate=0.1, valid_every=50))
    test = chords(20, 2)
    share = np.concatenate(test)[:, 1].mean()
    floor = -share * np.log2(0.25) - (1 - share) * np.log2(0.75)
    assert floor < model.bits(test).total / 240 < floor + {"exact": 0.1, "pcd": 0.3, "cd": 0.6}[learning]
    assert min(row["valid"] for row in history.rows) < 1.3 and history.parameters == model.parameters


@pytest.mark.parametrize(("hidden", "learning"), [(4, "cd"), (9, "cd"), (4, "exact")])
def test_the_training_nats_that_are_shown_are_true_after_the_weights_have_moved(hidden, learning):
    """4 units have fewer states than 6 keys, 9 have more."""
    space = Space((6,), 2)
    before, after = (coupled(space, hidden, learning=learning, seed=seed) for seed in (0, 1))
    x, network = np.random.default_rng(0).integers(0, 2, (40, 6)), before.network
    network.restore(before.weights())
    network.set_log_z(before.log_partition().value)
    network.restore(after.weights())
    for _ in range(3):
        nats = float(network.loss(Frames(torch.from_numpy(x))).detach())
        assert nats == pytest.approx(np.log(2) * after.bits([x]).total / 40, rel=1e-5)


def test_training_nats_that_cannot_be_counted_are_not_shown():
    model = RBM(Space((88,), 2), hidden=20, learning="cd")
    xs = [np.random.default_rng(0).integers(0, 2, (40, 88))]
    assert model.fit(xs, xs, Budget(2, 4, valid_every=2)).rows[0]["train"] is None


def test_a_fit_begins_at_the_marginals():
    model, floor = RBM(KEYS), etude.model("marginal", KEYS)
    model.fit(chords(), (), Budget(1, 8, learning_rate=1e-7, valid_every=1))
    floor.fit(chords())
    assert model.bits(chords()).total == pytest.approx(floor.bits(chords()).total, rel=0.01)
    uncoupled = Machine(model.base, np.zeros(1), np.zeros((5, 1, 1)))
    assert partition.enumerated(uncoupled) - np.log(2) == pytest.approx(np.log1p(np.exp(model.base)).sum())


def test_a_finished_fit_is_taken_from_its_checkpoint(tmp_path):
    budget = Budget(20, 16, learning_rate=0.05, valid_every=10)
    one, two = (RBM(KEYS, hidden=3) for _ in range(2))
    first, second = one.fit(chords(), chords(4), budget, 1, tmp_path), two.fit(chords(), chords(4), budget, 1, tmp_path)
    assert first.rows == second.rows and len(list(tmp_path.glob("*.ckpt"))) == 1
    assert all(np.array_equal(array, two._arrays()[name]) for name, array in one._arrays().items())
    RBM(KEYS, hidden=3, gibbs=2).fit(chords(), chords(4), budget, 1, tmp_path)
    assert len(list(tmp_path.glob("*.ckpt"))) == 2


def test_an_interrupted_fit_goes_on_with_its_chains(tmp_path, monkeypatch):
    budget = Budget(20, 16, learning_rate=0.05, valid_every=5)
    whole = RBM(KEYS, hidden=3)
    rows = whole.fit(chords(), chords(4), budget, 1).rows
    loss, steps = Energy.loss, []

    def interrupted(self, batch):
        steps.append(len(steps))
        if len(steps) == 13:
            raise KeyboardInterrupt
        return loss(self, batch)

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(Energy, "loss", interrupted)
        RBM(KEYS, hidden=3).fit(chords(), chords(4), budget, 1, tmp_path)
    resumed = RBM(KEYS, hidden=3)
    again = resumed.fit(chords(), chords(4), budget, 1, tmp_path).rows
    assert [(row["step"], row["train"], row["valid"]) for row in again] == [
        (row["step"], row["train"], row["valid"]) for row in rows
    ]
    assert all(np.array_equal(array, resumed._arrays()[name]) for name, array in whole._arrays().items())


# Samples and evidence --------------------------------------------------------------------------------------------


@SPACES
@pytest.mark.parametrize("how", ["enumerated", "by Gibbs sampling"])
def test_samples_have_their_probabilities(space, how, monkeypatch):
    model = coupled(space, scale=1)
    _, p = by_brute_force(model.machine, space)
    if how != "enumerated":
        estimated_only(monkeypatch)
    x = np.stack(model.sample(100, 40, seed=3))
    assert x.shape == (100, 40, space.entries)
    assert chi_squared_is_plausible(numbers_of(x, space), p)
    assert not chi_squared_is_plausible(numbers_of(x, space), np.roll(p, 1))


@pytest.mark.parametrize("given", [False, True], ids=["freely", "with a key held"])
def test_chains_that_have_not_mixed_are_seen(given, monkeypatch):
    """Without annealing and without sweeps, frames are those that the chains begin with."""
    model = coupled(KEYS, scale=1)
    known = np.array([[given, False, False, False, False]])
    if given:
        model = model.condition(Evidence(np.ones((1, 5), int), known))
    _, p = by_brute_force(getattr(model, "model", model).machine, KEYS)
    p = np.where(all_frames(KEYS)[:, 0] >= known[0, 0], p, 0)
    estimated_only(monkeypatch)
    assert chi_squared_is_plausible(numbers_of(np.stack(model.sample(4000, 1, seed=3)), KEYS), p / p.sum())
    monkeypatch.setattr("etude.models.energy.clamped.TEMPERATURES", 1)
    monkeypatch.setattr("etude.models.energy.clamped.SWEEPS", 0)
    assert not chi_squared_is_plausible(numbers_of(np.stack(model.sample(4000, 1, seed=3)), KEYS), p / p.sum())


@SPACES
@pytest.mark.parametrize("how", ["enumerated", "by Gibbs sampling"])
def test_known_entries_stay_and_the_rest_follows_them(space, how, monkeypatch):
    model = coupled(space, scale=1)
    values, known = np.ones((2, space.entries), int), np.zeros((2, space.entries), bool)
    known[0, [0, 2]] = True
    given = model.condition(Evidence(values, known))
    _, p = by_brute_force(model.machine, space)
    fits = (all_frames(space)[:, [0, 2]] == 1).all(axis=1)
    if how != "enumerated":
        estimated_only(monkeypatch)
    x = np.stack(given.sample(4000, 3, seed=5))
    assert x.shape == (4000, 3, space.entries) and (x[:, 0, [0, 2]] == 1).all()
    assert chi_squared_is_plausible(numbers_of(x[:, 0], space), np.where(fits, p, 0) / p[fits].sum())
    for free in (1, 2):  # a frame of which nothing is known, and one that the evidence does not reach
        assert chi_squared_is_plausible(numbers_of(x[:, free], space), p)


@SPACES
def test_conditional_bits_add_up(space):
    model, frames = coupled(space, 12), all_frames(space)
    known = np.zeros((1, space.entries), bool)
    known[0, 1:] = True
    given = model.condition(Evidence(frames[-1:], known))
    matching = [x[None] for x in frames if (x[1:] == frames[-1, 1:]).all()]
    assert (2.0 ** -given.bits(matching).values).sum() == pytest.approx(1)
    _, p = by_brute_force(model.machine, space)
    fits = [(x[1:] == frames[-1, 1:]).all() for x in frames]
    assert given.bits([frames[-1:]]).total == pytest.approx(-np.log2(p[-1] / p[fits].sum()))
    longer = np.concatenate([frames[-1:], frames[:2]])
    rest = given.bits([frames[-1:]]).total + model.bits([frames[:2]]).total
    assert given.bits([longer]).total == pytest.approx(rest)
    with pytest.raises(EtudeError, match="hold what is known"):
        given.bits([frames[:1]])


def test_conditional_bits_carry_the_error_of_frames_that_nothing_is_known_of(monkeypatch):
    model, frames = coupled(KEYS, scale=0.5), all_frames(KEYS)
    given = model.condition(Evidence(frames[:1], np.ones((1, 5), bool)))
    monkeypatch.setattr(partition, "MOST_STATES", 2**3)  # a frame whose entries are all known can still be summed over
    bits = given.bits([frames[:1], frames[:3]])
    assert bits.kind == "estimate" and bits.values[0] == pytest.approx(0)
    assert bits.stderr == pytest.approx(np.array([0, 2]) * model.log_partition().stderr / np.log(2))
    alone = given.bits([frames[:1]])
    assert alone.kind == "exact" and alone.stderr is None and alone.total == pytest.approx(0)


def test_conditional_bits_say_why_they_cannot_be_counted():
    model = RBM(Space((88,), 2), hidden=40)
    known = np.zeros((1, 88), bool)
    given = model.condition(Evidence(np.zeros((1, 88), int), known))
    with pytest.raises(EtudeError, match=r"40 hidden units and 88 unknown entries.*sample, or give more"):
        given.bits([np.zeros((1, 88), int)])
    known[0, 10:] = True
    given = model.condition(Evidence(np.zeros((1, 88), int), known))
    assert 0 < given.bits([np.zeros((1, 88), int)]).total < 11


def test_temperature_and_nucleus():
    model = coupled(KEYS, scale=1)
    cold, hot = (np.stack(model.sample(500, 4, seed=1, temperature=t)) for t in (0.3, 3.0))
    assert model.bits(list(cold)).total < model.bits(list(hot)).total
    frozen = np.stack(model.sample(3, 4, seed=9, temperature=0)).reshape(-1, 5)
    energies = [
        min(model.machine.energy(x[None], np.array([z]))[0] for z in product((0.0, 1.0), repeat=4))
        for x in all_frames(KEYS)
    ]
    assert (frozen == all_frames(KEYS)[np.argmin(energies)]).all()
    logits = np.log([[[0.2, 0.1]]])  # softmax(0, ..): 10/13, 2/13, 1/13
    drawn = draw_visible(np.tile(logits, (500, 1, 1)), np.random.default_rng(0), top_p=0.9)
    assert set(drawn.ravel()) == {0, 1}


def test_cold_chains_end_where_no_layer_lowers_the_energy(monkeypatch):
    model = coupled(KEYS)
    estimated_only(monkeypatch)
    x = model.sample(1, 1, temperature=0)[0]
    assert np.array_equal(model.machine.descend(x), x)


def test_saved_and_loaded(tmp_path):
    model = coupled(CODES)
    back = RBM.load(model.save(tmp_path / "m"))
    assert back.bits([all_frames(CODES)]).total == model.bits([all_frames(CODES)]).total
    with pytest.raises(CorruptCheckpoint, match=r"rbm\.hidden"):
        model._restore({**model._arrays(), "rbm.hidden": np.zeros(7)})


def test_refusals_say_why():
    with pytest.raises(SpaceMismatch, match="a scalar step has one"):
        RBM(Space((), 5))
    with pytest.raises(EtudeError, match=r"at most 14 hidden units.*learning='pcd'"):
        RBM(KEYS, hidden=20, learning="exact")
    with pytest.raises(EtudeError, match="'pcd'"):
        RBM(KEYS, learning="pcdd")
    with pytest.raises(EtudeError, match="gibbs=0"):
        RBM(KEYS, gibbs=0)


# The RBM as an output ---------------------------------------------------------------------------------------------


def conditional(space, hidden, features=3, scale=1.0):
    torch.manual_seed(hidden)
    output = ConditionalRBM(features, space, hidden)
    for parameter in output.parameters():
        torch.nn.init.normal_(parameter, std=scale)
    return output


def joint_by_hand(output, h, space):
    """p(x) of all frames given features h, from the documented energy, both layers summed over."""
    w = {name.removeprefix("output."): view.detach().double().numpy() for name, view in output.views().items()}
    a, c = h @ w["weight"] + w["bias"], h @ w["rbm.context"] + w["rbm.bias"]
    rows = all_frames(space) + np.arange(space.entries) * space.levels
    z = np.array(list(product((0.0, 1.0), repeat=len(c))))
    score = a[rows].sum(1)[:, None] + (c + w["rbm.weight"][rows].sum(1)) @ z.T
    p = np.exp(score).sum(1)
    return p / p.sum()


@pytest.mark.parametrize("space", [KEYS, CODES, Space((7,), 2), Space((2,), 5)], ids=str)
@pytest.mark.parametrize("hidden", [1, 4])
def test_the_output_is_the_machine_of_its_energy(space, hidden):
    output, frames = conditional(space, hidden), torch.from_numpy(all_frames(space))
    for h in torch.randn(2, 3):
        p = joint_by_hand(output, h.double().numpy(), space)
        features = h.expand(len(frames), 3)
        with torch.inference_mode():
            exact, fast = output.nats(features, frames, exact=True), output.nats(features, frames)
        assert exact.dtype == torch.float64 and exact.shape == fast.shape == frames.shape
        assert exact.sum(-1).exp().reciprocal().numpy() == pytest.approx(p, rel=1e-4)
        assert fast.sum(-1).numpy() == pytest.approx(-np.log(p), abs=1e-4)
        first = [p[all_frames(space)[:, 0] == code].sum() for code in range(space.levels)]
        assert (-exact[:, 0]).exp().numpy() == pytest.approx(np.array(first)[frames[:, 0]], rel=1e-4)


def test_what_the_output_asks_for_is_what_it_charges():
    output, shown = conditional(CODES, 3), []
    features, x = torch.randn(4, 3), torch.randint(0, 3, (4, 3))

    def choose(probabilities, entries):
        shown.append(-np.log(probabilities[np.arange(4), 0, x[:, entries[0]]]))
        assert probabilities.shape == (4, 1, 3) and probabilities.sum(-1) == pytest.approx(1)
        return x[:, entries].numpy()

    with torch.inference_mode():
        assert np.array_equal(output.choose(features, choose), x.numpy())
        nats = output.nats(features, x, exact=True).numpy()
    assert np.stack(shown, axis=1) == pytest.approx(nats, abs=1e-9)


def test_the_gradient_of_the_output_is_exact():
    output = conditional(Space((6,), 2), 3).double()
    features, x = torch.randn(5, 3, dtype=torch.float64), torch.randint(0, 2, (5, 6))
    output.nats(features, x).sum().backward()
    differences = finite_differences(lambda: output.nats(features, x, exact=True).sum(), list(output.parameters()))
    for parameter, difference in zip(output.parameters(), differences, strict=True):
        torch.testing.assert_close(parameter.grad, difference, atol=1e-6, rtol=1e-5)


def test_chunks_of_the_output_do_not_change_it(monkeypatch):
    output, features, x = conditional(KEYS, 3), torch.randn(50, 3), torch.randint(0, 2, (50, 5))
    whole = [output.nats(features, x, exact) for exact in (True, False)]
    for name in ("AT_ONCE", "LEARNT_AT_ONCE"):
        monkeypatch.setattr(f"etude.models.torch.rbm_output.{name}", 7 * 8 * 5)
    for exact, before in zip((True, False), whole, strict=True):
        torch.testing.assert_close(output.nats(features, x, exact), before)
