"""The RNN: its equations by hand, what it learns, how it scores, steps and refuses."""

import numpy as np
import pytest
from networks import enlarged, some_pieces

import etude
from etude import Budget, EtudeError, Evidence, Space
from etude.errors import CorruptCheckpoint, SpaceMismatch
from etude.models.autoregressive import repeat
from etude.models.neural import compact, marginals
from etude.models.sequence import sequence
from etude.training import Windows
from etude.training.windows import pad

TEXT, OPEN, ROLL = Space((), 7, end=6), Space((), 5), Space((4,), 3)
SPACES = pytest.mark.parametrize("space", [TEXT, OPEN, ROLL], ids=["text", "open", "roll"])
CELLS = pytest.mark.parametrize("cell", ["lstm", "gru"])


def untrained(space, cell="lstm", scale=1.5, **options):
    """A model whose weights are large enough that mistakes show."""
    return enlarged(etude.model("rnn", space, cell=cell, hidden=9, embedding=6, seed=3, **options), scale)


# The layout of the weights is the equations ----------------------------------------------------------------------


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(x, h, c, w):
    i, f, g, o = np.split(x @ w["input"] + h @ w["recurrent"] + w["bias"], 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, h, c, w):
    a, b = np.split(x @ w["input"] + w["bias"], 3), np.split(h @ w["recurrent"] + w["recurrent_bias"], 3)
    r, z = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
    return (1 - z) * np.tanh(a[2] + r * b[2]) + z * h, c


def by_hand(model, x):
    """The whole network in NumPy: surprise Float[T, entries] in bits."""
    w, space = {k: v.astype(np.float64) for k, v in model._arrays().items()}, model.space
    x = x.reshape(len(x), space.entries)
    layers = model.options["layers"]
    state = [(np.zeros(9), np.zeros(9)) for _ in range(layers)]
    v, bits = w["embedding.start"], []
    for event in x:
        for layer in range(layers):
            of_layer = {k.split(".")[2]: a for k, a in w.items() if k.startswith(f"rnn.{layer}.")}
            step = lstm_step if model.options["cell"] == "lstm" else gru_step
            state[layer] = step(v, *state[layer], of_layer)
            v = state[layer][0]
        logits = (v @ w["output.weight"] + w["output.bias"]).reshape(space.entries, space.levels)
        chosen = logits[np.arange(space.entries), event]
        bits.append((np.log(np.exp(logits).sum(1)) - chosen) / np.log(2))
        v = sum(w["embedding.table"][e * space.levels + code] for e, code in enumerate(event))
    return np.array(bits)


@CELLS
@SPACES
def test_the_equations_by_hand(space, cell):
    model = untrained(space, cell, layers=2)
    for x in some_pieces(space):
        got = model.step_bits([x])[0]
        np.testing.assert_allclose(got.reshape(len(x), -1), by_hand(model, x), atol=2e-5)


def test_initial_weights_follow_the_seed_and_start_near_uniform():
    model, again, other = (etude.model("rnn", TEXT, seed=seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, again._arrays()[k]) for k, a in model._arrays().items())
    assert not np.array_equal(model._arrays()["rnn.0.input"], other._arrays()["rnn.0.input"])
    u = model._arrays()["rnn.1.recurrent"][:, :256].astype(np.float64)
    np.testing.assert_allclose(u @ u.T, np.eye(256), atol=1e-5)
    bias = model._arrays()["rnn.0.bias"].reshape(4, 256)
    assert (bias[1] == 1).all() and not bias[[0, 2, 3]].any(), "the forget gate begins open"
    xs = some_pieces(TEXT)
    assert model.bits(xs).total / sum(map(len, xs)) == pytest.approx(np.log2(7), abs=0.1)


@SPACES
def test_a_fit_begins_at_the_marginals(space):
    rng = np.random.default_rng(0)
    xs = some_pieces(space, (50, 60, 70)) + [np.zeros_like(x) if space.end is None else x for x in some_pieces(space)]
    model = etude.model("rnn", space, cell="gru", hidden=16, dropout=0.0)
    model.fit(xs, (), Budget(steps=1, batch_size=2, window=8, learning_rate=1e-6, valid_every=1))
    p = marginals(xs, space)
    codes = np.concatenate(xs).reshape(-1, space.entries)
    assert p[0, 0] == pytest.approx((1 + (codes[:, 0] == 0).sum()) / (space.levels + len(codes)))
    floor = etude.model("marginal", space)
    floor.fit(xs)
    assert model.bits(xs).total == pytest.approx(floor.bits(xs).total, rel=0.03)
    rows = model._arrays()["embedding.table"].reshape(space.entries, space.levels, -1)
    vectors = rows[np.arange(space.entries), codes].sum(axis=1)
    assert np.abs(vectors.mean(0)).max() < 0.1 and vectors.var(axis=0).mean() == pytest.approx(1, abs=0.25)
    loaded = {k: rng.normal(size=v.shape).astype(np.float32) for k, v in model._arrays().items()}
    model._restore(loaded)
    model.fit(xs, (), Budget(steps=1, batch_size=2, window=8, learning_rate=1e-9, valid_every=1))
    np.testing.assert_allclose(model._arrays()["output.bias"], loaded["output.bias"], atol=1e-6)


