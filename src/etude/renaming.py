"""Locals of functions under names that depend on their place alone (alpha-renaming), in a syntax tree.

What code outside a function can see keeps its name: parameters, attributes, keywords, nested definitions, imports. A
function that looks at its own names (`locals()`, `eval`) keeps all of them; so does a name that a string refers to as
`@name` (the queries of pandas).
"""

from __future__ import annotations

import ast
import re
from itertools import count

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
LOOKING = {"locals", "vars", "eval", "exec", "dir"}
IN_QUERY = re.compile(r"@(\w+)")

Names = dict[str, str]


def rename_locals(tree: ast.Module) -> None:
    """Rename the locals of all functions, lambdas and comprehensions of a module, in place."""
    _rename(tree, {}, count())


def _rename(node: ast.AST, names: Names, fresh) -> None:
    """Rename inside `node`, where `names` says what the names of the functions around it are called now."""
    if isinstance(node, FUNCTIONS):
        _rename_function(node, names, fresh if names else count())
    elif isinstance(node, ast.ClassDef):
        for part in [*node.decorator_list, *node.bases, *node.keywords]:
            _rename(part, names, fresh)
        own = set(_bound(node.body))
        for part in node.body:  # methods see the names around the class, its other statements the class's own first
            _rename(part, names if isinstance(part, FUNCTIONS) else _without(names, own), fresh)
    elif isinstance(node, COMPREHENSIONS):
        _rename_comprehension(node, names, fresh)
    else:
        _rename_here(node, names)
        for part in ast.iter_child_nodes(node):
            _rename(part, names, fresh)


def _rename_here(node: ast.AST, names: Names) -> None:
    if isinstance(node, ast.Name):
        node.id = names.get(node.id, node.id)
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        node.name = names.get(node.name, node.name)
    elif isinstance(node, ast.MatchMapping):
        node.rest = names.get(node.rest, node.rest)
    elif isinstance(node, ast.Nonlocal):
        node.names = [names.get(name, name) for name in node.names]


def _rename_function(node, names: Names, fresh) -> None:
    arguments = node.args
    for part in [*getattr(node, "decorator_list", []), *arguments.defaults, *filter(None, arguments.kw_defaults)]:
        _rename(part, names, fresh)
    parameters = {arg.arg for arg in ast.walk(arguments) if isinstance(arg, ast.arg)}
    body = node.body if isinstance(node.body, list) else [node.body]
    inside = list(_inside(body))
    fixed = parameters | _fixed(inside)
    bound = [name for name in dict.fromkeys(_bound(body)) if name not in fixed]
    inner = _without(names, fixed - _nonlocal(inside))
    if not _looks_at_names(inside):
        inner |= {name: f"~{next(fresh)}" for name in bound}
    else:
        inner = _without(inner, set(bound))
    for part in body:
        _rename(part, inner, fresh)


def _rename_comprehension(node, names: Names, fresh) -> None:
    """The targets are the comprehension's own; its first iterable is evaluated outside."""
    first = node.generators[0]
    _rename(first.iter, names, fresh)
    own = [n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)]
    inner = names | {name: f"~{next(fresh)}" for name in dict.fromkeys(own)}
    for generator in node.generators:
        parts = [generator.target, *generator.ifs, *([] if generator is first else [generator.iter])]
        for part in parts:
            _rename(part, inner, fresh)
    results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    for part in results:
        _rename(part, inner, fresh)


def _bound(body: list[ast.AST]):
    """Yield the names that statements bind in their own scope, in order, imports and definitions left out."""
    for node in body:
        if isinstance(node, FUNCTIONS | ast.ClassDef):
            continue
        if isinstance(node, COMPREHENSIONS):
            yield from (n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        if isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest
        yield from _bound(list(ast.iter_child_nodes(node)))


def _inside(body: list[ast.AST]):
    """Yield the nodes of a function's own scope."""
    for node in body:
        yield node
        if not isinstance(node, FUNCTIONS | ast.ClassDef):
            yield from _inside(list(ast.iter_child_nodes(node)))


def _fixed(inside: list[ast.AST]) -> set[str]:
    """Return the names of a function's scope that keep theirs: global or outer ones, imports, definitions, queries."""
    fixed = set()
    for node in inside:
        if isinstance(node, ast.Global | ast.Nonlocal):
            fixed |= set(node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            fixed |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            fixed.add(node.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            fixed |= set(IN_QUERY.findall(node.value))
    return fixed


def _nonlocal(inside: list[ast.AST]) -> set[str]:
    return {name for node in inside if isinstance(node, ast.Nonlocal) for name in node.names}


def _looks_at_names(inside: list[ast.AST]) -> bool:
    called = (node.func for node in inside if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Name) and function.id in LOOKING for function in called)


def _without(names: Names, gone: set[str]) -> Names:
    return {old: new for old, new in names.items() if old not in gone}
