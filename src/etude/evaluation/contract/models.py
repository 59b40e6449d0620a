"""What the contract asks of a model: a check a function, on spaces whose pieces can all be written down."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.coder import proof
from etude.evaluation.contract.broken import hold
from etude.evaluation.contract.worlds import Recorder, all_pieces, music, scored, steps_of, tolerance
from etude.models.autoregressive import Autoregressive
from etude.types import Evidence

# Of every model --------------------------------------------------------------------------------------------------


def check_that_all_pieces_have_mass_one(model, pieces=None):
    """Exactly; for bounds at most; for estimates within their errors, which are those of one log Z."""
    _check_mass(model, *scored(model, all_pieces(model) if pieces is None else pieces))


def _check_mass(model, p: np.ndarray, stderr: np.ndarray) -> None:
    hold((p >= 0).all() and np.isfinite(p).all(), "probabilities", p)
    slack = 10 * tolerance(model) + 5 * (stderr.sum() if model.kind == "estimate" else np.sqrt((stderr**2).sum()))
    hold(p.sum() <= 1 + slack, "probabilities of all pieces that add up to 1", p.sum())
    if model.kind != "bound" and (model.space.end is None or hasattr(model, "stepper")):
        hold(p.sum() >= 1 - slack, "probabilities of all pieces that add up to 1", p.sum())


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
        least = entropy - 5 * bits.std() / np.sqrt(n)
        hold(bits.mean() > least, f"bits of samples above their entropy, {least:.3f}", bits.mean())
    else:
        check_frequencies(often, p / p.sum() if model.kind == "estimate" else p)


def check_that_company_does_not_matter(model):
    """The bits of a piece are the same alone and among others."""
    pieces = [*music(model.space, 7, seed=6), music(model.space, 1, seed=6)[0][-1:]]
    together, alone = model.bits(pieces).values, [model.bits([x]).total for x in pieces]
    hold(_near(together, alone, 10 * tolerance(model)), f"the bits of pieces alone, {alone}", together)


def check_that_a_beginning_stays(model):
    """Samples begin with the prefix that they were given."""
    x = music(model.space, 1, seed=8)[0]
    known = model.condition(Evidence.prefix(x[:2]))
    for sample in known.sample(20, 5, seed=2):
        hold(np.array_equal(sample[:2], x[:2]) and len(sample) <= 5, f"samples that begin with {x[:2]}", sample)


# Of models that read from left to right ----------------------------------------------------------------------------


def check_that_bits_of_samples_are_the_entropy(model, n=3000):
    """The mean bits of samples are the entropy of the model, up to chance."""
    p, _ = scored(model, all_pieces(model))
    bits = np.array([b.sum() for b in model.step_bits(model.sample(n, steps_of(model), seed=11))])
    entropy = -(p * np.log2(p)).sum()
    slack = 5 * bits.std() / np.sqrt(n) + tolerance(model)
    hold(abs(bits.mean() - entropy) < slack, f"samples of {entropy:.3f} bits on average", bits.mean())


def check_that_the_stepper_walks_the_same_numbers(model):
    """What generation is shown, step by step, are the probabilities that the bits were counted with."""
    for x in music(model.space, 6, seed=5):
        recorder = Recorder(x)
        walked, at_once = recorder.walk(model), model.step_bits([x])[0]
        hold(_near(walked, at_once, tolerance(model)), f"the bits of the full pass, {at_once}", walked)
        shown = np.concatenate(recorder.shown)
        hold(np.isfinite(shown).all() and (shown > 0).all(), "probabilities above 0", shown.min())
        hold(_near(shown.sum(axis=-1), 1, 1e-6), "distributions", shown.sum(axis=-1))


def check_that_conditional_bits_add_up(model):
    """A prefix and what follows it cost together what the piece costs."""
    x = music(model.space, 1, seed=8)[0]
    known = model.condition(Evidence.prefix(x[:2]))
    parts = known.bits([x]).total + model.step_bits([x[:2]])[0].sum()
    whole = model.bits([x]).total
    hold(_near(parts, whole, 10 * tolerance(model)), f"a prefix and its rest to cost {whole:.4f} bits", parts)


def check_that_files_decode(model):
    """An entropy coder writes pieces in as many bits as the model claims, and reads them back."""
    found = proof(model, music(model.space, 8, seed=9)).iloc[-1]
    hold(found["decoded_equal"], "files that decode to the same codes")
    most = 64 + 0.01 * found["claimed_bits"]  # the ends of the file and of its words
    hold(abs(found["excess_bits"]) < most, f"files within {most:.0f} bits of the claim", found["excess_bits"])


# Of models that take any mask ------------------------------------------------------------------------------------


def masks(model) -> Iterator[tuple[np.ndarray, np.ndarray]]:
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
    """Samples keep what is known, wherever it stands, at any temperature."""
    for x, known in masks(model):
        for temperature in (1.0, 0.0):
            for y in model.condition(Evidence(x, known)).sample(10, len(x), seed=2, temperature=temperature):
                shared = min(len(x), len(y))  # a piece may end, but not before what is known
                hold(not known[shared:].any(), "a piece as long as what is known of it", len(y))
                kept = np.array_equal(y[:shared][known[:shared]], x[:shared][known[:shared]])
                hold(kept, f"samples that keep {x[known]}", y)


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
            found = scored(given, completions)
        except EtudeError as error:
            hold(error.remedy, "a refusal that says what to do", error)
            hold(known.any() and not known.all(), "bits where nothing or everything is known", error)
            continue
        _check_mass(given, *found)
        if known.any():
            _check_that_it_refuses(given, np.where(known, (x + 1) % model.space.levels, x))


def _check_that_it_refuses(given, other: np.ndarray) -> None:
    try:
        bits = given.bits([other]).total
    except EtudeError:
        return
    hold(False, "an error for a piece that is not what is known", f"{bits:.2f} bits")


def check_that_completions_follow_their_bits(model, n=2000):
    """Completions are drawn as often as their conditional bits say."""
    if model.space.end is not None or model.kind == "bound":
        return
    for x, known in masks(model):
        given = model.condition(Evidence(x, known))
        completions = [y for y in all_pieces(model) if np.array_equal(y[known], x[known])]
        drawn = {y.tobytes(): 0 for y in completions}
        for y in given.sample(n, len(x), seed=3):
            drawn[y.tobytes()] += 1
        check_frequencies(np.array(list(drawn.values())), scored(given, completions)[0])


def check_frequencies(often: np.ndarray, p: np.ndarray) -> None:
    """Hold that counts could be those of draws from p, by Pearson's chi-square."""
    expected = often.sum() * p
    common = expected >= 5
    chi_squared = ((often - expected)[common] ** 2 / expected[common]).sum()
    most = common.sum() + 6 * np.sqrt(2 * common.sum())  # mean and deviation of chi-square
    hold(chi_squared < most, f"frequencies like the probabilities: chi-square below {most:.1f}", chi_squared)
    rare = np.append(often[~common].sum(), expected[~common].sum())
    hold(abs(rare[0] - rare[1]) < 6 * np.sqrt(rare[1]) + 3, f"{rare[1]:.1f} rare pieces", rare[0])


def _near(one, other, slack: float) -> bool:
    return np.allclose(one, other, rtol=1e-6, atol=slack)


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


def checks_of(model) -> tuple:
    """Return the checks that a model is held to, by what it is."""
    own = (*OF_SEQUENCES, check_that_files_decode) if isinstance(model, Autoregressive) else OF_MASKS
    return (*OF_ALL, *own)
