"""Two frameworks, one model: equal to the last digits in double precision, and each planted fault is seen."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks import enlarged, some_pieces

import etude
from etude import Budget, EtudeError, Space
from etude.evaluation import frameworks as compare
from etude.models.halves import CHOICE
from etude.models.latent.segments import cut
from etude.study.frameworks import tell, told
from etude.study.plan import make_plan
from etude.training.windows import pad

pytestmark = pytest.mark.xdist_group("tensorflow")  # it takes seconds to start, and hundreds of MB

TEXT, ROLL, BINARY, SPECTRUM = Space((), 7, end=6), Space((5,), 3), Space((5,), 2), Space((4,), 9)
NADE = {"output": "nade", "output_hidden": 4}
MODELS = {
    "lstm": ("rnn", TEXT, {"hidden": 6, "layers": 2, "embedding": 4, "dropout": 0.0}),
    "gru": ("rnn", ROLL, {"hidden": 6, "layers": 1, "cell": "gru", "dropout": 0.0}),
    "tcn": ("tcn", TEXT, {"channels": 6, "blocks": 2, "embedding": 4, "dropout": 0.0}),
    "wavenet": ("wavenet", SPECTRUM, {"residual": 5, "skip": 6, "stacks": 1, "dilations": 3, "dropout": 0.0}),
    "rnn-nade": ("rnn", ROLL, {"hidden": 6, "layers": 1, "dropout": 0.0, **NADE}),
    "tcn-relative": (
        "tcn",
        ROLL,
        {"channels": 6, "blocks": 1, "dropout": 0.0, "output": "relative", "output_hidden": 4},
    ),
    "wavenet-rbm": (
        "wavenet",
        BINARY,
        {"residual": 5, "skip": 6, "stacks": 1, "dilations": 2, "dropout": 0.0, "output": "rbm", "output_hidden": 3},
    ),
    "memoryless": ("memoryless", ROLL, {"output": "relative", "output_hidden": 4}),
    "memoryless-intervals": ("memoryless", ROLL, {"output": "intervals", "output_hidden": 4}),
}
LATENT = {"segment": 6, "latent": 2, "hidden": 6, "dropout": 0.0}
LATENT_MODELS = {
    "autoencoder": ("autoencoder", ROLL, {**LATENT, "decoder": "convolution", "levels": 3}),
    "vae": ("vae", TEXT, {**LATENT, "embedding": 4}),
}
BOTH = pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])
SINGLE = ("lstm", "tcn-relative", "wavenet-rbm", "rnn-nade")  # every context and output that asks for a precision
BUDGET = Budget(steps=8, batch_size=4, window=12, learning_rate=1e-2, weight_decay=0.5)


def built(name, scale=1.0):
    family, space, options = {**MODELS, **LATENT_MODELS}[name]
    model = enlarged(etude.model(family, space, framework="torch", **options), scale)
    model._restore({k: np.abs(v).round() if k == "prior.counts" else v for k, v in model._arrays().items()})
    return model


def batch_of(space):
    return pad([(x.reshape(len(x), space.entries), i != 1) for i, x in enumerate(some_pieces(space, (9, 4, 1)))])


def check_values(model, double):
    """Log-probabilities, bits, gradients."""
    pieces = some_pieces(model.space, (9, 1, 4))
    assert compare.logits_apart(model, pieces[:2], double)["relative"] < (1e-10 if double else 1e-5)
    assert compare.bits_apart(model, pieces, double)["apart"] < (1e-9 if double else 1e-4)
    gradients = compare.gradients_apart(model, batch_of(model.space), double)
    assert gradients["relative"] < (1e-9 if double else 1e-4), gradients


def check_losses(model, double):
    """The losses of some optimiser steps."""
    rows = compare.losses_apart(model, some_pieces(model.space, (20, 30)), BUDGET, double)
    assert len(rows) == BUDGET.steps and rows[0]["torch"] != pytest.approx(rows[-1]["torch"], rel=1e-3)
    assert max(row["apart"] for row in rows) < (1e-8 if double else 1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_values_are_equal(name):
    check_values(built(name), double=True)


@pytest.mark.parametrize("name", SINGLE)
def test_values_in_single_precision_are_close(name):
    check_values(built(name), double=False)


@pytest.mark.parametrize(("name", "double"), [("gru", False), ("tcn", True), ("wavenet-rbm", True)])
def test_fits_are_equal(name, double):
    check_losses(built(name), double)


@pytest.mark.parametrize("name", [*MODELS, *LATENT_MODELS])
def test_weights_come_back_exactly(name):
    there = compare.there_and_back(built(name))
    assert there["equal"] and there["arrays"] > 2


@BOTH
@pytest.mark.parametrize("name", LATENT_MODELS)
def test_latent_models_are_equal(name, double, monkeypatch):
    import torch

    from etude.training.keras.noise import Noise

    model = built(name)
    one, other = (twin.network for twin in compare.twins(model, double=double).values())
    x = some_pieces(model.space, (15,))[0]
    batch = pad(cut(x.reshape(len(x), model.space.entries), LATENT["segment"]))
    segments, close = len(batch.first), {"rel": 1e-10, "abs": 1e-10} if double else {"rel": 1e-4, "abs": 1e-4}
    assert one.encode(batch) == pytest.approx(other.encode(batch), **close)
    z = np.random.default_rng(0).normal(size=(segments, 2, LATENT["latent"]))
    assert one.bits_given(z, batch) == pytest.approx(other.bits_given(z, batch), **close)
    learnt = model._batches(type("", (), {"batch": lambda step: batch}))(1) if name == "vae" else batch
    monkeypatch.setattr(torch, "randn_like", lambda mean: torch.as_tensor(z[:, 0], dtype=mean.dtype))
    drawn = Noise(0)
    monkeypatch.setattr(drawn, "normal", lambda shape, dtype: np.asarray(z[:, 0], dtype.as_numpy_dtype))
    loss, gradients = one.gradients(learnt)
    other_loss, others = other.gradients(learnt, drawn)
    assert loss == pytest.approx(other_loss, **close)
    for name, gradient in gradients.items():
        assert gradient == pytest.approx(others[name], **close), name


@BOTH
@pytest.mark.parametrize("levels", [2, 3])
def test_machines_are_equal(levels, double):
    from etude.models.energy.rbm import Frames

    model = enlarged(etude.model("rbm", Space((5,), levels), framework="torch", hidden=4, learning="exact"), 0.5)
    batch = Frames(np.full((20, 5), levels - 1))  # far from what the machine draws: the gradient is no small difference
    apart = compare.gradients_apart(model, batch, double)
    assert max(apart["relative"], apart["loss_apart"]) < (1e-9 if double else 1e-4)


def test_a_machine_learns_in_another_framework():
    """Chains are drawn by other coins, so only what they lead to can be compared."""
    rng, space = np.random.default_rng(0), Space((4,), 3)
    x = np.repeat(rng.integers(0, 3, (300, 1)), 4, axis=1)
    bits = {}
    for framework in ("torch", "tensorflow"):
        model = etude.model("rbm", space, framework=framework, hidden=6, chains=64, seed=1)
        model.fit([x], [x[:50]], Budget(steps=300, batch_size=64, learning_rate=0.05, valid_every=100))
        bits[framework] = model.bits([x]).total / len(x)
    assert all(found < 3.5 for found in bits.values()), bits  # 1.6 at best; 6.3 of codes that nothing is known of


# Files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lstm", "tcn", "wavenet", "rnn-nade"])
def test_one_framework_reads_what_the_other_wrote(name):
    model = built(name)
    for row in compare.files_exchanged(model, some_pieces(model.space, (25, 1))):
        assert row["files"] == row["equal"] == row["same_bytes"] == 2


# Planted faults --------------------------------------------------------------------------------------------------


def test_a_swapped_gate_is_seen(monkeypatch):
    from etude.models.keras.weights import View

    monkeypatch.setattr(View, "_turned", lambda view, array: np.array(array))
    with pytest.raises(AssertionError):
        check_values(built("gru"), True)


def test_a_shifted_pad_is_seen(monkeypatch):
    from etude.models.keras.dilated import CausalConvolution
    from etude.training.keras.framework import tf

    call = CausalConvolution.call
    monkeypatch.setattr(CausalConvolution, "call", lambda conv, x, before: call(conv, tf.roll(x, -1, 0), before))
    with pytest.raises(AssertionError):
        check_values(built("tcn"), True)


def test_a_missing_start_vector_is_seen(monkeypatch):
    from etude.models.keras.network import Embedding

    monkeypatch.setattr(Embedding, "call", lambda embedding, past, first: embedding._vectors(past))
    with pytest.raises(AssertionError):
        check_values(built("wavenet"), True)


def test_another_epsilon_is_seen(monkeypatch):
    from etude.training.keras import optimizer

    monkeypatch.setattr(optimizer, "EPSILON", 1e-7)
    with pytest.raises(AssertionError):
        check_losses(built("tcn"), True)


def test_clipping_each_gradient_by_itself_is_seen(monkeypatch):
    from etude.training.keras import optimizer

    init = optimizer.AdamW.__init__

    def by_itself(self, global_clipnorm, **options):
        init(self, clipnorm=global_clipnorm, **options)

    monkeypatch.setattr(optimizer.AdamW, "__init__", by_itself)
    with pytest.raises(AssertionError):
        check_losses(built("tcn", scale=4), True)


def test_decay_of_biases_is_seen(monkeypatch):
    from etude.models.keras.weights import Weights

    monkeypatch.setattr(Weights, "decaying", lambda network: network.trainable_variables)
    with pytest.raises(AssertionError):
        check_losses(built("tcn"), True)


def test_without_a_fault_the_same_fit_is_equal():
    """That of `tcn` at its usual scale is a case of `test_fits_are_equal`."""
    check_losses(built("tcn", scale=4), True)


# Which framework -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "options", "reason"),
    [("rnn", {"recall": 2}, "look-up"), ("coconet", {}, "without it"), ("samplernn", {}, "without it")],
)
def test_what_a_framework_lacks_it_says_and_who_has_it(family, options, reason):
    with pytest.raises(EtudeError, match="framework='torch'") as refused:
        etude.model(family, Space((5,), 3), framework="tensorflow", **options)
    assert reason in str(refused.value)


FIT = """
import os, sys
sys.path.insert(0, {tests!r})
import numpy as np, etude
from test_frameworks import BUDGET, TEXT, some_pieces
model = etude.model("tcn", TEXT, framework={framework!r}, channels=4, blocks=1, embedding=3)
model.fit(some_pieces(TEXT), (), etude.Budget(steps=2, batch_size=2, window=8))
model.sample(1, 3), model.bits(some_pieces(TEXT))
for other in {others!r}:
    assert other not in sys.modules, other
