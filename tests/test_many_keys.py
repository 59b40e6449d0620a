"""Readings mix to what the models would say, and weights never see the pieces that are scored."""

import numpy as np
import pytest
from networks import some_pieces
from tiny import NADE

import etude
from etude import Space, evaluation
from etude.errors import EtudeError
from etude.models.transposed import in_keys
from etude.study.many_keys import Readings, by_kind, curve_table, enough, hindsight, key_table, mixed, read, ways

ROLL = Space(levels=3, event_shape=(4,), rate=4.0)


def fits():
    return [etude.model("rnn", ROLL, seed=seed, hidden=8, layers=1, **NADE) for seed in (0, 1)]


def by_hand():
    """Two fits, two keys, three steps of two pieces, in bits."""
    return Readings(np.array([[[1.0, 2, 3], [1, 1, 5]], [[2.0, 2, 2], [4, 4, 4]]]), np.array([2, 1]))


def test_readings_mix_to_what_the_models_say():
    models, xs, other = fits(), some_pieces(ROLL, (9, 4)), some_pieces(ROLL, (12,))
    found, valid = read(models, 3, xs), read(models, 3, other)
    for some, keys in (([0], 3), ([0, 1], 2)):
        model = in_keys([models[fit] for fit in some], keys, other)
        assert np.allclose(found.by_piece(mixed(found, some, keys, valid)), model.bits(xs).values, atol=1e-6)
    whole = found.code_lengths(mixed(found, [0], 1)).values
    assert np.allclose(whole, evaluation.code_lengths(models[0], xs).values, atol=1e-6)


def test_every_way_to_use_two_fits_by_hand():
    found, alone_names = ways(by_hand(), by_hand(), 2), ["one network", "one network in 2 keys"]
    assert list(found) == [*alone_names, "mixture of 2 networks", "mixture of 2 networks in 2 keys"]
    assert [len(some) for some in found.values()] == [2, 2, 1, 1]
    assert np.allclose(found["one network"][1], [2, 2, 2])
    equal = mixed(by_hand(), [0, 1], 1)
    assert np.allclose(equal, -np.log2([(0.5 + 0.25) / 2, 0.25, (0.125 + 0.25) / 2]))
    alone = Readings(by_hand().bits[:1], by_hand().lengths)
    assert list(ways(alone, alone, 2)) == alone_names


def test_weights_come_from_the_validation_steps():
    valid = Readings(np.array([[[1.0, 1, 1], [9, 9, 9]]]), np.array([3]))
    test = Readings(np.array([[[9.0, 9], [1, 1]]]), np.array([2]))
    assert (mixed(test, [0], 2, valid) > 5).all() and (mixed(test, [0], 2) < 3).all()


def test_the_tables_by_hand():
    table = key_table(by_hand(), 2.0, ["a", "b"])
    assert table["interval"].tolist() == [-1, 0]
    assert np.allclose(table["a"], [2 * 7 / 3, 4]) and np.allclose(table["b"], [8, 4])
    curve = curve_table(by_hand(), 2.0)
    assert curve["keys"].tolist() == [1, 2] and np.isclose(curve["equal"][0], 4) and curve["least_weight"][0] == 1
    assert curve["suited"][1] <= curve["equal"][1] + 1e-9
    assert enough(curve.assign(suited=[4.0, 3.99]), 0.01) == 1 and enough(curve.assign(suited=[4.0, 3.9]), 0.01) == 2
    assert hindsight(by_hand()).tolist() == [2, 3]


def test_where_the_gain_lies_by_hand():
    before, after = np.array([4.0, 4, 2, 2]), np.array([2.0, 4, 1, 2])
    kinds = {"moves": np.array([True, True, False, False]), "rests": np.array([False, False, True, True])}
    table = by_kind({**kinds, "never": np.zeros(4, bool)}, before, after, 1.0).set_index("steps")
    assert np.allclose(table.loc["moves"], [0.5, 4, 3, 2 / 3]) and np.allclose(table.loc["rests"], [0.5, 2, 1.5, 1 / 3])
    assert np.isnan(table.loc["never", "before"]) and table.loc["never", "of_gain"] == 0


def test_nothing_to_read_is_refused():
    with pytest.raises(EtudeError, match="one fit and one piece"):
        read([], 3, some_pieces(ROLL, (3,)))
