"""What a value on the command line means: text that is read by the type that a parameter declares, never guessed."""

from __future__ import annotations

import ast
import json

TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def element_type(default: object) -> str:
    """Return the name of the type that all elements of a list or tuple have; "" where there is no such type."""
    kinds = {type(item).__name__ for item in default} if isinstance(default, list | tuple) else set()
    return kinds.pop() if len(kinds) == 1 else ""


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
    kind = element_type(default) or "any"
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
