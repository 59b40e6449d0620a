"""Causal self-attention: its equations by hand, how far it sees, how it steps, what it looks at, what it refuses."""

import numpy as np
import pytest
from networks import enlarged, some_pieces

import etude
from etude import Budget, EtudeError, Space
from etude.evaluation.contract.worlds import Recorder
from etude.models.sequence import sequence

TEXT, ROLL = Space((), 7, end=6), Space((4,), 3)
SPACES = pytest.mark.parametrize("space", [TEXT, ROLL], ids=["text", "roll"])
SIZES = {"channels": 12, "heads": 3, "layers": 2, "span": 6, "distances": 4, "dropout": 0.0}


def untrained(space, **options):
    """A model whose weights are large enough that mistakes show."""
    return enlarged(etude.model("attention", space, seed=3, **{**SIZES, **options}), 1.5)


# The layout of the weights is the equations ----------------------------------------------------------------------


def normalised(x, w, name):
    centred = x - x.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(x, w, name):
    return x @ w[f"{name}.weight"] + w[f"{name}.bias"]


def looks(t, query, keys, positions, span):
    """What one head's query of step t takes from each step, Float[T]: one step after the other."""
    weights = np.zeros(len(keys))
    for s in range(max(0, t - span + 1), t + 1):
        distance = min(t - s, len(positions) - 1)
        weights[s] = np.exp((query @ keys[s] + query @ positions[distance]) / np.sqrt(len(query)))
    return weights / weights.sum()


def layer_by_hand(x, w, options):
    """A layer's output Float[T, C] and weights Float[heads, T, T]."""
    heads, size, looked = options["heads"], options["channels"] // options["heads"], []
    queries, keys, values = np.split(linear(normalised(x, w, "norm"), w, "read"), 3, axis=1)
    mixed = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        a = [looks(t, queries[t, part], keys[:, part], w["positions"][head], options["span"]) for t in range(len(x))]
        looked.append(np.array(a))
        mixed.append(looked[-1] @ values[:, part])
    x = x + linear(np.concatenate(mixed, axis=1), w, "output")
    return x + linear(np.maximum(linear(normalised(x, w, "between"), w, "inner"), 0), w, "outer"), np.array(looked)


def by_hand(model, x):
    """The whole network in NumPy: surprise Float[T, entries] in bits and weights Float[layers, heads, T, T]."""
    w, space, looked = {k: v.astype(np.float64) for k, v in model._arrays().items()}, model.space, []
    x = x.reshape(len(x), space.entries)
    rows = w["embedding.table"][np.arange(space.entries) * space.levels + x].sum(axis=1)
    v = np.concatenate([w["embedding.start"][None], rows[:-1]])
    v = linear(v, w, "attention.input") if "attention.input.weight" in w else v
    for layer in range(model.options["layers"]):
        prefix = f"attention.{layer}."
        of_layer = {name.removeprefix(prefix): array for name, array in w.items() if name.startswith(prefix)}
        v, a = layer_by_hand(v, of_layer, model.options)
        looked.append(a)
    logits = linear(normalised(v, w, "attention.norm"), w, "output").reshape(*x.shape, space.levels)
    chosen = np.take_along_axis(logits, x[..., None], -1)[..., 0]
    return (np.log(np.exp(logits).sum(-1)) - chosen) / np.log(2), np.array(looked)


@SPACES
@pytest.mark.parametrize("embedding", [12, 5])
def test_the_equations_by_hand(space, embedding):
    model = untrained(space, embedding=embedding)
    for x in some_pieces(space):
        bits, looked = by_hand(model, x)
        np.testing.assert_allclose(model.step_bits([x])[0].reshape(len(x), -1), bits, atol=5e-5)
        np.testing.assert_allclose(model.attention(x), looked, atol=1e-5)


def test_skewed_on_small_numbers():
    import torch

    from etude.models.torch.attention import skewed

    by_distance = torch.tensor([[3.0, 2.0, 1.0, 0.0]]).expand(2, 4)  # of two queries: column j is of 3 - j steps ago
    assert skewed(by_distance)[0, :3].tolist() == [2, 1, 0]  # the earlier query: the last key is yet to come
    assert skewed(by_distance)[1].tolist() == [3, 2, 1, 0]


# A band, however the piece is cut --------------------------------------------------------------------------------


def logits_of(model, x):
    """The logits of the full pass, Float64[T, entries, levels]."""
    network, events = model.network, x.reshape(1, len(x), -1)
    with network.still():
        past = network.tensor(np.concatenate([events[:, :1], events[:, :-1]], axis=1))
        return network.output.logits(network.features(past, network.tensor(np.ones(1, bool)))[0])[0].double().numpy()


