"""A mixture is a code: it pays the mean of what its members say, and the entropy coder writes and reads its files."""

import numpy as np
import pytest
from networks import some_pieces
from tiny import NADE, RELATIVE

import etude
from etude import Space, evaluation
from etude.errors import EtudeError
from etude.models.mixture import Mixture
from etude.models.totals import step_totals

ROLL = Space(levels=3, event_shape=(4,), rate=4.0)
TOKENS = Space(levels=5, event_shape=(), end=4)


def member(space, seed=0, family="rnn", **options):
    return etude.model(family, space, seed=seed, **{"hidden": 8, "layers": 1, **options})


def members(space, **options):
    return [member(space, seed, **options) for seed in (0, 1)]


@pytest.mark.parametrize(("space", "options"), [(TOKENS, {}), (ROLL, NADE), (ROLL, {}), (ROLL, RELATIVE)])
def test_its_bits_are_those_of_the_mean_probability_of_each_step_and_the_coder_needs_as_many(space, options):
    models, xs = members(space, **options), some_pieces(space, (9, 1, 6))
    mixed = Mixture(models, [0.3, 0.7])
    steps = [[bits.reshape(len(bits), -1).sum(axis=1) for bits in model.step_bits(xs)] for model in models]
    expected = [-np.log2(0.3 * np.exp2(-one) + 0.7 * np.exp2(-other)) for one, other in zip(*steps, strict=True)]
    got = [bits.reshape(len(bits), -1).sum(axis=1) for bits in mixed.step_bits(xs)]
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(got, expected, strict=True))
    assert np.allclose(mixed.bits(xs).values, [e.sum() for e in expected], atol=1e-5)
    proof = evaluation.proof(mixed, xs)
    assert proof["decoded_equal"].all() and (proof["excess_bits"] < 9).all()


def test_many_entries_that_no_member_believes_in_are_coded_all_the_same():
    space = Space(levels=2, event_shape=(88,))
    rests = [np.zeros((4000, 88), int)] * 3
    silent = [etude.model("marginal", space) for _ in range(2)]
    for model in silent:
        model.fit(rests)
    mixed, x = Mixture(silent), np.ones((2, 88), int)
    assert mixed.bits([x]).total > 1100  # a product of probabilities below the least number
    assert evaluation.proof(mixed, [x])["decoded_equal"].all()


def test_a_piece_without_a_step_costs_nothing_in_a_mixture():
    models = members(ROLL)
    nothing, x = np.zeros((0, 4), int), some_pieces(ROLL, (5,))[0]
    mixed = Mixture.fitted(models, [nothing, x])
    assert mixed.bits([nothing, x]).values == pytest.approx([0, mixed.bits([x]).total])
    assert [len(total) for total in step_totals(mixed.step_bits([nothing, x]))] == [0, 5]


def test_what_it_draws_has_the_probabilities_that_it_claims():
    space = Space(levels=2, event_shape=(2,))
    mixed = Mixture([member(space, seed, output="nade", output_hidden=3) for seed in (0, 5)])
    drawn = np.array(mixed.sample(4000, 1, seed=0)).reshape(-1, 2)
    for event in np.ndindex(2, 2):
        claimed = np.exp2(-mixed.bits([np.array([event])]).values[0])
        share = (drawn == event).all(axis=1).mean()
        assert abs(share - claimed) < 4 * np.sqrt(claimed * (1 - claimed) / len(drawn)) + 1e-9


def test_weights_are_found_by_what_they_bring():
    counts, uniform = (etude.model(name, TOKENS) for name in ("marginal", "uniform"))
    xs = [np.array([0, 0, 0, 1, 0, 0, 4])] * 3
    counts.fit(xs)
    mixed = Mixture.fitted([uniform, counts], xs)
    assert mixed.shares[1] > 0.99 and np.isclose(mixed.shares.sum(), 1)
    best = min(Mixture([uniform, counts], [w, 1 - w]).bits(xs).total for w in (0.5, 0.2, 0.1, 0.01))
    assert mixed.bits(xs).total <= best
    assert mixed.parameters == counts.parameters + uniform.parameters and "0." in repr(mixed)


def test_it_continues_what_it_is_given():
    mixed, x = Mixture(members(ROLL, **NADE)), some_pieces(ROLL, (6,))[0]
    (drawn,) = mixed.sample(1, 9, seed=1, prefix=x)
    assert np.array_equal(drawn[:6], x) and len(drawn) == 9


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Mixture(members(ROLL)[:1]), "two or more"),
        (lambda: Mixture([*members(ROLL), member(TOKENS)]), "one space"),
        (lambda: Mixture(members(ROLL), [1.0, 0.0]), "weights"),
        (lambda: Mixture(members(ROLL), [0.4, 0.4]), "weights"),
        (lambda: Mixture([etude.model("coconet", ROLL, channels=4, blocks=1), member(ROLL)]), "step by step"),
        (lambda: Mixture([member(ROLL), member(ROLL, **NADE)]).sample(1, 2), "one order"),
        (lambda: Mixture(members(ROLL)).fit(some_pieces(ROLL)), "Fit those"),
    ],
)
def test_what_is_no_mixture_is_refused(make, words):
    with pytest.raises(EtudeError, match=words):
        make()


def test_a_member_that_fails_ends_the_step_for_all():
    class Broken:
        def step(self, choose):
            raise ValueError("broken")

    walk = Mixture(members(TOKENS)).stepper(1)
    walk.steppers[1] = Broken()
    with pytest.raises(ValueError, match="broken"):
        walk.step(lambda p, entries: np.zeros((1, 1), int))
