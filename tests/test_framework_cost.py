"""What a fit costs in each framework, measured in processes of their own."""

import pytest

from etude import EtudeError
from etude.evaluation import framework_cost

pytestmark = pytest.mark.xdist_group("tensorflow")


def test_every_framework_has_a_row_and_the_first_is_the_measure(monkeypatch):
    small = {"gru": ("rnn", (), {"cell": "gru", "hidden": 4, "layers": 1, "embedding": 4})}
    monkeypatch.setattr(framework_cost, "_apart", lambda name, framework, *how: {"step": 2.0 + (framework != "torch")})
    monkeypatch.setattr(framework_cost, "FAMILIES", small)
    table = framework_cost.cost_table(["gru"], steps=2)
    assert table["framework"].tolist() == ["torch", "tensorflow"] and table["ratio"].tolist() == [1.0, 1.5]
    with pytest.raises(EtudeError, match="gru"):
        framework_cost.cost_table(["lstm"])


def test_a_fit_is_measured_in_its_own_process():
    row = framework_cost._apart("gru", "torch", 1, 1, False)
    assert row["start"] > 0.1 and row["step"] > 0 and row["first_step"] > 0 and row["peak_mb"] > 50


def test_a_fit_that_fails_says_so():
    with pytest.raises(EtudeError, match="a fit of gru in abacus"):
        framework_cost._apart("gru", "abacus", 1, 1, False)
