"""Compiled generation writes the codes that the stepper and the full pass write, and its parts are what they say."""

import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
from networks import enlarged

import etude
from etude import EtudeError, Evidence, Space
from etude.models.autoregressive import draw
from etude.models.compiled import activations, jit, writing
from etude.models.compiled.choosing import choose
from etude.models.compiled.generator import Generator, stream

SAMPLES, TEXT = Space((), 23, rate=8.0), Space((), 7, end=6)
SIZES = {"residual": 5, "skip": 6, "stacks": 2, "dilations": 4}  # neither is a multiple of what a product takes at once
RNN, TIERS = {"hidden": 7, "layers": 2, "embedding": 3}, {"hidden": 6, "embedding": 3}
MODELS = {
    "odd": ("wavenet", SIZES),
    "whole": ("wavenet", {**SIZES, "residual": 8, "skip": 12, "embedding": 3}),
    "wide": ("wavenet", {**SIZES, "kernel": 3, "stacks": 1}),
    "shallow": ("wavenet", {**SIZES, "stacks": 1, "dilations": 1}),
    "lstm": ("rnn", {**RNN, "cell": "lstm"}),
    "gru": ("rnn", {**RNN, "cell": "gru"}),
    "one layer": ("rnn", {**RNN, "cell": "gru", "layers": 1, "hidden": 8}),
    "two tiers": ("samplernn", {**TIERS, "frames": [5]}),
    "three tiers": ("samplernn", {**TIERS, "frames": [2, 6], "hidden": 8}),
    "four tiers": ("samplernn", {**TIERS, "frames": [1, 2, 4], "layers": 2}),
    "lstm tiers": ("samplernn", {**TIERS, "frames": [3, 6], "cell": "lstm", "layers": 2}),
}
MODEL = pytest.mark.parametrize("model", MODELS, indirect=True)
FAMILY = pytest.mark.parametrize("model", ["odd", "gru", "three tiers"], indirect=True)
STEPS = 120  # beyond every receptive field: each ring goes round several times


@pytest.fixture
def model(request):
    name, options = MODELS[getattr(request, "param", "odd")]
    return enlarged(etude.model(name, SAMPLES, **options))


def streamed(model, *args, **options):
    return np.concatenate(list(stream(model, *args, **options)), axis=1)


def full_logits(model, x):
    """Logits Float32[n, T, levels] of pieces Int[n, T], from one pass of the network over all steps."""
    import torch

    past = np.concatenate([np.zeros((len(x), 1), np.int64), x[:, :-1]], axis=1)[..., None]
    with torch.inference_mode():
        network = model.network.eval()
        features, _ = network.features(torch.from_numpy(past), torch.ones(len(x), dtype=torch.bool))
        return network.output.logits(features)[:, :, 0].numpy()


# The whole -------------------------------------------------------------------------------------------------------


@MODEL
@pytest.mark.parametrize("n", [1, 3, 4, 9])
def test_logits_are_those_of_the_full_pass(model, n):
    assert getattr(model, "receptive_field", 0) < STEPS / 2
    x = np.random.default_rng(0).integers(0, SAMPLES.levels, (n, STEPS))
    expected = full_logits(model, x)
    assert np.ptp(expected, axis=1).min() > 0.01  # they depend on the past
    np.testing.assert_allclose(Generator(model, n).read(x.T).transpose(1, 0, 2), expected, rtol=1e-5, atol=1e-5)


@MODEL
@pytest.mark.parametrize("n", [1, 5])
def test_codes_are_those_of_sample(model, n):
    codes = streamed(model, n, STEPS, seed=3)
    assert codes.dtype == np.int64 and np.array_equal(codes, model.sample(n, STEPS, seed=3))
    assert len(np.unique(codes)) > 5


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("wavenet", {"residual": 32, "skip": 128, "stacks": 2, "dilations": 5}),
        ("rnn", {"cell": "gru", "hidden": 128, "layers": 1}),
        ("samplernn", {"hidden": 64, "frames": [4, 16]}),
    ],
)
def test_codes_of_the_size_that_writes_sound_are_those_of_the_full_pass(name, sizes):
    model = enlarged(etude.model(name, Space((), 256, rate=16000.0), **sizes), scale=1.0)
    codes, uniforms = streamed(model, 2, 300, seed=1), np.random.default_rng(1).random((300, 2))
    logits = full_logits(model, codes)
    np.testing.assert_allclose(Generator(model, 2).read(codes.T).transpose(1, 0, 2), logits, rtol=1e-5, atol=1e-5)
    p = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    cumulative = p.cumsum(-1)
    drawn = (cumulative <= uniforms.T[..., None] * cumulative[..., -1:]).sum(-1)
    assert np.array_equal(codes, drawn)


@FAMILY
@pytest.mark.parametrize("options", [{"temperature": 0.6}, {"temperature": 1.7, "top_p": 0.8}, {"temperature": 0.0}])
def test_temperature_and_nucleus_are_those_of_sample(model, options):
    codes = streamed(model, 3, STEPS, seed=2, **options)
    assert np.array_equal(codes, model.sample(3, STEPS, seed=2, **options))
    assert not np.array_equal(codes, model.sample(3, STEPS, seed=2))


@FAMILY
@pytest.mark.parametrize("block", [1, 7, 50, 4096])
def test_blocks_and_prefixes_leave_the_codes_as_they_are(model, block):
    prefix = np.random.default_rng(4).integers(0, SAMPLES.levels, 60)
    blocks = list(stream(model, 2, STEPS, seed=5, prefix=prefix, block=block))
    assert [b.shape for b in blocks[:-1]] == [(2, block)] * (len(blocks) - 1)
    known = model.condition(Evidence.prefix(prefix))
    assert np.array_equal(np.concatenate(blocks, axis=1), known.sample(2, STEPS, seed=5))