# Scoring and stepping --------------------------------------------------------------------------------------------


@CELLS
@SPACES
def test_chunks_and_company_do_not_change_bits(space, cell, monkeypatch):
    model, xs = untrained(space, cell), some_pieces(space)
    together = model.step_bits(xs)
    alone = [model.step_bits([x])[0] for x in xs]
    monkeypatch.setattr(sequence, "LOGITS_AT_ONCE", 5 * space.entries * space.levels)
    monkeypatch.setattr(sequence, "GROUP_STEPS", 10)
    chunked = model.step_bits(xs)
    for a, b, c, x in zip(together, alone, chunked, xs, strict=True):
        assert a.shape == x.shape
        np.testing.assert_allclose(a, b, atol=1e-5)
        np.testing.assert_allclose(a, c, atol=1e-5)


@CELLS
@SPACES
def test_steps_equal_the_full_pass(space, cell):
    model = untrained(space, cell, layers=3)
    x = some_pieces(space, (30, 30), seed=2)
    stepper, seen = model.stepper(2), []
    for events in zip(*x, strict=True):
        known = np.reshape(events, (2, -1))

        def choose(probabilities, entries, known=known):
            assert probabilities.shape == (2, space.entries, space.levels) and probabilities.dtype == np.float64
            np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-12)
            seen.append(-np.log2(np.take_along_axis(probabilities, known[..., None], -1)[..., 0]))
            return known[:, entries]

        assert np.array_equal(stepper.step(choose), np.array(events))
    got = np.stack(seen, axis=1).reshape(2, *x[0].shape)
    np.testing.assert_allclose(got, model.step_bits(x), atol=1e-4)


def test_the_future_is_not_seen():
    model, x = untrained(ROLL), some_pieces(ROLL)[2]
    other = x.copy()
    other[20:] = (other[20:] + 1) % 3
    a, b = model.step_bits([x, other])
    np.testing.assert_allclose(a[:20], b[:20], atol=1e-6)
    assert np.abs(a[21:] - b[21:]).max() > 0.1


def test_nothing_is_certain_about_an_empty_piece():
    assert untrained(ROLL).bits([np.zeros((0, 4), int), some_pieces(ROLL)[0]]).values[0] == 0


def test_extreme_logits_stay_finite():
    bits = untrained(TEXT, scale=300).bits(some_pieces(TEXT)).values
    assert np.isfinite(bits).all() and bits.max() > 1000


def test_padding_does_not_change_the_loss():
    import torch

    model, xs = untrained(TEXT), some_pieces(TEXT)
    batch = pad([(x[:, None], True) for x in xs])
    bits = model.bits(xs).total / sum(map(len, xs))
    for filling in (0, 3):
        events = batch.events.copy()
        events[:, 1:][~batch.mask] = filling
        loss = model.network.loss(type(batch)(*map(torch.from_numpy, (events, *batch[1:]))))
        assert loss.item() / np.log(2) == pytest.approx(bits, abs=1e-5)


# Learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", [TEXT, ROLL], ids=["text", "roll"])
def test_a_deterministic_pattern_costs_nothing(space):
    line = np.array([0, 1, 2, 1, 0, 3, 3, 2, 4, 4, 5, 1, 6])
    x = line if space is TEXT else np.eye(4, dtype=int)[line[:8]] * 2
    xs = [x] * 4
    model = etude.model("rnn", space, cell="gru", hidden=24, layers=1, dropout=0.0)
    before = model.bits(xs[:1]).total
    model.fit(xs, xs[:1], Budget(steps=150, batch_size=4, window=32, learning_rate=2e-2, valid_every=50))
    assert model.bits(xs[:1]).total < 0.01 * before
    assert np.array_equal(model.sample(1, len(xs[0]), seed=0, temperature=0)[0], xs[0])


def test_the_first_symbol_is_learnt_also_from_windows():
    rng = np.random.default_rng(0)
    xs = [np.concatenate([[4], rng.integers(0, 4, 60)]) for _ in range(20)]  # 4 opens every piece and never returns
    model = etude.model("rnn", OPEN, cell="gru", hidden=16, layers=1, dropout=0.0)
    model.fit(xs, (), Budget(steps=200, batch_size=8, window=10, learning_rate=2e-2, valid_every=100))
    bits = model.step_bits(xs[:3])
    assert max(b[0] for b in bits) < 0.1
    assert np.mean([b[1:] for b in bits]) == pytest.approx(2, abs=0.1)


