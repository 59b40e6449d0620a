"""What Python source does, apart from how it is written: equal meanings run alike.

The meaning of a text is its syntax tree, in a form in which these do not count: comments, docstrings, layout, `pass`,
the annotations of functions and of their locals, the names of locals, the order of imports in a row, the order of
definitions where none of them runs at import, the path from which a name of étude is imported, and `__all__`. Names of
parameters count (callers use them), and so does the order of what a class or module computes when it is imported.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable

from etude.renaming import rename_locals

DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
IMPORTS = ast.Import | ast.ImportFrom
BODIES = ("body", "orelse", "finalbody")
PURE = {  # decorators and calls in the body of a class that depend on nothing that runs before or after
    *("property", "staticmethod", "classmethod", "abstractmethod", "cached_property", "cache", "lru_cache", "wraps"),
    *("contextmanager", "dataclass", "field", "no_grad", "inference_mode", "njit", "jit", "compiled", "override"),
    *("frozenset", "tuple", "dict", "range", "total_ordering", "runtime_checkable"),
}
TARGET = re.compile(r"(etude(?:\.\w+)+):\w+")


def meaning(source: str, keep: Callable[[str], bool] | None = None, tables: str = "") -> str:
    """Return Python source reduced to what it does.

    Parameters
    ----------
    source : str
    keep : callable, optional
        Says of a module's name whether it is in use. Entries of tables (at the outermost level of a module) that lead
        to modules which are not in use are left out: ``"rnn": "etude.models.rnn:RNN"``; with `tables`, also
        ``"results": (...)``, where `tables` is the package that holds the module `results`.
    tables : str
        The name of a package, for the source of its `__init__.py`.
    """
    tree = ast.parse(source)
    if keep is not None:
        tree.body = [statement for statement in (_in_use(s, keep, tables) for s in tree.body) if statement is not None]
    _simplify(tree)
    rename_locals(tree)
    return dump(tree)


def dump(node) -> str:
    """Return a syntax tree as text, the same under every version of Python: fields that are empty are left out."""
    if isinstance(node, ast.Constant):
        return f"Constant({node.value!r})"
    if isinstance(node, list):
        return f"[{', '.join(map(dump, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = ((name, value) for name, value in ast.iter_fields(node) if name not in ("ctx", "kind", "type_comment"))
    said = [f"{name}={dump(value)}" for name, value in fields if value is not None and value != []]
    return f"{type(node).__name__}({', '.join(said)})"


def _simplify(tree: ast.Module) -> None:
    """Take out of a tree, in place, what changes nothing, and put the rest into one order."""
    for function in [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]:
        function.returns = None
        function.body = _without_annotations(function.body)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.Module | DEFINITIONS) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        for name in BODIES:
            body = getattr(node, name, None)
            if isinstance(body, list):
                setattr(node, name, _imports_sorted([s for s in body if not isinstance(s, ast.Pass)]))
        if isinstance(node, ast.Module | ast.ClassDef):
            node.body = _ordered(node.body)


def _without_annotations(body: list[ast.stmt]) -> list[ast.stmt]:
    """Turn `x: int = 3` into `x = 3`, in a function and its blocks; nested definitions are left as they are."""
    result = []
    for statement in body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if statement.value is not None:
                result.append(ast.Assign([statement.target], statement.value))
            continue
        blocks = [statement, *getattr(statement, "handlers", []), *getattr(statement, "cases", [])]
        for block in blocks if not isinstance(statement, DEFINITIONS) else []:
            for name in BODIES:
                setattr(block, name, _without_annotations(getattr(block, name, None) or []))
        result.append(statement)
    return result


def _imports_sorted(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return a body whose imports stand one name each, in one order where some follow each other."""
    result, row = [], []
    for statement in [*body, None]:
        if isinstance(statement, IMPORTS):
            row += [_one_import(statement, alias) for alias in statement.names]
            continue
        result += sorted(row, key=dump)
        row = []
        if statement is not None:
            result.append(statement)
    return result


def _one_import(statement: ast.stmt, alias: ast.alias) -> ast.stmt:
    if isinstance(statement, ast.Import):
        return ast.Import([alias])
    ours = (statement.module or "").split(".")[0] == "etude"
    return ast.ImportFrom("etude" if ours else statement.module, [alias], statement.level)


def _ordered(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return a body of a module or class with the definitions that may stand anywhere first, by name."""
    bound = Counter(name for statement in body for name in _bound(statement))
    free = [s for s in body if isinstance(s, DEFINITIONS) and _may_move(s, bound)]
    imports = [s for s in body if isinstance(s, IMPORTS)]
    head = imports if body[: len(imports)] == imports else []
    rest = [s for s in body if s not in free and s not in head]
    return [*head, *sorted(free, key=lambda s: s.name), *rest]


def _bound(statement: ast.stmt) -> Iterable[str]:
    """Yield the names that a statement binds at its level."""
    if isinstance(statement, DEFINITIONS):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        elif isinstance(node, DEFINITIONS):
            yield node.name


def _may_move(definition, bound: Counter) -> bool:
    """Say whether it makes no difference where among its neighbours a definition stands."""
    if bound[definition.name] > 1 or not all(_pure(decorator) for decorator in definition.decorator_list):
        return False
    read = [*definition.decorator_list]
    if isinstance(definition, ast.ClassDef):
        if definition.keywords:
            return False
        read += [*definition.bases, *(s for s in definition.body if not isinstance(s, FUNCTIONS))]
    functions = [definition] if isinstance(definition, FUNCTIONS) else []
    functions += [s for s in getattr(definition, "body", []) if isinstance(s, FUNCTIONS)] if not functions else []
    for function in functions:
        read += [*function.args.defaults, *(d for d in function.args.kw_defaults if d is not None)]
        read += function.decorator_list
    nodes = [node for part in read for node in ast.walk(part)]
    calls = all(_pure(node) for node in nodes if isinstance(node, ast.Call))
    return calls and not any(bound[node.id] > 1 for node in nodes if isinstance(node, ast.Name))


def _pure(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else node
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in PURE or name in ("setter", "getter")


# Tables ---------------------------------------------------------------------------------------------------------------


def _in_use(statement: ast.stmt, keep: Callable[[str], bool], package: str) -> ast.stmt | None:
    """Return a statement of a module without what leads to modules that are not in use, None where that is all."""
    if isinstance(statement, ast.ImportFrom) and package and (statement.module or "").startswith("etude."):
        return statement if keep(statement.module) else None
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return None
        if statement.value is not None:
            _prune(statement.value, keep, package)
    return statement


def _prune(value: ast.expr, keep: Callable[[str], bool], package: str) -> None:
    if isinstance(value, ast.Dict):
        items = [(k, v) for k, v in zip(value.keys, value.values, strict=True) if _leads_there(k, v, keep, package)]
        value.keys, value.values = [k for k, _ in items], [v for _, v in items]
        for item in value.values:
            _prune(item, keep, package)
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        value.elts = [item for item in value.elts if _leads_there(None, item, keep, "")]


def _leads_there(key: ast.expr | None, value: ast.expr, keep: Callable[[str], bool], package: str) -> bool:
    strings = [n.value for n in ast.walk(value) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    targets = [match[1] for text in strings if (match := TARGET.fullmatch(text))]
    if targets:
        return any(map(keep, targets))
    named = package and isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isidentifier()
    return not named or keep(f"{package}.{key.value}")
