"""A model beside tables is a code: it pays for the mixture, and the entropy coder writes and reads its files."""

import numpy as np
import pytest
from networks import some_pieces
from tiny import NADE, RELATIVE

import etude
from etude import Budget, Space, evaluation
from etude.errors import EtudeError, SpaceMismatch
from etude.models.matched import Matched, classes, matched_steps, suited_trusts
from etude.models.mixture import Mixture
from etude.models.suffixes import Found, SuffixTable
from etude.models.totals import step_totals
from etude.models.transposed import in_keys

ROLL = Space(levels=3, event_shape=(4,), rate=4.0)


def network(seed=0, **options):
    return etude.model("rnn", ROLL, seed=seed, hidden=8, layers=1, **options)


def music():
    """Training pieces, and a piece that goes on as they do, one entry higher, with something of its own."""
    rng = np.random.default_rng(3)
    train = [rng.choice([0, 1, 2], (12, 4), p=[0.6, 0.3, 0.1]) * [1, 1, 1, 0] for _ in range(3)]
    return train, [np.concatenate([np.roll(train[0], 1, axis=1)[2:9], some_pieces(ROLL, (3,))[0], train[1][:6]])]


def tables(train, longest=4):
    return [SuffixTable(ROLL, train, part, longest) for part in ("frame", "top")]


def trusts(some, value=0.4):
    return [np.full((len(table.orders), 5), value) for table in some]


@pytest.mark.parametrize("options", [{}, NADE, RELATIVE])
def test_its_bits_are_those_of_the_mixture_and_the_coder_needs_as_many(options):
    train, xs = music()
    model, known = network(**options), tables(train)
    beside = Matched(model, known, trusts(known))
    alone = np.concatenate(step_totals(model.step_bits(xs)))
    expected = matched_steps(alone, [table.ask(xs) for table in known], beside.trusts)
    assert np.allclose(np.concatenate(step_totals(beside.step_bits(xs))), expected, atol=1e-6)
    assert expected.sum() < alone.sum() - 5
    proof = evaluation.proof(beside, xs)
    assert proof["decoded_equal"].all() and (proof["excess_bits"] < 9).all()


def test_one_step_by_hand():
    space = Space(levels=2, event_shape=(2,))
    known = SuffixTable(space, [np.array([[1, 0], [0, 1], [1, 0], [1, 1]])], longest=2, own=False)
    trust = np.array([[0.5, 0.25, 0, 0, 0], [0.75, 0, 0, 0, 0]])
    beside = Matched(etude.model("uniform", space), [known], [trust])
    # after [1, 0], one shape: 3 places; [0, 1] would be one up, [1, 0] one down and out of the keys, [1, 1] stays
    bits = step_totals(beside.step_bits([np.array([[1, 0], [0, 1], [1, 0]])]))[0]
    assert np.allclose(bits[:2], [2, -np.log2(0.25 * 0.5 + 0.75 * 0.25)])
    # after [1, 0], [0, 1]: of order 1 only one down fits; order 2 stands there once, and went on so
    assert np.isclose(bits[2], -np.log2(0.25 * (0.5 * 0.25 + 0.5) + 0.75))


def test_what_it_draws_has_the_probabilities_that_it_claims():
    train, _ = music()
    known = tables(train)
    beside = Matched(network(**NADE), known, trusts(known, 0.3))
    prefix = np.roll(train[0], 1, axis=1)[:5]
    drawn = np.array(beside.sample(1000, 6, seed=0, prefix=prefix))[:, 5]
    names, counts = np.unique(drawn, axis=0, return_counts=True)
    for event, count in sorted(zip(names, counts, strict=True), key=lambda pair: -pair[1])[:4]:
        claimed = np.exp2(-step_totals(beside.step_bits([np.concatenate([prefix, [event]])]))[0][-1])
        assert abs(count / 1000 - claimed) < 4 * np.sqrt(claimed * (1 - claimed) / 1000)


def test_nothing_known_or_no_trust_leaves_the_model_as_it_is():
    train, xs = music()
    model = network()
    for known, value in ((tables([], 2), 0.0), (tables(train), 0.0)):
        beside = Matched(model, known, trusts(known, value))
        assert np.allclose(beside.bits(xs).values, model.bits(xs).values, atol=1e-6)
    nothing = [SuffixTable(ROLL, [], own=False)]
    assert np.allclose(Matched(model, nothing, trusts(nothing)).bits(xs).values, model.bits(xs).values, atol=1e-6)


