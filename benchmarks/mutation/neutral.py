"""Edits that change nothing: how code is written, not what it does.

They are made on the text and by rules of their own, not by those with which étude tells meanings apart.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from random import Random

from edits import Edit, compiles, replaced, source_of

WORDS = ("seen from here", "as in the paper", "why not", "one by one", "says who")


def draw(texts: Mapping[str, str], rng: Random) -> Edit:
    """Return a neutral edit drawn at random: first its kind, then where."""
    while True:
        kind = rng.choice(list(KINDS))
        module = rng.choice(sorted(texts))
        edit = KINDS[kind](module, texts[module], rng)
        if edit is not None and edit.text != texts.get(edit.module) and compiles(edit.text):
            return edit


def comment(module: str, text: str, rng: Random) -> Edit | None:
    """Put a comment before a statement."""
    statements = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]
    if not statements:
        return None
    node = rng.choice(statements)
    lines = text.splitlines(keepends=True)
    if lines[node.lineno - 1][: node.col_offset].strip():
        return None
    lines.insert(node.lineno - 1, " " * node.col_offset + f"# {rng.choice(WORDS)}\n")
    return Edit(module, node.lineno, "comment", "a comment", "".join(lines))


def docstring(module: str, text: str, rng: Random) -> Edit | None:
    """Give a function or class other words, or some where it has none."""
    found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    if not found:
        return None
    node, words = rng.choice(found), f'"""{rng.choice(WORDS).capitalize()}."""'
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        return Edit(module, first.lineno, "docstring", f"of {node.name}", replaced(text, first, words))
    lines = text.splitlines(keepends=True)
    if lines[first.lineno - 1][: first.col_offset].strip() or getattr(first, "decorator_list", None):
        return None
    lines.insert(first.lineno - 1, " " * first.col_offset + words + "\n")
    return Edit(module, first.lineno, "docstring", f"of {node.name}, new", "".join(lines))


def layout(module: str, text: str, rng: Random) -> Edit | None:
    """Break a value over lines."""
    kinds = ast.Assign | ast.Return
    values = [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, kinds) and n.value is not None]
    if not values:
        return None
    node = rng.choice(values)
    return Edit(
        module, node.lineno, "layout", "a value in brackets", replaced(text, node, f"(\n{source_of(text, node)}\n)")
    )


def renamed(module: str, text: str, rng: Random) -> Edit | None:
    """Give a local another name."""
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef)]
    pairs = [(function, name) for function in functions for name in sorted(_simple_locals(function))]
    if not pairs:
        return None
    function, name = rng.choice(pairs)
    span = source_of(text, function)
    if re.search(rf"locals\(|@{name}\b|\{{{name}=", span):
        return None
    new, uses = f"{name}_here", [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == name]
    for node in sorted(uses, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        text = replaced(text, node, new)
    return Edit(module, function.lineno, "renamed local", f"{name} of {function.name}", text)


def _simple_locals(function: ast.FunctionDef) -> set[str]:
    """Return what a function assigns and no function inside it knows."""
    inner = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
    nested = [n for n in ast.walk(function) if isinstance(n, inner) and n is not function]
    kept = {n.id for part in nested for n in ast.walk(part) if isinstance(n, ast.Name)}
    kept |= {a.arg for a in ast.walk(function) if isinstance(a, ast.arg)}
    kept |= {name for n in ast.walk(function) if isinstance(n, ast.Global | ast.Nonlocal) for name in n.names}
    stored = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    strings = " ".join(n.value for n in ast.walk(function) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return {name for name in stored - kept if f"@{name}" not in strings}


def reordered(module: str, text: str, rng: Random) -> Edit | None:
    """Let two plain functions or methods that follow each other change places."""
    bodies = [n.body for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Module | ast.ClassDef)]
    pairs = [(a, b) for body in bodies for a, b in pairwise(body) if _plain(a) and _plain(b)]
    pairs = [(a, b) for a, b in pairs if a.name != b.name]
    if not pairs:
        return None
    first, second = rng.choice(pairs)
    one, other = source_of(text, first), source_of(text, second)
    swapped = replaced(replaced(text, second, one), first, other)
    return Edit(module, first.lineno, "reordered", f"{first.name} and {second.name}", swapped)


def _plain(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    return all(isinstance(default, ast.Constant | None) for default in [*node.args.defaults, *node.args.kw_defaults])


def new_file(module: str, text: str, rng: Random) -> Edit:
    """Put a module beside another."""
    name = f"{module.rpartition('.')[0] or 'etude'}.thing_{rng.randrange(10**6)}"
    return Edit(name, 1, "new file", name, 'class Thing:\n    """A thing."""\n\n    size = 3\n')


def new_line(module: str, text: str, rng: Random) -> Edit | None:
    """Register what nothing uses yet."""
    entries = list(re.finditer(r'^    "([\w-]+)": .*"etude\.\w+\.[\w.]+:\w+".*\n', text, flags=re.M))
    entries += list(re.finditer(r'^    "(\w+)": \(.*\),\n', text, flags=re.M)) if "_PLACES" in text else []
    if not entries:
        return None
    entry = rng.choice(entries)
    line = re.sub(r'"etude(\.\w+)+:\w+"', '"etude.models.thing:Thing"', entry[0]).replace(entry[1], "thing", 1)
    at = text.count("\n", 0, entry.end()) + 1
    return Edit(module, at, "new registry line", line.strip(), text[: entry.end()] + line + text[entry.end() :])


KINDS: dict[str, Callable[[str, str, Random], Edit | None]] = {
    "comment": comment,
    "docstring": docstring,
    "layout": layout,
    "renamed local": renamed,
    "reordered": reordered,
    "new file": new_file,
    "new registry line": new_line,
}


def drawn(texts: Mapping[str, str], count: int, rng: Random) -> Iterator[Edit]:
    """Yield so many edits."""
    for _ in range(count):
        yield draw(texts, rng)
