"""TCN and WaveNet: their equations by hand, their receptive fields, their caches, and the faults that must be seen."""

import numpy as np
import pytest
from networks import enlarged, some_pieces

import etude
from etude import Budget, EtudeError, Space
from etude.errors import CorruptCheckpoint, SpaceMismatch
from etude.evaluation.contract.models import check_that_the_stepper_walks_the_same_numbers
from etude.evaluation.contract.worlds import all_pieces, scored
from etude.models.autoregressive import repeat
from etude.models.sequence import sequence
from etude.models.sequence.dilated import doubling, linear_arrays, receptive_field

TEXT, ROLL = Space((), 7, end=6), Space((4,), 3)
SPACES = pytest.mark.parametrize("space", [TEXT, ROLL], ids=["text", "roll"])
TCN = {"channels": 6, "kernel": 3, "blocks": 2, "embedding": 5}
WAVENET = {"residual": 5, "skip": 6, "stacks": 2, "dilations": 2, "embedding": 4}
FAMILIES = pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("tcn", TCN, 13),  # 1 + 2 taps before the current * two convolutions * (1 + 2)
        ("tcn", {**TCN, "kernel": 2, "blocks": 3, "embedding": 6}, 15),
        ("wavenet", WAVENET, 8),  # 1 + 1 for the causal convolution + 2 stacks * (1 + 2)
        ("wavenet", {**WAVENET, "kernel": 3, "stacks": 1, "dilations": 3}, 17),
    ],
    ids=["tcn", "narrow-tcn", "wavenet", "wide-wavenet"],
)


def untrained(name, space, options, scale=1.5):
    """A model whose weights are large enough that mistakes show."""
    return enlarged(etude.model(name, space, seed=3, **options), scale)


# The layout of the weights is the equations ----------------------------------------------------------------------


def convolve(x, w, name, kernel, dilation):
    """A dilated causal convolution of x Float[T, in], written as a sum over taps."""
    taps = w[f"{name}.weight"].reshape(kernel, x.shape[1], -1)
    y = np.tile(w[f"{name}.bias"], (len(x), 1))
    for t in range(len(x)):
        for j in range(kernel):
            s = t - (kernel - 1 - j) * dilation
            if s >= 0:
                y[t] += x[s] @ taps[j]
    return y


def tcn_features(v, w, o):
    for i in range(o["blocks"]):
        y = np.maximum(convolve(v, w, f"tcn.{i}.first", o["kernel"], 2**i), 0)
        y = np.maximum(convolve(y, w, f"tcn.{i}.second", o["kernel"], 2**i), 0)
        around = convolve(v, w, f"tcn.{i}.project", 1, 1) if f"tcn.{i}.project.weight" in w else v
        v = np.maximum(y + around, 0)
    return v


def wavenet_features(v, w, o):
    x, skips = convolve(v, w, "wavenet.input", o["kernel"], 1), 0
    for layer in range(o["stacks"] * o["dilations"]):
        a = convolve(x, w, f"wavenet.{layer}.gated", o["kernel"], 2 ** (layer % o["dilations"]))
        z = np.tanh(a[:, : o["residual"]]) / (1 + np.exp(-a[:, o["residual"] :]))
        skips = skips + convolve(z, w, f"wavenet.{layer}.skip", 1, 1)
        if f"wavenet.{layer}.residual.weight" in w:
            x = x + convolve(z, w, f"wavenet.{layer}.residual", 1, 1)
    return np.maximum(convolve(np.maximum(skips, 0), w, "wavenet.end", 1, 1), 0)


FEATURES = {"tcn": tcn_features, "wavenet": wavenet_features}