def test_trust_suits_what_is_seen_and_never_a_class_that_is_not():
    steps = np.full(1000, 4.0)
    rng = np.random.default_rng(0)
    counts = np.column_stack([np.full(1000, 30), np.where(np.arange(1000) < 500, 1, 0)])
    hits = np.column_stack([np.where(rng.random(1000) < 0.5, 0.6, 0.0), (rng.random(1000) < 0.9) * (counts[:, 1] > 0)])
    (trust,) = suited_trusts(steps, [Found(counts, hits)])
    assert trust[1, 0] > 0.7 and trust[0, 4] > 0.2 and (trust[:, 1:4] == 0).all() and trust[1, 4] == 0
    best = matched_steps(steps, [Found(counts, hits)], [trust]).sum()
    for worse in (trust * 0.8, trust * 1.1):
        assert matched_steps(steps, [Found(counts, hits)], [worse]).sum() > best
    assert classes(np.array([1, 2, 3, 5, 6, 20, 21, 999])).tolist() == [0, 1, 2, 2, 3, 3, 4, 4]


def test_trusts_come_from_validation_pieces():
    train, xs = music()
    model, known = network(), tables(train)
    beside = Matched.fitted(model, known, xs)
    assert beside.bits(xs).total < Matched(model, known, trusts(known, 0.05)).bits(xs).total < model.bits(xs).total
    assert beside.fits == [model] and beside.parameters == model.parameters and beside.framework == "torch"
    assert beside.kind == "exact" and "36 frames" in repr(beside)


def test_a_mixture_in_several_keys_stands_beside_tables_too():
    train, xs = music()
    known = tables(train)
    model = in_keys([network(0, **NADE), network(1, **NADE)], 3)
    proof = evaluation.proof(Matched(model, known, trusts(known)), xs)
    assert proof["decoded_equal"].all() and (proof["excess_bits"] < 9).all()
    inside = Mixture([Matched(network(0, **NADE), known, trusts(known)), network(1, **NADE)])
    assert evaluation.proof(inside, xs)["decoded_equal"].all()


def test_it_continues_what_it_is_given_and_what_it_writes_becomes_its_past():
    train, _ = music()
    known = [SuffixTable(ROLL, train[:1], longest=3)]
    sure = Matched(network(**NADE), known, trusts(known, 0.999999))
    (drawn,) = sure.sample(1, 9, seed=1, prefix=train[0][:4])
    assert np.array_equal(drawn, train[0][:9])
    own = [SuffixTable(ROLL, [], longest=3)]
    again = np.concatenate([train[0][:3]] * 2)
    (drawn,) = Matched(network(**NADE), own, trusts(own, 0.999999)).sample(1, 12, seed=1, prefix=again)
    assert np.array_equal(drawn, np.concatenate([again, again]))


def test_all_frames_that_may_come_have_the_probability_one_together():
    train, _ = music()
    known = tables(train)
    beside = Matched(network(**NADE), known, trusts(known))
    for prefix in (train[0][:0], train[0][:5], np.zeros((1, 4), int), np.concatenate([train[1][:3], train[1][:3]])):
        every = [np.concatenate([prefix, [event]]) for event in np.ndindex(3, 3, 3, 3)]
        assert np.isclose(sum(np.exp2(-bits[-1].sum()) for bits in beside.step_bits(every)), 1, atol=1e-6)


def test_what_a_table_was_asked_before_changes_no_bit():
    train, xs = music()
    fresh, used = (Matched(network(**NADE), known, trusts(known)) for known in (tables(train), tables(train)))
    used.bits([np.roll(x, 1, axis=0) for x in [*train, *xs]])
    used.sample(2, 6, seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(fresh.step_bits(xs), used.step_bits(xs), strict=True))


def test_models_that_share_a_table_walk_side_by_side():
    train, xs = music()
    known = tables(train)
    both = Mixture([Matched(network(seed, **NADE), known, trusts(known)) for seed in (0, 1, 2)])
    proof = evaluation.proof(both, xs)
    assert proof["decoded_equal"].all() and (proof["excess_bits"] < 9).all()


def test_a_step_may_be_as_unlikely_as_it_likes():
    found = Found(np.array([[3]]), np.array([[0.5]]))
    (trust,) = suited_trusts(np.array([5000.0]), [found])
    assert np.isclose(matched_steps(np.array([5000.0]), [found], [trust])[0], 1 - np.log2(trust[0, 2]))
    assert matched_steps(np.array([5000.0]), [], [])[0] == 5000


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Matched(etude.model("coconet", ROLL, channels=4, blocks=1), [], []), EtudeError, "step by step"),
        (lambda: Matched(network(), [SuffixTable(Space((3,), 2), [])], []), SpaceMismatch, "tables of"),
        (lambda: Matched(network(), tables([]), []), EtudeError, "a trust in"),
        (lambda: Matched(network(), tables([]), trusts(tables([]), 1.0)), EtudeError, "a trust in"),
        (lambda: Matched.fitted(network(), tables([]), []), EtudeError, "one validation piece"),
        (lambda: Matched(network(), [], []).fit(some_pieces(ROLL), budget=Budget(1, 1, 4)), EtudeError, "Fit those"),
    ],
)
def test_what_cannot_stand_beside_a_table_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
