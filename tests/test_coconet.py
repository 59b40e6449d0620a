"""The order-agnostic model: its passes are a distribution, any mask conditions it, nothing hidden is seen."""

from functools import cache
from itertools import product

import numpy as np
import pytest

import etude
from etude import Budget, EtudeError, Evidence, Space, evaluation
from etude.errors import SpaceMismatch, UnreadableFile
from etude.evaluation.range_coder import Writer
from etude.models.masked.orderings import ORDERS, Ordering, grid
from etude.models.masked.spans import Spans

FRAMES, SAMPLES = Space((2,), 3), Space((), 3, rate=4.0)
SPACES = {"frames": (FRAMES, 2), "samples": (SAMPLES, 4)}
TINY = {"channels": 6, "blocks": 2, "reach": 3, "passes": 3}


def music(space, n=30, seed=0):
    """Sticky codes, and entries of a step that are often alike."""
    rng, pieces = np.random.default_rng(seed), []
    for _ in range(n):
        x = rng.integers(0, space.levels, (rng.integers(2, 9), *space.event_shape))
        for t in range(1, len(x)):
            x[t] = np.where(rng.random(space.event_shape) < 0.7, x[t - 1], x[t])
        pieces.append(x)
    return pieces


@cache
def fitted(name, order="coarse"):
    space = SPACES[name][0]
    model = etude.model("coconet", space, seed=3, order=order, **TINY)
    model.fit(music(space), music(space, 5, seed=1), Budget(20, 8, 6, 0.03, 10), seed=7)
    return model


@pytest.fixture(params=product(SPACES, ORDERS), ids="-".join)
def model(request):
    return fitted(*request.param)


def every(space, steps):
    shape = (steps, *space.event_shape)
    return [np.array(c, int).reshape(shape) for c in product(range(space.levels), repeat=int(np.prod(shape)))]


def mass(model, pieces):
    return sum(2.0 ** -bits.sum() for bits in model.step_bits(pieces))


def masks(space, steps):
    """Every mask of a piece, where they are few; then a voice, a gap, single entries."""
    shape = (steps, *space.event_shape)
    return [np.array(m, bool).reshape(shape) for m in product((False, True), repeat=int(np.prod(shape)))]


# The schedule ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("passes", "growth"), [(1, 1.0), (4, 2.0), (7, 1.0), (200, 3.0)])
def test_every_open_entry_is_revealed_once_and_given_ones_never(order, passes, growth):
    open_ = np.random.default_rng(0).random((19, 5)) < 0.7
    revealed = Ordering(passes, order, growth).revealed_in(open_)
    assert (revealed[~open_] == -1).all() and (revealed[open_] >= 0).all()
    sizes = np.bincount(revealed[open_], minlength=passes)
    assert sizes.sum() == open_.sum() and len(sizes) == passes
    assert (sizes[: min(passes, open_.sum())] > 0).all()  # no pass is idle while something is open
    assert np.array_equal(revealed, Ordering(passes, order, growth).revealed_in(open_))


def test_groups_grow_as_stated():
    revealed = Ordering(4, "random", 2.0).revealed_in(np.ones((16, 10), bool))
    assert np.bincount(revealed.ravel()).tolist() == [10, 30, 50, 70]  # of 160: 1/16, 3/16, 5/16, 7/16


def test_the_coarse_order_goes_from_grid_to_grid():
    assert grid(9).tolist() == [16, 1, 2, 1, 4, 1, 2, 1, 8]
    revealed = Ordering(45, "coarse", 1.0).revealed_in(np.ones((9, 5), bool))
    steps = np.argsort(revealed.ravel()) // 5
    assert steps[::5].tolist()[:3] == [0, 8, 4] and set(steps[15:25]) == {2, 6} and set(steps[25:]) == {1, 3, 5, 7}


def test_an_ordering_refuses_what_it_does_not_know():
    with pytest.raises(EtudeError, match="coarse"):
        Ordering(4, "coarser")
    with pytest.raises(EtudeError, match="passes >= 1"):
        Ordering(0)


# A distribution --------------------------------------------------------------------------------------------------


def test_all_pieces_of_every_length_have_mass_one(model):
    longest = next(steps for space, steps in SPACES.values() if space == model.space)
    for steps in range(longest + 1):
        assert mass(model, every(model.space, steps)) == pytest.approx(1, abs=1e-5)


