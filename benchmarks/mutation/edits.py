"""Edits of source text at places of its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import CodeType

UNCHANGED, OF_TORCH, EITHER_WAY = "_unchanged", "_of_torch", "_either_way"
Span = tuple[int, int, int, int]  # first line, column in bytes, last line, column after it


@dataclass(frozen=True)
class Edit:
    """A new text of one module: what was done, and where. `text` is "" for none, as where a file is added.

    A behavioural edit has the `span` of what was changed. One that drops a call `f(x)` for its `x` has a `proof`: a
    text in which the call stands as `UNCHANGED(f, x)`, which lets nothing go on where `f(x)` is not `x` itself. So has
    one that swaps the axes of `x.transpose(i, j)`, which is the same where `x` is a tensor: `UNCHANGED(OF_TORCH, x)`;
    and one that swaps both arguments of a function that does nothing but refuse: `EITHER_WAY(f, x, y)` lets nothing go
    on where `f(y, x)` refuses otherwise than `f(x, y)`.
    """

    module: str
    line: int
    kind: str
    what: str
    text: str
    span: Span = (0, 0, 0, 0)
    proof: str = ""


def span_of(node: ast.AST) -> Span:
    """Return where a node begins and ends."""
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def within(inner: Span, outer: Span) -> bool:
    """Say whether one span lies in another."""
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


def spans(code: CodeType, numbers: Iterable[int] | None = None) -> Iterator[Span]:
    """Yield the spans of instructions of a code object, by default of all, and then those of the functions in it."""
    places = list(code.co_positions())
    for at in range(len(places)) if numbers is None else numbers:
        first, last, begin, end = places[at]
        if begin is not None and last is not None and end > 0:
            yield first, begin, last, end
    if numbers is None:
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                yield from spans(inner)


def replaced(text: str, node: ast.AST, new: str) -> str:
    """Return the text with another expression or statement in the place of `node`."""
    lines = text.encode().splitlines(keepends=True)
    begin, end = sum(map(len, lines[: node.lineno - 1])), sum(map(len, lines[: node.end_lineno - 1]))
    data = b"".join(lines)
    return (data[: begin + node.col_offset] + new.encode() + data[end + node.end_col_offset :]).decode()


def source_of(text: str, node: ast.AST) -> str:
    """Return the text of a node."""
    return ast.get_source_segment(text, node) or ""


def compiles(text: str) -> bool:
    """Say whether Python reads the text."""
    try:
        compile(text, "edit", "exec")
    except (SyntaxError, ValueError):
        return False
    return True
