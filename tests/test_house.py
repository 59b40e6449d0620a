"""The lists of packages agree, and nothing in the checkout would embarrass it."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
FIXED = {"jupyter", "tensorflow-cpu", "torch", "librosa", "music21", "pandas", "seaborn", "papermill"}


def declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in project["dependencies"] + extras]


def locked() -> dict[str, Requirement]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def test_lock_pins_exact_versions_that_satisfy_the_project():
    pins = locked()
    for pin in pins.values():
        assert re.fullmatch(r"==[^*]+", str(pin.specifier)), f"{pin} is not an exact pin"
    for need in declared():
        pin = pins.get(canonicalize_name(need.name))
        assert pin is not None, f"{need.name} of pyproject.toml is not in requirements.lock"
        assert need.specifier.contains(str(pin.specifier)[2:]), f"{need} against {pin}"
        assert str(need.marker) == str(pin.marker), f"{need} against {pin}"
    assert pins.keys() >= FIXED


def test_conda_environment_installs_the_lock_and_the_project_and_nothing_else():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert conda == [f"python{project['requires-python']}", "pip"]
    assert pip == {"pip": ["-r requirements.lock", "-e ."]}


def test_installed_packages_are_those_of_the_lock():
    for name, pin in locked().items():
        if pin.marker and not pin.marker.evaluate():
            continue
        try:
            installed = version(name).partition("+")[0]
        except PackageNotFoundError:
            pytest.fail(f"{name} of requirements.lock is not installed")
        assert pin.specifier.contains(installed), f"{name} {installed} is installed, {pin} is locked"


PROVIDERS = {  # modules named unlike their package, or brought by one that is declared
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "mpl_toolkits": "matplotlib",
    "IPython": "jupyter",
    "jupyter_client": "jupyter",
    "jupyter_core": "jupyter",
    "traitlets": "jupyter",
    "matplotlib_inline": "jupyter",
    "lightning_fabric": "pytorch-lightning",
    "docutils": "sphinx",
    "pygments": "sphinx",
}


def imported(path: Path) -> set[str]:
    tree, names = ast.parse(path.read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names - {"etude", ""} - set(sys.stdlib_module_names)


def test_every_package_that_the_source_imports_is_declared():
    known = {canonicalize_name(need.name) for need in declared()}
    for path in (ROOT / "src").rglob("*.py"):
        for module in imported(path):
            package = canonicalize_name(PROVIDERS.get(module, module))
            assert package in known, f"{path.name} imports {module}, which pyproject.toml lacks"


def tracked() -> list[Path]:
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if out.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in out.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_is_large_and_no_text_names_a_machine():
    # built from pieces, so that this file does not hold what it looks for
    here = re.compile("|".join(["/" + "work/", "/" + "root/", "/" + "tmp/", "/" + "home/[a-z]", "C:" + r"\\Users"]))
    total = 0
    for path in tracked():
        total += path.stat().st_size
        most = 4 if path.suffix == ".safetensors" else 3  # MB; a SampleRNN of three tiers has a million weights
        assert path.stat().st_size < most * 1_000_000, f"{path.name} is over {most} MB"
        if path.suffix in {".py", ".md", ".ipynb", ".toml", ".yaml", ".yml", ".json", ".lock", ".csv", ""}:
            found = here.search(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{path.name} names a folder of a machine: {found.group()}"
    assert total < 100_000_000
