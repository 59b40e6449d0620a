"""Imports point down only, and only some layers may name a framework."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import etude

SOURCE = Path(etude.__file__).parent
LAYERS = [  # from the ground up; modules in one row may not import each other
    {"errors"},
    {"places"},
    {"types", "files"},
    {"kept"},
    {"formats"},
    {"representations", "synthesis", "training"},
    {"corpora"},
    {"models"},
    {"registry"},
    {"evaluation"},
    {"display"},
    {"study"},
    {"cli"},
]
FRAMEWORKS = {"torch", "tensorflow", "keras", "pytorch_lightning", "lightning"}
MAY_NAME_FRAMEWORKS = {"models", "training"}


def layer_of(module: str) -> int:
    return next(row for row, names in enumerate(LAYERS) if module in names)


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def sources():
    return sorted(p for p in SOURCE.rglob("*.py") if p.name not in ("__init__.py", "__main__.py") or p.parent != SOURCE)


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_down(path):
    here = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    for name in imported(path):
        top, _, rest = name.partition(".")
        if top == "etude" and rest:
            there = rest.split(".")[0]
            if not any(there in names for names in LAYERS):
                continue  # a name of the package itself
            assert there == here or layer_of(there) < layer_of(here), f"{here} may not import {there}"
        if top in FRAMEWORKS:
            assert here in MAY_NAME_FRAMEWORKS, f"{here} names {top}"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_only_lower_layers_import_the_package_itself(path):
    here = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if layer_of(here) <= layer_of("registry"):
        assert "etude" not in imported(path), f"{here} imports the whole package"


def test_importing_the_package_loads_no_heavy_library():
    heavy = FRAMEWORKS | {"librosa", "music21", "pandas", "matplotlib", "seaborn", "symusic", "miditok", "scipy"}
    code = f"import sys, etude; print(sorted(set(sys.modules) & {heavy!r}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
