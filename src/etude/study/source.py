"""What a result depends on, by content: the package's modules, other packages, data files.

A run is current while all of these are what they were; times of files say nothing (a checkout or a `touch` changes
them without changing what they hold).
"""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import re
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

import etude
from etude.errors import UnreadableFile
from etude.files import cache_dir, data_dir, is_there, project_root, replacing
from etude.kept import holds, read_json, sealed
from etude.meaning import TARGET, meaning

PACKAGE = Path(etude.__file__).parent
STUDY = """
    api_reference batches book cells conclusions conductor definitions environment equality execute
    executors fits kernel kubernetes ledger listings mathml notebook outcomes outputs parameters placing
    plan preparation probe_kept probe_music probe_parts probe_questions probe_refused probe_special probe_table
    probe_trace probes progress publish rekey report requests runner site site_pages source staleness sweeps
    trace verdicts verify watch
"""
MACHINERY = (  # how pages are run, kept, shown and proven: no page's numbers, figures or sounds come from it
    *("etude.cli", "etude.meaning", "etude.renaming"),
    *(f"etude.study.{name}" for name in STUDY.split()),
)


def is_machinery(module: str) -> bool:
    """Say whether a module only runs pages and is therefore part of none."""
    return any(module == name or module.startswith(f"{name}.") for name in MACHINERY)


def modules_loaded() -> list[str]:
    """Return the names of étude's modules that this process has imported."""
    return sorted(name for name in sys.modules if name.split(".")[0] == "etude" and _file_of(name, PACKAGE).is_file())


def modules_in_use(loaded: Iterable[str], texts: dict[str, str] | None = None) -> list[str]:
    """Return what a page is made of: the modules loaded and all that these may load, without the machinery.

    What happens to be loaded depends on what lies in a cache (a sound that is there needs no synthesizer); what a
    module may load, inside a function too, stands in its text.
    """
    texts = read_package() if texts is None else texts
    found, waiting = set(), [name for name in loaded if name in texts]
    while waiting:
        name = waiting.pop()
        if name not in found and not is_machinery(name):
            found.add(name)
            waiting += [other for other in _known(imports_of(texts[name])[0], texts) if other not in found]
    return sorted(found)


def _known(names: Iterable[str], texts: dict[str, str]) -> set[str]:
    """Return the modules among dotted names (of modules, or of what they hold) and the packages around them."""
    known = set()
    for name in names:
        parts = name.split(".")
        known |= {part for n in range(len(parts)) if (part := ".".join(parts[: n + 1])) in texts}
    return known


