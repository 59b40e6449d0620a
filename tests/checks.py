"""What the contract asks of a model, as functions: tests run them on every family, and on families with faults."""

import numpy as np
import pytest
from tiny import Recorder, all_pieces, music, scored, steps_of, tolerance

from etude import EtudeError, Evidence

# Of every model --------------------------------------------------------------------------------------------------


def check_that_all_pieces_have_mass_one(model, pieces=None):
    """Exactly; for bounds at most; for estimates within their errors, which are those of one log Z."""
    p, stderr = scored(model, all_pieces(model) if pieces is None else pieces)
    assert (p >= 0).all() and np.isfinite(p).all()
    slack = 10 * tolerance(model) + 5 * (stderr.sum() if model.kind == "estimate" else np.sqrt((stderr**2).sum()))
    assert p.sum() <= 1 + slack
    if model.kind != "bound" and (model.space.end is None or hasattr(model, "stepper")):
        assert p.sum() >= 1 - slack


def check_that_samples_follow_the_bits(model, n=3000):
    """Pieces are drawn as often as their bits say; bits that are bounds are no fewer than such frequencies need."""
    if model.space.end is not None and not hasattr(model, "stepper"):
        return  # lengths differ, and pieces that have not ended have no bits
    pieces = all_pieces(model)
    p, _ = scored(model, pieces)
    drawn = {piece.tobytes(): 0 for piece in pieces}
    for sample in model.sample(n, steps_of(model), seed=11):
        drawn[sample.tobytes()] += 1
    often = np.array(list(drawn.values()))
    if model.kind == "bound":
        seen = often > 0
        entropy = -(often[seen] / n * np.log2(often[seen] / n)).sum()
        bits = np.repeat(-np.log2(p[seen]), often[seen])
        assert bits.mean() > entropy - 5 * bits.std() / np.sqrt(n)
    else:
        assert_frequencies(often, p / p.sum() if model.kind == "estimate" else p)


def check_that_company_does_not_matter(model):
    pieces = [*music(model.space, 7, seed=6), music(model.space, 1, seed=6)[0][-1:]]
    together, alone = model.bits(pieces).values, [model.bits([x]).total for x in pieces]
    assert together == pytest.approx(alone, abs=10 * tolerance(model))


def check_that_a_beginning_stays(model):
    x = music(model.space, 1, seed=8)[0]
    known = model.condition(Evidence.prefix(x[:2]))
    for sample in known.sample(20, 5, seed=2):
        assert np.array_equal(sample[:2], x[:2]) and len(sample) <= 5


# Of models that read from left to right ----------------------------------------------------------------------------


def check_that_bits_of_samples_are_the_entropy(model, n=3000):
    p, _ = scored(model, all_pieces(model))
    bits = np.array([b.sum() for b in model.step_bits(model.sample(n, steps_of(model), seed=11))])
    entropy = -(p * np.log2(p)).sum()
    assert abs(bits.mean() - entropy) < 5 * bits.std() / np.sqrt(n) + tolerance(model)


def check_that_the_stepper_walks_the_same_numbers(model):
    for x in music(model.space, 6, seed=5):
        recorder = Recorder(x)
        assert recorder.walk(model) == pytest.approx(model.step_bits([x])[0], abs=tolerance(model))
        shown = np.concatenate(recorder.shown)
        assert np.isfinite(shown).all() and (shown > 0).all()
        assert shown.sum(axis=-1) == pytest.approx(1, abs=1e-6)


def check_that_conditional_bits_add_up(model):
    x = music(model.space, 1, seed=8)[0]
    known = model.condition(Evidence.prefix(x[:2]))
    prefix_bits = model.step_bits([x[:2]])[0].sum()
    assert known.bits([x]).total + prefix_bits == pytest.approx(model.bits([x]).total, abs=10 * tolerance(model))


# Of models that take any mask ------------------------------------------------------------------------------------


def masks(model):
    """Yield a piece and what is known of it: nothing, all, a gap in the middle, an end, some entries, one entry."""
    steps, rng = steps_of(model), np.random.default_rng(4)
    x = music(model.space, 1, seed=8)[0][:steps]
    known = np.zeros(x.shape, bool)
    gap, end, one = ~known, known.copy(), known.copy()
    gap[1 : steps - 1], end[-1:] = False, True
    one.reshape(-1)[rng.integers(known.size)] = True
    for mask in (known, ~known, gap, end, rng.random(known.shape) < 0.5, one):
        yield x, mask


def check_that_known_entries_stay(model):
    for x, known in masks(model):
        for temperature in (1.0, 0.0):
            for y in model.condition(Evidence(x, known)).sample(10, len(x), seed=2, temperature=temperature):
                shared = min(len(x), len(y))  # a piece may end, but not before what is known
                assert not known[shared:].any()
                assert np.array_equal(y[:shared][known[:shared]], x[:shared][known[:shared]])


def check_that_completions_have_mass_one(model):
    """Where conditional bits are defined they are a distribution; where not, the error says what to do instead.

    With nothing known they are the bits themselves, with all known there are none: so far every family can tell.
    """
    if model.space.end is not None:
        return  # completions have any length
    for x, known in masks(model):
        given = model.condition(Evidence(x, known))
        completions = [y for y in all_pieces(model) if np.array_equal(y[known], x[known])]
        try:
            check_that_all_pieces_have_mass_one(given, completions)
        except EtudeError as error:
            assert error.remedy
            assert known.any() and not known.all(), "nothing or everything is known, and bits are refused"
            continue
        other = (x + 1) % model.space.levels
        if known.any():
            with pytest.raises(EtudeError):
                given.bits([np.where(known, other, x)])


def check_that_completions_follow_their_bits(model, n=2000):
    if model.space.end is not None or model.kind == "bound":
        return
    for x, known in masks(model):
        given = model.condition(Evidence(x, known))
        completions = [y for y in all_pieces(model) if np.array_equal(y[known], x[known])]
        drawn = {y.tobytes(): 0 for y in completions}
        for y in given.sample(n, len(x), seed=3):
            drawn[y.tobytes()] += 1
        assert_frequencies(np.array(list(drawn.values())), scored(given, completions)[0])


def assert_frequencies(often: np.ndarray, p: np.ndarray) -> None:
    """Assert that counts could be those of draws from p, by Pearson's chi-square."""
    expected = often.sum() * p
    common = expected >= 5
    chi_squared = ((often - expected)[common] ** 2 / expected[common]).sum()
    assert chi_squared < common.sum() + 6 * np.sqrt(2 * common.sum())  # mean and deviation of chi-square
    rare = np.append(often[~common].sum(), expected[~common].sum())
    assert abs(rare[0] - rare[1]) < 6 * np.sqrt(rare[1]) + 3


OF_ALL = (
    check_that_all_pieces_have_mass_one,
    check_that_samples_follow_the_bits,
    check_that_company_does_not_matter,
    check_that_a_beginning_stays,
)
OF_SEQUENCES = (
    check_that_bits_of_samples_are_the_entropy,
    check_that_the_stepper_walks_the_same_numbers,
    check_that_conditional_bits_add_up,
)
OF_MASKS = (
    check_that_known_entries_stay,
    check_that_completions_have_mass_one,
    check_that_completions_follow_their_bits,
)
