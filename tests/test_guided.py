"""WaveNet with a guide: its equations by hand, what it may see, what it learns from the guide, and compiled streams."""

import numpy as np
import pytest
from networks import enlarged

import etude
from etude import Budget, EtudeError, Evidence, Space
from etude.errors import SpaceMismatch
from etude.evaluation.coder import proof
from etude.evaluation.contract.models import (
    check_that_all_pieces_have_mass_one,
    check_that_the_stepper_walks_the_same_numbers,
)
from etude.models.compiled import wavenet_packing
from etude.models.compiled.generator import Generator
from etude.models.sequence import sequence
from etude.models.sequence.guided import Guided, hop_of, walk_table
from etude.models.sequence.guided_windows import GuidedWindows, Noise, framed

SAMPLES, NOTES = Space((), 11, rate=8.0), Space((3,), 3, rate=2.0)  # four samples in a frame
TIMBRE = Space((), 4)  # one frame for the whole piece
SIZES = {"residual": 5, "skip": 6, "stacks": 2, "dilations": 3, "guide_channels": 3}
GUIDES = pytest.mark.parametrize("guide", [NOTES, TIMBRE], ids=["notes", "timbre"])


def untrained(space=SAMPLES, guide=NOTES, **more):
    return enlarged(etude.model("guided-wavenet", space, guide=guide, seed=3, **SIZES, **more))


