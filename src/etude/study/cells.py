"""What the code cells of a notebook mean, and which names they bind and read.

Comments, layout, listings and where in étude a name lies do not count.
"""

from __future__ import annotations

import ast
import symtable


def parsed(source: str) -> ast.Module | None:
    """Return the syntax tree of a cell, None where it is not plain Python (a magic, `!command`)."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def is_listing(statement: ast.stmt) -> bool:
    """Say whether a statement lists a definition: `display.show_source(...)`."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    called = statement.value.func
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "show_source"


def ours(statement: ast.Import | ast.ImportFrom) -> bool:
    """Say whether an import is of étude."""
    if isinstance(statement, ast.ImportFrom):
        return (statement.module or "").split(".")[0] == "etude"
    return all(alias.name.split(".")[0] == "etude" for alias in statement.names)


def cell_meanings(sources: list[str]) -> list[str]:
    """Return what each cell of a notebook means, "" where it only lists.

    A name of étude counts by itself, wherever in the package it is imported from, and only where the cells use it for
    something else than a listing.
    """
    trees = [parsed(source) for source in sources]
    used = {name for tree in trees if tree for statement in tree.body for name in _used(statement)}
    return [_text(tree, used) if tree else source.strip() for tree, source in zip(trees, sources, strict=True)]


def _used(statement: ast.stmt) -> set[str]:
    if is_listing(statement) or isinstance(statement, ast.Import | ast.ImportFrom):
        return set()
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _text(tree: ast.Module, used: set[str]) -> str:
    """Return the statements of a cell as text; of its imports, one name a line, in one order."""
    imports, lines = [], []
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports += _imported(statement, used)
        elif not is_listing(statement):
            lines.append(ast.unparse(statement))
    return "\n".join([*sorted(imports), *lines])


def _imported(statement: ast.Import | ast.ImportFrom, used: set[str]) -> list[str]:
    names = [(alias.name, alias.asname) for alias in statement.names]
    if isinstance(statement, ast.Import):
        return [f"import {name}" + (f" as {other}" if other else "") for name, other in names]
    home, kept = statement.module, names
    if ours(statement):
        home, kept = "etude", [(name, other) for name, other in names if (other or name) in used]
    return [f"from {home} import {name}" + (f" as {other}" if other else "") for name, other in kept]


def import_lines(sources: list[str]) -> str:
    """Return the imports of the cells as source text, whatever else stands in them."""
    trees = [tree for source in sources if (tree := parsed(source))]
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(map(ast.unparse, found))


def names_bound(tree: ast.AST) -> set[str]:
    """Return the names that a tree binds for others, imports included; those of a loop within brackets are its own."""
    return {name.get_name() for name in scopes(tree)[0].get_symbols() if name.is_assigned()}


def names_read(tree: ast.AST) -> set[str]:
    """Return the names that a tree reads and that another may have bound: no argument, no inner name."""
    whole, *inner = scopes(tree)
    names = {name.get_name() for name in whole.get_symbols() if name.is_referenced()}
    return names | {n.get_name() for scope in inner for n in scope.get_symbols() if n.is_referenced() and n.is_global()}


def scopes(tree: ast.AST) -> list[symtable.SymbolTable]:
    """Return the scopes of a tree, its own first."""
    found = [symtable.symtable(ast.unparse(tree), "cell", "exec")]
    for scope in found:
        found += scope.get_children()
    return found
