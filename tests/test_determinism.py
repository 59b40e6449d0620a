"""Equal runs give equal bits: for any stated number of threads, from whatever cache, in a process of its own or not."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import etude
from etude import Budget, Space
from etude.errors import EtudeError
from etude.study.environment import EXACTLY, kernel_environment, threads_each

KEYS = Space((88,), 3, 4.0, None)


def fitted(seed=0):
    rng = np.random.default_rng(seed)
    pieces = [rng.integers(0, 3, (40, 88)) for _ in range(3)]
    model = etude.model("rnn", KEYS, hidden=32, output="nade")
    model.fit(pieces[:2], pieces[2:], Budget(2, 2, 32, 0.01, 2))
    return {name: array.copy() for name, array in model._arrays().items()}


def test_two_threads_learn_the_same_to_the_last_bit(monkeypatch):
    """Without `surroundings.in_order` torch adds the gradients of indexed arrays in the order in which threads come."""
    monkeypatch.setenv("ETUDE_THREADS", "2")
    one, other = fitted(), fitted()
    assert all(np.array_equal(array, other[name]) for name, array in one.items())


def test_torch_is_left_as_it_was():
    import torch

    fitted()
    assert not torch.are_deterministic_algorithms_enabled() and torch.utils.deterministic.fill_uninitialized_memory


def test_the_threads_of_a_notebook_can_be_stated(monkeypatch, tmp_path):
    monkeypatch.setattr("etude.study.environment.cores", lambda: 8)
    monkeypatch.delenv("ETUDE_THREADS", raising=False)
    assert [threads_each(jobs) for jobs in (1, 2, 16)] == [8, 4, 1]
    monkeypatch.setenv("ETUDE_THREADS", "3")
    assert threads_each(1) == threads_each(16) == 3
    monkeypatch.setenv("ETUDE_THREADS", "many")
    with pytest.raises(EtudeError, match="number of threads in ETUDE_THREADS"):
        threads_each(1)
    given = kernel_environment(tmp_path, "11_rnn", "smoke", 3)
    assert EXACTLY.items() <= given.items() and given["OMP_NUM_THREADS"] == given["ETUDE_THREADS"] == "3"


PAGE = """
import json, sys
import numpy as np
from etude import Score, display
from etude.study.source import modules_in_use, modules_loaded, packages_in_use
chord = Score(np.array([[0, 8, 60, 80, 0], [0, 8, 64, 80, 0]]), 4)
display.players({"chord": (chord, "a chord")}, seconds=1.0)
modules = modules_in_use(modules_loaded())
print(json.dumps({"versions": packages_in_use(modules), "modules": modules, "played": "midirenderer" in sys.modules}))
"""


def test_what_a_page_is_made_of_does_not_depend_on_what_was_cached(tmp_path):
    """A sound that is in the cache needs no synthesizer, and yet a new synthesizer would make the page stale."""
    places = {name: str(tmp_path / name) for name in ("ETUDE_CACHE", "ETUDE_RUN_DIR")}
    environment = {**os.environ, **places, "ETUDE_NOTEBOOK": "11_toy"}
    cold, warm = (
        json.loads(subprocess.check_output([sys.executable, "-c", PAGE], env=environment, text=True).splitlines()[-1])
        for _ in range(2)
    )
    assert cold["played"] and not warm["played"], "the cache was used"
    assert cold["versions"] == warm["versions"] and cold["modules"] == warm["modules"]
    assert "midirenderer" in warm["versions"]