def test_given_any_mask_the_completions_have_mass_one_and_the_given_is_free(model):
    steps = next(steps for space, steps in SPACES.values() if space == model.space)
    x = music(model.space, 1, seed=5)[0]
    x = np.resize(x, (steps, *model.space.event_shape))
    for known in masks(model.space, steps):
        given = model.condition(Evidence(x, known))
        completions = [y for y in every(model.space, steps) if np.array_equal(y[known], x[known])]
        assert mass(given, completions) == pytest.approx(1, abs=1e-5)
        assert not given.step_bits([x])[0][known].any()
        assert given.bits([x]).total == pytest.approx(given.step_bits([x])[0].sum())


def test_a_network_that_sees_what_is_hidden_is_caught():
    model = etude.model("coconet", FRAMES, seed=3, **TINY)
    model._restore(fitted("frames")._arrays())
    honest = model.network.log_probabilities
    model.network.log_probabilities = lambda x, known, asked: honest(x, np.ones_like(known), asked)
    with pytest.raises(AssertionError):
        test_all_pieces_of_every_length_have_mass_one(model)


def test_a_lost_entry_is_caught():
    model = etude.model("coconet", FRAMES, seed=3, **TINY)
    model._restore(fitted("frames")._arrays())
    whole = model.ordering.revealed_in

    class Forgetful:
        passes = model.ordering.passes

        def revealed_in(self, open_):
            return np.where(np.arange(open_.size).reshape(open_.shape) == 1, -1, whole(open_))

    model.ordering = Forgetful()
    with pytest.raises(AssertionError):
        test_all_pieces_of_every_length_have_mass_one(model)


def test_nothing_hidden_reaches_the_distributions(model):
    rng, (x,) = np.random.default_rng(0), music(model.space, 1, seed=2)
    x = x.reshape(1, len(x), -1)
    known = rng.random(x.shape[1:]) < 0.5
    known[0] = False
    y = np.where(known, x, rng.integers(0, 3, x.shape))
    one, other = (model.network.log_probabilities(z, known, ~known) for z in (x, y))
    assert np.array_equal(one, other)
    y = np.where(known & (known.cumsum().reshape(known.shape) == 1), (x + 1) % 3, x)
    assert not np.array_equal(one, model.network.log_probabilities(y, known, ~known))


def test_a_distribution_depends_on_the_radius_and_no_further():
    model = etude.model("coconet", SAMPLES, seed=1, channels=8, blocks=3, cycle=2, passes=4)
    assert model.radius == 1 + 2 + 1
    x, known = np.zeros((1, 21, 1), int), np.ones((21, 1), bool)
    known[10] = False
    before = model.network.log_probabilities(x, known, ~known)
    felt = []
    for t in range(21):
        y = x.copy()
        y[0, t] = 1
        felt.append(np.abs(model.network.log_probabilities(y, known, ~known) - before).max() > 1e-7)
    assert [t - 10 for t in np.flatnonzero(felt)] == [-4, -3, -2, -1, 1, 2, 3, 4]


def test_bits_of_a_gap_given_one_side_are_a_distribution_that_never_sees_the_other(model):
    space, steps = model.space, 3
    known, asked = (np.zeros((steps, *space.event_shape), bool) for _ in range(2))
    known[:1], asked[1:2] = True, True
    groups = {}
    for x in every(space, steps):
        groups.setdefault((x[0].tobytes(), x[2].tobytes()), []).append(model.bits_of(x, asked, known))
    for bits in groups.values():
        assert (2.0 ** -np.array(bits)).sum() == pytest.approx(1, abs=1e-5)
    for past in {past for past, _ in groups}:
        same = [bits for (first, _), bits in groups.items() if first == past]
        assert np.ptp(same, axis=0).max() < 1e-5, "what is neither asked nor known changes nothing"
    pasts = [next(bits for (first, _), bits in groups.items() if first == p) for p in sorted({p for p, _ in groups})]
    assert np.ptp(pasts, axis=0).max() > 1e-3, "the past does"


def test_bits_of_the_rest_are_those_of_the_completion(model):
    x = every(model.space, 3)[-5]
    known = np.random.default_rng(0).random(x.shape) < 0.4
    completion = model.condition(Evidence(x, known))
    assert model.bits_of(x, ~known, known) == pytest.approx(completion.bits([x]).total, abs=1e-4)
    assert completion.bits([x]).total > 0
    with pytest.raises(EtudeError, match="both"):
        model.bits_of(x, known | True, known)


