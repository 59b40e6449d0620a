"""Planted faults: a contract that passes everything tests nothing."""

import numpy as np
import pytest
from tiny import TINY, fitted

import etude
from etude import Evidence
from etude.evaluation.contract.models import (
    OF_ALL,
    OF_MASKS,
    OF_SEQUENCES,
    check_that_a_beginning_stays,
    check_that_all_pieces_have_mass_one,
    check_that_bits_of_samples_are_the_entropy,
    check_that_company_does_not_matter,
    check_that_conditional_bits_add_up,
    check_that_files_decode,
    check_that_samples_follow_the_bits,
    check_that_the_stepper_walks_the_same_numbers,
    checks_of,
)
from etude.evaluation.contract.reports import report_on_model
from etude.evaluation.contract.worlds import SPACES, music
from etude.models.autoregressive import Autoregressive, repeat

KINDS = {"rnn": "torch", "coconet": "torch"}  # models that read from left to right, and that take any mask

# In what is computed from sound probabilities ----------------------------------------------------------------------


class Altered(Autoregressive):
    """The counts with a fault in one place."""

    name, _learnt = "altered", None

    def __init__(self, space):
        super().__init__(space)
        self.sound = fitted("counts", "numpy", 0, next(name for name, s in SPACES.items() if s == space))

    def stepper(self, n=1):
        return self.sound.stepper(n)

    def _step_bits(self, xs):
        return self.sound._step_bits(xs)

    def _fit(self, *args):
        raise NotImplementedError

    _arrays = _restore = _fit


class WrongTemperature(Altered):
    def _sample(self, n, steps, rng, temperature, top_p=1.0, prefix=None):
        return super()._sample(n, steps, rng, 0.8 * temperature, top_p, prefix)


class NucleusByDefault(Altered):
    def _sample(self, n, steps, rng, temperature, top_p=1.0, prefix=None):
        return super()._sample(n, steps, rng, temperature, 0.6 * top_p, prefix)


class LostFirstFrame(Altered):
    def _step_bits(self, xs):
        return [np.concatenate([0 * bits[:1], bits[1:]]) for bits in super()._step_bits(xs)]


class Peeking(Altered):
    """Scores a step knowing half of it already."""

    def _step_bits(self, xs):
        return [bits / 2 for bits in super()._step_bits(xs)]


class LostEnd(Altered):
    def _step_bits(self, xs):
        parts = zip(super()._step_bits(xs), xs, strict=True)
        return [bits * (x != self.space.levels - 1) for bits, x in parts]


class OffByOne(Altered):
    """The stepper forgets the last step."""

    def stepper(self, n=1):
        inner = self.sound

        class Forgetful:
            def __init__(self):
                self.events = []

            def step(self, choose):
                walker = inner.stepper(n)
                for event in self.events[:-1]:
                    walker.step(repeat(event))
                self.events.append(walker.step(choose)[0])
                return np.repeat(self.events[-1][None], n, axis=0)

        return Forgetful()


class ForgetsThePrefix(Altered):
    def _sample(self, n, steps, rng, temperature, top_p=1.0, prefix=None):
        return super()._sample(n, steps, rng, temperature, top_p)


class CountsThePrefix(Altered):
    """Conditional bits that are those of a longer rest."""

    def _condition(self, evidence):
        return super()._condition(Evidence.prefix(evidence.values[:1]))


class PaddingLeaks(Altered):
    def _step_bits(self, xs):
        longest = max((len(x) for x in xs), default=0)
        return [bits + 1e-3 * (longest - len(x)) for bits, x in zip(super()._step_bits(xs), xs, strict=True)]


class Biased(Altered):
    """Writes 0 for half of the 1s."""

    def _sample(self, n, steps, rng, temperature, top_p=1.0, prefix=None):
        xs = super()._sample(n, steps, rng, temperature, top_p, prefix)
        return [np.where((rng.random(x.shape) < 0.5) & (x == 1), 0, x) for x in xs]