def markov(n, steps, seed):
    """Pieces of a first-order chain over five symbols, and their true bits."""
    step = np.array([[5, 80, 5, 5, 5], [5, 5, 80, 5, 5], [50, 5, 5, 35, 5], [5, 5, 5, 5, 80], [80, 5, 5, 5, 5]]) / 100
    rng, xs, bits = np.random.default_rng(seed), [], []
    for _ in range(n):
        x, p = [int(rng.integers(5))], 1 / 5
        for _ in range(steps - 1):
            x.append(int(rng.choice(5, p=step[x[-1]])))
            p *= step[x[-2], x[-1]]
        xs.append(np.array(x))
        bits.append(-np.log2(p))
    return xs, np.array(bits)


@CELLS
def test_a_markov_source_is_approached_from_above(cell):
    train, _ = markov(60, 40, 0)
    test, true = markov(40, 40, 1)
    counts = np.bincount(np.concatenate(train), minlength=5) / (60 * 40)
    order_0 = -np.log2(counts)[np.concatenate(test)].sum()
    model = etude.model("rnn", OPEN, cell=cell, hidden=16, layers=1, dropout=0.0)
    model.fit(train, test[:10], Budget(steps=200, batch_size=16, window=24, learning_rate=1e-2, valid_every=20))
    excess = (model.bits(test).total - true.sum()) / (40 * 40)
    assert 0 < excess < 0.06
    assert model.bits(test).total < 0.75 * order_0


def test_more_fit_goes_on_from_where_it_is():
    train, _ = markov(20, 40, 0)
    model = etude.model("rnn", OPEN, cell="gru", hidden=16, layers=1, dropout=0.0)
    budget = Budget(steps=30, batch_size=8, window=24, learning_rate=1e-2, valid_every=10)
    first, second = model.fit(train, train, budget), model.fit(train, train, budget, seed=1)
    assert second.rows[0]["valid"] < first.rows[0]["valid"] - 0.2


# Generation, storage, refusals -----------------------------------------------------------------------------------


@SPACES
def test_samples_continue_a_prefix(space):
    model, x = untrained(space), some_pieces(space)[0][:5]
    given = model.condition(Evidence.prefix(x))
    for piece in given.sample(3, 12, seed=4):
        assert np.array_equal(piece[:5], x)
    whole = some_pieces(space)[0]
    assert given.bits([whole]).total == pytest.approx(model.step_bits([whole])[0][5:].sum(), abs=1e-4)


def test_one_prefix_many_continuations_share_its_state():
    model = untrained(OPEN)
    one, three = model.stepper(1), model.stepper(3)
    for code in (1, 4, 2):
        one.step(repeat(code))
        three.step(repeat(code))
    seen = []
    for stepper in (one, three):
        stepper.step(lambda p, entries: seen.append(p) or np.zeros(p.shape[:2], int))
    np.testing.assert_allclose(seen[1], np.repeat(seen[0], 3, axis=0), atol=1e-6)


@CELLS
@SPACES
def test_saved_and_loaded(space, cell, tmp_path):
    model = untrained(space, cell, output="independent")
    loaded = etude.load(model.save(tmp_path / "m"))
    xs = some_pieces(space)
    assert np.array_equal(model.bits(xs).values, loaded.bits(xs).values)
    assert all(a.dtype == np.float32 for a in loaded._arrays().values())
    assert model.parameters == sum(p.numel() for p in model.network.parameters() if p.requires_grad)


def test_weights_of_another_size_are_refused():
    model = untrained(TEXT)
    arrays = model._arrays()
    for bad in (
        {k: v for k, v in arrays.items() if k != "rnn.1.bias"},
        {**arrays, "rnn.1.bias": np.zeros(7)},
        {**arrays, "extra": np.zeros(1)},
    ):
        with pytest.raises(CorruptCheckpoint, match=r"rnn\.1\.bias|extra"):
            model._restore(bad)


def test_refusals_say_why():
    with pytest.raises(SpaceMismatch, match=r"300000 logits.*fewer entries or levels"):
        etude.model("rnn", Space((300,), 1000))
    with pytest.raises(SpaceMismatch, match="output='independent'"):
        etude.model("rnn", ROLL, output="categorical")
    with pytest.raises(EtudeError, match="'gru'"):
        etude.model("rnn", TEXT, cell="gruu")
    with pytest.raises(EtudeError, match="hidden=0"):
        etude.model("rnn", TEXT, hidden=0)
    with pytest.raises(EtudeError, match="dropout=1"):
        etude.model("rnn", TEXT, dropout=1.0)
    with pytest.raises(EtudeError, match="hidden"):
        etude.model("rnn", TEXT, hiden=3)


def test_the_network_is_built_only_when_it_is_needed():
    assert etude.model("rnn", TEXT, hidden=4096)._network is None


def test_windows_of_a_training_set_are_compact():
    xs = compact(some_pieces(ROLL), ROLL)
    assert {x.dtype for x in xs} == {np.dtype(np.uint8)}
    assert Windows(xs, 8, 2).batch(0).events.dtype == np.int64
