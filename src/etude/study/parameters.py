"""The parameters of a notebook: read from its own cell, parsed by their types, refused before a kernel starts.

A notebook declares its parameters as literals in the one code cell tagged `parameters`; the comment on a line is the
parameter's help, an annotation (``window: int | None = None``) widens its type. What the command line gives as text
is read *by the declared type*, never guessed: `nan` is text for a string and a number for a float, `1_000` an integer
for an integer and text for a string.
"""

from __future__ import annotations

import ast
import io
import json
import tokenize
from dataclasses import dataclass

from etude.errors import EtudeError, unknown_name
from etude.registry import CORPORA, MODELS, REPRESENTATIONS

NOUNS = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "list": "a list",
    "tuple": "a tuple",
    "dict": "a dictionary",
    "NoneType": "none",
}
TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
REGISTERED = {"representation": REPRESENTATIONS, "model": MODELS, "corpus": CORPORA}  # parameters that name an entry


@dataclass(frozen=True)
class Parameter:
    """One assignment of the `parameters` cell; `types` are the names of the types that it takes (none: anything)."""

    name: str
    default: object
    help: str = ""
    types: tuple[str, ...] = ()

    def parse(self, text: str) -> object:
        """Return the value that `text` of the command line means; raises EtudeError naming the type expected."""
        for kind in self.types or ("any",):
            try:
                return self.check(PARSERS[kind](text, self.default))
            except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
                if isinstance(error, EtudeError) and type(error) is not EtudeError:
                    raise
        raise self._refusal(text)

    def check(self, value: object) -> object:
        """Return a typed value (of a profile, say) as the parameter wants it, or raise EtudeError."""
        known = REGISTERED.get(self.name, (value,)) if isinstance(self.default, str) else (value,)
        if isinstance(value, str) and value not in known:
            raise UnknownEntry(*unknown_name(self.name, value, known).args)
        if not self.types:
            return value
        for kind in self.types:
            fits, cast = _fit(kind, value)
            if fits and _elements_fit(self.default, cast):
                return cast
        raise self._refusal(value)

    def _refusal(self, got: object) -> EtudeError:
        nouns = " or ".join(NOUNS[kind] for kind in sorted(self.types, key="NoneType".__eq__))
        element = _element_type(self.default)
        of = f" of {element}" if element else ""
        return EtudeError(
            f"{nouns}{of} for {self.name}", repr(got), f"The notebook has {self.name} = {self.default!r}."
        )


class UnknownEntry(EtudeError):
    """A parameter names a corpus, representation or model that is not registered."""


def read_parameters(source: str, where: str) -> dict[str, Parameter]:
    """Return the parameters that the source of a `parameters` cell declares, by name, in order.

    Raises EtudeError for anything but assignments of literals to names.
    """
    try:
        tree, notes = ast.parse(source), _comments(source)
    except (SyntaxError, tokenize.TokenError) as error:
        raise EtudeError("a parameters cell of plain Python", f"{error} in {where}") from error
    return {p.name: p for p in (_read_assignment(node, notes, where) for node in tree.body)}


def _read_assignment(node: ast.stmt, notes: dict[int, str], where: str) -> Parameter:
    target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    target = node.target if isinstance(node, ast.AnnAssign) and node.value is not None else target
    line, remedy = ast.unparse(node).splitlines()[0], "Move what computes into the next cell."
    refusal = EtudeError("lines `name = literal` in the parameters cell", f"`{line}` in {where}", remedy)
    if not isinstance(target, ast.Name):
        raise refusal
    try:
        default = ast.literal_eval(node.value)
    except ValueError as error:
        raise refusal from error
    help_ = notes.get(node.end_lineno) or notes.get(-node.lineno, "")
    types = _annotated(node) if isinstance(node, ast.AnnAssign) else (type(default).__name__,)
    return Parameter(target.id, default, help_, () if types == ("NoneType",) else types)


def _annotated(node: ast.AnnAssign) -> tuple[str, ...]:
    names = [part.split("[")[0].strip() for part in ast.unparse(node.annotation).split("|")]
    names = ["NoneType" if name == "None" else name for name in names]
    return tuple(sorted(names, key="NoneType".__ne__)) if set(names) <= NOUNS.keys() else ()


def _comments(source: str) -> dict[int, str]:
    """Map a line to the comment on it, and minus a line to the comment that stands alone above it."""
    notes = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            alone = not token.line[: token.start[1]].strip()
            notes[-(token.start[0] + 1) if alone else token.start[0]] = token.string.lstrip("# ").strip()
    return notes


def _fit(kind: str, value: object) -> tuple[bool, object]:
    """Say whether `value` is of the type, and return it as that type (an integer as a float, a list as a tuple)."""
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return True, float(value)
    if kind == "tuple" and isinstance(value, list):
        return True, tuple(value)
    return type(value).__name__ == kind, value


def _element_type(default: object) -> str:
    kinds = {type(item).__name__ for item in default} if isinstance(default, list | tuple) else set()
    return kinds.pop() if len(kinds) == 1 else ""


def _elements_fit(default: object, value: object) -> bool:
    kind = _element_type(default)
    return not kind or not isinstance(value, list | tuple) or all(_fit(kind, item)[0] for item in value)


def split_list(text: str) -> list[str]:
    """Split `text` at commas that no bracket or quote encloses: ``0,(1,2),'a,b'`` has three parts."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote or letter in "'\"":
            quote = "" if letter == quote else quote or letter
        depth += 0 if quote else (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _literal(text: str) -> object:
    """Return a Python literal, or a JSON value (`[true, null]`)."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return json.loads(text)


def _parse_sequence(text: str, default: object) -> object:
    text = text.strip()
    if text[:1] in ("[", "(") and text[-1:] in ("]", ")"):
        return _literal(text)
    kind = _element_type(default) or "any"
    return [PARSERS[kind](part, None) for part in split_list(text)] if text else []


def _parse_list(text: str, default: object) -> list:
    return list(_parse_sequence(text, default))


def _parse_tuple(text: str, default: object) -> tuple:
    return tuple(_parse_sequence(text, default))


def _parse_dict(text: str, _default: object) -> dict:
    value = _literal(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


def _parse_bool(text: str, _default: object) -> bool:
    if text.strip().lower() not in TRUTH:
        raise ValueError(text)
    return TRUTH[text.strip().lower()]


def _parse_none(text: str, _default: object) -> None:
    if text.strip().lower() not in ("none", "null"):
        raise ValueError(text)


def _parse_any(text: str, _default: object) -> object:
    try:
        return _literal(text)
    except ValueError:
        return text


PARSERS = {
    "int": lambda text, _: int(text),
    "float": lambda text, _: float(text),
    "bool": _parse_bool,
    "str": lambda text, _: text,
    "list": _parse_list,
    "tuple": _parse_tuple,
    "dict": _parse_dict,
    "NoneType": _parse_none,
    "any": _parse_any,
}