SEEN_BY = {
    WrongTemperature: (check_that_bits_of_samples_are_the_entropy, check_that_samples_follow_the_bits),
    NucleusByDefault: (check_that_samples_follow_the_bits,),
    Biased: (check_that_samples_follow_the_bits,),
    LostFirstFrame: (check_that_all_pieces_have_mass_one,),
    Peeking: (check_that_all_pieces_have_mass_one,),
    LostEnd: (check_that_all_pieces_have_mass_one,),
    OffByOne: (check_that_the_stepper_walks_the_same_numbers,),
    ForgetsThePrefix: (check_that_a_beginning_stays,),
    CountsThePrefix: (check_that_conditional_bits_add_up,),
    PaddingLeaks: (check_that_company_does_not_matter,),
}


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("fault", SEEN_BY, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_seen(fault, space):
    for check in SEEN_BY[fault]:
        with pytest.raises(AssertionError):
            check(fault(SPACES[space]))


@pytest.mark.parametrize("space", SPACES)
def test_without_a_fault_nothing_is_seen(space):
    for check in (*OF_ALL, *OF_SEQUENCES):
        check(Altered(SPACES[space]))


# Inside networks ---------------------------------------------------------------------------------------------------


def learn(model):
    """Fit a model of this test's own to pieces whose entries are always alike."""
    pieces = [np.broadcast_to(x[:, :1], x.shape) if x.ndim > 1 else x for x in music(model.space, 40)]
    model.fit(pieces[:35], pieces[35:], etude.Budget(40, 8, 16, 0.05, 40), seed=7)
    return model


@pytest.mark.parametrize("name", ["tcn", "wavenet"])
@pytest.mark.parametrize("space", ["samples", "frames"])
def test_a_shifted_causal_convolution_is_seen(name, space, monkeypatch):
    """The first convolution reads one step ahead, so a step is scored by what it is."""
    from torch.nn.functional import pad

    from etude.models.torch.dilated import CausalConvolution

    model = etude.model(name, SPACES[space], seed=3, **TINY[name][0])
    first = next(part for part in model.network.modules() if isinstance(part, CausalConvolution))
    sound = first.forward
    monkeypatch.setattr(first, "forward", lambda x, before=None: sound(pad(x[1:], (0, 0, 0, 0, 0, 1)), before))
    learn(model)
    for check in (check_that_all_pieces_have_mass_one, check_that_the_stepper_walks_the_same_numbers):
        with pytest.raises(AssertionError):
            check(model)


@pytest.mark.parametrize("error", [0.02, -0.02])
def test_a_biased_log_z_is_seen(error, monkeypatch):
    from etude.models.torch.rbm_output import ConditionalRBM

    model = learn(etude.model("memoryless", SPACES["keys"], output="rbm", output_hidden=3))
    sound = ConditionalRBM.nats

    def biased(self, features, x, exact=False):
        return sound(self, features, x, exact) + error / x.shape[-1]

    check_that_all_pieces_have_mass_one(model)
    monkeypatch.setattr(ConditionalRBM, "nats", biased)
    with pytest.raises(AssertionError):
        check_that_all_pieces_have_mass_one(model)


@pytest.mark.parametrize("output", ["nade", "rbm"])
def test_entries_guessed_without_those_below_them_are_seen(output, monkeypatch):
    """The chain rule broken in generation: every key is drawn as if the keys below it rested."""
    model, rng = etude.model("memoryless", SPACES["keys"], output=output, output_hidden=4), np.random.default_rng(1)
    model._restore({name: 2 * rng.normal(size=array.shape) for name, array in model._arrays().items()})
    honest = type(model.network.output).choose

    def deaf(self, features, choose):
        told = []

        def silent(p, entries):
            told.append(choose(p, entries))
            return np.zeros_like(told[-1])

        honest(self, features, silent)
        return np.concatenate(told, axis=1)

    check_that_samples_follow_the_bits(model)
    monkeypatch.setattr(type(model.network.output), "choose", deaf)
    with pytest.raises(AssertionError):
        check_that_samples_follow_the_bits(model)


# In a report -------------------------------------------------------------------------------------------------------


def test_a_family_is_held_to_all_that_its_kind_promises():
    asked = {name: set(checks_of(fitted(name, framework, 0, "frames"))) for name, framework in KINDS.items()}
    assert all(asked[name] >= {*OF_ALL, *own} for name, own in (("rnn", OF_SEQUENCES), ("coconet", OF_MASKS)))
    assert check_that_files_decode in asked["rnn"] - asked["coconet"]


def test_a_report_says_what_holds_and_what_does_not(monkeypatch):
    counts = etude.registry.model_class("counts")
    table = report_on_model(counts)
    assert table["holds"].all() and set(table["space"]) == set(SPACES)
    monkeypatch.setattr(counts, "_step_bits", lambda self, xs: [np.ones(np.shape(x)) for x in xs])
    broken = report_on_model(counts)
    assert "the stepper walks the same numbers" in set(broken.loc[~broken["holds"], "check"])
