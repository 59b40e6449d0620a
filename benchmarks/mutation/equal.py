"""Edits that provably change nothing, each kind with the check that proves it; all others are drawn.

===================  ==================================================================================================
strict zip           `zip(.., strict=True)` that does not raise gives what `strict=False` gives
either order         functions of two arguments that give bit for bit the same with both swapped (`EITHER_ORDER`)
two axes             `x.transpose(i, j)` that runs with axes beyond 0 and 1 is a tensor's, which swaps the two
unknown axis         NumPy's `reshape` takes any negative number for the axis that it works out
only place           `module.to(device)` as a statement, on a machine whose only device is the CPU, moves nothing
===================  ==================================================================================================

`check` executes what can be executed. What only tells (logs, warnings, progress bars) computes nothing: `tellers`.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping

EITHER_ORDER = {
    "builtins": ("max", "min"),
    "numpy": ("maximum", "minimum", "add", "multiply", "logaddexp", "array_equal"),
    "torch.nn.functional": ("embedding_bag",),  # which looks which of the two holds codes
}
TELLERS = ("logging", "warnings", "etude.training.progress")


def proven(tree: ast.Module) -> set[tuple[int, str]]:
    """Return (id of a node, kind of edit) of the edits that change nothing."""
    names, found = imported(tree), set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        called = full_name(call.func, names)
        home, _, last = called.rpartition(".")
        if called == "builtins.zip":
            found |= {(id(k.value), "constant") for k in call.keywords if k.arg == "strict" and _is(k.value, True)}
        if last in EITHER_ORDER.get(home, ()):
            found.add((id(call), "swapped arguments"))
        if isinstance(call.func, ast.Attribute) and call.func.attr == "transpose" and _two_axes(call.args):
            found.add((id(call), "swapped arguments"))
        if isinstance(call.func, ast.Attribute) and call.func.attr == "reshape" and not _with_tensors(names):
            unary = [part for part in call.args if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub)]
            found |= {(id(part.operand), "constant") for part in unary}
    return found | (set() if _has_gpu() else _moves(tree))


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _moves(tree: ast.Module) -> set[tuple[int, str]]:
    """Return the statements that move a module: `x.to(...)` of "cuda" or of a name that stands for a `.device`."""
    found = set()
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        kept = [n for n in ast.walk(function) if isinstance(n, ast.Assign) and isinstance(n.value, ast.Attribute)]
        places = {target.id for n in kept if n.value.attr == "device" for target in n.targets}
        for statement in (n for n in ast.walk(function) if isinstance(n, ast.Expr)):
            call = statement.value
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "to"):
                continue
            said = {getattr(part, "id", getattr(part, "value", None)) for a in call.args for part in ast.walk(a)}
            if not said.isdisjoint({*places, "cuda"}):
                found |= {(id(statement), "dropped call"), (id(call), "dropped call")}
    return found


def check() -> None:
    """Execute what `proven` relies on; raises AssertionError."""
    import numpy as np
    import torch

    rng = np.random.default_rng(0)
    for name in EITHER_ORDER["numpy"]:
        for x, y in (rng.normal(size=(2, 50, 50)), rng.integers(-9, 9, (2, 50, 50)), (rng.normal(size=50), -np.inf)):
            function = getattr(np, name)
            assert np.array_equal(function(x, y), function(y, x)), name
    for name in EITHER_ORDER["builtins"]:
        for x, y in rng.integers(-3, 3, (99, 2)).tolist():
            assert repr(getattr(builtins, name)(x, y)) == repr(getattr(builtins, name)(y, x)), name
    codes, table = torch.tensor([[0, 2], [1, 1]]), torch.randn(3, 4)
    bag = torch.nn.functional.embedding_bag
    assert torch.equal(bag(codes, table, mode="sum"), bag(table, codes, mode="sum"))
    x = torch.randn(2, 3, 4)
    assert torch.equal(x.transpose(1, 2), x.transpose(2, 1))
    try:
        x.numpy().transpose(1, 2)
        raise AssertionError("an array that takes two axes of three")
    except ValueError:
        pass
    module = torch.nn.Linear(2, 3)
    before = {name: held.data_ptr() for name, held in module.state_dict().items()}
    module.to(module.weight.device)
    assert before == {name: held.data_ptr() for name, held in module.state_dict().items()}
    for given in ((-1,), (2, -1), (-1, 4)):
        assert np.array_equal(x.numpy().reshape(given), x.numpy().reshape([n - 1 if n < 0 else n for n in given]))


def tellers(tree: ast.Module) -> set[str]:
    """Return the names, and attributes of `self`, of a module whose calls tell something and compute nothing."""
    names = imported(tree)
    found = {name for name, home in names.items() if home in TELLERS}
    homes = tuple(f"{home}." for home in TELLERS)
    made = [n for n in ast.walk(tree) if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call)]
    for node in made:
        if full_name(node.value.func, names).startswith(homes):
            found |= {ast.unparse(target) for target in node.targets}
    return found


def imported(tree: ast.Module) -> dict[str, str]:
    """Return what names of a module stand for, by dotted name."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {a.asname: a.name for a in node.names if a.asname}
            names |= {root: root for a in node.names if not a.asname for root in (a.name.partition(".")[0],)}
        if isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def full_name(called: ast.AST, names: dict[str, str]) -> str:
    """Return the dotted name of what is called, as far as imports tell: "numpy.maximum", "builtins.max"."""
    parts = []
    while isinstance(called, ast.Attribute):
        parts.append(called.attr)
        called = called.value
    if not isinstance(called, ast.Name):
        return ""
    root = names.get(called.id) or (f"builtins.{called.id}" if hasattr(builtins, called.id) else called.id)
    return ".".join([root, *reversed(parts)])


def only_refuses(called: str, texts: Mapping[str, str]) -> bool:
    """Say whether a function of étude, by dotted name, does nothing but raise errors: it gives and changes nothing."""
    module, _, name = called.rpartition(".")
    functions = [n for n in ast.parse(texts.get(module, "")).body if isinstance(n, ast.FunctionDef) and n.name == name]
    return any(map(_refuses, functions))


def _refuses(function: ast.FunctionDef) -> bool:
    parts = [part for statement in function.body for part in ast.walk(statement) if isinstance(part, ast.stmt)]
    named = all(isinstance(t, ast.Name | ast.Tuple) for n in parts if isinstance(n, ast.Assign) for t in n.targets)
    said = [n for n in parts if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    plain = all(isinstance(n, ast.Assign | ast.If | ast.For | ast.Raise) for n in said)
    return named and plain and any(isinstance(n, ast.Raise) for n in said)


def _two_axes(arguments: list[ast.expr]) -> bool:
    axes = [a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, int)]
    return len(arguments) == len(axes) == 2 and max(axes) > 1


def _with_tensors(names: dict[str, str]) -> bool:
    return any(home.split(".")[0] in ("torch", "tensorflow", "keras") or ".keras" in home for home in names.values())


def _is(node: ast.AST, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
