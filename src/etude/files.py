"""Where files live, and files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def project_root() -> Path:
    """Return the checkout that étude runs from (or `ETUDE_ROOT`), else the current folder."""
    if "ETUDE_ROOT" in os.environ:
        return Path(os.environ["ETUDE_ROOT"]).resolve()
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def data_dir() -> Path:
    """Return the `data/` folder: splits, and `raw/` for what the reader brings."""
    return project_root() / "data"


def cache_dir() -> Path:
    """Return the folder for what can be made again (`ETUDE_CACHE`, else `data/cache`), created."""
    folder = Path(os.environ.get("ETUDE_CACHE") or data_dir() / "cache")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fits_dir() -> Path:
    """Return the folder of finished and interrupted fits (`ETUDE_FITS`, else `data/fits`), created."""
    folder = Path(os.environ.get("ETUDE_FITS") or data_dir() / "fits").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` if the block ends without an error.

    >>> with replacing(Path("song.mid")) as new:
    ...     new.write_bytes(data)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    new = Path(name)
    try:
        yield new
        new.chmod(0o644)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` if the block ends without an error."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    room = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        (room / "new").mkdir()
        yield room / "new"
        if folder.exists():
            folder.replace(room / "old")
        (room / "new").replace(folder)
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let one process at a time make `path`; the others wait, and find it made.

    >>> with alone(path):
    ...     if not path.exists():
    ...         make(path)
    """
    from filelock import FileLock

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.parent / f".{path.name}.lock"):
        yield


def run_dir() -> Path:
    """Return the folder of the current run (`ETUDE_RUN_DIR`, else `reports/runs/lab`), laid out like the checkout.

    It holds `notebooks/`, `reports/{summaries,figures,audio}/`, `models/`, `checkpoints/` and `logs/`.
    """
    return Path(os.environ.get("ETUDE_RUN_DIR") or project_root() / "reports" / "runs" / "lab").resolve()


def notebook_name() -> str:
    """Return the name of the notebook that is running (`ETUDE_NOTEBOOK`), `scratch` where nothing has set it."""
    return os.environ.get("ETUDE_NOTEBOOK") or "scratch"


def artefact(kind: str, filename: str) -> Path:
    """Return where the running notebook keeps an artefact: `reports/KIND/NOTEBOOK/filename` under `run_dir()`."""
    path = run_dir() / "reports" / kind / notebook_name() / filename
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def link_from_notebook(path: Path) -> str:
    """Return `path` relative to where the running notebook will lie, for links in its output.

    Under the runner that is `run_dir()/notebooks` (so the links also hold where the notebook is published); by hand
    it is the current folder.
    """
    home = run_dir() / "notebooks" if "ETUDE_RUN_DIR" in os.environ else Path.cwd()
    return Path(os.path.relpath(path, home)).as_posix()
