"""The mutation test in small: a few neutral and a few behavioural edits, as `benchmarks/mutation` draws them."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

HOME = Path(__file__).parents[1]
COMMAND = HOME / "benchmarks" / "mutation"
sys.path.insert(0, str(COMMAND))

behavioural, neutral, edits, equal, forks = map(import_module, ("behavioural", "neutral", "edits", "equal", "forks"))

TEXT = '''"""A module."""

import logging

log = logging.getLogger("a module")


def first(x, y=1):
    """Add."""
    total = x + y
    words = "a sum" * 3
    log.info("added %d", 3)
    if total < 0:
        raise ValueError(words)
    seen.append(total)
    return max(total, 2)


def second(x):
    return first(x, 4)
'''


def executed(text):
    """All of a text."""
    return behavioural.Executed(text, edits.spans(compile(text, "m", "exec")))


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
    all_of_it = executed(TEXT)
    found = behavioural.candidates(TEXT, all_of_it)
    assert {kind for kind, places in found.items() if places} == set(found)
    said = " ".join(what for places in found.values() for _, _, what in places)
    assert "x + y" in said and not any(word in said for word in ("info", "Add", "a sum"))
    edit = behavioural.draw({"m": TEXT}, {"m": all_of_it}, Random(0))
    assert edits.compiles(edit.text) and ast.dump(ast.parse(edit.text)) != ast.dump(ast.parse(TEXT))
    assert not any(behavioural.candidates(TEXT, behavioural.Executed(TEXT, ())).values()), "only what is executed"


def test_what_a_line_holds_and_does_not_compute_is_not_executed():
    text = "def f(x):\n    return x + 1 if x else max(2**3, 5)\n"
    scope, ran = {}, set()
    exec(compile(text, "m", "exec"), scope)

    def watch(frame, event, _argument):
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_code.co_name == "f":
            ran.update(edits.spans(frame.f_code, [frame.f_lasti // 2]))
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    scope["f"](3)
    sys.settrace(before)
    said = str(behavioural.candidates(text, behavioural.Executed(text, ran)))
    assert "x + 1" in said and "max" not in said and "2**3" not in said
    assert "2**3" in str(behavioural.candidates(text, executed(text))), "Python folds it"


def test_a_call_that_gives_back_what_it_was_given_is_told_from_one_that_does_not(monkeypatch):
    ends = []
    monkeypatch.setattr(forks.os, "_exit", ends.append)
    held = [1]
    assert forks.unchanged(lambda x: x, held) is held and not ends
    for function, given in ((float, np.float64(0.1)), (int, np.int64(3)), (np.asarray, np.arange(3))):
        forks.unchanged(function, given)
    assert not ends
    for function, given in ((list, held), (int, 3.5), (float, np.float32(0.1)), (np.log2, 8.0)):
        forks.unchanged(function, given)
    assert ends == [1] * 4
    text = "def f(x):\n    return list(x)\n"
    swap = "def f(x):\n    return x.transpose(0, 1)\n"
    drawn = [behavioural.draw({"m": swap}, {"m": executed(swap)}, Random(seed)) for seed in range(9)]
    assert {"_unchanged(_of_torch, x).transpose(0, 1)" in one.proof for one in drawn} == {True, False}
    assert all(one.kind == "swapped arguments" for one in drawn if one.proof)
    assert forks.of_torch(held) is None
    assert forks.unchanged(tuple, torch.zeros(2, 3).shape) == (2, 3) and ends == [1] * 4
    assert "_unchanged(list, (x))" in behavioural.draw({"m": text}, {"m": executed(text)}, Random(0)).proof


def test_a_function_that_only_refuses_may_be_asked_either_way_and_no_other(monkeypatch):
    home = "def check(x, y):\n    wrong = x != y\n    if wrong:\n        raise ValueError(x)\n"
    home += "\n\ndef put(x, y):\n    y.append(x)\n"
    uses = "from home import check, put\n\n\ndef f(x, y):\n    check(x, y)\n    put(x, y)\n"
    drawn = [behavioural.draw({"m": uses, "home": home}, {"m": executed(uses)}, Random(seed)) for seed in range(20)]
    swapped = {one.what: one.proof for one in drawn if one.kind == "swapped arguments"}
    assert {bool(proof): "_either_way(check, x, y)" in proof for proof in swapped.values()} == {
        True: True,
        False: False,
    }
    ends = []
    monkeypatch.setattr(forks.os, "_exit", ends.append)
    forks.either_way(lambda x, y: None, 1, 2)
    with pytest.raises(ValueError, match="1"):
        forks.either_way(lambda x, y: [].index(x) if x != y else None, 1, 2)
    assert not ends
    forks.either_way(lambda x, y: [].index(x) if x > y else None, 1, 2)
    assert ends == [1]


@pytest.mark.slow
def test_in_small_neutral_edits_cost_nothing_and_behavioural_ones_are_caught():
    arguments = ["--neutral", "4", "--behavioural", "6", "--seed", "1", "--probes", "counts", "rnn lstm"]
    done = subprocess.run(
        [sys.executable, str(COMMAND), *arguments], capture_output=True, text=True, timeout=900, cwd=HOME
    )
    assert "4 neutral edits: 0 refit, 0 make pages old" in done.stdout, done.stdout + done.stderr
    assert int(re.search(r"6 behavioural edits: (\d+) caught", done.stdout)[1]) >= 4, done.stdout


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
    said = [what for places in behavioural.candidates(text, executed(text)).values() for _, _, what in places]
    assert not any("maximum(y" in what or "transpose(2, 1)" in what or "'True'" in what for what in said)
    assert any("subtract(y, x)" in what for what in said) and any("transpose(1, 0)" in what for what in said)
