"""Outputs that see by interval: their equations, transposition, and that nothing above or later is seen."""

import numpy as np
import pytest
from networks import enlarged, some_pieces

import etude
from etude import Space
from etude.models.sequence.outputs import INTERVAL_CHANNELS

FRAMES, KEYS = Space((5,), 3), Space((6,), 2)
OPTIONS = {"hidden": 7, "layers": 1, "cell": "gru", "output_hidden": 4, "dropout": 0.0}


def relative(space, output="relative"):
    return enlarged(etude.model("rnn", space, seed=2, output=output, **OPTIONS), scale=0.7)


def softmax(logits):
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def by_hand(w, h, before, x, space):
    """Return p(x_e | x_<e, p, h) for one step, by loops over the equations of `models.sequence.outputs`."""
    entries, levels, channels = space.entries, space.levels, INTERVAL_CHANNELS
    nade = {k.removeprefix("output.nade."): v for k, v in w.items() if "nade" in k}
    own = {k.removeprefix("output.relative."): v for k, v in w.items() if "relative" in k}
    sizes = np.cumsum([channels, channels, channels])
    g, scale, shift, out = np.split(h @ own["modulation"], sizes)
    probabilities = []
    for e in range(entries):
        s = own["bias"] + g + own["place"][e]
        u = nade["bias"] + h @ nade["context"]
        for f in range(entries):
            if before[f] and "before" in own:
                s = s + own["before"][before[f] - 1, e - f + entries - 1]
            if f < e and x[f]:
                s = s + own["below"][x[f] - 1, e - f - 1]
                u = u + nade["read"][f * (levels - 1) + x[f] - 1]
        v = np.maximum(np.maximum(s, 0) @ own["mix"] * (1 + scale) + shift + own["shift"], 0)
        part = slice(e * levels, (e + 1) * levels)
        logits = (h @ w["output.weight"] + w["output.bias"])[part] + 1 / (1 + np.exp(-u)) @ nade["write"][:, part]
        probabilities.append(softmax(logits + v @ (own["write"] + out.reshape(channels, levels)))[x[e]])
    return np.array(probabilities)


@pytest.mark.parametrize("output", ["intervals", "relative"])
@pytest.mark.parametrize("space", [FRAMES, KEYS], ids=["frames", "keys"])
def test_bits_are_those_of_the_equations(space, output):
    model = relative(space, output)
    w = {name: array.astype(np.float64) for name, array in model._arrays().items()}
    for x in some_pieces(space, lengths=(9, 1)):
        past = np.concatenate([np.zeros((1, space.entries), np.int64), x[:-1]])
        vectors = model.network.embedding(model.network.tensor(past)[None], model.network.tensor(np.array([True])))
        features = model.network.context(vectors)[0].detach().numpy()[0].astype(np.float64)
        expected = [by_hand(w, h, b, step, space) for h, b, step in zip(features, past, x, strict=True)]
        assert model.step_bits([x])[0] == pytest.approx(-np.log2(expected), abs=1e-4)


def test_the_part_by_interval_moves_with_the_music():
    """With no weights but those by interval, a step one key higher costs what it cost, edges apart."""
    model = relative(Space((9,), 2))
    arrays = model._arrays()
    kept = ("output.relative.before", "output.relative.below", "output.relative.mix", "output.relative.write")
    model._restore({k: v if k in kept else np.zeros_like(v) for k, v in arrays.items()})
    low = np.zeros((4, 9), np.int64)
    low[[0, 0, 1, 1, 2, 2, 3], [1, 4, 2, 4, 2, 6, 3]] = 1
    high = np.roll(low, 1, axis=1)
    bits = model.step_bits([low, high])
    assert bits[1][:, 1:] == pytest.approx(bits[0][:, :-1], abs=1e-5)
    assert np.ptp(bits[0]) > 0.1


def test_nothing_above_an_entry_and_no_later_step_is_seen():
    model, x = relative(FRAMES), some_pieces(FRAMES, lengths=(6,))[0]
    before = model.step_bits([x])[0]
    y = x.copy()
    y[3, 2] = (y[3, 2] + 1) % 3
    changed = np.abs(model.step_bits([y])[0] - before) > 1e-6
    assert not changed[:3].any() and not changed[3, :2].any()
    assert changed[3, 2:].all() and changed[4].any()


def test_intervals_are_what_is_left_of_relative_without_the_step_before():
    both = {name: etude.model("rnn", FRAMES, seed=2, output=name, **OPTIONS) for name in ("intervals", "relative")}
    arrays = enlarged(both["relative"], scale=0.7)._arrays()
    assert both["relative"].parameters - both["intervals"].parameters == 2 * 9 * INTERVAL_CHANNELS
    arrays["output.relative.before"] = np.zeros_like(arrays["output.relative.before"])
    both["relative"]._restore(arrays)
    both["intervals"]._restore({name: array for name, array in arrays.items() if "before" not in name})
    bits = {name: np.concatenate(model.step_bits(some_pieces(FRAMES, lengths=(9, 3)))) for name, model in both.items()}
    assert bits["intervals"] == pytest.approx(bits["relative"], abs=1e-6)


@pytest.mark.parametrize("output", ["intervals", "relative"])
def test_without_a_context_the_step_before_is_not_seen(output):
    model = enlarged(etude.model("memoryless", KEYS, output=output, output_hidden=4), scale=0.7)
    x = some_pieces(KEYS, lengths=(8,))[0]
    alone = np.concatenate([model.step_bits([step[None]])[0] for step in x])
    assert model.step_bits([x])[0] == pytest.approx(alone, abs=1e-6)
    assert model.step_bits([x])[0].std() > 0.1