@pytest.mark.parametrize("model", ["odd", "three tiers"], indirect=True)
def test_a_stream_without_a_length_goes_on(model):
    blocks = list(islice(model.stream(block=50, seed=6), 5))
    assert np.array_equal(np.concatenate(blocks, axis=1), model.sample(1, 250, seed=6))


@pytest.mark.parametrize("name", ["odd", "gru", "three tiers"])
def test_a_piece_ends_with_its_end_code(name):
    family, sizes = MODELS[name]
    model = enlarged(etude.model(family, TEXT, **sizes))
    pieces = model.sample(4, 400, seed=0)
    codes = streamed(model, 4, 400, seed=0, block=10)
    assert max(map(len, pieces)) <= codes.shape[1] < max(map(len, pieces)) + 10 < 400
    for piece, row in zip(pieces, codes, strict=True):
        assert np.array_equal(piece, row[: len(piece)]) and piece[-1] == TEXT.end


@FAMILY
def test_refusals_say_why(model):
    with pytest.raises(EtudeError, match=r"scalar steps.*shape \(4,\)"):
        stream(etude.model(model.name, Space((4,), 3)))
    for wrong in ({"n": 0}, {"block": 0}, {"steps": -1}, {"temperature": -1.0}, {"top_p": 0.0}):
        with pytest.raises(EtudeError, match=f"{next(iter(wrong))}={next(iter(wrong.values()))}"):
            stream(model, **wrong)
    with pytest.raises(EtudeError, match=r"codes 0 \.\. 22"):
        stream(model, prefix=[23])


def test_models_without_a_kernel_are_refused():
    with pytest.raises(EtudeError, match=r"wavenet, samplernn, rnn.*tcn"):
        stream(etude.model("tcn", SAMPLES))
    with pytest.raises(EtudeError, match=r"without recall.*2 heads"):
        stream(etude.model("rnn", SAMPLES, hidden=8, recall=2))


@pytest.mark.parametrize("model", ["odd", "three tiers"], indirect=True)
def test_the_method_is_the_function(model):
    given = {"n": 2, "steps": 30, "seed": 1, "temperature": 0.7, "top_p": 0.9, "prefix": [3, 1], "block": 11}
    assert all(map(np.array_equal, model.stream(**given), stream(model, **given)))


@pytest.mark.parametrize("model", ["three tiers"], indirect=True)
def test_a_tier_that_goes_on_at_the_wrong_time_is_seen(model):
    """Weights as they are, but a clock that is one step late."""
    x = np.random.default_rng(0).integers(0, SAMPLES.levels, (2, 30))
    late = Generator(model, 2)
    late._state.phase[0] = 1
    assert np.abs(late.read(x.T).transpose(1, 0, 2) - full_logits(model, x)).max() > 0.1


# The parts ---------------------------------------------------------------------------------------------------------


def test_tanh_and_sigmoid_keep_their_bounds():
    @jit.part
    def apply(x, y, z):
        for i in range(len(x)):
            y[i], z[i] = activations.tanh(x[i]), activations.sigmoid_of_twice(x[i])

    dense, far = np.linspace(-12, 12, 2_000_001), np.geomspace(1e-30, 1e30, 10_001)
    x = np.concatenate([dense, far, -far, [np.inf, -np.inf, 0.0]]).astype(np.float32)
    y, z = np.empty_like(x), np.empty_like(x)
    apply(x, y, z)
    exact = np.tanh(x.astype(np.float64))
    assert np.abs(y - exact).max() < 3e-7
    assert np.abs(z - (1 + exact) / 2).max() < 2e-7


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("top_p", [1e-9, 0.3, 0.9, 1.0])
def test_a_choice_is_that_of_draw(temperature, top_p):
    rng, room = np.random.default_rng(0), np.empty((2, 40))
    for row in range(200):
        logits = rng.normal(size=40).astype(np.float32) * 3
        logits[::4] = logits[row % 40]  # ties: the lower code comes first
        p = np.exp(logits.astype(np.float64) - logits.max())
        expected = draw(np.random.default_rng(row), temperature, top_p)((p / p.sum())[None, None], np.arange(1))
        u = np.random.default_rng(row).random()
        assert choose(logits, u, temperature, top_p, *room) == expected[0, 0]


def test_the_last_code_is_never_passed():
    logits, room = np.array([0.0, -200.0], np.float32), np.empty((2, 2))
    assert choose(logits, np.nextafter(1.0, 0.0), 1.0, 1.0, *room) in (0, 1)


def test_machine_code_on_disk_knows_every_source_that_it_was_made_from(tmp_path, monkeypatch):
    (cell,) = writing.write.py_func.__closure__
    assert cell.cell_contents == jit._digest()
    sources = list(jit.Path(jit.__file__).parent.glob("*.py"))
    for path in sources:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "jit.py"))
    assert jit._digest() == cell.cell_contents
    (tmp_path / "activations.py").write_text("# another tanh")
    assert jit._digest() != cell.cell_contents


def test_numba_is_loaded_when_a_stream_is_asked_for():
    code = (
        "import sys, etude; m = etude.model('wavenet', etude.Space((), 3), residual=4, skip=4); print('numba' in "
        "sys.modules); m.stream(); print('numba' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "True"]