def pieces_of(guide, lengths=(13, 4, 39, 1), space=SAMPLES, seed=0):
    rng = np.random.default_rng(seed)
    frames = [1 if guide.rate is None else -(-n // hop_of(space, guide)) for n in lengths]
    return [
        Guided(rng.integers(0, space.levels, n), rng.integers(0, guide.levels, (f, *guide.event_shape)))
        for n, f in zip(lengths, frames, strict=True)
    ]


# The layout of the weights is the equations ----------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def bits_by_hand(model, piece):
    """Return -log2 p(x_t | x_<t, y) of a piece of scalar steps, from its weights and the equations."""
    w = {k: v.astype(np.float64) for k, v in model._arrays().items()}
    guide = piece.guide.reshape(len(piece.guide), -1)
    levels, channels, residual = model.guide.levels, SIZES["guide_channels"], SIZES["residual"]
    v = np.zeros((len(guide) + 2, channels))
    for f, frame in enumerate(guide, start=1):
        said = [w["guide.table"][entry * (levels - 1) + code - 1] for entry, code in enumerate(frame) if code]
        v[f] = sum(said) / np.sqrt(max(len(said), 1))
    around = np.stack([v[f : f + 3].ravel() for f in range(len(guide))])
    u = np.tanh(around @ w["guide.around.weight"] + w["guide.around.bias"])
    past = np.concatenate([w["embedding.start"][None], w["embedding.table"][piece.x[:-1]]])

    def convolved(x, name, dilation):
        before = np.concatenate([np.zeros((dilation, x.shape[1])), x])[: len(x)]
        return np.hstack([before, x]) @ w[f"{name}.weight"] + w[f"{name}.bias"]

    x, skips = convolved(past, "wavenet.input", 1), 0
    for layer, dilation in enumerate(model.dilations):
        a = convolved(x, f"wavenet.{layer}.gated", dilation)
        local = w["guide.local"][:, layer * 2 * residual : (layer + 1) * 2 * residual]
        a += np.array([u[min(t // model.hop, len(u) - 1)] @ local for t in range(len(a))])
        z = np.tanh(a[:, :residual]) * sigmoid(a[:, residual:])
        skips = skips + z @ w[f"wavenet.{layer}.skip.weight"] + w[f"wavenet.{layer}.skip.bias"]
        if layer < len(model.dilations) - 1:
            x = x + z @ w[f"wavenet.{layer}.residual.weight"] + w[f"wavenet.{layer}.residual.bias"]
    end = np.maximum(np.maximum(skips, 0) @ w["wavenet.end.weight"] + w["wavenet.end.bias"], 0)
    logits = end @ w["output.weight"] + w["output.bias"]
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(a)), piece.x] / np.log(2)


@GUIDES
def test_bits_are_those_of_the_equations(guide):
    model = untrained(guide=guide)
    for piece, bits in zip(pieces_of(guide), model.step_bits(pieces_of(guide)), strict=True):
        np.testing.assert_allclose(bits, bits_by_hand(model, piece), atol=1e-4)


# A probability, given a guide ------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [check_that_all_pieces_have_mass_one, check_that_the_stepper_walks_the_same_numbers])
def test_given_a_guide_it_is_a_model_like_any_other(check):
    tiny = Space((), 3, rate=4.0)
    check(untrained(tiny, NOTES).follow(pieces_of(NOTES, (4,), tiny)[0].guide.repeat(8, axis=0)))


@GUIDES
def test_pieces_with_guides_and_a_model_that_follows_agree(guide):
    model, pieces = untrained(guide=guide), pieces_of(guide)
    alone = [model.follow(piece.guide).bits([piece.x]).total for piece in pieces]
    assert model.bits(pieces).values == pytest.approx(alone, abs=1e-3)
    assert model.bits(pieces).kind == "exact"


def test_pieces_scored_in_chunks_that_cut_frames_have_the_same_bits(monkeypatch):
    model, pieces = untrained(), pieces_of(NOTES, (39,))
    whole = model.step_bits(pieces)[0]
    monkeypatch.setattr(sequence, "LOGITS_AT_ONCE", 6 * SAMPLES.levels)  # six steps, a frame and a half
    np.testing.assert_allclose(model.step_bits(pieces)[0], whole, atol=1e-5)


def test_the_coder_proves_the_bits():
    piece = pieces_of(NOTES, (300,))[0]
    table = proof(untrained().follow(piece.guide), [piece.x])
    assert table["decoded_equal"].all()


def test_a_step_sees_its_frame_and_the_one_on_either_side():
    piece = pieces_of(NOTES, (40,))[0]
    model = enlarged(etude.model("guided-wavenet", SAMPLES, guide=NOTES, **{**SIZES, "guide_channels": 20}))
    before = model.step_bits([piece])[0]
    for frame in range(10):
        guide = piece.guide.copy()
        guide[frame] = (guide[frame] + 1) % NOTES.levels
        moved = np.flatnonzero(np.abs(model.step_bits([Guided(piece.x, guide)])[0] - before) > 1e-6)
        assert moved.min() == max(0, (frame - 1) * 4)


def test_a_silent_guide_leaves_a_wavenet():
    model = enlarged(etude.model("guided-wavenet", SAMPLES, **SIZES))
    arrays = model._arrays()
    u = np.tanh(arrays["guide.around.bias"])
    plain = etude.model("wavenet", SAMPLES, **{k: v for k, v in SIZES.items() if k != "guide_channels"})
    terms = (u @ arrays["guide.local"]).reshape(len(model.dilations), -1)
    weights = {name: array for name, array in arrays.items() if not name.startswith("guide.")}
    for layer, term in enumerate(terms):
        weights[f"wavenet.{layer}.gated.bias"] = weights[f"wavenet.{layer}.gated.bias"] + term
    plain._restore(weights)
    xs = [piece.x for piece in pieces_of(NOTES)]
    assert model.bits(xs).values == pytest.approx(plain.bits(xs).values, abs=1e-3)


def test_neighbouring_codes_of_a_key_begin_alike_and_those_of_two_keys_do_not():
    table = walk_table(Space((40,), 8), 16, np.random.default_rng(0)).reshape(40, 7, 16)
    assert table[:, -1].var() == pytest.approx(1.0, abs=0.15)
    steps = np.diff(table, axis=1)
    assert np.mean(steps**2) == pytest.approx(1 / 7, rel=0.1)
    assert abs(np.corrcoef(table[:-1].ravel(), table[1:].ravel())[0, 1]) < 0.1
    assert walk_table(Space((40,), 1), 16, np.random.default_rng(0)).shape == (0, 16)


# Learning --------------------------------------------------------------------------------------------------------


def told(n, seed):
    """Pieces whose every step is what the guide says, but for the place in the frame."""
    rng = np.random.default_rng(seed)
    guides = [rng.integers(0, 3, (12, 3)) for _ in range(n)]
    return [Guided(np.repeat(guide @ [1, 2, 1], 4) + np.tile([0, 1, 0, 1], 12), guide) for guide in guides]


def test_it_learns_what_only_the_guide_says():
    budget = Budget(steps=400, batch_size=8, window=24, learning_rate=0.02, valid_every=200)
    model = etude.model("guided-wavenet", SAMPLES, guide=NOTES, **{**SIZES, "guide_channels": 12, "residual": 12})
    history = model.fit(told(60, 0), told(10, 1), budget)
    plain = etude.model("wavenet", SAMPLES, residual=12, skip=6, stacks=2, dilations=3)
    plain.fit([p.x for p in told(60, 0)], [p.x for p in told(10, 1)], budget)
    test = told(10, 2)
    assert history.rows[-1]["valid"] == pytest.approx(model.bits(told(10, 1)).total / 480, rel=1e-3)
    assert model.bits(test).total < 0.5 * plain.bits([p.x for p in test]).total


def test_many_entries_that_rest_do_not_drown_the_one_that_sounds():
    """At a high rate of learning, 60 resting keys would move together and saturate what is made of a frame."""
    rng, keys = np.random.default_rng(0), Space((60,), 2, rate=2.0)

    def told(n):
        sounding = [rng.integers(0, 10, 12) for _ in range(n)]
        return [Guided(np.repeat(s, 4), np.eye(60, dtype=int)[s]) for s in sounding]

    model = etude.model("guided-wavenet", SAMPLES, guide=keys, **{**SIZES, "guide_channels": 12, "residual": 12})
    model.fit(told(60), [], Budget(steps=150, batch_size=8, window=24, learning_rate=0.02))
    test = told(10)
    wrong = [Guided(piece.x, 1 - piece.guide[::-1]) for piece in test]
    assert model.bits(test).total < 0.7 * model.bits(wrong).total


def test_a_finished_fit_is_read_again_and_another_guide_makes_it_another(tmp_path):
    budget = Budget(steps=4, batch_size=2, window=12, valid_every=2)
    train = told(4, 0)

    def fit(pieces):
        model = etude.model("guided-wavenet", SAMPLES, guide=NOTES, **SIZES)
        model.fit(pieces, pieces[:1], budget, checkpoint=tmp_path)
        return len(list(tmp_path.glob("*.ckpt")))

    assert fit(train) == fit(train) == 1
    assert fit([Guided(p.x, 2 - p.guide) for p in train]) == 2


# Learning from a noisy past ------------------------------------------------------------------------------------------


def test_noise_has_the_size_that_is_asked_and_differs_from_window_to_window():
    codes = np.full((400, 500, 1), 128)
    noise = Noise(8.0, 256).added_to(codes, np.random.default_rng(0)) - codes
    sizes = noise.std(axis=(1, 2))
    assert abs(noise.mean()) < 0.1 and sizes.min() < 0.5 and 7.5 < sizes.max() < 8.5
    assert sizes.mean() == pytest.approx(4.0, abs=0.3)  # evenly from 0 to 8
    edge = Noise(8.0, 256).added_to(np.zeros((9, 50, 1), int), np.random.default_rng(0))
    assert edge.min() == 0 and 0 < edge.max() < 256


def test_noise_is_on_what_is_read_and_not_on_what_is_foreseen():
    pieces = [Guided((np.arange(200) % 11)[:, None], np.arange(50)[:, None])]
    clear, noisy = (GuidedWindows(pieces, 40, 3, 0, 4, 4, noise).batch(5) for noise in (Noise(0.0, 11), Noise(3.0, 11)))
    again = GuidedWindows(pieces, 40, 3, 0, 4, 4, Noise(3.0, 11)).batch(5)
    np.testing.assert_array_equal(clear.past, clear.events[:, :-1])
    np.testing.assert_array_equal(noisy.events, clear.events)
    np.testing.assert_array_equal(noisy.past, again.past)
    assert 0.3 < (noisy.past != clear.past).mean() < 1 and noisy.past.min() >= 0 and noisy.past.max() <= 10


def test_taught_with_noise_it_trusts_a_wrong_past_less():
    """Samples that are a function of the guide, and of the sample before: with noise, the guide is learnt from."""
    rng = np.random.default_rng(0)
    guides = [rng.integers(0, 3, (12, 3)) for _ in range(60)]
    train = [Guided(np.repeat(g @ [1, 2, 1], 4), g) for g in guides]
    wrong = [Guided(np.concatenate([(piece.x[:-1] + 3) % 11, piece.x[-1:]]), piece.guide) for piece in train[:10]]
    last = {}
    for noise in (0.0, 6.0):
        sizes = {**SIZES, "guide_channels": 12, "residual": 12}
        model = etude.model("guided-wavenet", SAMPLES, guide=NOTES, noise=noise, **sizes)
        model.fit(train, [], Budget(steps=200, batch_size=8, window=24, learning_rate=0.02))
        last[noise] = np.mean([bits[-1] for bits in model.step_bits(wrong)])
    assert last[6.0] < 0.5 * last[0.0]


def test_a_window_shorter_than_a_frame_is_refused():
    with pytest.raises(EtudeError, match="window >= 4"):
        GuidedWindows(pieces_of(NOTES), 3, 1, 0, 4, 4)


def test_noise_is_for_signals():
    with pytest.raises(EtudeError, match="codes of a signal"):
        etude.model("guided-wavenet", Space((3,), 4, rate=8.0), noise=2.0, **SIZES)
    with pytest.raises(EtudeError, match="noise >= 0"):
        untrained(noise=-1.0)


def test_windows_begin_with_a_frame_and_bring_its_neighbours():
    x = np.arange(40) % 11
    pieces = [Guided(x[:, None], np.arange(10)[:, None])]
    batch = GuidedWindows(pieces, 10, 200, 0, 4, 4).batch(0)
    assert batch.frames.shape == (200, 5, 1)  # ten steps are three frames at most
    starts = set()
    for events, first, frames, inside in zip(batch.events, batch.first, batch.frames, batch.inside, strict=True):
        frame = int(frames[1, 0])
        starts.add(frame)
        assert first == (frame == 0) and events[1, 0] == x[4 * frame]
        assert list(inside) == [0 <= f < 10 for f in range(frame - 1, frame + 4)]
        assert list(frames[inside, 0]) == [f for f in range(frame - 1, frame + 4) if 0 <= f < 10]
    assert starts == set(range(8))  # the last one begins at step 28 and ends with step 38


def test_frames_outside_are_said_to_be_so():
    frames, inside = framed(np.array([[5], [6]]), 0, 3)
    assert frames[inside].ravel().tolist() == [5, 6] and inside.tolist() == [False, True, True, False, False]


def test_it_is_saved_with_its_guide(tmp_path):
    model = untrained()
    again = etude.load(model.save(tmp_path / "model"))
    assert again.guide == NOTES and again.hop == 4
    assert np.array_equal(model.bits(pieces_of(NOTES)).values, again.bits(pieces_of(NOTES)).values)


# Generation ------------------------------------------------------------------------------------------------------


@GUIDES
def test_a_draw_is_as_long_as_its_guide_at_most(guide):
    following = untrained(guide=guide).follow(pieces_of(guide, (8,))[0].guide)
    assert len(following.sample(1, 30)[0]) == (8 if guide is NOTES else 30)


@GUIDES
@pytest.mark.parametrize("block", [1, 5, 8, 100])
def test_streams_are_the_draws(guide, block):
    following = untrained(guide=guide).follow(pieces_of(guide, (60,))[0].guide)
    drawn = np.stack(following.sample(3, 60, seed=4, temperature=0.9))
    blocks = list(following.stream(3, 60, seed=4, temperature=0.9, block=block))
    assert np.array_equal(np.concatenate(blocks, axis=1), drawn)


def test_a_prefix_and_what_follows_it():
    following, known = untrained().follow(pieces_of(NOTES, (40,))[0].guide), np.arange(10)
    drawn = following.condition(Evidence.prefix(known)).sample(2, 40, seed=1)
    assert all(np.array_equal(x[:10], known) for x in drawn)
    streamed = np.concatenate(list(following.stream(2, seed=1, prefix=known, block=6)), axis=1)
    assert np.array_equal(streamed, np.stack(drawn))


def test_without_information_it_streams_as_it_samples():
    model = enlarged(etude.model("guided-wavenet", SAMPLES, **SIZES))
    streamed = np.concatenate(list(model.stream(2, 50, seed=2)), axis=1)
    assert np.array_equal(streamed, np.stack(model.sample(2, 50, seed=2)))


def test_the_kernel_of_a_wavenet_has_one_frame_for_ever():
    generator = Generator(etude.model("wavenet", SAMPLES, residual=5, skip=6, stacks=1, dilations=2))
    assert generator._weights.gated_bias.shape[0] == 1 and generator._weights.hop == wavenet_packing.FOREVER


def test_gates_read_the_guide():
    model, (piece, *_) = untrained(), pieces_of(NOTES)
    opened = model.gates(piece)
    assert opened.shape == (13, 6, 5) and ((opened > 0) & (opened < 1)).all()
    later = piece.guide.copy()
    later[2:] = 2 - later[2:]
    other = model.gates(Guided(piece.x, later))  # frame 1 reads frame 2, the first does not
    assert np.array_equal(opened[:4], other[:4]) and not np.allclose(opened[4:], other[4:])


def test_an_empty_guide_is_refused_and_an_empty_piece_costs_nothing():
    model, (piece, *_) = untrained(), pieces_of(NOTES)
    with pytest.raises(EtudeError, match="a guide of at least one frame"):
        model.given(piece.guide[:0])
    empty = Guided(piece.x[:0], piece.guide[:0])
    bits = model.bits([empty, piece])
    assert bits.values[0] == 0 and bits.values[1] == pytest.approx(model.bits([piece]).total)
    assert model.bits([empty]).total == 0 and model.step_bits([empty])[0].shape == (0,)


# Refusals --------------------------------------------------------------------------------------------------------


def test_refusals_say_why():
    model, piece = untrained(), pieces_of(NOTES, (13,))[0]
    with pytest.raises(EtudeError, match=r"a guide with every piece.*given\(guide\)"):
        model.bits([piece.x])
    with pytest.raises(EtudeError, match="a guide as long as its piece; got 3 frames for 13 steps"):
        model.fit([Guided(piece.x, piece.guide[:3])])
    with pytest.raises(SpaceMismatch, match=r"codes 0 \.\. 2"):
        model.follow(piece.guide + 3)
    with pytest.raises(SpaceMismatch, match=r"codes 0 \.\. 10"):
        model.bits([Guided(piece.x + 11, piece.guide)])
    with pytest.raises(EtudeError, match="a whole number of steps in a frame"):
        etude.model("guided-wavenet", SAMPLES, guide=Space((), 2, rate=3.0))
    with pytest.raises(EtudeError, match="a guide as long as its piece"):
        model.follow(piece.guide).bits([np.zeros(17, int)])
    with pytest.raises(EtudeError, match="at least one step"):
        model.fit([])
    with pytest.raises(EtudeError, match="guide_channels >= 1"):
        etude.model("guided-wavenet", SAMPLES, guide_channels=0)
    with pytest.raises(EtudeError, match="a guide with every piece"):
        model.sample(1, 4)
