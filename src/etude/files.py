"""Where files live, and files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from etude.errors import EtudeError, MissingData
from etude.places import OF_A_WRITER, list_files, plain_name, refuse_foreign, writing


def project_root() -> Path:
    """Return the checkout that étude runs from (or `ETUDE_ROOT`), else the current folder."""
    if "ETUDE_ROOT" in os.environ:
        return Path(os.environ["ETUDE_ROOT"]).resolve()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def is_checkout() -> bool:
    """Say whether `project_root` is a checkout of the study, and not just where an installed étude was called."""
    return "ETUDE_ROOT" in os.environ or (project_root() / "pyproject.toml").is_file()


def from_checkout(place: str) -> Path:
    """Return a file or folder of the checkout, for example "notebooks"; raises MissingData where there is none."""
    path = project_root() / place
    if not path.exists():
        where = f"no {place} in {project_root()}" + ("" if is_checkout() else ", where étude was called")
        remedy = "Run étude in a checkout of the project, or set ETUDE_ROOT to the folder of one."
        raise MissingData(f"{place} of a checkout of the project", where, remedy)
    return path


def data_dir() -> Path:
    """Return the `data/` folder: splits, and `raw/` for what the reader brings."""
    return project_root() / "data"


def expanded(path: Path | str, remedy: str = "Write it in full; a name that begins with ~ is ./~name.") -> Path:
    """Return a path whose `~` is the reader's home and `~name` another's; raises EtudeError where that is not known."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise EtudeError("a path whose ~ is a home on this machine", str(path), remedy) from error


def _set_by(variable: str) -> Path | None:
    """Return the folder that a variable of the environment names, or None."""
    given = os.environ.get(variable)
    return expanded(given, f"Set {variable} to a folder.") if given else None


def cache_dir() -> Path:
    """Return the folder for what can be made again, created; raises EtudeError where it cannot be.

    It is `ETUDE_CACHE`, else `data/cache` of the checkout, else (an installed étude) `~/.cache/etude`.
    """
    return made_folder(_cache_place())


def _cache_place() -> Path:
    given = _set_by("ETUDE_CACHE")
    if given or is_checkout():
        return given or data_dir() / "cache"
    caches = os.environ.get("XDG_CACHE_HOME") or expanded("~/.cache", "Set ETUDE_CACHE to a folder for étude's cache.")
    return Path(caches) / "etude"


def is_there(path: Path, kind: Callable[[Path], bool] = Path.exists) -> bool:
    """Say whether a path is there, of a kind such as `Path.is_dir`; one that the system cannot look at is not."""
    try:
        return kind(Path(path))
    except OSError:  # a name too long
        return False


def made_folder(folder: Path) -> Path:
    """Return a folder, made where it is missing; raises Unwritable where it cannot be made."""
    if not is_there(folder, Path.is_dir):
        with writing(folder, partial(folder_remedy, folder)):
            folder.mkdir(parents=True, exist_ok=True)
    return folder


def fits_dir() -> Path:
    """Return the folder of finished and interrupted fits (`ETUDE_FITS`, else `data/fits`), created."""
    return made_folder(_fits_place())


def _fits_place() -> Path:
    return (_set_by("ETUDE_FITS") or data_dir() / "fits").resolve()


def runs_dir() -> Path:
    """Return the folder of all runs (`ETUDE_RUNS`, else `reports/runs` of the checkout)."""
    given = _set_by("ETUDE_RUNS")
    return given.resolve() if given else project_root() / "reports" / "runs"


def folder_remedy(path: Path) -> str:
    """Return what to do where `path` cannot be written."""
    moved = {"ETUDE_CACHE": _cache_place, "ETUDE_FITS": _fits_place, "ETUDE_RUNS": runs_dir}
    for variable, folder in moved.items():
        with suppress(EtudeError):  # a folder that has no place is not where `path` is
            if Path(path).absolute().is_relative_to(folder().absolute()):
                return f"Free some space there, or set {variable} to a folder that can be written."
    return ""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` if the block ends without an error.

    Raises Unwritable where the place is read-only, full or not to be had.

    >>> with replacing(Path("song.mid")) as new:
    ...     new.write_bytes(data)
    """
    path, remedy = Path(path), partial(folder_remedy, path)
    with writing(path, remedy):
        new = _draft(path)
    try:
        with writing(path, remedy, OF_A_WRITER):
            yield new
        with writing(path, remedy):
            new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _draft(path: Path) -> Path:
    """Return a new empty file beside `path`, whose folder is made where it is missing."""
    new = path.with_name(f".{path.stem[:40]}-{os.urandom(8).hex()}{path.suffix}")
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.close(handle)
    return new


@contextmanager
def replacing_folder(folder: Path, holds: Collection[str] | None = None) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` if the block ends without an error.

    A folder that holds anything that étude did not write is not replaced.

    Parameters
    ----------
    folder : Path
    holds : collection of str, optional
        Names of all files that are ever written there; without it a list of them is kept in the folder.

    Raises
    ------
    ForeignFiles
        The folder holds other files, or is none; raised before anything is made.
    Unwritable
        The place is read-only, full or not to be had.
    """
    folder, remedy = Path(folder), partial(folder_remedy, folder)
    refuse_foreign(folder, holds)
    with writing(folder, remedy):
        folder.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}-", dir=folder.parent))
        (room / "new").mkdir()
    try:
        with writing(folder, remedy, OF_A_WRITER):
            yield room / "new"
            if holds is None:
                list_files(room / "new")
        refuse_foreign(folder, holds)  # once more: making it may have taken minutes
        with writing(folder, remedy):
            if folder.exists():
                folder.replace(room / "old")
            (room / "new").replace(folder)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def run_dir() -> Path:
    """Return the folder of the current run (`ETUDE_RUN_DIR`, else `reports/runs/lab`), laid out like the checkout.

    It holds `notebooks/`, `reports/{summaries,figures,audio}/`, `models/`, `checkpoints/` and `logs/`.
    """
    return Path(os.environ.get("ETUDE_RUN_DIR") or runs_dir() / "lab").resolve()


def notebook_name() -> str:
    """Return the name of the notebook that is running (`ETUDE_NOTEBOOK`), `scratch` where nothing has set it."""
    return os.environ.get("ETUDE_NOTEBOOK") or "scratch"


def artefact(kind: str, filename: str) -> Path:
    """Return where the running notebook keeps an artefact: `reports/KIND/NOTEBOOK/filename` under `run_dir()`."""
    folder = run_dir() / "reports" / kind / plain_name("notebook", notebook_name())
    filename = plain_name(f"file of {kind}", filename)
    return made_folder(folder) / filename


def link_from_notebook(path: Path) -> str:
    """Return `path` relative to where the running notebook will lie, for links in its output.

    Under the runner that is `run_dir()/notebooks` (so the links also hold where the notebook is published); by hand
    it is the current folder.
    """
    home = run_dir() / "notebooks" if "ETUDE_RUN_DIR" in os.environ else Path.cwd()
    return Path(os.path.relpath(path, home)).as_posix()
