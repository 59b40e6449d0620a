"""Models made from others: whose weights they are, and that they are neither fitted nor saved."""

import numpy as np
import pytest
from networks import some_pieces
from tiny import NADE

import etude
from etude import Budget, EtudeError, Evidence, Space
from etude.models.mixture import Mixture
from etude.models.transposed import Transposed, in_keys

ROLL = Space(levels=3, event_shape=(4,), rate=4.0)


def networks(number=2):
    return [etude.model("rnn", ROLL, seed=seed, hidden=8, layers=1, **NADE) for seed in range(number)]


def test_weights_count_once_however_deep_they_lie():
    first, second, third = networks(3)
    inner = in_keys([first, second], 3)
    outer = Mixture([inner, Transposed(inner, 1), first, third])
    assert outer.fits == [first, second, third]
    assert outer.parameters == first.parameters + second.parameters + third.parameters
    assert inner.parameters == first.parameters + second.parameters


def test_a_conditioned_model_has_the_weights_of_the_one_it_was_made_from():
    (model,) = networks(1)
    given = model.condition(Evidence.prefix(some_pieces(ROLL, (3,))[0]))
    assert given.fits == [model] and given.parameters == model.parameters > 0


def test_the_framework_is_that_of_the_fits():
    first, second = networks()
    uniform = etude.model("uniform", ROLL)
    assert Mixture([first, second]).framework == in_keys([first], 2).framework == "torch"
    assert Mixture([first, uniform]).framework == "numpy, torch"
    assert first.condition(Evidence.prefix(some_pieces(ROLL, (3,))[0])).framework == "torch"


MAKERS = {
    "mixture": lambda fits: Mixture(fits),
    "transposed": lambda fits: Transposed(fits[0], 1),
    "continuation": lambda fits: fits[0].condition(Evidence.prefix(some_pieces(ROLL, (5,))[0][:2])),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_what_is_made_from_others_is_neither_fitted_nor_saved(make, tmp_path):
    made, xs = make(networks()), some_pieces(ROLL, (5,))
    with pytest.raises(EtudeError, match="made from others"):
        made.fit(xs, xs, Budget(2, 1, 4), 0)
    with pytest.raises(EtudeError, match="made from others"):
        made.save(tmp_path / "model")
    with pytest.raises(EtudeError, match="Set those of its `fits`"):
        made.set_weights({})
    assert not list(tmp_path.iterdir()) and np.isfinite(made.bits(xs).total)