def by_hand(model, x):
    """The whole network in NumPy: surprise Float[T, entries] in bits."""
    w, space = {k: v.astype(np.float64) for k, v in model._arrays().items()}, model.space
    x = x.reshape(len(x), space.entries)
    rows = w["embedding.table"][x + np.arange(space.entries) * space.levels].sum(axis=1)
    vectors = np.concatenate([w["embedding.start"][None], rows[:-1]])
    logits = FEATURES[model.name](vectors, w, model.options) @ w["output.weight"] + w["output.bias"]
    logits = logits.reshape(*x.shape, space.levels)
    return (np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, x[..., None], -1)[..., 0]) / np.log(2)


@FAMILIES
@SPACES
def test_the_equations_by_hand(name, options, field, space):
    model = untrained(name, space, options)
    for x in some_pieces(space):
        np.testing.assert_allclose(model.step_bits([x])[0].reshape(len(x), -1), by_hand(model, x), atol=3e-5)


def test_a_convolution_on_small_numbers():
    from torch import tensor

    from etude.models.torch.dilated import CausalConvolution

    convolution = CausalConvolution(1, 1, kernel=2, dilation=2)
    convolution.weight.data[:] = tensor([[10.0], [1.0]])  # ten times what was two steps ago, and what is now
    y, cache = convolution(tensor([[[1.0]], [[2.0]], [[3.0]], [[4.0]]]))
    assert y.detach().flatten().tolist() == [1, 2, 13, 24]
    assert cache.flatten().tolist() == [3, 4]
    assert convolution(tensor([[[5.0]]]), cache)[0].item() == 35


@pytest.mark.parametrize("kernel, dilation", [(2, 1), (3, 4)])
def test_a_convolution_and_its_gradients_are_those_of_conv1d(kernel, dilation):
    import torch

    from etude.models.torch.dilated import CausalConvolution

    torch.manual_seed(0)
    ours = CausalConvolution(5, 7, kernel, dilation).double()
    x = torch.randn(11, 3, 5, dtype=torch.float64, requires_grad=True)
    for weight in ours.parameters():
        torch.nn.init.normal_(weight)
    y, _ = ours(x)
    filters = ours.weight.unflatten(0, (kernel, 5)).permute(2, 1, 0)  # (out, in, k)
    padded = torch.nn.functional.pad(x.permute(1, 2, 0), ((kernel - 1) * dilation, 0))
    theirs = torch.nn.functional.conv1d(padded, filters, ours.bias, dilation=dilation).permute(2, 0, 1)
    torch.testing.assert_close(y, theirs)
    weights, direction = (x, *ours.parameters()), torch.randn_like(y)
    gradients = [torch.autograd.grad(result, weights, direction) for result in (y, theirs)]
    torch.testing.assert_close(*gradients)


# Receptive field: exactly so many past steps matter, and no later one ----------------------------------------------


def reach(model, steps=40) -> tuple[int, int]:
    """Return how many past steps move the distribution of step `steps` - 1, at most and at least by gradient.

    The gradient of one step's features with respect to the vector of every step, summed over some random inputs.
    """
    import torch

    context, generator = model.network.context.eval(), torch.Generator().manual_seed(0)
    at, moved = steps // 2, torch.zeros(steps)
    for _ in range(20):
        vectors = torch.randn(1, steps, model.options["embedding"], generator=generator, requires_grad=True)
        context(vectors)[0][0, at].sum().backward()
        moved += vectors.grad.abs().sum(-1)[0]
    (known,) = torch.nonzero(moved, as_tuple=True)
    return at - int(known.min()) + 1, at - int(known.max()) + 1


@FAMILIES
def test_the_receptive_field_is_what_moves_the_next_step(name, options, field):
    model = untrained(name, TEXT, options)
    assert model.receptive_field == field
    assert reach(model, 2 * field + 4) == (field, 1), "the oldest step that matters, and the newest: none later"


