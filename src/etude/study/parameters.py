"""The parameters of a notebook: read from its own cell, parsed by their types, refused before a kernel starts.

A notebook declares its parameters as literals in the one code cell tagged `parameters`; the comment on a line is the
parameter's help, an annotation (``window: int | None = None``) widens its type. What the command line gives as text
is read *by the declared type*, never guessed: `nan` is text for a string and a number for a float, `1_000` an integer
for an integer and text for a string.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from typing import ClassVar

from etude.errors import EtudeError, unknown_name
from etude.registry import CORPORA, MODELS, REPRESENTATIONS
from etude.study.parameter_text import PARSERS, element_type

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
OF_FILES = re.compile(r"(?:.*_)?(?:path|file|folder)s?")  # names of parameters that say where files are
REGISTERED = {"representation": REPRESENTATIONS, "model": MODELS, "corpus": CORPORA}  # parameters that name an entry


@dataclass(frozen=True)
class Parameter:
    """One assignment of the `parameters` cell; `types` are the names of the types that it takes (none: anything)."""

    name: str
    default: object
    help: str = ""
    types: tuple[str, ...] = ()
    refusal: ClassVar[type[EtudeError]] = EtudeError

    def parse(self, text: str, onto: object = None) -> object:
        """Return the value that `text` of the command line means, as `check` returns it; raises EtudeError."""
        for kind in self.types or ("any",):
            try:
                return self.check(PARSERS[kind](text, self.default), onto)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
                if isinstance(error, WrongEntry):
                    raise
        raise self._refusal(text)

    def check(self, value: object, onto: object = None) -> object:
        """Return a typed value (of a profile, say) as the parameter wants it, or raise EtudeError.

        Of a dictionary only the entries given change: the others are as in `onto`, or as the notebook has them.
        """
        known = REGISTERED.get(self.name, (value,)) if isinstance(self.default, str) else (value,)
        if isinstance(value, str) and value not in known:
            raise WrongEntry(*unknown_name(self.name, value, known).args)
        if not self.types:
            return value
        for kind in self.types:
            fits, cast = _fit(kind, value)
            if fits and kind == "dict" and self.default:
                return self._merged(cast, onto if isinstance(onto, dict) else self.default)
            if fits and _elements_fit(self.default, cast):
                return cast
        raise self._refusal(value)

    def _merged(self, given: dict, onto: dict) -> dict:
        """Return the dictionary `onto` with the entries `given`, each checked like a parameter of its own."""
        for key in given:
            if key not in self.default:
                raise WrongEntry(*unknown_name(f"key of {self.name}", key, map(str, self.default)).args)
        return {key: self._entry(key).check(given[key], onto[key]) if key in given else onto[key] for key in onto}

    def _entry(self, key: object) -> Parameter:
        default = self.default[key]
        return Entry(f"{self.name}[{key!r}]", default, "", () if default is None else (type(default).__name__,))

    def _refusal(self, got: object) -> EtudeError:
        """Return the error for a value of another type."""
        nouns = " or ".join(NOUNS[kind] for kind in sorted(self.types, key="NoneType".__eq__))
        element = element_type(self.default)
        of = f" of {element}" if element else ""
        return self.refusal(
            f"{nouns}{of} for {self.name}", repr(got), f"The notebook has {self.name} = {self.default!r}."
        )


class WrongEntry(EtudeError):
    """A value of the right type holds what it cannot: a name that is not registered, an entry that does not fit."""


class Entry(Parameter):
    """An entry of a parameter that is a dictionary."""

    refusal = WrongEntry


def brought_paths(parameters: dict) -> list[str]:
    """Return the places of the reader's own files and folders that parameters name, on which results depend."""
    named = [value for name, value in parameters.items() if OF_FILES.fullmatch(name)]
    items = [item for value in named for item in (value if isinstance(value, list | tuple) else [value])]
    return [item for item in items if isinstance(item, str) and item]


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


def _elements_fit(default: object, value: object) -> bool:
    kind = element_type(default)
    return not kind or not isinstance(value, list | tuple) or all(_fit(kind, item)[0] for item in value)
