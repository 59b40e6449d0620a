"""The mutation test in small: a few neutral and a few behavioural edits, as `benchmarks/mutation` draws them."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from random import Random

import pytest

HOME = Path(__file__).parents[1]
COMMAND = HOME / "benchmarks" / "mutation"
sys.path.insert(0, str(COMMAND))

behavioural, neutral, edits, equal = map(import_module, ("behavioural", "neutral", "edits", "equal"))

TEXT = '''"""A module."""

import logging

log = logging.getLogger("a module")


def first(x, y=1):
    """Add."""
    total = x + y
    log.info("added %d", 3)
    seen.append(total)
    return max(total, 2)


def second(x):
    return first(x, 4)
'''


def test_neutral_edits_change_the_text_and_nothing_else():
    rng, kinds = Random(3), set()
    for _ in range(60):
        edit = neutral.draw({"etude.registry": TEXT + '\nMODELS = {\n    "a": "etude.models.a:A",\n}\n'}, rng)
        kinds.add(edit.kind)
        scope, log = {}, type("Log", (), {"info": print})
        if edit.module == "etude.registry":
            exec(edit.text, scope | {"log": log}, scope)
            scope["log"] = log
    assert kinds == set(neutral.KINDS)


def test_behavioural_edits_are_of_all_kinds_and_never_of_what_only_tells():
    lines = set(range(1, 24))
    found = behavioural.candidates(TEXT, lines)
    assert {kind for kind, places in found.items() if places} == set(found)
    said = " ".join(what for places in found.values() for _, _, what in places)
    assert "x + y" in said and "info" not in said and "Add" not in said
    edit = behavioural.draw({"m": TEXT}, {"m": lines}, Random(0))
    assert edits.compiles(edit.text) and ast.dump(ast.parse(edit.text)) != ast.dump(ast.parse(TEXT))
    assert not any(behavioural.candidates(TEXT, set()).values()), "only lines that are executed"


@pytest.mark.slow
def test_in_small_neutral_edits_cost_nothing_and_behavioural_ones_are_caught():
    done = subprocess.run(
        [sys.executable, str(COMMAND), "--neutral", "4", "--behavioural", "4", "--seed", "1"],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=HOME,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 neutral edits: 0 refit, 0 make pages old" in done.stdout
    assert int(re.search(r"4 behavioural edits: (\d+) caught", done.stdout)[1]) == 4


def test_only_what_is_proven_equal_is_left_out():
    equal.check()
    calls = [
        "np.maximum(x, y)",
        "np.subtract(x, y)",
        "x.transpose(1, 2)",
        "x.transpose(0, 1)",
        "zip(x, y, strict=True)",
    ]
    text = "import numpy as np\n\n\ndef f(x, y):\n    return [" + ",\n        ".join(calls) + "]\n"
    said = [what for places in behavioural.candidates(text, set(range(20))).values() for _, _, what in places]
    assert not any("maximum(y" in what or "transpose(2, 1)" in what or "'True'" in what for what in said)
    assert any("subtract(y, x)" in what for what in said) and any("transpose(1, 0)" in what for what in said)
