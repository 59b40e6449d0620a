"""Edits that change what code does: operators, constants, dropped calls, swapped arguments.

They are drawn among the expressions that a fit executes (`Executed`). Left out is only what provably cannot change a
fit (`equal`), what tells and computes nothing (logs, progress bars), and the making of errors and messages.
"""

from __future__ import annotations

import ast
import copy
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import chain
from random import Random

from edits import EITHER_WAY, OF_TORCH, UNCHANGED, Edit, Span, compiles, replaced, source_of, span_of, spans, within
from equal import TELLERS, full_name, imported, only_refuses, proven, tellers

BINARY = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARED = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


class Executed:
    """What was executed of a module's text.

    Parameters
    ----------
    text : str
    ran : set of Span
        The spans of the instructions that were executed.
    """

    def __init__(self, text: str, ran: Iterable[Span]):
        self.ran, self.by_line = set(ran), defaultdict(set)
        self.lines = len({span[0] for span in self.ran})
        for one in spans(compile(text, "module", "exec")):
            self.by_line[one[0]].add(one)

    def parts(self, span: Span) -> set[Span]:
        """Return the spans of the instructions of an expression."""
        near = chain.from_iterable(self.by_line[line] for line in range(span[0], span[2] + 1))
        if inside := {one for one in near if within(one, span)}:
            return inside
        around = [one for some in self.by_line.values() for one in some if within(span, one)]
        return {min(around, key=_size, default=span)}  # a constant that Python has folded into what holds it

    def __contains__(self, span: Span) -> bool:
        return not self.ran.isdisjoint(self.parts(span))


def _size(span: Span) -> tuple[int, int]:
    return span[2] - span[0], span[3] - span[1]


@cache
def candidates(text: str, executed: Executed) -> dict[str, list[tuple[ast.AST, str, str]]]:
    """Return what can be edited in executed parts of a module, by kind: the node, its new text, what was done."""
    tree = ast.parse(text)
    same = proven(tree)
    found: dict[str, list] = {kind: [] for kind in ("operator", "constant", "dropped call", "swapped arguments")}
    for node in _expressions(tree):
        for kind, new in _edits(node) if hasattr(node, "lineno") else ():
            if (id(node), kind) not in same and span_of(node) in executed:
                found[kind].append((node, new, f"{source_of(text, node)!r:.70} -> {new!r:.70}"))
    return found


def draw(texts: Mapping[str, str], covered: Mapping[str, Executed], rng: Random) -> Edit:
    """Return a behavioural edit drawn at random: a module by the number of its lines, a kind, a place."""
    modules = sorted(covered.keys() - set(TELLERS))
    while True:
        (module,) = rng.choices(modules, [covered[m].lines for m in modules])
        found = candidates(texts[module], covered[module])
        kinds = [kind for kind, places in found.items() if places]
        if not kinds:
            continue
        kind = rng.choice(kinds)
        node, new, what = rng.choice(found[kind])
        text = replaced(texts[module], node, new)
        if compiles(text):
            return Edit(module, node.lineno, kind, what, text, span_of(node), _proof(texts, module, node, new))


def _proof(texts: Mapping[str, str], module: str, node: ast.AST, new: str) -> str:
    text = texts[module]
    if isinstance(node, ast.Call) and len(node.args) == 2 and only_refuses(_called(text, node), texts):
        return replaced(text, node, f"{EITHER_WAY}({', '.join(map(ast.unparse, (node.func, *node.args)))})")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "transpose":
        whose = node.func.value
        return replaced(text, whose, f"{UNCHANGED}({OF_TORCH}, {ast.unparse(whose)})") if len(node.args) == 2 else ""
    if not isinstance(node, ast.Call) or len(node.args) != 1 or new != f"({ast.unparse(node.args[0])})":
        return ""
    return replaced(text, node, f"{UNCHANGED}({ast.unparse(node.func)}, {new})")


def _called(text: str, node: ast.Call) -> str:
    return full_name(node.func, imported(ast.parse(text)))


def _expressions(tree: ast.Module):
    """Yield the expressions and statements of functions, but for what only tells or types."""
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    seen, telling = set(), tellers(tree)
    for function in functions:
        waiting, words = list(function.body), _words(function, telling)
        while waiting:
            node = waiting.pop()
            if _says(node, telling) or isinstance(node, ast.JoinedStr | ast.FunctionDef) or id(node) in words:
                continue
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                continue  # a docstring
            if isinstance(node, ast.AnnAssign):
                waiting += [node.value] if node.value else []
                continue
            waiting += ast.iter_child_nodes(node)
            if id(node) not in seen:
                seen.add(id(node))
                yield node


def _says(node: ast.AST, telling: set[str]) -> bool:
    """Say whether a node makes an error, or is a call of what only tells."""
    return isinstance(node, ast.Raise | ast.Assert) or _tells(node, telling)


def _words(function: ast.FunctionDef, telling: set[str]) -> set[int]:
    """Return the assignments of what is only used in errors and in what is told."""
    said = {id(part) for node in ast.walk(function) if _says(node, telling) for part in ast.walk(node)}
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    computed = {name.id for name in names if isinstance(name.ctx, ast.Load) and id(name) not in said}
    made = [n for n in ast.walk(function) if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]
    return {id(node) for node in made if len(node.targets) == 1 and node.targets[0].id not in computed}


def _tells(node: ast.AST, telling: set[str]) -> bool:
    """Say whether a statement or expression is a call of what only tells."""
    call = node.value if isinstance(node, ast.Expr) else node
    if not isinstance(call, ast.Call):
        return False
    root = call.func
    while isinstance(root, ast.Attribute) and ast.unparse(root) not in telling:
        root = root.value
    return ast.unparse(root) in telling


def _edits(node: ast.AST):
    """Yield the edits of one node as (kind, new text)."""
    new = copy.deepcopy(node)
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        new.op = BINARY[type(node.op)]()
        yield "operator", f"({ast.unparse(new)})"
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        new.ops[0] = COMPARED[type(node.ops[0])]()
        yield "operator", f"({ast.unparse(new)})"
    if isinstance(node, ast.BoolOp):
        new.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "operator", f"({ast.unparse(new)})"
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "constant", str(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield "constant", repr(node.value + 1)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "dropped call", "pass"
    if (
        isinstance(node, ast.Call)
        and len(node.args) == 1
        and not node.keywords
        and not isinstance(node.args[0], ast.Starred)
    ):
        yield "dropped call", f"({ast.unparse(node.args[0])})"
    if (
        isinstance(node, ast.Call)
        and len(node.args) >= 2
        and not any(isinstance(a, ast.Starred) for a in node.args[:2])
    ):
        new.args[:2] = reversed(new.args[:2])
        if ast.dump(new) != ast.dump(node):
            yield "swapped arguments", ast.unparse(new)
