"""The contract of models that take any mask: what is known stays, what is not is a distribution given it."""

import numpy as np
import pytest
from tiny import CASES, fitted, name_of

from etude import EtudeError, Space
from etude.evaluation.contract import worlds
from etude.evaluation.contract.models import (
    OF_MASKS,
    check_that_all_pieces_have_mass_one,
    check_that_completions_follow_their_bits,
    check_that_completions_have_mass_one,
    check_that_known_entries_stay,
    check_that_samples_follow_the_bits,
)
from etude.models.autoregressive import Autoregressive
from etude.models.base import Model
from etude.registry import model_class

FRAMES = Space((2,), 2)
MASKED = [case for case in CASES if not issubclass(model_class(case[0]), Autoregressive)]


@pytest.mark.parametrize("check", OF_MASKS, ids=lambda check: check.__name__.removeprefix("check_that_"))
@pytest.mark.parametrize("case", MASKED, ids=name_of)
def test_contract(case, check):
    check(fitted(*case))


# Planted faults --------------------------------------------------------------------------------------------------


class Table(Model):
    """A probability for every piece of two frames of two keys, by a table: sound, and conditioned by summing."""

    name = "table"

    def __init__(self, evidence=None):
        super().__init__(FRAMES)
        self.pieces = np.stack(np.unravel_index(np.arange(16), (2, 2, 2, 2)), axis=1).reshape(16, 2, 2)
        self.p = np.random.default_rng(0).dirichlet(np.ones(16))
        self.evidence = evidence
        if evidence is not None:
            agree = (self.pieces == evidence.values)[:, evidence.known].all(axis=1)
            self.p = np.where(agree, self.p, 0) / self.p[agree].sum()

    def _bits(self, xs):
        rows = [int(np.ravel_multi_index(x.reshape(-1), (2, 2, 2, 2))) for x in xs]
        if (self.p[rows] == 0).any():
            raise EtudeError("pieces that keep what is given", "another piece")
        return -np.log2(self.p[rows])

    def _sample(self, n, steps, rng, temperature, top_p=1.0):
        chosen = rng.choice(16, n, p=self.p) if temperature else np.full(n, self.p.argmax())
        return list(self.pieces[chosen])

    def _condition(self, evidence):
        return type(self)(evidence)

    def _fit(self, *args):
        raise NotImplementedError

    _arrays = _restore = _fit


class LeakingMask(Table):
    """Conditional bits that look under the mask: half of what is unknown is known."""

    def _bits(self, xs):
        return super()._bits(xs) / (1 if self.evidence is None else 2)


class JointBits(Table):
    """Conditional bits that are those of the whole piece."""

    def _bits(self, xs):
        super()._bits(xs)
        return Table()._bits(xs)


class OverwritesTheKnown(Table):
    def _sample(self, n, steps, rng, temperature, top_p=1.0):
        return Table()._sample(n, steps, rng, temperature)


class IgnoresTheKnown(Table):
    """Keeps what is known, and draws the rest as if it did not matter."""

    def _sample(self, n, steps, rng, temperature, top_p=1.0):
        free = np.array(Table()._sample(n, steps, rng, temperature))
        if self.evidence is None:
            return list(free)
        return list(np.where(self.evidence.known, self.evidence.values, free))


class AlwaysRefuses(Table):
    """Never has conditional bits, and says politely why."""

    def _bits(self, xs):
        if self.evidence is not None:
            raise EtudeError("no evidence", "some", "Draw samples instead.")
        return super()._bits(xs)


MASK_FAULTS = {
    AlwaysRefuses: check_that_completions_have_mass_one,
    LeakingMask: check_that_completions_have_mass_one,
    JointBits: check_that_completions_have_mass_one,
    OverwritesTheKnown: check_that_known_entries_stay,
    IgnoresTheKnown: check_that_completions_follow_their_bits,
}


@pytest.fixture
def table_space(monkeypatch):
    monkeypatch.setitem(worlds.SPACES, "table", FRAMES)
    monkeypatch.setitem(worlds.STEPS, "table", 2)


@pytest.mark.parametrize("fault", MASK_FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_under_a_mask_is_seen(fault, table_space):
    with pytest.raises(AssertionError):
        MASK_FAULTS[fault](fault())


def test_a_sound_table_passes(table_space):
    for check in {*MASK_FAULTS.values(), check_that_all_pieces_have_mass_one, check_that_samples_follow_the_bits}:
        check(Table())


class Understated(Table):
    """A bound that is none: it leaves out what the latent costs."""

    kind = "bound"

    def _bits(self, xs):
        return 0.8 * super()._bits(xs)


def test_a_bound_below_the_truth_is_seen(table_space):
    for check in (check_that_all_pieces_have_mass_one, check_that_samples_follow_the_bits):
        with pytest.raises(AssertionError):
            check(Understated())


def test_a_network_that_sees_under_the_mask_is_seen(monkeypatch):
    """What is asked for is known already, as where a mask is applied to the loss and not to the input."""
    case = ("coconet", "torch", 0, "frames")
    assert case in CASES
    model = fitted(*case)
    honest = model.network.log_probabilities
    monkeypatch.setattr(model.network, "log_probabilities", lambda x, known, asked: honest(x, known | True, asked))
    for check in (check_that_all_pieces_have_mass_one, check_that_completions_have_mass_one):
        with pytest.raises(AssertionError):
            check(model)
