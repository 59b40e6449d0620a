"""What a result depends on, by content: the package's modules, other packages, data files.

A run is current while all of these are what they were; times of files say nothing (a checkout or a `touch` changes
them without changing what they hold).
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import etude
from etude.files import data_dir, project_root

PACKAGE = Path(etude.__file__).parent
TABLE_ENTRY = re.compile(r'"(etude\.[\w.]+):\w+"')


def modules_loaded() -> list[str]:
    """Return the names of étude's modules that this process has imported."""
    return sorted(name for name in sys.modules if name.split(".")[0] == "etude" and _file_of(name, PACKAGE).is_file())


def read_package(package: Path = PACKAGE) -> dict[str, str]:
    """Return the source text of every module of the package, by dotted name: a snapshot to digest later."""
    texts = {}
    for path in package.rglob("*.py"):
        parts = ("etude", *path.relative_to(package).with_suffix("").parts)
        texts[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return texts


def module_digests(names: list[str], texts: dict[str, str] | None = None) -> dict[str, str]:
    """Return the sha256 of each module's source, "" for one that is gone.

    The registry's tables grow with every model; of them only the lines count that name a module among `names`, so a
    new model does not make every older result stale.
    """
    texts = read_package() if texts is None else texts
    digests = {}
    for name in names:
        text = texts.get(name, "")
        if name == "etude.registry":
            text = "".join(line for line in text.splitlines(True) if _counts(line, names))
        digests[name] = hashlib.sha256(text.encode()).hexdigest() if text else ""
    return digests


def _counts(line: str, names: list[str]) -> bool:
    targets = TABLE_ENTRY.findall(line)
    return not targets or any(target in names for target in targets)


def _file_of(module: str, package: Path) -> Path:
    path = package.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def packages_loaded() -> dict[str, str]:
    """Return the versions of Python and of the distributions imported here, of those that étude asks for."""
    loaded = {name.split(".")[0] for name in sys.modules}
    found = metadata.packages_distributions()
    names = {_canonical(name) for module in loaded & found.keys() for name in found[module]}
    return {name: version_of(name) for name in ["python", *sorted(names & _asked_for())]}


def _asked_for() -> set[str]:
    """Return the names of the project's dependencies, of its `pyproject.toml` where there is one."""
    project = project_root() / "pyproject.toml"
    lines = metadata.requires("etude") or []
    if project.is_file():
        lines = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("dependencies", lines)
    return {_canonical(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in lines}


def version_of(distribution: str) -> str:
    """Return the installed version of a distribution, or of Python, "" where there is none."""
    if distribution == "python":
        return platform.python_version()
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def data_digests(modules: list[str]) -> dict[str, str]:
    """Return what the corpora among `modules` read: split tables by content, the reader's own files by size."""
    found = {}
    for corpus in (name.removeprefix("etude.corpora.") for name in modules if name.startswith("etude.corpora.")):
        for path in sorted((data_dir() / "splits").glob(f"{corpus}*")):
            found[_relative(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((data_dir() / "raw" / corpus).rglob("*")):
            if path.is_file():
                found[_relative(path)] = f"{path.stat().st_size} bytes"
    return found


def file_digests(paths: list[str]) -> dict[str, str]:
    """Return the sha256 of files named relative to the project, "" for one that is gone."""
    files = {path: project_root() / path for path in paths}
    return {p: hashlib.sha256(f.read_bytes()).hexdigest() if f.is_file() else "" for p, f in files.items()}


def _relative(path: Path) -> str:
    return path.relative_to(project_root()).as_posix()
