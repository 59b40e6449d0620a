"""The probes: what they cover, that their traces are the committed ones, and that they notice what they should."""

import json

import numpy as np
import pytest

import etude.models.base
from etude import registry
from etude.errors import EtudeError
from etude.models.sequence.outputs import OUTPUTS
from etude.study import probes
from etude.study.probe_trace import difference, of_weights, plain
from etude.study.probes import PROBES, Change, explain, read_traces, revisions, to_raise


@pytest.mark.parametrize("name", PROBES)
def test_no_result_moved(name):
    changed = list(probes.changes([name]))
    assert not changed, explain(changed)


def test_every_family_and_output_has_a_probe_and_no_trace_is_left_over():
    assert {probe.family for probe in PROBES.values()} >= set(registry.MODELS)
    assert {probe.output for probe in PROBES.values()} >= set(OUTPUTS)
    assert read_traces()["traces"].keys() == PROBES.keys()
    assert read_traces()["revisions"] == revisions(), "etude probes --update"


@pytest.mark.parametrize("name", [name for name in PROBES if "resumed" in name])
def test_a_fit_cut_short_is_the_fit(name):
    traced = read_traces()["traces"][name]
    assert traced["resumed is whole"] and traced.get("read is resumed", True)
    assert read_traces()["traces"]["engine patience"]["read is whole"]


def test_equal_questions_find_equal_fits_and_others_do_not():
    assert read_traces()["traces"]["engine one fit"]["kept"] == [*range(1, 13), 12][:13]


def test_differences_are_found_and_small_ones_are_not():
    trace = plain({"history": [[[1, 2.0, 3.0]]], "codes": np.arange(3)})
    near, far = json.loads(json.dumps(trace)), json.loads(json.dumps(trace))
    near["history"][0][0][1] += 1e-5
    far["history"][0][0][1] += 1e-2
    assert difference(trace, near) == "" and difference(trace, far) == "history[0][0][1]: 2.0 and 2.01"
    assert "codes[2]" in difference(trace, {**trace, "codes": [0, 1, 1]})
    assert "2 and 1 values" in difference({"codes": [0, 1]}, {"codes": [0]})
    assert "in one only" in difference(trace, {"history": []})
    assert difference({"x": 1.0}, {"x": "nan"}) and difference({"x": 1}, {"x": True})


def test_what_another_processor_rounds_otherwise_is_no_difference_and_what_it_computes_is():
    flat = np.random.default_rng(0).normal(size=30)
    pattern = np.cos(np.arange(30))
    across = flat - pattern * (flat @ pattern) / (pattern @ pattern)  # its product with the pattern is 0

    def parts(name, one, other):
        return bool(difference(plain(of_weights({name: one})), plain(of_weights({name: other}))))

    assert not parts("rnn.0.input", across, across * (1 + 1e-6) + 1e-6)
    assert parts("rnn.0.input", across, -across + 0.1) and parts("rnn.0.input", flat, -flat)
    assert parts("rnn.0.input", flat, flat[::-1]) and parts("rnn.0.input", flat, flat + 0.01)
    for third, seen in enumerate((True, False, True)):  # the biases of queries, keys and values
        other = flat.copy()
        other[10 * third : 10 * third + 10] += 0.5
        assert parts("attention.0.read.bias", flat, other) == seen
        assert parts("attention.0.read.weight", flat, other)


@pytest.fixture
def planted(monkeypatch, tmp_path):
    """Plants a fault in what an LSTM draws or learns, in a checkout of its own for the traces."""
    monkeypatch.setattr(probes, "traces_path", lambda: tmp_path / "traces.json")
    monkeypatch.setattr(probes, "PROBES", {name: PROBES[name] for name in ("uniform", "rnn roll", "rnn nade")})
    probes.write_traces({"revisions": revisions(), "traces": {n: probes.trace_of(n) for n in probes.PROBES}})
    return monkeypatch


def test_a_planted_fault_names_the_revision_to_raise_and_is_not_accepted_without(planted):
    from etude.models.sequence.rnn import RNN

    initial = RNN._initial
    planted.setattr(RNN, "_initial", lambda self, rng: {k: 1.1 * v for k, v in initial(self, rng).items()})
    changed = list(probes.changes())
    assert [change.probe for change in changed] == ["rnn roll", "rnn nade"]
    assert to_raise(changed) == ["family rnn"]
    assert "11_rnn" in explain(changed) and "05_spectrogram" not in explain(changed)
    with pytest.raises(EtudeError, match="family rnn"):
        probes.update()
    planted.setattr(RNN, "revision", revisions()["family rnn"] + 1, raising=False)
    assert probes.update() == ["rnn roll", "rnn nade"]
    assert not list(probes.changes())


def test_what_is_only_drawn_needs_no_revision(planted):
    sample = etude.models.base.Model.sample
    planted.setattr(
        etude.models.base.Model, "sample", lambda self, n, steps, seed=0, **k: sample(self, n, steps, seed + 1, **k)
    )
    changed = list(probes.changes())
    assert len(changed) == 3 and to_raise(changed) == [] and "No fit is another one" in explain(changed)
    assert len(probes.update()) == 3


def test_the_narrowest_revision_is_named(monkeypatch):
    def of(*names):
        return to_raise([Change(name, "history[0]: 1, now 2") for name in names])

    assert of("rnn lstm", "rnn gru") == ["family rnn"]
    assert of(*(name for name, probe in PROBES.items() if probe.output == "nade")) == ["output nade"]
    assert of("rnn lstm", "tcn") == ["family rnn", "family tcn"]
    assert of("engine average", "rnn lstm") == ["engine"]
    assert of(*(name for name, probe in PROBES.items() if probe.family not in registry.FLOORS)) == [
        "engine",
        "engine tensorflow",
    ]
