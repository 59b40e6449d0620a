"""Which framework computes: halves by name, what one lacks, weights that move between them."""

from types import ModuleType

import numpy as np
import pytest

import etude
from etude import EtudeError, Space
from etude.models import halves

SPACE = Space((), 5, rate=4.0)
SIZES = {"hidden": 6, "layers": 1, "embedding": 4}


@pytest.fixture
def other(monkeypatch):
    """A second framework, which has an RNN without recall: the first one's, under another name."""
    first = next(iter(halves.tables().values()))
    table = ModuleType("other")
    table.NAME, table.PLACE, table.ENGINE = "other", 9, first.ENGINE
    table.BUILDERS = {"rnn": first.BUILDERS["rnn"]}
    table.lacks = lambda family, options: "no look-up of the past" if options["recall"] else None
    table.versions = lambda: {"other": "1"}
    monkeypatch.setattr(halves, "tables", lambda: {first.NAME: first, "other": table})
    return first.NAME


def test_a_framework_is_asked_by_name_by_variable_or_by_default(other, monkeypatch):
    assert etude.model("rnn", SPACE, **SIZES).framework == other
    assert etude.model("rnn", SPACE, framework="other", **SIZES).framework == "other"
    monkeypatch.setenv(halves.CHOICE, "other")
    assert etude.model("rnn", SPACE, **SIZES).framework == "other"
    assert etude.model("rnn", SPACE, framework=other, **SIZES).framework == other
    assert etude.model("rnn", SPACE, recall=2, **SIZES).framework == other, "the one that has it"
    assert etude.model("tcn", SPACE).framework == other and etude.model("counts", SPACE).framework == "numpy"


def test_what_a_framework_lacks_is_said_with_the_one_that_has_it(other):
    with pytest.raises(EtudeError, match=f"no look-up of the past.*framework='{other}'"):
        etude.model("rnn", SPACE, framework="other", recall=2, **SIZES)
    with pytest.raises(EtudeError, match=f"has tcn.*other.*framework='{other}'"):
        etude.model("tcn", SPACE, framework="other")
    with pytest.raises(EtudeError, match=r"framework; got 'others'.*Did you mean 'other'"):
        etude.model("rnn", SPACE, framework="others", **SIZES)
    with pytest.raises(EtudeError, match="counts in numpy; got other"):
        etude.model("counts", SPACE, framework="other")


def test_weights_move_between_frameworks(other, tmp_path):
    model = etude.model("rnn", SPACE, framework="other", **SIZES)
    model.set_weights({name: array + 0.1 for name, array in model.weights().items()})
    folder = model.save(tmp_path / "m")
    x = np.array([1, 2, 3])
    for back in (etude.load(folder), etude.load(folder, framework=other), model.on(other)):
        assert back.framework in (other, "other") and back.bits([x]).total == model.bits([x]).total
    assert etude.load(folder).framework == "other"
    assert etude.load(folder, framework=other).framework == other == model.framework


def test_the_framework_is_part_of_a_fits_identity(other):
    identities = [
        etude.model("rnn", SPACE, framework=framework, **SIZES)._identity([], [], etude.Budget(), 0)
        for framework in (other, "other")
    ]
    assert identities[0]["versions"] != identities[1]["versions"] == {"other": "1"}
    assert [identity["framework"] for identity in identities] == [other, "other"]


def test_every_table_builds_families_that_are_registered():
    for table in halves.tables().values():
        assert table.BUILDERS.keys() <= etude.registry.MODELS.keys()
    neural = {name for name in etude.registry.MODELS if etude.registry.frameworks(name) != ("numpy",)}
    assert neural == {name for table in halves.tables().values() for name in table.BUILDERS}
