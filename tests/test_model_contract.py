"""One contract for every model in every framework: it is a probability, and every way to walk it agrees.

`tiny.py` holds the sizes, `etude.evaluation.contract` the spaces and what is asked; `test_contract_faults.py` plants
faults, and the checks must see each of them.
"""

import numpy as np
import pytest
from tiny import BUDGET, CASES, PAIRS, build, fitted, name_of, one_space_each, refusal

import etude
from etude import EtudeError
from etude.errors import SpaceMismatch
from etude.evaluation.contract.models import OF_ALL, check_that_all_pieces_have_mass_one
from etude.evaluation.contract.worlds import SPACES, music, scored, steps_of, whole
from etude.models.autoregressive import Autoregressive
from etude.registry import MODELS, frameworks, model_class


@pytest.fixture(params=CASES, ids=name_of)
def model(request):
    return fitted(*request.param)


@pytest.mark.parametrize("check", OF_ALL, ids=lambda check: check.__name__.removeprefix("check_that_"))
def test_contract(model, check):
    check(model)


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if refusal(*pair) is not None], ids=name_of)
def test_a_pair_that_does_not_fit_is_refused_with_the_reason(pair):
    error = refusal(*pair)
    assert error.remedy and error.expected and error.got
    reason = model_class(pair[0]).refuses(SPACES[pair[3]])
    assert reason is None or error.remedy == reason


def test_every_family_fits_some_space():
    assert {case[:2] for case in CASES} == {(name, framework) for name in MODELS for framework in frameworks(name)}


def test_bits_are_of_their_kind(model):
    bits = model.bits(music(model.space, 4, seed=4))
    assert bits.kind == model.kind and bits.values.shape == (4,) and (bits.values >= 0).all()
    assert bits.kind != "exact" or bits.stderr is None
    assert bits.kind != "estimate" or (bits.stderr > 0).all()
    if model.space.end is None:
        assert model.bits([np.zeros((0, *model.space.event_shape), int)]).total == 0


def test_learning_helps(model):
    if model.name == "uniform":
        pytest.skip("it has nothing to learn")
    pieces, space = music(model.space), model.space
    before = sum(x.size for x in pieces) * np.log2(space.levels)
    if model.kind == "bound":  # a latent for every other step costs more than it can save
        before = type(model)(space, seed=model.seed, **model.options).on(model.framework).bits(pieces).total
    assert model.bits(pieces).total < 0.95 * before
    assert model.parameters > 0


def test_seeds_decide_samples(model):
    one, same, other = (model.sample(8, 12, seed=seed) for seed in (5, 5, 6))
    assert all(map(np.array_equal, one, same))
    assert not all(map(np.array_equal, one, other))


def test_at_temperature_zero_no_seed_matters(model):
    first, second = (model.sample(3, 6, seed=seed, temperature=0) for seed in (1, 2))
    assert all(map(np.array_equal, first, second))


def test_temperature_and_nucleus_sharpen(model):
    """What is drawn is likelier on average, the colder and the narrower."""
    if model.name == "uniform" or not whole(model, np.zeros(1)):
        pytest.skip("flat at every temperature, or pieces are cut and have no bits")

    def mean(**how):
        samples = model.sample(500, min(3, steps_of(model)), 1, **how)
        return -np.log2(scored(model, samples)[0]).mean()

    cold, plain, hot, narrow = mean(temperature=0.5), mean(), mean(temperature=3.0), mean(top_p=0.5)
    assert cold < plain < hot and narrow < plain


@pytest.mark.parametrize("wrong", [{"n": 0}, {"steps": -1}, {"temperature": -1.0}, {"top_p": 0.0}, {"top_p": 1.1}])
def test_samples_that_cannot_be_are_refused(wrong):
    with pytest.raises(EtudeError, match=next(iter(wrong))):
        fitted(*CASES[0]).sample(**{"n": 1, "steps": 4, **wrong})


def test_samples_stop_at_the_end_or_at_the_limit(model):
    for steps in (0, 1, 6):
        for x in model.sample(20, steps, seed=1):
            closed = model.space.end is not None and len(x) and x[-1] == model.space.end
            assert len(x) == steps or closed
            assert model.space.end is None or (x[:-1] != model.space.end).all()


def test_a_saved_model_comes_back(model, tmp_path):
    back = etude.load(model.save(tmp_path / "model"))
    assert type(back) is type(model) and back.describe() == model.describe()
    pieces = music(model.space, 5, seed=9)
    assert np.array_equal(back.bits(pieces).values, model.bits(pieces).values)
    assert all(map(np.array_equal, back.sample(4, 8, seed=1), model.sample(4, 8, seed=1)))


@pytest.mark.parametrize("case", one_space_each(CASES), ids=name_of)
def test_the_same_fit_gives_the_same_numbers(case):
    space, once, again = SPACES[case[3]], fitted(*case), build(*case)
    pieces = music(space, 5, seed=1)
    history = again.fit(music(space), pieces, BUDGET, seed=7)
    assert np.array_equal(again.bits(music(space)).values, once.bits(music(space)).values)
    assert history.rows and {"step", "train", "valid", "seconds"} <= history.rows[-1].keys()
    assert history.parameters == again.parameters
    best = min(row["valid"] for row in history.rows)
    assert again.bits(pieces).total / sum(map(len, pieces)) == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("case", [case for case in CASES if case[1] == frameworks(case[0])[0]], ids=name_of)
def test_an_untrained_model_is_a_probability(case):
    """In other frameworks it is one of the same initial weights, see below, through a network that is one of any."""
    model = fitted(*case)
    check_that_all_pieces_have_mass_one(type(model)(model.space, seed=1, **model.options).on(model.framework))


def test_other_spaces_are_refused(model):
    for wrong in ([np.full((3, *model.space.event_shape), model.space.levels)], [np.zeros((3, 5), int)], [[0.5]]):
        with pytest.raises(SpaceMismatch):
            model.bits(wrong)
    if model.space.end is not None:
        with pytest.raises(SpaceMismatch, match="closed"):
            model.bits([[0, 1]])
    with pytest.raises(EtudeError, match="music to learn from"):
        model.fit([])


@pytest.mark.parametrize("case", [case for case in CASES if case[1] != "numpy"], ids=name_of)
def test_initial_weights_are_those_of_the_family_in_every_framework(case):
    model = build(*case)
    expected, held = model._initial(np.random.default_rng(model.seed)), model.network.arrays()
    assert model.framework == case[1] and expected.keys() == held.keys()
    for name, array in expected.items():
        assert array.dtype == np.float32 and np.array_equal(array, held[name])


def test_each_family_is_named_as_it_is_registered():
    for name in MODELS:
        cls = model_class(name)
        assert cls.name == name and frameworks(name)
        assert cls.kind == "exact" or not issubclass(cls, Autoregressive)
