"""Windows that follow each other, and fits whose state is carried from one to the next."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from networks import cut_short_and_continued, enlarged, scores

import etude
from etude import Budget, EtudeError, Space
from etude.models.halves import halves
from etude.models.neural import asked
from etude.training.consecutive import Consecutive

TEXT = Space((), 7, end=6)
CARRYING = {
    "samplernn": {"frames": [2, 4], "hidden": 8, "embedding": 4},
    "samplernn two": {"frames": [4], "hidden": 8, "embedding": 4, "cell": "lstm", "layers": 2},
    "rnn": {"cell": "gru", "hidden": 8, "layers": 1, "embedding": 4},
    "rnn lstm": {"cell": "lstm", "hidden": 8, "layers": 2, "embedding": 4},
}
MODELS = pytest.mark.parametrize("name", CARRYING)
BUDGET = Budget(30, 3, 8, 1e-2, 10, cuts="carried")


def model_of(name, space=TEXT, dropout=0.3, **options):
    return etude.model(name.split()[0], space, framework="torch", dropout=dropout, **{**CARRYING[name], **options})


def some_pieces(n=9, seed=0):
    """Pieces whose every step is told apart by what came before it; some are shorter than a window."""
    rng = np.random.default_rng(seed)
    return [np.append(rng.integers(0, 6, rng.integers(1, 45)), 6) for _ in range(n)]


# Windows ------------------------------------------------------------------------------------------------------------


def steps_of(windows, count):
    """Of each row, the windows (codes with the event before them, whether they begin a piece) of the first batches."""
    batches = [windows.batch(step) for step in range(count)]
    rows = range(windows.batch_size)
    return [[(b.events[r, : 1 + b.mask[r].sum(), 0], bool(b.first[r])) for b in batches] for r in rows]


def test_a_row_walks_through_whole_pieces_and_no_window_holds_two():
    pieces = [1000 * i + np.arange(1, n) for i, n in enumerate([30, 17, 5, 9, 2, 40, 8])]
    for row in steps_of(Consecutive(pieces, 8, 3, seed=1), 12):
        whole, walked = {x[0]: x for x in pieces}, []
        assert row[0][1], "the first window begins a piece"
        for (before, _), (window, first) in pairwise(row):
            if first:
                walked.append(before[-1])
            else:
                assert window[0] == before[-1] and len(before) == 9, "goes on where a whole window ended"
            assert len({code // 1000 for code in window[1:].tolist()}) == 1, "one piece"
            assert not first or window[1] in whole, "from its first step"
        assert {x[-1] for x in pieces} >= set(walked) and walked, "to its last step"


def test_every_step_is_seen_once_before_any_is_seen_twice():
    pieces = [1000 * i + np.arange(n) for i, n in enumerate([30, 17, 5, 9, 2, 40, 8, 25, 33, 12])]
    windows, steps = Consecutive(pieces, 8, 2, seed=3), sum(map(len, pieces))
    seen = np.zeros(20000, int)
    for step in range(60):
        batch = windows.batch(step)
        np.add.at(seen, batch.events[:, 1:, 0][batch.mask], 1)
        if seen.sum() >= steps + 2 * 40:  # rows may be within two pieces of the next round
            break
    counts = seen[np.concatenate(pieces)]
    assert counts.min() == 1 and counts.max() <= 2


def test_batches_are_functions_of_seed_and_step():
    one, other = (Consecutive(some_pieces(), 8, 4, seed=1) for _ in range(2))
    later = [one.batch(step) for step in range(40)][25]
    assert all(np.array_equal(a, b) for a, b in zip(later, other.batch(25), strict=True))
    assert not np.array_equal(Consecutive(some_pieces(), 8, 4, seed=2).batch(25).events, later.events)
    orders = [Consecutive(some_pieces(), 8, 1, seed=0).batch(step).events.tobytes() for step in range(40)]
    assert len(set(orders)) > 20


# The state ----------------------------------------------------------------------------------------------------------


@MODELS
def test_window_by_window_is_the_whole_pass(name):
    """The losses of windows with a carried state are the bits of whole pieces; those with fresh ones are not."""
    import torch

    from etude.training.torch.engine import held_fast

    model = enlarged(model_of(name, dropout=0.0), 1.5)
    xs = some_pieces(7)
    windows = Consecutive(xs, 8, 3, seed=0)
    batches, steps, seen = [], sum(map(len, xs)), 0
    while seen < steps:  # the first round, with what the rows have begun of the next
        batches.append(windows.batch(len(batches)))
        seen = sum(int(b.mask.sum()) for b in batches)

    def nats(carried):
        state, each = None, []
        model.network.train()
        for batch in batches:
            batch = type(batch)(*map(torch.from_numpy, batch))
            loss, state = model.network.carried_loss(batch, held_fast(state, torch.device("cpu")) if carried else None)
            each.append(float(loss.detach()) * int(batch.mask.sum()))
        return np.array(each)

    bits, expected = model.step_bits(xs), np.zeros(len(batches))
    for begins, taken in zip(windows._begins, windows._taken, strict=True):
        for begin, piece in zip(begins, taken, strict=True):
            for i, start in enumerate(range(0, len(xs[piece]), 8), start=begin):
                if i < len(batches):
                    expected[i] += bits[piece][start : start + 8].sum() * np.log(2)
    np.testing.assert_allclose(nats(True), expected, rtol=1e-4)
    assert np.abs(nats(False) - expected).max() > 0.02


@MODELS
def test_a_state_is_made_fresh_where_a_piece_begins_and_nowhere_else(name):
    import torch

    context = enlarged(model_of(name, dropout=0.0), 1.5).network.eval().context
    vectors = torch.randn(2, 16, 4, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        state = context(vectors[:, :8])[1]
        features = context(vectors[:, 8:], context.resumed(state, torch.tensor([True, False])))[0]
        fresh, going = context(vectors[:, 8:])[0], context(vectors)[0][:, 8:]
    torch.testing.assert_close(features[0], fresh[0])
    torch.testing.assert_close(features[1], going[1])
    assert (fresh - going).abs().amax(dim=(1, 2)).min() > 1e-3


@MODELS
def test_no_gradient_goes_back_beyond_a_window(name):
    import torch

    from etude.training.torch.engine import held_fast

    context = model_of(name, dropout=0.0).network.context
    vectors = torch.randn(2, 16, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    state = held_fast(context(vectors[:, :8])[1], torch.device("cpu"))
    context(vectors[:, 8:], context.resumed(state, torch.tensor([False, False])))[0].sum().backward()
    assert not vectors.grad[:, :8].any() and vectors.grad[:, 8:].any()


# Fits ---------------------------------------------------------------------------------------------------------------


def remembered(n, every, length, told, seed):
    """Pieces of which each step `every` is 1, or each is 2; the others are 0, but 3 just before, where it is told."""
    secrets, place = np.random.default_rng(seed).integers(1, 3, n), np.arange(length) % every
    return [np.where(place == 0, secret, np.where(place == every - 1, 3 * told, 0)) for secret in secrets]


@pytest.mark.parametrize(("name", "every", "told"), [("samplernn", 20, False), ("rnn", 18, True)])
def test_what_lies_before_the_window_is_learnt_by_a_carried_state_alone(name, every, told):
    """No window of 16 steps, with the event before it, holds two of the steps that tell about each other."""
    train, valid = (remembered(n, every, 8 * every, told, seed) for n, seed in ((200, 0), (20, 1)))
    late = {}
    for cuts in ("random", "consecutive", "carried"):
        model = model_of(name, Space((), 4), dropout=0.0, hidden=24)
        model.fit(train, valid, Budget(360, 16, 16, 2e-2, 120, cuts=cuts))
        late[cuts] = np.mean([bits[every::every].mean() for bits in model.step_bits(valid)])
    assert late["carried"] < 0.3, late
    assert min(late["random"], late["consecutive"]) > 0.7, late


@MODELS
def test_a_fit_that_was_cut_short_continues_as_if_nothing_had_happened(name, tmp_path, monkeypatch):
    def fit(checkpoint=None):
        model = model_of(name)
        return model, scores(model.fit(some_pieces(), some_pieces(3, seed=1), BUDGET, 0, checkpoint))

    rows = cut_short_and_continued(fit, Consecutive, tmp_path, monkeypatch)
    assert scores(model_of(name).fit(some_pieces(), some_pieces(3, seed=1), BUDGET, 0, tmp_path)) == rows


def test_the_three_cuts_are_three_fits_and_the_first_keeps_its_old_name(tmp_path):
    """Budgets had no cuts once: a fit with random ones is asked for in the same words as then."""
    fits = {}
    for cuts in ("random", "consecutive", "carried"):
        model = model_of("rnn")
        history = model.fit(some_pieces(), (), replace(BUDGET, steps=2, valid_every=2, cuts=cuts), 0, tmp_path)
        fits[cuts] = history.fit
    assert len(set(fits.values())) == 3
    old = {"steps", "batch_size", "window", "learning_rate", "valid_every", "patience", "weight_decay", "average"}
    assert asked(Budget()).keys() == old
    assert asked(Budget(cuts="carried")) == {**asked(Budget()), "cuts": "carried"}
    assert "carried" in repr(Budget(cuts="carried")) and "random" not in repr(Budget())


# Refusals -----------------------------------------------------------------------------------------------------------


def test_refusals_say_why():
    with pytest.raises(EtudeError, match="cuts are one of random, consecutive, carried"):
        Budget(cuts="stateful")
    pieces = some_pieces()
    with pytest.raises(EtudeError, match=r"(?s)whole frames.*windows of 10 steps, frames of 4"):
        model_of("samplernn").fit(pieces, (), replace(BUDGET, window=10))
    for family, options in (("tcn", {}), ("attention", {}), ("rnn", {"recall": 1, "hidden": 8}), ("memoryless", {})):
        model = etude.model(family, TEXT, framework="torch", **options)
        with pytest.raises(EtudeError, match=rf"(?s)whose state is carried.*{family} in torch.*rnn without recall"):
            model.fit(pieces, (), BUDGET)
    with pytest.raises(EtudeError, match=r"(?s)cuts of vae: random.*'carried'"):
        etude.model("vae", Space((3,), 2), segment=4, latent=2, hidden=4).fit(
            [np.zeros((9, 3), int)], (), replace(BUDGET, cuts="carried")
        )


@pytest.mark.skipif("tensorflow" not in {half.name for half in halves("rnn")}, reason="TensorFlow is not installed")
@pytest.mark.xdist_group("tensorflow")
def test_keras_carries_no_state():
    model = etude.model("rnn", TEXT, framework="tensorflow", hidden=4, layers=1, embedding=4)
    with pytest.raises(EtudeError, match=r"(?s)whose state is carried.*rnn in tensorflow"):
        model.fit(some_pieces(), (), BUDGET)


@pytest.mark.parametrize("family", ["rnn", "tcn"])
def test_windows_in_order_with_fresh_states_are_for_every_family_of_sequences(family):
    model = etude.model(family, TEXT, framework="torch", **({"hidden": 8} if family == "rnn" else {"channels": 8}))
    history = model.fit(some_pieces(), some_pieces(3, 1), replace(BUDGET, steps=4, valid_every=2, cuts="consecutive"))
    assert [row["step"] for row in history.rows] == [2, 4]