def test_samples_have_the_frequencies_that_bits_say():
    model, n = fitted("frames"), 4000
    pieces = every(FRAMES, 2)
    p = np.array([2.0 ** -b.sum() for b in model.step_bits(pieces)])
    drawn = {x.tobytes(): 0 for x in pieces}
    for x in model.sample(n, 2, seed=1):
        drawn[x.tobytes()] += 1
    expected, often = n * p, np.array(list(drawn.values()))
    common = expected >= 5
    chi_squared = ((often - expected)[common] ** 2 / expected[common]).sum()
    assert chi_squared < common.sum() + 6 * np.sqrt(2 * common.sum())


# Filling ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.0, 1.0, 2.0])
def test_what_is_given_stays_in_samples_and_revisions(model, temperature):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, (7, *model.space.event_shape))
    known = rng.random(x.shape) < 0.4
    given = model.condition(Evidence(x, known))
    drawn = given.sample(5, 7, seed=2, temperature=temperature)
    for y in [*drawn, *given.revise(drawn, 6, seed=3, temperature=temperature)]:
        assert np.array_equal(y[known], x[known])
    assert len(given.sample(1, 10)[0]) == 10 and len(given.sample(1, 3)[0]) == 7  # more may follow, less may not


def test_a_piece_that_contradicts_the_evidence_is_refused(model):
    x = np.zeros((3, *model.space.event_shape), int)
    given = model.condition(Evidence.prefix(x[:2]))
    for wrong in (x + 1, x[:1]):
        with pytest.raises(EtudeError, match="keep what is given"):
            given.bits([wrong])


def test_long_revision_reaches_the_distribution_it_is_of():
    """With one entry hidden at a time, Gibbs sampling keeps a distribution whose conditionals it uses."""
    model = etude.model("coconet", SAMPLES, seed=1, **TINY)
    bias = np.log([[0.6, 0.3, 0.1]]).astype(np.float32)
    model._restore({**model._arrays(), "write": np.zeros((6, 3), np.float32), "bias": bias})
    drawn = np.concatenate(model.revise([np.full(6, 2)] * 400, 8, seed=0))
    assert np.bincount(drawn, minlength=3) / len(drawn) == pytest.approx([0.6, 0.3, 0.1], abs=0.06)


def test_more_passes_need_fewer_bits_where_entries_depend_on_each_other():
    space = Space((3,), 2)
    alike = [np.repeat(row[:, None], 3, 1) for row in np.random.default_rng(0).integers(0, 2, (60, 6))]
    model = etude.model("coconet", space, seed=0, channels=8, blocks=2, reach=5, passes=18, order="random")
    model.fit(alike[:50], alike[50:], Budget(150, 16, 6, 0.03, 50))
    many = model.bits(alike[50:]).total / 60
    once = model.ordered(passes=1).bits(alike[50:]).total / 60
    assert once > 2.9  # in one pass three fair coins for each step
    assert many < 1.6  # one coin and its copies, nearly


# Learning --------------------------------------------------------------------------------------------------------


def test_spans_say_whether_they_are_cut():
    pieces = [np.arange(20)[:, None] % 7, np.arange(3)[:, None]]
    for step in range(20):
        batch = Spans(pieces, 8, 4, seed=1).batch(step)
        for x, exists, (begins, ends) in zip(*batch, strict=True):
            span = x[exists].ravel()
            assert len(span) in (3, 8)
            whole = next(p.ravel() for p in pieces if len(span) == 3 or len(p) == 20)
            whole = pieces[1].ravel() if len(span) == 3 else whole
            starts = [s for s in range(len(whole) - len(span) + 1) if np.array_equal(whole[s : s + len(span)], span)]
            assert not begins or 0 in starts
            assert not ends or len(whole) - len(span) in starts
            assert begins or len(span) == 8
            assert not x[~exists].any()


