"""What a user of any model meets: words for it, its weights, prefixes, lengths, seeds, pieces without steps."""

import numpy as np
import pytest
from tiny import CASES, build, fitted, name_of

import etude
from etude import Budget, EtudeError, Evidence, Space
from etude.evaluation.contract.worlds import music

TOKENS, ROLL, SOUND = Space((), 5, end=4), Space((88,), 3, rate=4.0), Space((), 16, rate=16.0)


@pytest.fixture(params=[case for case in CASES if case[2] == 0], ids=name_of)
def model(request):
    return fitted(*request.param)


def test_what_is_shown_is_one_line_for_people(model):
    given = [model.condition(prefix=music(model.space, 1)[0][:2])] if model.name != "uniform" else []
    for shown in (model, model.space, Budget(), Evidence.prefix([1, 2]), *given):
        text = repr(shown)
        assert text.startswith(type(shown).__name__) and "\n" not in text and "0x" not in text and len(text) < 330


def test_spaces_budgets_and_models_in_words():
    assert repr(TOKENS) == "Space(scalar steps of 5 levels, end code 4)"
    assert repr(ROLL) == "Space(88 entries of 3 levels, 4 steps a second)"
    assert "1000 steps" in repr(Budget()) and "windows of 256" in repr(Budget())
    said = repr(etude.model("rnn", TOKENS, cell="gru", hidden=256))
    assert "RNN(gru, hidden 256" in said and "parameters" in said and repr(TOKENS) in said


def test_weights_are_copies_and_come_back(model):
    weights, pieces = model.weights(), music(model.space, 3, seed=1)
    before = model.bits(pieces).values
    for array in weights.values():
        array[...] = 0
    assert np.array_equal(model.bits(pieces).values, before)
    twin = type(model)(model.space, seed=99, **model.options).on(model.framework)
    twin.set_weights(model.weights())
    assert np.array_equal(twin.bits(pieces).values, before)


def test_wrong_weights_are_refused_and_change_nothing(model):
    weights = model.weights()
    if not weights:
        pytest.skip("it has none")
    name, pieces = next(name for name in weights if weights[name].size), music(model.space, 3, seed=1)
    before = model.bits(pieces).values
    fewer = {other: array for other, array in weights.items() if other != name}
    for wrong in (fewer, {**weights, "more": np.zeros(2)}, {**weights, name: np.zeros((3, 3, 3, 3))}):
        with pytest.raises(EtudeError):
            model.set_weights(wrong)
    with pytest.raises(EtudeError, match="finite"):
        model.set_weights({**weights, name: np.full(weights[name].shape, np.nan)})
    assert np.array_equal(model.bits(pieces).values, before)


def test_a_prefix_is_given_in_one_way(model):
    prefix = music(model.space, 1, seed=8)[0][:2]
    given = model.condition(prefix=prefix)
    expected = model.condition(Evidence.prefix(prefix)).sample(4, 6, seed=2)
    for samples in (given.sample(4, 6, seed=2), model.sample(4, 6, seed=2, prefix=prefix)):
        assert all(map(np.array_equal, samples, expected))
    for samples in (given.sample(4, new=4, seed=2), model.sample(4, new=4, seed=2, prefix=prefix)):
        assert all(map(np.array_equal, samples, expected))
    if hasattr(model, "stream") and not model.space.event_shape and model.options["output"] == "categorical":
        streamed = [
            np.concatenate(list(model.stream(1, seed=2, prefix=prefix, **how)), axis=1)
            for how in ({"steps": 6}, {"new": 4})
        ]
        assert np.array_equal(*streamed) and np.array_equal(streamed[0][0, :2], prefix)


def test_without_new_or_steps_or_with_both_nothing_is_drawn(model):
    for wrong in ({}, {"steps": 3, "new": 3}, {"new": -1}):
        with pytest.raises(EtudeError, match="steps"):
            model.sample(1, **wrong)
    for wrong in ({}, {"evidence": Evidence.prefix(music(model.space, 1)[0][:1]), "prefix": [1]}):
        with pytest.raises(EtudeError, match="evidence or a prefix"):
            model.condition(**wrong)


def test_an_empty_prefix_says_nothing(model):
    x = music(model.space, 1, seed=8)[0]
    for empty in (Evidence.prefix(x[:0]), Evidence.prefix([])):
        given = model.condition(empty)
        assert given.bits([x]).total == model.bits([x]).total
        assert all(map(np.array_equal, given.sample(3, 5, seed=1), model.sample(3, 5, seed=1)))


def test_what_stands_where_nothing_is_known_does_not_matter(model):
    x = music(model.space, 1, seed=8)[0][:4]
    known = np.zeros(x.shape, bool)
    known[:2] = True
    given = [model.condition(Evidence(np.where(known, x, other), known)) for other in (0, 1, -1, 999)]
    first, *others = (one.sample(3, 4, seed=1) for one in given)
    assert all(all(map(np.array_equal, first, other)) for other in others)
    with pytest.raises(EtudeError, match="codes"):
        model.condition(Evidence(np.where(known, 999, x), known))


def test_pieces_without_steps(model):
    empty = np.zeros((0, *model.space.event_shape), np.int64)
    assert model.bits([]).values.shape == (0,) and model.sample(3, 0)[2].shape == empty.shape
    if hasattr(model, "step_bits"):
        assert model.step_bits([]) == [] and model.step_bits([empty])[0].shape == empty.shape
    if hasattr(model, "reconstruct"):
        assert len(model.encode(empty)) == 0 and model.reconstruct(empty).shape == empty.shape
        assert [len(x) for x in model.interpolate(empty, music(model.space, 1)[0], 2)] == [0, 0]
    if hasattr(model, "revise"):
        assert model.revise([empty], 3)[0].shape == empty.shape and model.revise([], 3) == []
    if hasattr(model, "gates") and model.name == "wavenet":
        assert len(model.gates(empty)) == 0
    if hasattr(model, "frame_bits"):
        assert model.frame_bits([empty])[0].shape == (0,)
    if hasattr(model, "kl"):
        assert model.kl([empty]).shape == (0, 2) and model.active_units([empty]) == 0
        assert model.elbo([]).values.shape == (0,)
    if hasattr(model, "two_parts"):
        assert model.two_parts([]).shape == (0, 2) and len(model.codes(empty)) == 0


def test_without_a_seed_every_draw_is_another():
    one, other = (etude.model("rnn", SOUND, seed=None, hidden=4, layers=1) for _ in range(2))
    assert one.seed != other.seed
    assert not np.array_equal(one.weights()["rnn.0.input"], other.weights()["rnn.0.input"])
    drawn = [one.sample(1, 30, seed=None)[0] for _ in range(2)]
    assert not np.array_equal(*drawn)
    budget = Budget(2, 2, 8, valid_every=2)
    twin = etude.model("rnn", SOUND, seed=one.seed, hidden=4, layers=1)
    fits = [model.fit([np.arange(16)] * 4, budget=budget, seed=None).rows[-1]["train"] for model in (one, twin)]
    assert fits[0] != fits[1]


def test_untrained_copies_of_a_case_are_alike():
    case = next(case for case in CASES if case[0] == "rnn")
    assert repr(build(*case)) == repr(build(*case))
