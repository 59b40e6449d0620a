"""Imports point down only and never in a circle, and only a framework's own folder names it."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import etude

SOURCE = Path(etude.__file__).parent
ROOT = Path(__file__).parents[1]
LAYERS = [  # from the ground up; modules in one row may not import each other
    {"errors", "memory", "renaming"},
    {"places", "masks"},
    {"types", "files", "lookup", "meaning"},
    {"locks"},
    {"kept"},
    {"formats", "clock", "names"},
    {"representations", "synthesis", "training"},
    {"corpora"},
    {"models"},
    {"registry"},
    {"evaluation"},
    {"together"},
    {"display"},
    {"study"},
    {"cli"},
]
FRAMEWORKS = {  # package -> the folders that may name it
    "torch": "torch",
    "pytorch_lightning": "torch",
    "lightning_fabric": "torch",
    "lightning": "torch",
    "tensorflow": "keras",
    "keras": "keras",
}


def test_the_layers_that_are_described_are_these():
    described = re.search(r"^cli > .*?```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.M | re.S)
    rows = [{name.strip() for name in row.split(",")} for row in described[0].strip("`").split(">")]
    assert rows == LAYERS[::-1]


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


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_only_lower_layers_import_the_package_itself(path):
    here = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if layer_of(here) <= layer_of("registry"):
        assert "etude" not in imported(path), f"{here} imports the whole package"


def test_importing_the_package_loads_no_heavy_library():
    heavy = FRAMEWORKS.keys() | {"librosa", "music21", "pandas", "matplotlib", "seaborn", "symusic", "miditok", "scipy"}
    code = f"import sys, etude; print(sorted(set(sys.modules) & {heavy!r}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_only_the_folder_of_a_framework_names_it(path):
    folders = path.relative_to(SOURCE).parts[:-1]
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        for package, folder in FRAMEWORKS.items():
            assert folder in folders or not re.search(rf"\b{package}\b", line), f"line {number} names {package}"


def edges(package: Path, root: str, lazy: bool) -> dict[str, set[str]]:
    """Return which modules of a package each imports; `lazy`: those that it imports inside a function too."""
    names = {".".join((root, *p.relative_to(package).with_suffix("").parts)): p for p in package.rglob("*.py")}
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}
    found = {}
    for name, path in names.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        statements = list(ast.walk(tree) if lazy else at_import(tree))
        mentioned = {a.name for s in statements if isinstance(s, ast.Import) for a in s.names}
        for s in statements:
            if isinstance(s, ast.ImportFrom):
                parts = {f"{s.module}.{a.name}" for a in s.names}
                mentioned |= (parts & names.keys()) or {s.module}
        found[name] = mentioned & names.keys() - {name}
    return found


def at_import(tree: ast.AST):
    """Yield what is executed when a module is imported."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from at_import(node)


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules that stand in a circle of imports."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("lazy", [False, True], ids=["at import", "inside functions too"])
def test_no_circle_of_imports(lazy):
    assert circle(edges(SOURCE, "etude", lazy)) == []


def test_a_circle_is_seen(tmp_path):
    (tmp_path / "a.py").write_text("from p import b\n")
    (tmp_path / "b.py").write_text("def f():\n    import p.a\n")
    assert circle(edges(tmp_path, "p", lazy=False)) == [] and circle(edges(tmp_path, "p", lazy=True))
    (tmp_path / "b.py").write_text("from p.a import c\n")
    assert circle(edges(tmp_path, "p", lazy=False))


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("__init__.py")), ids=lambda p: str(p.parent.relative_to(SOURCE)))
def test_no_name_that_is_loaded_on_first_use_is_a_module_of_its_package(path):
    statements = ast.parse(path.read_text(encoding="utf-8")).body
    tables = [node.value for node in statements if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)]
    given = {name for table in tables for value in table.values for name in names_in(value)}
    modules = {other.stem for other in path.parent.glob("*.py")} | {other.name for other in path.parent.iterdir()}
    assert not given & modules, (
        "once the module is imported, its package has it under the name that was meant for another"
    )


def names_in(node: ast.AST) -> set[str]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}
