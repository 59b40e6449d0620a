"""A reading in another key is a code of its own: its bits are those of the moved music, and they sum to one."""

import numpy as np
import pytest
from networks import some_pieces
from tiny import NADE, RELATIVE

import etude
from etude import Space, evaluation
from etude.errors import EtudeError, SpaceMismatch
from etude.models.mixture import Mixture
from etude.models.transposed import OUTSIDE, Transposed, in_keys, nearest

ROLL = Space(levels=3, event_shape=(4,), rate=4.0)
OUTPUTS = [{}, NADE, RELATIVE, {"output": "rbm", "output_hidden": 3}]


def network(space=ROLL, seed=0, **options):
    return etude.model("rnn", space, seed=seed, **{"hidden": 8, "layers": 1, **options})


@pytest.mark.parametrize("options", OUTPUTS)
@pytest.mark.parametrize("by", [-2, -1, 1, 3])
def test_its_bits_are_those_of_the_moved_piece_and_of_the_keys_that_the_model_does_not_have(by, options):
    model, x = network(**options), some_pieces(ROLL, (7,))[0]
    moved = np.zeros_like(x)
    theirs, ours = (slice(by, None), slice(None, -by)) if by > 0 else (slice(None, by), slice(-by, None))
    moved[:, theirs] = x[:, ours]
    lost = np.delete(x, np.arange(4)[ours], axis=1)
    expected = model.step_bits([moved])[0][:, theirs].sum()
    expected -= np.log2(np.where(lost > 0, OUTSIDE / 2, 1 - OUTSIDE)).sum()
    reading = Transposed(model, by)
    assert np.isclose(reading.bits([x]).values[0], expected, atol=1e-6)
    assert reading.step_bits([x])[0].shape == x.shape
    assert np.isclose(Transposed(model, 0).bits([x]).values[0], model.bits([x]).values[0], atol=1e-9)


@pytest.mark.parametrize("options", OUTPUTS)
@pytest.mark.parametrize("by", [-1, 0, 2])
def test_over_all_frames_its_probabilities_sum_to_one(by, options):
    space = Space(levels=2, event_shape=(3,))
    reading = Transposed(network(space, **options), by)
    second = [np.array([[1, 0, 1], event]) for event in np.ndindex(2, 2, 2)]
    assert np.isclose(sum(np.exp2(-reading.step_bits([x])[0][1].sum()) for x in second), 1)


@pytest.mark.parametrize("options", OUTPUTS)
@pytest.mark.parametrize("by", [-1, 2])
def test_the_coder_writes_and_reads_what_it_hears_in_another_key(by, options):
    xs = some_pieces(ROLL, (9, 1, 6))
    proof = evaluation.proof(Transposed(network(**options), by), xs)
    assert proof["decoded_equal"].all() and (proof["excess_bits"] < 9).all()


@pytest.mark.parametrize("options", OUTPUTS)
def test_all_readings_of_two_fits_are_one_code(options):
    xs, fits = some_pieces(ROLL, (9, 4)), [network(seed=seed, **options) for seed in (0, 1)]
    mixed = in_keys(fits, 3)
    steps = [Transposed(fit, by).step_bits(xs)[0].sum(axis=1) for fit in fits for by in (0, -1, 1)]
    expected = -np.log2(np.exp2(-np.array(steps)).mean(axis=0))
    assert np.allclose(mixed.step_bits(xs)[0].sum(axis=1), expected, atol=1e-6)
    assert mixed.parameters == sum(fit.parameters for fit in fits)
    proof = evaluation.proof(mixed, xs)
    assert proof["decoded_equal"].all() and (proof["excess_bits"] < 9).all()


def test_weights_suit_the_pieces_that_they_are_found_on():
    model, xs = network(**NADE), some_pieces(ROLL, (30, 20))
    suited = in_keys([model], 3, xs)
    assert isinstance(suited, Mixture) and suited.bits(xs).total <= in_keys([model], 3).bits(xs).total
    assert in_keys([model], 1, xs) is model


def test_what_it_draws_has_the_probabilities_that_it_claims_and_it_continues():
    space = Space(levels=2, event_shape=(2,))
    reading = Transposed(network(space, output="nade", output_hidden=3), 1)
    drawn = np.array(reading.sample(4000, 1, seed=0)).reshape(-1, 2)
    for event in np.ndindex(2, 2):
        claimed = np.exp2(-reading.bits([np.array([event])]).values[0])
        share = (drawn == event).all(axis=1).mean()
        assert abs(share - claimed) < 4 * np.sqrt(claimed * (1 - claimed) / len(drawn)) + 1e-9
    x = some_pieces(ROLL, (6,))[0]
    (continued,) = Transposed(network(**RELATIVE), -1).sample(1, 9, seed=1, prefix=x)
    assert np.array_equal(continued[:6], x) and len(continued) == 9


def test_keys_are_counted_from_the_own_one_outwards():
    assert nearest(1) == [0] and nearest(6) == [0, -1, 1, -2, 2, -3]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Transposed(network(Space((), 5, end=4)), 1), SpaceMismatch, "frames of keys"),
        (lambda: Transposed(network(), 4), EtudeError, "fewer than 4"),
        (lambda: Transposed(etude.model("coconet", ROLL, channels=4, blocks=1), 1), EtudeError, "step by step"),
        (lambda: Transposed(network(), 1).fit(some_pieces(ROLL)), EtudeError, "Fit those"),
        (lambda: Transposed(network(), 1).weights(), EtudeError, "Save those"),
        (lambda: nearest(0), EtudeError, "keys >= 1"),
    ],
)
def test_what_cannot_be_read_in_another_key_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