assert {own!r} in sys.modules
if {own!r} == "tensorflow":
    from etude.training.keras.framework import tf
    assert tf.config.threading.get_intra_op_parallelism_threads() == 1
    assert tf.config.threading.get_inter_op_parallelism_threads() == 1
"""


@pytest.mark.parametrize(
    ("framework", "own", "others"),
    [("torch", "torch", ["tensorflow", "keras"]), ("tensorflow", "tensorflow", ["torch"])],
)
def test_a_process_loads_one_framework_and_says_nothing(framework, own, others):
    code = FIT.format(tests=str(Path(__file__).parent), framework=framework, own=own, others=others)
    environment = {**os.environ, "ETUDE_THREADS": "1"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_a_saved_model_opens_in_the_other(tmp_path):
    pieces = some_pieces(TEXT)
    for framework, other in (("torch", "tensorflow"), ("tensorflow", "torch")):
        model = etude.model("wavenet", TEXT, framework=framework, residual=5, skip=6, stacks=1, dilations=2)
        model.fit(pieces, (), Budget(steps=3, batch_size=2, window=8))
        back = etude.load(model.save(tmp_path / framework), framework=other)
        assert back.framework == other and back.bits(pieces).values == pytest.approx(
            model.bits(pieces).values, abs=1e-4
        )
        assert [x.tolist() for x in back.sample(3, 8, seed=1)] == [x.tolist() for x in model.sample(3, 8, seed=1)]
        streamed = list(back.stream(2, 8, seed=1))
        assert np.array_equal(
            np.concatenate(streamed, axis=1), np.concatenate(list(model.stream(2, 8, seed=1)), axis=1)
        )
        back.fit(pieces, (), Budget(steps=2, batch_size=2, window=8))


# Runs of chapters ------------------------------------------------------------------------------------------------


def test_a_run_names_the_framework_of_a_chapter_and_its_kernel_hears_of_it():
    job = make_plan(["11"], "smoke", settings=["framework=tensorflow"]).jobs[-1]
    assert job.parameters["framework"] == "tensorflow" and "framework" not in job.notebook.declared
    usual = make_plan(["11"], "smoke", settings=["framework=torch"]).jobs[-1]
    assert "framework" not in usual.parameters, "what is usual is no other job"
    environment = {CHOICE: "from the caller's shell", "HOME": "/"}
    tell(environment, job.parameters)
    assert environment == {CHOICE: "tensorflow", "HOME": "/"} and told(environment) == {"framework": "tensorflow"}
    tell(environment, usual.parameters)
    assert environment == {"HOME": "/"} and told(environment) == {}


def test_a_framework_that_a_chapter_does_not_run_on_is_refused():
    with pytest.raises(EtudeError, match=r"framework; got 'tensorflo'.*Did you mean 'tensorflow'"):
        make_plan(["11"], settings=["framework=tensorflo"])
    with pytest.raises(EtudeError, match="parameter of 16_samplernn; got 'framework'"):
        make_plan(["16"], settings=["framework=tensorflow"])
