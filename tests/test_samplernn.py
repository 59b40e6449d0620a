"""SampleRNN: its equations by hand, its clocks, what it learns from far away, and the faults that must be seen."""

import numpy as np
import pytest
from networks import cut_short_and_continued, enlarged, scores, some_pieces
from test_rnn import gru_step, lstm_step
from tiny import TINY

import etude
from etude import Budget, EtudeError, Evidence, Space
from etude.errors import CorruptCheckpoint
from etude.evaluation.coder import proof
from etude.evaluation.contract.models import (
    check_that_all_pieces_have_mass_one,
    check_that_the_stepper_walks_the_same_numbers,
)
from etude.evaluation.contract.worlds import SPACES as TINY_SPACES
from etude.evaluation.contract.worlds import music
from etude.models.sequence import sequence
from etude.models.sequence.samplernn import ratios

TEXT, ROLL = Space((), 7, end=6), Space((4,), 3)
SPACES = pytest.mark.parametrize("space", [TEXT, ROLL], ids=["text", "roll"])
SIZES = {"hidden": 5, "embedding": 3}
VARIANTS = {
    "two tiers": {"frames": [4]},
    "three tiers": {"frames": [2, 6]},
    "four tiers": {"frames": [1, 2, 4], "layers": 2},
    "lstm": {"frames": [3, 6], "cell": "lstm", "layers": 2},
}
OPTIONS = pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)


def untrained(space, options, scale=1.5, **more):
    """A model whose weights are large enough that mistakes show."""
    return enlarged(etude.model("samplernn", space, seed=3, **SIZES, **options, **more), scale)


# The layout of the weights is the equations ----------------------------------------------------------------------