def test_padding_and_company_change_nothing(model):
    torch = pytest.importorskip("torch")
    network, (x,) = model.network, music(model.space, 1, seed=4)
    x = torch.as_tensor(x.reshape(1, len(x), -1))
    steps, known = x.shape[1], torch.zeros(x.shape, dtype=torch.bool)
    known[0, 0] = True
    padded = torch.nn.functional.pad(x, (0, 0, 0, 5))
    exists = torch.arange(steps + 5)[None] < steps
    with torch.no_grad():
        alone = network(x, known, exists[:, :steps], torch.ones(1, 2, dtype=torch.bool))
        more = network(padded, torch.nn.functional.pad(known, (0, 0, 0, 5)), exists, torch.ones(1, 2, dtype=torch.bool))
    assert torch.allclose(alone, more[:, :steps], atol=1e-5)
    pieces = music(model.space, 8, seed=6)
    assert model.bits(pieces).values == pytest.approx([model.bits([x]).total for x in pieces], abs=1e-3)


def test_the_loss_counts_hidden_entries_of_existing_steps_alone(monkeypatch):
    torch = pytest.importorskip("torch")
    import etude.models.torch.coconet as module

    model = etude.model("coconet", FRAMES, seed=1, **TINY)
    bias = np.log([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]]).astype(np.float32)
    model._restore({**model._arrays(), "write": np.zeros((6, 3), np.float32), "bias": bias})
    known = torch.tensor([[[True, False], [False, False]], [[True, False], [True, True]]])
    monkeypatch.setattr(module, "random_masks", lambda shape, device: known)
    events = torch.tensor([[[0, 0], [1, 2]], [[0, 2], [0, 0]]])
    exists, borders = torch.tensor([[True, True], [True, False]]), torch.ones(2, 2, dtype=torch.bool)
    loss = model.network.loss((events, exists, borders))
    first = -np.log([0.1, 0.3, 0.8]).mean() * 2  # two steps; mean of three hidden entries
    second = -np.log(0.8)  # one step, one hidden entry
    assert float(loss.detach()) == pytest.approx(2 * (first + second) / 3, rel=1e-5)  # two entries a step, three steps


def test_an_end_code_is_refused_and_the_reason_given():
    with pytest.raises(SpaceMismatch, match="must know the length"):
        etude.model("coconet", Space((), 4, end=3))


@pytest.mark.parametrize("wrong", [{"channels": 0}, {"kernel": 2}, {"dropout": 1.0}, {"passes": 0}, {"order": "x"}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(EtudeError):
        etude.model("coconet", FRAMES, **wrong)


def test_a_saved_model_comes_back(model, tmp_path):
    back = etude.load(model.save(tmp_path / "model"))
    pieces = music(model.space, 4, seed=9)
    assert np.array_equal(back.bits(pieces).values, model.bits(pieces).values)
    assert all(map(np.array_equal, back.sample(3, 5, seed=1), model.sample(3, 5, seed=1)))


def test_the_same_fit_gives_the_same_numbers_and_the_history_those_of_bits():
    once, again = fitted("frames"), etude.model("coconet", FRAMES, seed=3, order="coarse", **TINY)
    valid = music(FRAMES, 5, seed=1)
    history = again.fit(music(FRAMES), valid, Budget(20, 8, 6, 0.03, 10), seed=7)
    assert np.array_equal(again.bits(valid).values, once.bits(valid).values)
    best = min(row["valid"] for row in history.rows)
    assert again.bits(valid).total / sum(map(len, valid)) == pytest.approx(best, abs=1e-4)


# The coder -------------------------------------------------------------------------------------------------------


def test_files_written_in_passes_decode_to_the_same_codes_and_have_the_claimed_size(model):
    empty = np.zeros((0, *model.space.event_shape), int)
    table = evaluation.proof(model, [*music(model.space, 5, seed=8), empty])
    assert table.decoded_equal.all() and (table.excess_bits < 12).all()
    # zeros at the end of a file are implied, so by luck a file is some bits shorter than claimed; not all files are
    drawn = [evaluation.proof(model, [*model.sample(5, 9, seed=seed), empty]) for seed in (8, 9, 10)]
    assert all(one.decoded_equal.all() and (one.excess_bits < 12).all() for one in drawn)
    assert max(one.iloc[-1].excess_bits for one in [table, *drawn]) > -1


def test_a_damaged_length_is_refused(model):
    writer = Writer()
    writer.whole_number(2**20)
    with pytest.raises(UnreadableFile, match="steps"):
        evaluation.decode(model, writer.data())
