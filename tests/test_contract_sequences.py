"""The contract of models that read from left to right: one factorisation, whichever way it is walked."""

import numpy as np
import pytest
from tiny import CASES, fitted, name_of

import etude
from etude import EtudeError, Evidence
from etude.errors import SpaceMismatch
from etude.evaluation.contract.models import OF_SEQUENCES, check_that_files_decode
from etude.evaluation.contract.worlds import SPACES, Recorder, music
from etude.models.autoregressive import Autoregressive, draw, nucleus
from etude.models.sequence.outputs import DEPENDENT
from etude.registry import model_class

SEQUENCES = [case for case in CASES if issubclass(model_class(case[0]), Autoregressive)]


@pytest.fixture(params=SEQUENCES, ids=name_of)
def model(request):
    return fitted(*request.param)


@pytest.mark.parametrize("check", OF_SEQUENCES, ids=lambda check: check.__name__.removeprefix("check_that_"))
def test_contract(model, check):
    check(model)


@pytest.mark.parametrize("case", {case[0]: case for case in SEQUENCES[::-1]}.values(), ids=name_of)
def test_files_decode(case):
    check_that_files_decode(fitted(*case))


def test_bits_are_the_sum_of_step_bits(model):
    pieces = music(model.space, 4, seed=4)
    assert model.bits(pieces).values == pytest.approx([b.sum() for b in model.step_bits(pieces)])
    assert [b.shape for b in model.step_bits(pieces)] == [x.shape for x in pieces]


def test_temperature_zero_takes_the_likeliest(model):
    (x,) = model.sample(1, 6, temperature=0)
    recorder = Recorder(x)
    recorder.walk(model)
    assert x.reshape(-1).tolist() == [p.argmax() for step in recorder.shown for p in step]


@pytest.mark.parametrize("top_p", [0.4, 0.8])
def test_the_nucleus_is_all_that_is_drawn_from(model, top_p):
    for x in model.sample(10, 4, seed=3, top_p=top_p):
        recorder = Recorder(x)
        recorder.walk(model)
        shown = [row for step in recorder.shown for row in step]
        for p, code in zip(shown, x.reshape(-1), strict=True):
            assert p[p > p[code]].sum() < top_p + 1e-6  # what is likelier does not fill the nucleus by itself
    likeliest = model.sample(2, 4, seed=1, temperature=0)
    assert all(map(np.array_equal, model.sample(2, 4, seed=2, top_p=1e-6), likeliest))


def test_evidence_with_a_gap_is_refused(model):
    known = np.zeros((3, *model.space.event_shape), bool)
    known[1] = True
    with pytest.raises(EtudeError, match="prefix"):
        model.condition(Evidence(known.astype(int), known))


def test_draws_have_the_frequencies_they_should():
    p = np.array([0.1, 0.0, 0.6, 0.3])
    drawn = draw(np.random.default_rng(0))(np.tile(p, (20_000, 1, 1)), np.array([0]))
    assert np.bincount(drawn[:, 0], minlength=4) / 20_000 == pytest.approx(p, abs=0.012)
    assert not (drawn == 1).any()


def test_a_nucleus_by_hand():
    p = np.array([[0.1, 0.4, 0.3, 0.2], [0.25, 0.25, 0.25, 0.25]])
    assert nucleus(p, 0.6) == pytest.approx(np.array([[0, 4 / 7, 3 / 7, 0], [1 / 3, 1 / 3, 1 / 3, 0]]))
    assert nucleus(p, 0.39) == pytest.approx(np.array([[0, 1, 0, 0], [0.5, 0.5, 0, 0]]))
    assert nucleus(p, 1.0) is p
    choose = draw(np.random.default_rng(0), temperature=0.5, top_p=0.6)  # squares: .01 .16 .09 .04 of .3
    drawn = choose(np.tile(p[:1], (20_000, 1, 1)), np.array([0]))
    assert np.bincount(drawn[:, 0], minlength=4) / 20_000 == pytest.approx([0, 16 / 25, 9 / 25, 0], abs=0.012)


@pytest.mark.parametrize("output", DEPENDENT)
def test_outputs_over_entries_refuse_scalar_steps_and_say_why(output):
    with pytest.raises(SpaceMismatch, match="depends on no other"):
        etude.model("rnn", SPACES["samples"], output=output)


def test_the_rbm_output_refuses_more_units_than_it_can_enumerate():
    with pytest.raises(EtudeError, match="at most 12 hidden units"):
        etude.model("memoryless", SPACES["keys"], output="rbm", output_hidden=13)


@pytest.mark.parametrize("name", ["tcn", "wavenet"])
def test_a_receptive_field_is_what_the_next_step_depends_on(name):
    space = SPACES["samples"]
    sizes = {"tcn": {"channels": 8, "blocks": 2, "kernel": 2}, "wavenet": {"stacks": 1, "dilations": 3}}[name]
    net = etude.model(name, space, seed=2, dropout=0.0, **sizes)
    field, x = net.receptive_field, np.random.default_rng(0).integers(0, 3, 40)
    before = net.step_bits([x])[0]
    reached = np.zeros(40, bool)
    for code in (1, 2):
        y = x.copy()
        y[10] = (y[10] + code) % 3
        reached |= np.abs(net.step_bits([y])[0] - before) > 1e-7
    assert not reached[:10].any() and not reached[11 + field :].any()
    assert reached[11] and reached[10 + field]
