"""Edits of source text at places of its syntax tree."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """A new text of one module: what was done, and where. `text` is "" for none, as where a file is added."""

    module: str
    line: int
    kind: str
    what: str
    text: str


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
