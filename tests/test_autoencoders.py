"""The autoencoders: segments, two-part codes against their mixture, the variational bounds against the integral."""

from itertools import pairwise, product

import numpy as np
import pytest

import etude
from etude import Budget, EtudeError, Evidence, Space
from etude.errors import SpaceMismatch
from etude.models.latent import latent as latent_models
from etude.models.latent.autoencoder import Autoencoder
from etude.models.latent.segments import FEWEST, Segments, cut, halvings, join, positions
from etude.models.latent.vae import ACTIVE, VAE, gaussian_kl, shifts

TOKENS, SAMPLES, FRAMES = Space((), 3, end=2), Space((), 3), Space((2,), 3)
OPEN = pytest.mark.parametrize("space", [SAMPLES, FRAMES], ids=["samples", "frames"])
SPACES = pytest.mark.parametrize("space", [TOKENS, SAMPLES, FRAMES], ids=["tokens", "samples", "frames"])
DECODERS = pytest.mark.parametrize("decoder", ["sequence", "convolution"])
SMALL = {"segment": 2, "hidden": 6, "embedding": 4, "dropout": 0.0}
STEPS = 300
LIVELY = 1.5  # scale of weights that are large enough for mistakes to show


def lively(cls, space, seed=1, **options):
    """An untrained model whose weights are large enough that mistakes show."""
    model = cls(space, seed=3, **{**SMALL, **options})
    rng, arrays = np.random.default_rng(seed), model._arrays()
    news = {k: rng.normal(size=v.shape) * LIVELY / np.sqrt(v.shape[0]) for k, v in arrays.items()}
    if "prior.counts" in news:
        news["prior.counts"] = rng.integers(0, 9, arrays["prior.counts"].shape)
    model._restore(news)
    return model


def pieces(space, lengths=(5, 1, 8, 3, 6), seed=0):
    rng = np.random.default_rng(seed)
    codes = space.levels - (space.end is not None)
    xs = [rng.integers(0, codes, (n, *space.event_shape)) for n in lengths]
    return xs if space.end is None else [np.append(x, space.end) for x in xs]


def all_pieces(space, steps):
    """Every piece of `steps` steps of a space without an end code."""
    shape = (steps, *space.event_shape)
    return [np.reshape(codes, shape) for codes in product(range(space.levels), repeat=int(np.prod(shape)))]


def closed_pieces(space, steps):
    """Every closed piece of at most `steps` steps, and every open one of `steps`, with the end code as its own."""
    symbols = [code for code in range(space.levels) if code != space.end]
    closed = [np.array([*codes, space.end]) for n in range(steps) for codes in product(symbols, repeat=n)]
    return closed, [np.array(codes) for codes in product(symbols, repeat=steps)]


