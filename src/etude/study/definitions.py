"""Definitions of the package found in its text, without importing anything: where a name leads, and its lines."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from inspect import cleandoc

from etude.errors import EtudeError

DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Place = tuple[str, tuple[str, ...]]  # a module, and names from there on: ("etude.types", ("Score", "common"))


@dataclass(frozen=True)
class Definition:
    """A definition: its qualified name, its file below the package, its text, not indented."""

    name: str
    file: str
    code: str


def imported(statement: ast.Import | ast.ImportFrom, texts: Mapping[str, str]) -> dict[str, Place]:
    """Return what the names that an import of étude binds stand for."""
    if isinstance(statement, ast.Import):
        names = [(a.asname or a.name.partition(".")[0], a.name if a.asname else "etude") for a in statement.names]
        return {name: (module, ()) for name, module in names}
    return {a.asname or a.name: _member(statement.module, a.name, texts) for a in statement.names}


def definition(expression: ast.expr, scope: Mapping[str, Place], texts: Mapping[str, str]) -> Definition:
    """Return the definition that an expression such as `Tier.forward` names.

    Raises
    ------
    EtudeError
        It leads to no definition of the package.
    """
    root, names = expression, []
    while isinstance(root, ast.Attribute):
        root, names = root.value, [root.attr, *names]
    if isinstance(root, ast.Name) and root.id in scope:
        module, first = scope[root.id]
        found = _find(module, (*first, *names), texts)
        if found is not None:
            return found
    remedy = "List a class, function or module of étude that the notebook imports."
    raise EtudeError("a definition of the package", f"`{ast.unparse(expression)}`", remedy)


def _member(module: str, name: str, texts: Mapping[str, str]) -> Place:
    return (f"{module}.{name}", ()) if f"{module}.{name}" in texts else (module, (name,))


def _find(module: str, names: tuple[str, ...], texts: Mapping[str, str]) -> Definition | None:
    if module not in texts:
        return None
    if names and f"{module}.{names[0]}" in texts:
        return _find(f"{module}.{names[0]}", names[1:], texts)
    if not names:
        return Definition(module, _file(module, texts), texts[module])
    for node in _tree(texts[module]).body:
        if isinstance(node, DEFINITIONS) and node.name == names[0]:
            return _inside(node, module, names, texts)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("etude"):
            leads = imported(node, texts)
            if names[0] in leads:
                other, first = leads[names[0]]
                return _find(other, (*first, *names[1:]), texts)
    return None


def _inside(node: ast.stmt, module: str, names: tuple[str, ...], texts: Mapping[str, str]) -> Definition | None:
    """Return what `names`, the first of which is `node`, lead to; where a class lacks the name, what its bases have."""
    for depth, name in enumerate(names[1:], 1):
        inner = [n for n in getattr(node, "body", []) if isinstance(n, DEFINITIONS) and n.name == name]
        if not inner:
            bases = [ast.unparse(base).split(".") for base in getattr(node, "bases", [])]
            found = (_find(module, (*base, *names[depth:]), texts) for base in bases)
            return next((one for one in found if one is not None), None)
        node = inner[-1]
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = texts[module].splitlines(keepends=True)[first - 1 : node.end_lineno]
    return Definition(f"{module}.{'.'.join(names)}", _file(module, texts), cleandoc("\n" + "".join(lines)))


def _file(module: str, texts: Mapping[str, str]) -> str:
    path = "/".join(module.split(".")[1:])
    packages = {name.rpartition(".")[0] for name in texts}
    return f"{path}/__init__.py".lstrip("/") if module in packages else f"{path}.py"


@cache
def _tree(text: str) -> ast.Module:
    return ast.parse(text)