@FAMILIES
def test_a_changed_past_event_matters_up_to_the_receptive_field(name, options, field):
    """Finite differences through the public face: a change of event s moves the bits of s and of those that see it."""
    model = untrained(name, ROLL, options)
    (x,) = some_pieces(ROLL, (3 * field,))
    before, after = model.step_bits([x])[0].sum(-1), []
    for code in (1, 2):  # two other chords, so that no coincidence hides the change
        changed = x.copy()
        changed[field] = (changed[field] + code) % ROLL.levels
        after.append(model.step_bits([changed])[0].sum(-1))
    moved = np.flatnonzero(np.abs(np.array(after) - before).max(axis=0) > 1e-5)
    assert moved.min() == field
    assert field + 1 in moved and moved.max() <= 2 * field, "the last that sees it is step s + receptive field"


def test_receptive_fields_of_the_papers():
    assert receptive_field(2, doubling(10)) == 1024  # van den Oord et al. 2016, section 2.1
    assert receptive_field(2, [1, 2, 4, 8]) == 16  # the same, figure 3
    assert etude.model("wavenet", TEXT, stacks=2, dilations=10).receptive_field == 2048


def leaking(model):
    """Plant a shifted convolution: it reads one step of the future."""
    from etude.models.torch.dilated import CausalConvolution

    convolution = next(m for m in model.network.context.modules() if isinstance(m, CausalConvolution))
    sound = convolution.forward

    def forward(x, before=None):
        y, cache = sound(x, before)
        return y.roll(-1, dims=0), cache

    convolution.forward = forward
    return model


@FAMILIES
def test_a_planted_leak_is_seen(name, options, field):
    model = leaking(untrained(name, TEXT, options))
    assert reach(model, 2 * field + 4)[1] == 0, "a step of the future moves the features"
    small = leaking(untrained(name, Space((), 3, end=2), options))
    assert abs(scored(small, all_pieces(small))[0].sum() - 1) > 0.01
    with pytest.raises(AssertionError):
        check_that_the_stepper_walks_the_same_numbers(small)


# Caches -----------------------------------------------------------------------------------------------------------