@cache
def imports_of(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return what a source text imports anywhere: dotted names of étude, and the other packages."""
    ours, others = set(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        ours |= {name for name in names if name.split(".")[0] == "etude"}
        others |= {name.split(".")[0] for name in names if name.split(".")[0] != "etude"}
    return frozenset(ours), frozenset(others)


def read_package(package: Path = PACKAGE) -> dict[str, str]:
    """Return the source text of every module of the package, by dotted name: a snapshot to digest later."""
    texts = {}
    for path in package.rglob("*.py"):
        parts = ("etude", *path.relative_to(package).with_suffix("").parts)
        texts[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return texts


def module_digests(names: Iterable[str], texts: dict[str, str] | None = None) -> dict[str, str]:
    """Return the sha256 of what each module means, "" for one that is gone.

    Tables grow with every model and every figure; of them only the entries count that lead to a module among `names`,
    so that a new model does not make every older result stale.
    """
    texts, names = read_package() if texts is None else texts, list(names)
    known = {name: texts[name] for name in names if name in texts}
    plain = {name: text for name, text in known.items() if not _has_tables(name, texts)}
    digests = dict.fromkeys(names, "") | _plain_digests(plain)
    return digests | {name: _sha(meaning_of(name, texts, names)) for name in known.keys() - plain.keys()}


def meaning_of(name: str, texts: dict[str, str], used: Iterable[str]) -> str:
    """Return what a module means to a page that uses some modules."""
    if not _has_tables(name, texts):
        return meaning(texts[name])
    package = name if _is_package(name, texts) else ""
    return meaning(texts[name], keep=set(used).__contains__, tables=package)


def _has_tables(name: str, texts: dict[str, str]) -> bool:
    return _is_package(name, texts) or bool(TARGET.search(texts[name]))


def _is_package(name: str, texts: dict[str, str]) -> bool:
    return any(other.startswith(f"{name}.") for other in texts)


def text_digests(names: Iterable[str], texts: dict[str, str]) -> dict[str, str]:
    """Return the digests by which pages were keyed in summaries of format 1: of the text of each module.

    Of the registry those lines count that name a module among `names`.
    """
    names = list(names)
    digests = {}
    for name in names:
        text = texts.get(name, "")
        if name == "etude.registry":
            text = "".join(line for line in text.splitlines(True) if _counts(line, names))
        digests[name] = _sha(text) if text else ""
    return digests


def _counts(line: str, names: list[str]) -> bool:
    targets = [match[1] for match in TARGET.finditer(line)]
    return not targets or any(target in names for target in targets)


def _plain_digests(texts: dict[str, str]) -> dict[str, str]:
    """Return the digests of modules without tables: worked out once, then read from the cache by their text."""
    path = cache_dir() / f"meanings-{_version()}.json"
    held = read_json(path)
    held = held if isinstance(held, dict) and holds(held, path.name) else {}
    keys = {name: _sha(text) for name, text in texts.items()}
    new = {key: _sha(meaning(texts[name])) for name, key in keys.items() if key not in held}
    if new:
        with replacing(path) as place:
            place.write_text(json.dumps(sealed({**held, **new}, path.name)), encoding="utf-8")
    return {name: (held | new)[key] for name, key in keys.items()}


@cache
def _version() -> str:
    """Return what the meanings in the cache depend on: how they are worked out, and the Python that reads the text."""
    how = "".join((PACKAGE / f"{name}.py").read_text(encoding="utf-8") for name in ("meaning", "renaming"))
    return _sha(how + platform.python_version())[:12]


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _file_of(module: str, package: Path) -> Path:
    path = package.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def packages_in_use(modules: Iterable[str], texts: dict[str, str] | None = None, code: str = "") -> dict[str, str]:
    """Return the versions of Python and of the packages, of those that étude asks for, that some modules may import.

    Parameters
    ----------
    modules : iterable of str
    texts : dict, optional
    code : str
        Of a page, which imports some itself.
    """
    texts = read_package() if texts is None else texts
    imported = {name for text in [*(texts[m] for m in modules if m in texts), code] for name in imports_of(text)[1]}
    found = metadata.packages_distributions()
    names = {_canonical(name) for module in imported & found.keys() for name in found[module]}
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


def shipped_files() -> list[str]:
    """Return the files of the models that come with the study, relative to the project."""
    return sorted(path.relative_to(project_root()).as_posix() for path in (data_dir() / "pretrained").glob("*/*"))


def file_digests(paths: Iterable[str]) -> dict[str, str]:
    """Return the sha256 of files and folders named relative to the project, "" for what is gone or cannot be read."""
    return {path: _digest_of(project_root() / path) for path in paths}


def _digest_of(path: Path) -> str:
    """Return the sha256 of a file, or of the names and contents of the files of music in a folder at any depth."""
    if not is_there(path, Path.is_dir):
        return _file_digest(path)
    from etude.corpora.folder_index import music_files

    try:
        return _sha("\n".join(f"{name}/{_file_digest(file)}" for name, file in music_files(path)))
    except UnreadableFile:  # a folder that cannot be listed: whoever reads it is told so
        return ""


def _file_digest(path: Path) -> str:
    """Return the sha256 of a regular file, "" of what is none or cannot be read."""
    if not is_there(path, Path.is_file):
        return ""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _relative(path: Path) -> str:
    return path.relative_to(project_root()).as_posix()