@SPACES
@pytest.mark.parametrize("recall", [0, 2])
def test_stepping_with_caches_gives_the_logits_of_the_full_pass(space, recall):
    model, x = untrained(space, recall=recall), some_pieces(space, (60,))[0]
    recorder = Recorder(x)
    bits = recorder.walk(model)
    whole = logits_of(model, x)
    log_p = whole - np.log(np.exp(whole).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(np.log(recorder.shown), log_p, atol=1e-5)
    np.testing.assert_allclose(bits, model.step_bits([x])[0], atol=5e-5)


@SPACES
def test_bits_of_a_long_piece_do_not_depend_on_where_it_is_cut(space, monkeypatch):
    from etude.models.torch import attention

    model, x = untrained(space), some_pieces(space, (150,))[0]
    whole = model.step_bits([x])[0]
    for at_once, logits in ((1, 2**22), (7, 2**22), (7, 90), (1000, 250)):
        monkeypatch.setattr(attention, "AT_ONCE", at_once)
        monkeypatch.setattr(sequence, "LOGITS_AT_ONCE", logits)
        np.testing.assert_allclose(model.step_bits([x])[0], whole, atol=5e-5)


def test_a_step_carries_no_more_than_the_span(monkeypatch):
    model = untrained(TEXT)
    stepper = model.stepper(2)
    for t in range(20):
        stepper.step(lambda p, entries: np.zeros((2, 1), np.int64))
        kept = {part.shape[1] for cache in stepper.state[0] for part in cache}
        assert kept == {min(t + 1, SIZES["span"] - 1)}


@pytest.mark.parametrize("layers, span", [(1, 1), (1, 5), (2, 6), (3, 3)])
def test_the_receptive_field_is_what_the_next_step_depends_on(layers, span):
    model = untrained(ROLL, layers=layers, span=span, distances=min(span, 3))
    x, y = (some_pieces(ROLL, (50,))[0] for _ in range(2))
    y[20] = (y[20] + 1) % 3
    moved = np.abs(model.step_bits([y])[0] - model.step_bits([x])[0])[:, 0] > 1e-6
    field = model.receptive_field
    assert field == 1 + layers * (span - 1)
    assert moved[20] and not moved[:20].any(), "the bits of a step are of the step itself and of those before"
    assert moved[21] and moved[20 + field] and not moved[21 + field :].any()


def test_with_recall_it_sees_everything():
    assert untrained(TEXT, recall=2).receptive_field is None


# What it looks at ------------------------------------------------------------------------------------------------


def test_attention_is_a_distribution_over_the_band():
    model, (x,) = untrained(ROLL), some_pieces(ROLL, (30,))
    looked = model.attention(x)
    assert looked.shape == (2, 3, 30, 30) and looked.dtype == np.float32
    np.testing.assert_allclose(looked.sum(axis=-1), 1, atol=1e-5)
    ago = np.arange(30)[:, None] - np.arange(30)
    assert not looked[..., (ago < 0) | (ago >= SIZES["span"])].any()
    assert model.attention(x[:0]).shape == (2, 3, 0, 0)


def test_it_learns_how_long_ago_to_look():
    """The second half of a piece of random codes repeats the first: what comes next stands eight steps back."""
    space, rng = Space((), 8), np.random.default_rng(0)
    pieces = [np.tile(rng.permutation(8), 2) for _ in range(400)]
    model = etude.model("attention", space, channels=16, heads=2, layers=2, span=16, dropout=0.0, seed=0)
    model.fit(pieces, pieces[:1], Budget(200, 16, 16, 1e-2, 200))
    bits = np.mean(model.step_bits([np.tile(rng.permutation(8), 2) for _ in range(20)]), axis=0)
    assert bits[0] == pytest.approx(3, abs=0.5) and bits[9:].mean() < 0.3


def test_a_piece_that_is_too_long_to_look_at_is_refused():
    with pytest.raises(EtudeError, match=r"at most 4096 steps.*5000"):
        untrained(TEXT).attention(np.zeros(5000, int))


# Refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, said",
    [
        ({"heads": 5}, "heads that divide.*5 heads, 12 channels"),
        ({"recall": 5}, "recall heads that divide.*5 heads"),
        ({"distances": 7}, "as many distances as a layer spans, 6"),
        ({"distances": 0}, "distances >= 1"),
        ({"span": 0, "distances": 0}, "span >= 1"),
        ({"heads": 0}, "heads >= 1"),
        ({"recall": -1}, "recall >= 0"),
    ],
)
def test_sizes_out_of_range_are_refused(options, said):
    with pytest.raises(EtudeError, match=said):
        etude.model("attention", TEXT, **{**SIZES, **options})


def test_keras_and_the_kernels_say_that_they_lack_it():
    with pytest.raises(EtudeError, match=r"tensorflow, without it.*framework='torch'"):
        etude.model("attention", TEXT, framework="tensorflow", **SIZES)