@FAMILIES
@SPACES
def test_chunks_and_company_do_not_change_bits(name, options, field, space, monkeypatch):
    model, xs = untrained(name, space, options), some_pieces(space)
    together, alone = model.step_bits(xs), [model.step_bits([x])[0] for x in xs]
    monkeypatch.setattr(sequence, "LOGITS_AT_ONCE", 5 * space.entries * space.levels)
    monkeypatch.setattr(sequence, "GROUP_STEPS", 10)
    for a, b, c in zip(together, alone, model.step_bits(xs), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
        np.testing.assert_allclose(a, c, atol=1e-5)


@FAMILIES
@SPACES
def test_steps_equal_the_full_pass(name, options, field, space):
    model, x = untrained(name, space, options), some_pieces(space, (50,), seed=2)[0]
    stepper, bits = model.stepper(1), []
    for event in x:
        seen = []
        stepper.step(lambda p, entries, seen=seen, event=event: seen.append(p[0]) or repeat(event)(p, entries))
        bits.append(-np.log2(np.take_along_axis(seen[0], np.reshape(event, (-1, 1)), 1)).reshape(space.event_shape))
    np.testing.assert_allclose(bits, model.step_bits([x])[0], atol=2e-5)


@FAMILIES
def test_the_state_is_as_large_as_the_receptive_field_says_and_does_not_grow(name, options, field):
    model = untrained(name, TEXT, options)
    stepper, sizes = model.stepper(2), []
    for _ in range(30):
        stepper.step(repeat(np.array(1)))
        caches = [c for part in stepper.state for c in (part if isinstance(part, tuple) else (part,))]
        sizes.append(sum(len(cache) for cache in caches))
    assert set(sizes) == {field - 1}


# WaveNet's gates --------------------------------------------------------------------------------------------------


@SPACES
def test_gates_are_those_of_the_equations(space):
    model, (x,) = untrained("wavenet", space, WAVENET), some_pieces(space, (12,))
    gates = model.gates(x)
    assert gates.shape == (len(x), 4, WAVENET["residual"]) and (gates > 0).all() and (gates < 1).all()
    w = {k: v.astype(np.float64) for k, v in model._arrays().items()}
    rows = w["embedding.table"][x.reshape(len(x), -1) + np.arange(space.entries) * space.levels].sum(axis=1)
    vectors = np.concatenate([w["embedding.start"][None], rows[:-1]])
    first = convolve(convolve(vectors, w, "wavenet.input", 2, 1), w, "wavenet.0.gated", 2, 1)
    np.testing.assert_allclose(gates[:, 0], 1 / (1 + np.exp(-first[:, WAVENET["residual"] :])), atol=1e-5)


# What they learn, storage, refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(("blocks", "learns"), [(1, False), (3, True)])
def test_what_lies_outside_the_receptive_field_cannot_be_learnt(blocks, learns):
    """A code comes back after eight steps: five past steps leave it a coin, twenty-nine foresee it."""
    rng, space = np.random.default_rng(0), Space((), 2)
    pieces = [np.tile(rng.integers(0, 2, 8), 5) for _ in range(200)]
    model = etude.model("tcn", space, channels=24, kernel=3, blocks=blocks, embedding=8, dropout=0.0)
    model.fit(pieces[:150], pieces[150:160], Budget(300, 16, 40, 1e-2, 100))
    bits = np.mean([b[8:] for b in model.step_bits(pieces[160:])])
    assert (bits < 0.2) == learns and (learns or bits > 0.7), (model.receptive_field, bits)


@FAMILIES
def test_saved_and_loaded(name, options, field, tmp_path):
    model = untrained(name, ROLL, options)
    loaded = etude.load(model.save(tmp_path / "m"))
    xs = some_pieces(ROLL)
    assert np.array_equal(model.bits(xs).values, loaded.bits(xs).values)
    assert model.parameters == sum(p.numel() for p in model.network.parameters())


@pytest.mark.parametrize("name", ["tcn", "wavenet"])
def test_initial_weights_keep_the_scale_of_what_they_read(name):
    model = etude.model(name, ROLL, dropout=0.0)
    import torch

    vectors = torch.randn(8, 64, model.options["embedding"], generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = model.network.eval().context(vectors)[0]
    assert 0.2 < features.square().mean().sqrt() < 5
    weight = linear_arrays(300, 200, np.random.default_rng(0), gain=2.0)["weight"]
    assert weight.std() == pytest.approx(2 / np.sqrt(300), rel=0.02)


def test_weights_of_another_size_are_refused():
    model = untrained("wavenet", TEXT, WAVENET)
    arrays = model._arrays()
    with pytest.raises(CorruptCheckpoint, match=r"wavenet\.3\.residual\.weight"):
        model._restore({**arrays, "wavenet.3.residual.weight": np.zeros((5, 5))})


def test_refusals_say_why():
    for name in ("tcn", "wavenet"):
        with pytest.raises(SpaceMismatch, match=r"300000 logits.*fewer entries or levels"):
            etude.model(name, Space((300,), 1000))
        with pytest.raises(EtudeError, match="dropout=1"):
            etude.model(name, TEXT, dropout=1.0)
        with pytest.raises(EtudeError, match=r"kernel >= 2.*kernel=1"):
            etude.model(name, TEXT, kernel=1)
    with pytest.raises(EtudeError, match="channels=0"):
        etude.model("tcn", TEXT, channels=0)
    with pytest.raises(EtudeError, match="dilations=0"):
        etude.model("wavenet", TEXT, dilations=0)


@pytest.mark.parametrize("name", ["rnn", "tcn", "wavenet", "samplernn"])
def test_dropout_is_on_while_learning_and_off_while_scoring(name):
    model, modes = etude.model(name, TEXT, dropout=0.5), []
    network, loss, xs = model.network, model.network.loss, some_pieces(TEXT)
    network.loss = lambda batch: modes.append(network.training) or loss(batch)
    model.fit(xs, xs, Budget(steps=4, batch_size=2, window=8, valid_every=2))
    assert modes == [True] * 4 and not network.training
    assert np.array_equal(model.bits(xs).values, model.bits(xs).values)