# Segments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("segment", [1, 2, 5, 32])
def test_a_piece_is_its_segments(segment):
    for x in [x.reshape(len(x), -1) for x in pieces(FRAMES, (1, 2, 5, 6, 33))]:
        segments = cut(x, segment)
        assert len(segments) == -(-len(x) // segment)
        assert np.array_equal(join(segments), x)
        assert [first for _, first in segments] == [True] + [False] * (len(segments) - 1)
        for before, after in pairwise(segments):
            assert np.array_equal(after[0][0], before[0][-1]), "each is led by the event before it"
    assert cut(np.zeros((0, 2), int), segment) == []


@pytest.mark.parametrize("segment", range(1, 70))
def test_halvings_leave_few_positions_that_hold_the_segment(segment):
    times, left = halvings(segment), positions(segment)
    assert left <= FEWEST and segment <= left * 2**times < segment + 2**times


def test_batches_follow_from_seed_and_step_and_every_segment_is_as_likely():
    xs = pieces(SAMPLES, (7, 40, 0, 3))
    one, same, other = Segments(xs, 4, 64, seed=1), Segments(xs, 4, 64, seed=1), Segments(xs, 4, 64, seed=2)
    assert all(map(np.array_equal, one.batch(5), same.batch(5)))
    assert not np.array_equal(one.batch(5).events, other.batch(5).events)
    assert not np.array_equal(one.batch(5).events, one.batch(6).events)
    drawn = np.concatenate([one.batch(step).mask.sum(axis=1) for step in range(100)])
    assert (drawn == 3).mean() == pytest.approx(2 / 13, abs=0.02), "two of 13 segments have three steps"
    assert len(one.some(5)) == 5 and len(one.some(100)) == 13


# Layers ----------------------------------------------------------------------------------------------------------


def test_layers_are_convolutions_with_stride_two_and_their_transposes():
    torch = pytest.importorskip("torch")
    from etude.models.torch.coders import _taps

    rng = torch.Generator().manual_seed(0)
    x = torch.randn(2, 8, 3, generator=rng)  # (n, P, C)
    down = torch.nn.Conv1d(3, 5, 4, stride=2, padding=1)
    weight = down.weight.permute(2, 1, 0).reshape(4 * 3, 5)
    torch.testing.assert_close(_taps(x, 4, stride=2) @ weight + down.bias, down(x.mT).mT)
    up = torch.nn.ConvTranspose1d(3, 5, 6, stride=2, padding=2)
    # position 2i + r is reached from input i + 1 - j through kernel tap 2 - 2 (1 - j) + r
    taps = [[up.weight[:, :, 2 * j + r] for r in (0, 1)] for j in (2, 1, 0)]  # from i - 1, i, i + 1
    weight = torch.cat([torch.cat(pair, dim=1) for pair in taps])
    got = (_taps(x, 3) @ weight).unflatten(-1, (2, 5)).flatten(1, 2) + up.bias
    torch.testing.assert_close(got, up(x.mT).mT)


@DECODERS
@pytest.mark.parametrize("cls", [Autoencoder, VAE])
def test_what_a_step_may_depend_on(cls, decoder):
    """Given the latent, a sequence decoder reads the steps before; a convolution only the event before the segment."""
    model = lively(cls, SAMPLES, decoder=decoder, segment=5, latent=3)
    z, x = np.random.default_rng(0).normal(size=(1, 1, 3)), np.array([0, 1, 2, 1, 0, 1])[:, None]

    def shown(events):
        seen = []

        def reading(symbol):
            def choose(p, entries):
                seen.append(p[0, 0])
                return np.array([[symbol]])

            return choose

        past, state = events[:1], None
        for event in events[1:]:
            past, state = model.network.write(z[0], past, np.array([False]), reading(event[0]), state)
        return np.array(seen)

    before = shown(x)
    bits = -np.log2(before[np.arange(5), x[1:, 0]]).sum()
    given = model._given(z, [(x, False)])
    assert bits == pytest.approx(given[0, 0], abs=1e-4), "writing walks the numbers of scoring"
    for changed in range(len(x)):
        other = x.copy()
        other[changed] = (other[changed] + 1) % 3
        moved = np.abs(shown(other) - before).max(axis=1) > 1e-6
        if changed == 0:
            assert moved.all()
        else:
            assert not moved[:changed].any() and moved[changed:].any() == (decoder == "sequence" and changed < 5)


# The two-part code -----------------------------------------------------------------------------------------------


def mixture(model, x):
    """The exact p(x) of the autoencoder's mixture: the sum over all codes of every segment."""
    codes = np.array(list(product(range(model.options["levels"]), repeat=model.options["latent"])))
    prior = model.prior()[np.arange(codes.shape[1]), codes].prod(axis=1)
    segments = model._cut(x)
    z = np.broadcast_to(model._values(codes), (len(segments), *codes.shape))
    return (prior * 2.0 ** -model._given(z, segments)).sum(axis=1).prod()


@DECODERS
@OPEN
def test_two_parts_are_longer_than_the_mixture_whose_mass_is_one(space, decoder):
    model, steps = lively(Autoencoder, space, latent=2, levels=3, decoder=decoder), 3 if space is SAMPLES else 2
    xs = all_pieces(space, steps)
    exact, bits = np.array([mixture(model, x) for x in xs]), model.bits(xs)
    assert exact.sum() == pytest.approx(1, abs=1e-5)
    assert bits.kind == "bound" and bits.stderr is None
    assert (bits.values >= -np.log2(exact) - 1e-6).all() and (bits.values > -np.log2(exact) + 0.01).any()
    assert 0.001 < (2.0**-bits.values).sum() <= 1
    assert model.two_parts(xs).sum(axis=1) == pytest.approx(bits.values)


def test_pieces_that_end_have_mass_one_and_the_code_at_most_one():
    model = lively(Autoencoder, TOKENS, latent=2, levels=3)
    closed, open_ = closed_pieces(TOKENS, 5)
    exact = sum(mixture(model, x) for x in [*closed, *open_])
    assert exact == pytest.approx(1, abs=1e-5), "closed pieces and beginnings share the mass"
    bits = model.bits(closed).values
    assert (2.0**-bits).sum() <= sum(mixture(model, x) for x in closed)


@pytest.mark.parametrize("valid", [(), pieces(FRAMES, (5,), seed=1)], ids=["without", "with"])
def test_the_prior_is_counted_on_the_codes_of_the_training_segments(valid):
    model = Autoencoder(FRAMES, **SMALL, latent=3, levels=4)
    assert model.prior() == pytest.approx(np.full((3, 4), 1 / 4)), "before learning, uniform"
    xs = pieces(FRAMES, (9, 4, 7))
    model.fit(xs, valid, Budget(steps=6, batch_size=4, learning_rate=0.01, valid_every=3))
    codes = np.concatenate([model.codes(x) for x in xs])
    counts = np.array([[(codes[:, d] == level).sum() for level in range(4)] for d in range(3)])
    assert model.prior() == pytest.approx((counts + 1) / (len(codes) + 4))
    first, second = model.two_parts(xs).T
    assert first.sum() == pytest.approx(-np.log2(model.prior())[np.arange(3), codes].sum())
    assert (first + second).sum() == pytest.approx(model.bits(xs).total)


def test_the_gradient_passes_through_the_rounding():
    torch = pytest.importorskip("torch")
    model = lively(Autoencoder, FRAMES, latent=3, levels=4)
    net, batch = model.network, Segments(pieces(FRAMES), 2, 6).batch(0)
    batch = type(batch)(*map(torch.from_numpy, batch))
    net.loss(batch).backward()
    with torch.no_grad():
        encoded, codes = net.encoded(batch), net._position(net.encoded(batch)).round()
        z = (np.sqrt(3) * (2 * codes / 3 - 1)).requires_grad_()
    (net.nats(z, batch).sum() / batch.mask.sum()).backward()
    s = torch.sigmoid(encoded)
    inside = (net._position(encoded) - (4 * s - 0.5)).abs() < 1e-6
    chain = z.grad * np.sqrt(3) * 2 / 3 * 4 * s * (1 - s) * inside  # dz/du du/da, the rounding left out
    torch.testing.assert_close(net.encoder.latent.bias.grad, chain.sum(0))
    assert net.encoder.latent.bias.grad.abs().max() > 1e-3


# The variational bounds --------------------------------------------------------------------------------------------


def integral(model, x):
    """-log2 p(x) of a VAE with one latent dimension, by the trapezoidal rule."""
    z, width = np.linspace(-8, 8, 1601, retstep=True)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    segments = model._cut(x)
    given = model._given(np.broadcast_to(z[:, None], (len(segments), len(z), 1)), segments)
    return -np.log2((density * 2.0**-given).sum(axis=1) * width).sum()


@DECODERS
@OPEN
def test_the_bounds_close_in_on_the_integral(space, decoder, monkeypatch):
    model, rng = with_vague_guesses(lively(VAE, space, latent=1, decoder=decoder)), np.random.default_rng(0)
    monkeypatch.setattr(model, "_noise", lambda segments, k: rng.normal(size=(len(segments), k, 1)))
    xs = all_pieces(space, 3 if space is SAMPLES else 2)
    exact = np.array([integral(model, x) for x in xs])
    assert (2.0**-exact).sum() == pytest.approx(1, abs=1e-4)
    draws = {1: 400, 4: 100, 40: 10, 2000: 1}  # samples in the bound -> how often it is drawn
    means = [np.mean([model.iwae(xs, k).values for _ in range(n)], axis=0) @ 2.0**-exact for k, n in draws.items()]
    elbo, *gaps = np.array([model.elbo(xs, 400).values @ 2.0**-exact, *means]) - exact @ 2.0**-exact
    assert elbo == pytest.approx(gaps[0], abs=0.1), "one draw is the ELBO on average"
    assert elbo > 0.05, "the encoder is no inverse of this decoder"
    assert (np.diff(gaps) < 0).all() and abs(gaps[-1]) < 0.02


def with_vague_guesses(model):
    """The model with an encoder whose guesses are wrong, but no wronger than those of one that has learnt."""
    arrays = model._arrays()
    model._restore({**arrays, **{k: 0.2 * v for k, v in arrays.items() if k.startswith("encoder.latent")}})
    return model


def test_one_sample_of_the_importance_weighted_bound_is_the_elbo_on_average():
    model = with_vague_guesses(lively(VAE, SAMPLES, latent=2))
    xs = pieces(SAMPLES, (4,) * 400)
    one, elbo = model.iwae(xs, 1), model.elbo(xs, 100)
    difference = one.values - elbo.values
    assert abs(difference.mean()) < 5 * difference.std() / np.sqrt(len(xs))
    assert one.stderr is None and (elbo.stderr > 0).all()


def test_the_mass_of_the_estimates_is_one_within_their_error():
    model = with_vague_guesses(lively(VAE, SAMPLES, latent=2, samples=200))
    xs = all_pieces(SAMPLES, 4)
    bits = model.bits(xs)
    p = 2.0**-bits.values
    assert bits.kind == "bound"
    assert abs(p.sum() - 1) < 5 * np.sqrt(((p * bits.stderr * np.log(2)) ** 2).sum()) + 1e-5


def test_the_standard_error_is_that_of_other_noise(monkeypatch):
    model = with_vague_guesses(lively(VAE, SAMPLES, latent=2, samples=50))
    x = pieces(SAMPLES, (6,))
    said, values, rng = model.bits(x).stderr[0], [], np.random.default_rng(0)
    monkeypatch.setattr(model, "_noise", lambda segments, k: rng.normal(size=(len(segments), k, 2)))
    values = [model.bits(x).total for _ in range(200)]
    assert said == pytest.approx(np.std(values), rel=0.5)


def test_kl_in_closed_form_is_that_of_samples():
    rng = np.random.default_rng(0)
    mean, deviation = rng.normal(size=4), np.exp(rng.normal(size=4) / 2)
    z = mean + deviation * rng.normal(size=(400_000, 4))
    log_ratio = -((z - mean) ** 2) / (2 * deviation**2) - np.log(deviation) + z**2 / 2
    assert gaussian_kl(mean, deviation) == pytest.approx(log_ratio.mean(axis=0), abs=0.01)
    assert gaussian_kl(0.0, 1.0) == 0


def batch_of(model, xs, weight=1.0):
    torch = pytest.importorskip("torch")
    from etude.models.latent.vae import WeightedBatch

    batch = Segments(xs, model.options["segment"], 8).batch(0)
    return WeightedBatch(*map(torch.from_numpy, batch), torch.full((8,), weight))


def test_the_gradient_is_that_of_the_reparametrised_draw():
    torch = pytest.importorskip("torch")
    model = lively(VAE, FRAMES, latent=2)
    net, batch = model.network.double(), batch_of(model, pieces(FRAMES))
    batch = batch._replace(kl_weight=batch.kl_weight.double())

    def loss():
        torch.manual_seed(0)
        return net.loss(batch)

    loss().backward()
    bias = net.encoder.latent.bias
    for i in range(4):  # two means, two log variances
        with torch.no_grad():
            bias[i] += 1e-5
            above = loss()
            bias[i] -= 2e-5
            below = loss()
            bias[i] += 1e-5
        assert float(bias.grad[i]) == pytest.approx(float(above - below) / 2e-5, rel=1e-4, abs=1e-7)
    assert bias.grad.abs().min() > 1e-4


def test_the_loss_is_the_negative_elbo_with_weighted_kl_and_free_bits():
    torch = pytest.importorskip("torch")
    plain, free = (lively(VAE, FRAMES, latent=2, free_bits=f) for f in (0.0, 50.0))
    losses = {}
    for name, model, weight in (("one", plain, 1.0), ("none", plain, 0.0), ("free", free, 1.0)):
        torch.manual_seed(0)
        losses[name] = model.network.loss(batch_of(model, pieces(FRAMES), weight)).detach()
    batch = batch_of(plain, pieces(FRAMES))
    mean, deviation = plain.network.gaussian(plain.network.encoded(batch))
    steps = int(batch.mask.sum())
    kl = gaussian_kl(mean.detach().double().numpy(), deviation.detach().double().numpy())
    assert float(losses["one"] - losses["none"]) == pytest.approx(kl.sum() / steps, rel=1e-4)
    assert float(losses["free"] - losses["none"]) == pytest.approx(8 * 2 * 50 * np.log(2) / steps, rel=1e-4)
    assert (kl.mean(axis=0) < 50 * np.log(2)).all(), "all of it was free, so nothing pushes on it"


def test_warm_up_raises_the_weight_of_the_kl():
    xs = pieces(SAMPLES)
    weights = {
        warm_up: [
            float(VAE(SAMPLES, **SMALL, warm_up=warm_up)._batches(Segments(xs, 2, 3))(step).kl_weight[0])
            for step in (0, 5, 10, 99)
        ]
        for warm_up in (0, 10)
    }
    assert weights == {0: [1, 1, 1, 1], 10: [0, 0.5, 1, 1]}


def test_a_warm_up_that_outlasts_the_fit_never_asks_the_full_price(monkeypatch):
    xs, seen = pieces(SAMPLES), []
    model = VAE(SAMPLES, **SMALL, latent=2, warm_up=40)
    batches = model._batches

    def watched(segments):
        batch = batches(segments)
        return lambda step: seen.append((step, float(batch(step).kl_weight[0]))) or batch(step)

    monkeypatch.setattr(model, "_batches", watched)
    model.fit(xs, [], Budget(steps=20, batch_size=4, learning_rate=0.01, valid_every=10))
    assert dict(seen) == pytest.approx({step: step / 40 for step in range(20)})


@DECODERS
def test_reliance_is_what_the_latent_of_another_segment_costs(decoder):
    model, xs = lively(VAE, FRAMES, latent=2, decoder=decoder), pieces(FRAMES)
    segments = [segment for x in xs for segment in cut(x.reshape(len(x), -1), 2)]
    n, found = len(segments), model.reliance(xs, samples=3)
    assert found.shape == (n,) and shifts(n, 3) == [3, 6, 9], "13 segments: a quarter, a half, three quarters round"
    (mean, deviation), noise = model._posterior(segments), model._noise(segments, 3)

    def bits(i, j, k):  # of segment i given draw k of segment j
        return model._given((mean[j] + deviation[j] * noise[j, k])[None, None], [segments[i]])[0, 0]

    more = [[bits(i, (i + s) % n, k) - bits(i, i, k) for k, s in enumerate((3, 6, 9))] for i in range(n)]
    assert found == pytest.approx(np.mean(more, axis=1), abs=1e-4)
    assert np.abs(found).max() > 0.1


@DECODERS
def test_what_a_deaf_decoder_is_told_is_kl_but_no_reliance(decoder):
    model, xs = lively(VAE, FRAMES, latent=2, decoder=decoder), pieces(FRAMES)
    arrays = {k: v.copy() for k, v in model._arrays().items()}
    for name in {"decoder.begin.weight", "rnn.0.input"} & set(arrays):
        arrays[name][-2:] = 0  # the rows that read z
    kl, heard = model.kl(xs), model.reliance(xs)
    model._restore(arrays)
    assert np.array_equal(model.kl(xs), kl) and kl.sum(axis=1).mean() > 0.1
    assert np.abs(model.reliance(xs)).max() < 1e-4 < np.abs(heard).max()


def test_reliance_needs_another_segment():
    model, (x,) = lively(VAE, SAMPLES, latent=2), pieces(SAMPLES, (2,))
    for xs, samples in (([x], 4), ([], 4), ([x, x], 0)):
        with pytest.raises(EtudeError):
            model.reliance(xs, samples)
    assert shifts(2, 5) == [1] * 5 and len(model.reliance([x, x])) == 2


def test_a_price_below_one_mends_collapse_where_the_bound_does_not_care():
    """Segments repeat a code: said by z it costs 2 bits, by the first step too, so that a strong decoder needs no z."""
    space, rng = Space((), 4), np.random.default_rng(0)
    xs = [np.repeat(rng.integers(0, 4, 8), 4) for _ in range(40)]
    budget = Budget(steps=STEPS, batch_size=32, learning_rate=0.01, valid_every=STEPS)
    bits, heard = {}, {}
    for warm_up in (0, 2 * STEPS):
        model = VAE(space, segment=4, latent=2, hidden=16, embedding=8, dropout=0.0, warm_up=warm_up)
        model.fit(xs[:30], xs[30:], budget)
        bits[warm_up], heard[warm_up] = model.bits(xs[30:]).total / 80, model.reliance(xs[30:]).mean()
    assert heard[0] < 1 and heard[2 * STEPS] > 5
    assert bits[2 * STEPS] < bits[0] + 0.5


def test_a_collapsed_posterior_is_seen():
    model, xs = lively(VAE, FRAMES, latent=3), pieces(FRAMES)
    weights = model._arrays()
    assert model.active_units(xs) == 3 and (model.kl(xs).mean(axis=0) > 0.01).all()
    weights["encoder.latent.weight"][:, [0, 3]] = 0  # mean and log variance of the first dimension
    weights["encoder.latent.bias"][[0, 3]] = 0
    model._restore(weights)
    assert model.active_units(xs) == 2 and np.abs(model.kl(xs)[:, 0]).max() == 0
    model._restore({**weights, "encoder.latent.weight": 0 * weights["encoder.latent.weight"]})
    assert model.active_units(xs) == 0 and ACTIVE > 0
    gap = model.elbo(xs, 50).total - model.iwae(xs, 50).total
    assert gap >= 0 and len(model.kl(xs)) == sum(-(-len(x) // 2) for x in xs)


# What both do ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [Autoencoder, VAE])
def test_the_latent_carries_what_a_segment_is_about(cls):
    """Every segment repeats one of four codes: independent steps cost 8 bits, the latent's choice 2."""
    space, rng = Space((), 4), np.random.default_rng(0)
    xs = [np.repeat(rng.integers(0, 4, 6), 4) for _ in range(40)]
    model = cls(space, segment=4, latent=2, hidden=16, embedding=8, decoder="convolution", dropout=0.0)
    model.fit(xs[:30], xs[30:], Budget(steps=300, batch_size=32, learning_rate=0.01, valid_every=100))
    assert model.bits(xs[30:]).total / 60 < 3.2
    assert np.mean([model.reconstruct(x) == x for x in xs[30:]]) > 0.95
    drawn = np.concatenate([x.reshape(6, 4) for x in model.sample(50, 24, seed=0)])
    assert (drawn == drawn[:, :1]).all(axis=1).mean() > 0.5, "samples repeat a code within a segment"


@SPACES
@pytest.mark.parametrize("cls", [Autoencoder, VAE])
def test_company_chunks_and_repetition_do_not_change_bits(cls, space, monkeypatch):
    model, xs = lively(cls, space, latent=2), pieces(space)
    together, alone = model.bits(xs).values, [model.bits([x]).total for x in xs]
    assert np.array_equal(together, model.bits(xs).values)
    monkeypatch.setattr(latent_models, "LOGITS_AT_ONCE", 1)
    assert together == pytest.approx(alone, abs=1e-4)
    assert together == pytest.approx(model.bits(xs).values, abs=1e-4)
    assert model.bits([]).values.shape == (0,)
    if space.end is None:
        assert model.bits([np.zeros((0, *space.event_shape), int)]).total == 0


@SPACES
@pytest.mark.parametrize("cls", [Autoencoder, VAE])
def test_encoding_decoding_and_the_line_between(cls, space):
    model, (x, y) = lively(cls, space, latent=2), pieces(space, (5, 8))
    z = model.encode(x)
    assert z.shape == (-(-len(x) // 2), 2)
    line = model.interpolate(x, y, 5)
    shorter = min(len(x), len(y))
    assert len(line) == 5 and all(len(piece) <= shorter for piece in line)
    assert np.array_equal(line[0], model.decode(z, shorter)) and np.array_equal(line[0], model.reconstruct(x))
    assert np.array_equal(line[-1], model.decode(model.encode(y)[: len(z)], shorter))
    assert np.array_equal(model.decode(z, seed=1, temperature=1), model.decode(z, seed=1, temperature=1))
    empty = np.zeros((0, *space.event_shape), int)
    assert model.encode(empty).shape == (0, 2) and [len(piece) for piece in model.interpolate(empty, x, 2)] == [0, 0]
    for call in (lambda: model.interpolate(x, y, 1), lambda: model.decode(z[:, :1]), lambda: model.decode(z, 99)):
        with pytest.raises(EtudeError):
            call()


def test_the_codes_of_values_are_those_nearest():
    model = Autoencoder(SAMPLES, **SMALL, latent=3, levels=5)
    codes = np.array([[0, 2, 4], [1, 3, 0]])
    z = model._values(codes)
    assert np.array_equal(model._nearest(z + 0.3), z) and np.array_equal(model._nearest(z - 0.3), z)
    assert z.min() == -np.sqrt(3) and model._nearest(np.full((1, 3), 9.0)) == pytest.approx(np.sqrt(3))
    assert np.var(model._values(np.arange(5000)[:, None] % 5)) == pytest.approx(1.5), "5 levels: (L + 1) / (L - 1)"


@SPACES
@pytest.mark.parametrize("cls", [Autoencoder, VAE])
def test_any_mask_is_filled_and_known_entries_stay(cls, space):
    model, rng = lively(cls, space, latent=2, segment=3, rounds=3), np.random.default_rng(0)
    (x,) = pieces(space, (10,))
    for share in (0.0, 0.3, 0.7, 1.0):
        known = rng.random(x.shape) < share
        drawn = model.condition(Evidence(x, known)).sample(12, steps=len(x), seed=1)
        last = np.flatnonzero(known.reshape(len(x), -1).any(axis=1)).max(initial=-1)
        for piece in drawn:
            assert last < len(piece) <= len(x) and (space.end is not None or len(piece) == len(x))
            assert np.array_equal(piece[known[: len(piece)]], x[: len(piece)][known[: len(piece)]])
        if 0 < share < 1:
            assert len({piece.tobytes() for piece in drawn}) > 1, "what is unknown is drawn"
    (again,) = model.condition(Evidence(x, np.ones(x.shape, bool))).sample(1, steps=0)
    assert np.array_equal(again, x)
    assert len(model.condition(Evidence.prefix(x[:4])).sample(1, steps=7, seed=2)[0]) <= 7


@SPACES
@pytest.mark.parametrize("cls", [Autoencoder, VAE])
def test_conditional_bits_are_those_of_later_segments_or_refused(cls, space):
    model = lively(cls, space, latent=2, segment=3)
    (x,) = pieces(space, (10,))
    whole = Space(space.event_shape, space.levels)  # without the end code, a beginning has bits of its own
    beginning = cls(whole, seed=3, **model.options)
    beginning._restore(model._arrays())
    rest = model.condition(Evidence.prefix(x[:6])).bits([x])
    assert rest.kind == "bound"
    assert rest.total + beginning.bits([x[:6]]).total == pytest.approx(model.bits([x]).total, abs=1e-4)
    gap = np.ones(x.shape, bool)
    gap[4] = False
    for evidence in (Evidence.prefix(x[:4]), Evidence(x, gap)):
        with pytest.raises(EtudeError, match="difference of two bounds"):
            model.condition(evidence).bits([x])
    with pytest.raises(EtudeError, match="another beginning"):
        model.condition(Evidence.prefix(x[:3])).bits([np.roll(x, 1, axis=0)] if space.end is None else [x[1:]])


def test_filling_leans_on_what_is_known():
    """Segments repeat one code; of each, one step is given and the others must follow it."""
    space, rng = Space((), 4), np.random.default_rng(0)
    xs = [np.repeat(rng.integers(0, 4, 6), 4) for _ in range(40)]
    model = VAE(space, segment=4, latent=2, hidden=16, embedding=8, decoder="convolution", dropout=0.0, rounds=12)
    model.fit(xs[:30], xs[30:], Budget(steps=300, batch_size=32, learning_rate=0.01, valid_every=100))
    x = np.array([0, 1, 2, 3, 3, 1]).repeat(4)
    known = np.arange(24) % 4 == 2
    filled = np.array(model.condition(Evidence(x, known)).sample(40, 24, seed=0))
    blind = np.array(model.sample(40, 24, seed=0))
    assert (filled == x)[:, ~known].mean() > 0.6 > 0.4 > (blind == x).mean()


@pytest.mark.parametrize("cls", [Autoencoder, VAE])
def test_a_finished_fit_is_read_from_its_checkpoint(cls, tmp_path):
    xs, budget = pieces(FRAMES, (9, 4, 7)), Budget(steps=6, batch_size=4, learning_rate=0.01, valid_every=2)
    one, two = (cls(FRAMES, **SMALL, latent=3) for _ in range(2))
    one.fit(xs, xs, budget, checkpoint=tmp_path)
    (file,) = tmp_path.glob("*.ckpt")
    written = file.stat().st_mtime_ns
    history = two.fit(xs, xs, budget, checkpoint=tmp_path)
    assert file.stat().st_mtime_ns == written
    assert all(np.array_equal(a, two._arrays()[k]) for k, a in one._arrays().items())
    best = min(row["valid"] for row in history.rows)
    assert two.bits(xs).total / sum(map(len, xs)) == pytest.approx(best, abs=1e-5)
    other = cls(FRAMES, **{**SMALL, "segment": 3}, latent=3)
    other.fit(xs, xs, budget, checkpoint=tmp_path)
    assert len(list(tmp_path.glob("*.ckpt"))) == 2


@pytest.mark.parametrize("cls", [Autoencoder, VAE])
def test_what_does_not_fit_is_refused_with_the_reason(cls):
    with pytest.raises(SpaceMismatch, match="after the end code"):
        cls(TOKENS, decoder="convolution")
    with pytest.raises(EtudeError, match="Did you mean 'convolution'"):
        cls(SAMPLES, decoder="convolutional")
    with pytest.raises(EtudeError, match="without a memory"):
        cls(FRAMES, decoder="convolution", output="relative")
    assert "logits" in cls.refuses(Space((1000,), 1000))
    for wrong in ({"segment": 0}, {"latent": 0}, {"dropout": 1.0}, {"word_dropout": -0.1}, {"rounds": -1}):
        with pytest.raises(EtudeError, match=next(iter(wrong))):
            cls(SAMPLES, **wrong)
    bad = {"levels": 1} if cls is Autoencoder else {"free_bits": -1.0}
    with pytest.raises(EtudeError, match=next(iter(bad))):
        cls(SAMPLES, **bad)


def test_any_output_that_fits_the_steps_can_be_decoded_to():
    fitting = [*product(("independent", "nade", "intervals"), ("sequence", "convolution")), ("relative", "sequence")]
    for output, decoder in fitting:
        model = lively(Autoencoder, FRAMES, latent=2, levels=3, decoder=decoder, output=output)
        assert sum(mixture(model, x) for x in all_pieces(FRAMES, 2)) == pytest.approx(1, abs=1e-5)


def test_a_narrow_nucleus_takes_the_likeliest_codes_everywhere():
    model = lively(Autoencoder, SAMPLES, latent=3, levels=5)
    likeliest = model.sample(1, 20, temperature=0)[0]
    assert all(np.array_equal(x, likeliest) for x in model.sample(5, 20, seed=4, top_p=1e-6))
    known = np.arange(20) % 3 == 0
    filling = model.condition(Evidence(likeliest, known))
    cold, narrow = filling.sample(3, 20, temperature=0), filling.sample(3, 20, seed=4, top_p=1e-6)
    assert all(map(np.array_equal, cold, narrow))


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
def test_options_of_the_base_are_known_and_others_refused(name):
    assert etude.model(name, FRAMES, segment=3, word_dropout=0.5).options["segment"] == 3
    with pytest.raises(EtudeError, match="Did you mean 'segment'"):
        etude.model(name, FRAMES, segmant=3)


def test_they_are_registered():
    for name, cls in (("autoencoder", Autoencoder), ("vae", VAE)):
        model = etude.model(name, FRAMES, segment=2, latent=2)
        assert type(model) is cls
