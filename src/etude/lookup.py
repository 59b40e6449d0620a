"""Names that stand for objects in modules which are imported only when the object is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def resolve(target: str) -> Any:
    """Return the object that "module:name" names."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def on_first_use(package: str, places: Mapping[str, Sequence[str]]) -> tuple[Callable, Callable, list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package whose names are loaded on first use.

    Parameters
    ----------
    package : str
    places : mapping of str to sequence of str
        The names that each module of the package gives.
    """
    targets = {name: f"{package}.{module}:{name}" for module, names in places.items() for name in names}
    known = sorted(targets)

    def load(name: str) -> Any:
        if name not in targets:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = resolve(targets[name])
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: known, known
