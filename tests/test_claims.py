"""Verdicts are shown where their conditions hold; where they do not, the page says so, and the tests refuse it."""

import json

import numpy as np
import pytest

from etude.errors import EtudeError
from etude.study.claims import NOT_SHOWN
from etude.study.record import start
from etude.study.summary import failed_claims


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("ETUDE_NOTEBOOK", "a")
    return start("a")


def summary(run, folder) -> dict:
    run.finish()
    return json.loads((folder / "reports" / "summaries" / "a.json").read_text())


def test_a_claim_that_holds_is_shown_as_it_is_written(run, tmp_path):
    shown = run.claim(
        """
        Counts need **31** bits,
        networks 16.
        """,
        16 < 31,
        np.bool_(True),
    )
    assert shown.data == "Counts need **31** bits,\nnetworks 16."
    assert summary(run, tmp_path)["claims"] == [{"sentence": "Counts need **31** bits, networks 16.", "holds": True}]
    assert failed_claims(summary(run, tmp_path)) == []


@pytest.mark.parametrize("conditions", [(False,), (True, np.float64(3) < 2), (np.bool_(False), True)])
def test_a_claim_that_fails_is_quoted_as_not_shown_and_refused_in_a_committed_chapter(run, tmp_path, conditions):
    shown = run.claim("Counts win.\nBy far.", *conditions)
    assert shown.data == f"{NOT_SHOWN}\n\n> Counts win.\n> By far."
    assert failed_claims(summary(run, tmp_path)) == ["Counts win. By far."]


def test_an_answer_may_have_conditions_too(run, tmp_path):
    run.answer("The best floor\nneeds 3 bits.", False)
    said = summary(run, tmp_path)
    assert said["answer"] == "The best floor needs 3 bits." and failed_claims(said) == ["The best floor needs 3 bits."]


@pytest.mark.parametrize("conditions", [(), (0.3,), ([],), ("yes",), (None,), (np.array([True, False]),)])
def test_a_condition_is_a_truth_value(run, conditions):
    with pytest.raises(EtudeError, match="condition"):
        run.claim("Anything.", *conditions)