class ByHand:
    """The tiers in NumPy, each with a clock of its own, step by step."""

    def __init__(self, model):
        self.w = {k: v.astype(np.float64) for k, v in model._arrays().items()}
        self.frames, self.layers = model.options["frames"], model.options["layers"]
        self.step = lstm_step if model.options["cell"] == "lstm" else gru_step
        zeros = np.zeros(model.options["hidden"])
        self.state = {(k, layer): (zeros, zeros) for k in self.tiers() for layer in range(self.layers)}
        self.said = {}

    def tiers(self):
        return range(len(self.frames) + 1, 1, -1)

    def linear(self, name, x):
        return x @ self.w[f"samplernn.{name}.weight"] + self.w[f"samplernn.{name}.bias"]

    def features(self, t, vectors):
        """Features before step t, given the vectors of all events before it."""
        size, above, below = len(vectors[0]), 0, None
        for k in self.tiers():
            frame, below = self.frames[k - 2], ([1, *self.frames])[k - 2]
            if t % frame == 0:
                x = self.linear(f"{k}.frame", last(vectors, frame, size)) + above
                for layer in range(self.layers):
                    of_layer = {
                        name.split(".")[-1]: a for name, a in self.w.items() if f"samplernn.{k}.rnn.{layer}." in name
                    }
                    self.state[k, layer] = self.step(x, *self.state[k, layer], of_layer)
                    x = self.state[k, layer][0]
                self.said[k] = np.split(self.linear(f"{k}.upsample", x), frame // below)
            above = self.said[k][t % frame // below]
        x = self.linear("1.read", last(vectors, self.frames[0], size)) + above
        return np.maximum(self.linear("1.hidden", np.maximum(x, 0)), 0)


def last(vectors, count, size):
    """The last `count` vectors side by side, zeros before the first."""
    return np.concatenate([np.zeros(size)] * max(0, count - len(vectors)) + vectors[-count:])


def by_hand(model, x):
    """The whole network in NumPy: surprise Float[T, entries] in bits."""
    tiers, space, bits = ByHand(model), model.space, []
    vectors = [tiers.w["embedding.start"]]
    for t, event in enumerate(x.reshape(len(x), space.entries)):
        logits = tiers.features(t, vectors) @ tiers.w["output.weight"] + tiers.w["output.bias"]
        logits = logits.reshape(space.entries, space.levels)
        chosen = logits[np.arange(space.entries), event]
        bits.append((np.log(np.exp(logits).sum(1)) - chosen) / np.log(2))
        vectors.append(sum(tiers.w["embedding.table"][e * space.levels + code] for e, code in enumerate(event)))
    return np.array(bits)


@OPTIONS
@SPACES
def test_the_equations_by_hand(space, options):
    model = untrained(space, options)
    for x in some_pieces(space):
        np.testing.assert_allclose(model.step_bits([x])[0].reshape(len(x), -1), by_hand(model, x), atol=5e-5)


def test_every_weight_counts():
    model, (x,) = untrained(TEXT, VARIANTS["three tiers"]), some_pieces(TEXT, (30,))
    before, arrays, rng = model.step_bits([x])[0], model._arrays(), np.random.default_rng(0)
    for name, array in arrays.items():
        model._restore({**arrays, name: array + 0.1 * rng.normal(size=array.shape)})
        assert np.abs(model.step_bits([x])[0] - before).max() > 1e-5, name


def test_ratios_by_hand():
    assert ratios([16]) == [16] and ratios([4, 16, 32]) == [4, 4, 2] and ratios([4, 6]) == [4, 0]


# Clocks ------------------------------------------------------------------------------------------------------------


@OPTIONS
@SPACES
def test_chunks_and_company_do_not_change_bits(space, options, monkeypatch):
    """Chunks of five steps begin anywhere in a frame."""
    model, xs = untrained(space, options), some_pieces(space)
    together, alone = model.step_bits(xs), [model.step_bits([x])[0] for x in xs]
    monkeypatch.setattr(sequence, "LOGITS_AT_ONCE", 5 * space.entries * space.levels)
    monkeypatch.setattr(sequence, "GROUP_STEPS", 10)
    chunked = model.step_bits(xs)
    for a, b, c in zip(together, alone, chunked, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
        np.testing.assert_allclose(a, c, atol=1e-5)


@OPTIONS
@pytest.mark.parametrize("cuts", [(1, 1, 38), (2, 3, 5, 30), (39, 1), (6, 6, 28)], ids=str)
def test_a_pass_in_parts_is_a_pass(options, cuts):
    import torch

    context = untrained(TEXT, options).network.eval().context
    vectors, state, parts = torch.randn(2, 40, 3, generator=torch.Generator().manual_seed(0)), None, []
    with torch.inference_mode():
        for part in vectors.split(cuts, dim=1):
            features, state = context(part, state)
            parts.append(features)
        whole, end = context(vectors)
    np.testing.assert_allclose(torch.cat(parts, dim=1), whole, atol=1e-5)
    assert state.phase == end.phase == 40 % context.longest
    assert [said.shape for said in state.said] == [said.shape for said in end.said]


@OPTIONS
def test_the_state_does_not_grow(options):
    model = untrained(TEXT, options)
    stepper, sizes = model.stepper(1), set()
    for t in range(60):
        stepper.step(lambda p, entries: np.ones((1, 1), int))
        if t % options["frames"][-1] == 0:
            sizes.add(stepper.state.past.numel() + sum(said.numel() for said in stepper.state.said))
    assert len(sizes) == 1


def test_the_future_is_not_seen_and_all_of_the_past_is():
    model = untrained(TEXT, VARIANTS["three tiers"], scale=2.0)
    (x,) = some_pieces(TEXT, (60,))
    before = model.step_bits([x])[0]
    for t in range(20):
        y = x.copy()
        y[t] = (y[t] + 1) % 6
        change = np.abs(model.step_bits([y])[0] - before)
        assert change[:t].max(initial=0) < 1e-6 and (change[t + 1 : t + 12] > 1e-5).any(), t
        assert change[t + 12 :].max() > 1e-6, f"step {t} is forgotten"


def test_the_slow_tiers_remember_what_the_perceptron_does_not_see():
    """A code comes back after six steps; the perceptron sees two."""
    rng, space = np.random.default_rng(0), Space((), 2)
    pieces = [np.tile(rng.integers(0, 2, 6), 5) for _ in range(1000)]
    model = etude.model("samplernn", space, frames=[2, 4], hidden=32, embedding=8, dropout=0.0)
    model.fit(pieces[:900], pieces[900:920], Budget(200, 16, 30, 2e-2, 100))
    assert np.mean([bits[12:] for bits in model.step_bits(pieces[920:])]) < 0.2


def test_padding_does_not_change_the_loss():
    import torch

    from etude.training.windows import pad

    model, xs = untrained(TEXT, VARIANTS["three tiers"]), some_pieces(TEXT)
    batch = pad([(x[:, None], True) for x in xs])
    loss = model.network.loss(type(batch)(*map(torch.from_numpy, batch)))
    assert loss.item() / np.log(2) == pytest.approx(model.bits(xs).total / sum(map(len, xs)), abs=1e-5)


# Faults --------------------------------------------------------------------------------------------------------------


def learnt(model):
    pieces = music(model.space, 40)
    model.fit(pieces[:35], pieces[35:], Budget(60, 8, 16, 0.05, 60), seed=7)
    return model


@pytest.mark.parametrize("frames", [[2], [2, 4]], ids=str)
def test_a_frame_read_too_early_is_seen(frames, monkeypatch):
    """The recurrent tiers read the frame that they are to foresee."""
    from torch.nn.functional import pad

    from etude.models.torch.samplernn import Tiers

    sound = Tiers._frames

    def early(self, past, size, phase):
        return sound(self, pad(past[size:], (0, 0, 0, 0, 0, size)), size, phase)

    monkeypatch.setattr(Tiers, "_frames", early)
    options = {**TINY["samplernn"][0], "frames": frames}
    model = learnt(etude.model("samplernn", TINY_SPACES["samples"], seed=3, **options))
    for check in (check_that_all_pieces_have_mass_one, check_that_the_stepper_walks_the_same_numbers):
        with pytest.raises(AssertionError):
            check(model)


def test_a_lost_phase_is_seen(monkeypatch):
    """Every call believes that it begins a frame."""
    from etude.models.torch.samplernn import Tiers

    sound = Tiers.forward

    def forgetful(self, vectors, state=None):
        return sound(self, vectors, None if state is None else state._replace(phase=0))

    model = learnt(etude.model("samplernn", TINY_SPACES["samples"], seed=3, **TINY["samplernn"][1]))
    check_that_the_stepper_walks_the_same_numbers(model)
    monkeypatch.setattr(Tiers, "forward", forgetful)
    with pytest.raises((AssertionError, RuntimeError)):
        check_that_the_stepper_walks_the_same_numbers(model)


# Generation, fits, refusals ----------------------------------------------------------------------------------------


@OPTIONS
@SPACES
def test_samples_continue_a_prefix(space, options):
    model, x = untrained(space, options), some_pieces(space)[0][:5]
    for piece in model.condition(Evidence.prefix(x)).sample(3, 12, seed=4):
        assert np.array_equal(piece[:5], x)


@OPTIONS
def test_files_of_the_claimed_size_decode_to_the_same_codes(options):
    table = proof(untrained(TEXT, options), some_pieces(TEXT))
    assert table.decoded_equal.all() and (table.excess_bits < 12).all()


def test_a_fit_that_was_cut_short_continues_as_if_nothing_had_happened(tmp_path, monkeypatch):
    from etude.training import Windows

    def fit(checkpoint=None):
        model = etude.model("samplernn", TEXT, frames=[2, 4], hidden=8, embedding=4, dropout=0.3)
        history = model.fit(some_pieces(TEXT), some_pieces(TEXT, seed=1), Budget(30, 4, 8, 1e-2, 10), 0, checkpoint)
        return model, scores(history)

    cut_short_and_continued(fit, Windows, tmp_path, monkeypatch)


def test_the_number_of_weights_is_that_of_the_layout():
    model = etude.model("samplernn", Space((), 256, rate=8000.0), frames=[16], hidden=32, embedding=8)
    tier = (16 * 8 + 1) * 32 + (6 * 32 + 6) * 32 + (32 + 1) * 16 * 32
    perceptron = (16 * 8 + 1) * 32 + (32 + 1) * 32
    assert model.parameters == 256 * 8 + 8 + tier + perceptron + (32 + 1) * 256
    assert model.parameters == sum(p.numel() for p in model.network.parameters())


def test_initial_weights_keep_the_scale_of_what_they_read():
    import torch

    model = etude.model("samplernn", ROLL, dropout=0.0)
    vectors = torch.randn(8, 64, model.options["embedding"], generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        features = model.network.eval().context(vectors)[0]
    assert 0.2 < features.square().mean().sqrt() < 5


def test_refusals_say_why():
    for frames in ([], [0], [4, 6], [4, 4], [8, 4]):
        with pytest.raises(EtudeError, match="multiple of the one before"):
            etude.model("samplernn", TEXT, frames=frames)
    for wrong in ({"hidden": 0}, {"layers": 0}, {"embedding": 0}, {"dropout": 1.0}):
        with pytest.raises(EtudeError, match=f"{next(iter(wrong))}={next(iter(wrong.values()))}"):
            etude.model("samplernn", TEXT, **wrong)
    with pytest.raises(EtudeError, match="'gru'"):
        etude.model("samplernn", TEXT, cell="gruu")
    model = untrained(TEXT, VARIANTS["three tiers"])
    with pytest.raises(CorruptCheckpoint, match=r"samplernn\.3\.upsample\.weight"):
        model._restore({**model._arrays(), "samplernn.3.upsample.weight": np.zeros((5, 5))})
