"""Where étude may write: names that are no paths, folders that hold nothing of others, refusals in a line."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from etude.errors import EtudeError, ForeignFiles, Unwritable

LONGEST_NAME, MOST_BYTES = 100, 200  # letters, and bytes: file systems take 255, and suffixes are added
NAME = re.compile(r"\w[\w .=,+()#&'-]*")
LISTED = ".etude-files.json"  # what étude wrote into a folder, by place and size
BLOCK = 4096  # bytes: where fewer are free, no file grows
OF_A_WRITER = {  # what the system says where a place cannot be written, whatever is done there
    getattr(errno, name)
    for name in ("EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EFBIG", "ENAMETOOLONG")
    if hasattr(errno, name)
}


def plain_name(kind: str, name: str) -> str:
    """Return `name`, or raise EtudeError where it could lead out of the folder that it is to name a thing in."""
    good = isinstance(name, str) and NAME.fullmatch(name) and name == name.rstrip(" .")
    if not good or len(name) > LONGEST_NAME or len(name.encode()) > MOST_BYTES:
        remedy = f"Letters, digits and . _ - = , + are taken, at most {LONGEST_NAME}, a letter or digit first."
        raise EtudeError(f"the name of a {kind}, not a path", repr(name)[:120], remedy)
    return name


@contextmanager
def writing(path: Path, remedy: str | Callable[[], str] = "", only: Collection[int] | None = None) -> Iterator[None]:
    """Turn what the system says of a place that cannot be written into Unwritable, which names it and the remedy.

    Parameters
    ----------
    path : Path
        Named where the system names none.
    remedy : str or callable
        One sentence, or what returns it where it is needed.
    only : collection of int, optional
        The error numbers that are turned; by default all of them.
    """
    try:
        yield
    except OSError as error:
        if only is not None and error.errno not in only:
            raise
        raise unwritable(error, path, _told(remedy)) from error
    except (RuntimeError, ValueError) as error:  # of a library that does not pass on what the system said
        if isinstance(error, EtudeError) or not _is_full(Path(path).parent):
            raise
        no_space = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        raise unwritable(no_space, path, _told(remedy)) from error


def _told(remedy: str | Callable[[], str]) -> str:
    return remedy() if callable(remedy) else remedy


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < BLOCK
    except OSError:
        return False


def unwritable(error: OSError, path: Path | str = "", remedy: str = "") -> Unwritable:
    """Return the error of étude for one of the system's."""
    place = error.filename if isinstance(error.filename, str) else str(path)
    reason = error.strerror or str(error) or type(error).__name__
    remedy = remedy or "Free some space there, allow writing, or name another place."
    return Unwritable("a place that can be written", f"{reason}: {place}" if place else reason, remedy)


def refuse_foreign(folder: Path, holds: Collection[str] | None = None) -> None:
    """Raise ForeignFiles where `folder` holds anything that étude did not write: such a folder is never replaced.

    Parameters
    ----------
    folder : Path
    holds : collection of str, optional
        Names of all files that étude writes there. Without it, the list counts that `list_files` left in the folder:
        files that it does not name, or that have another size, are someone else's.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise ForeignFiles("a folder that étude wrote, or none", f"another thing at {folder}", "Name another place.")
    found = sizes(folder) if folder.is_dir() else {}
    ours = dict.fromkeys(holds) if holds is not None else _listed(folder)
    foreign = sorted(name for name, size in found.items() if name not in ours or ours[name] not in (None, size))
    if foreign:
        got = f"{foreign[0]}{f' and {len(foreign) - 1} more' if len(foreign) > 1 else ''} in {folder}"
        raise ForeignFiles(
            "a folder that holds nothing but what étude wrote", got, "Move it away, or name another place."
        )


def list_files(folder: Path) -> None:
    """Leave in `folder` the list of what it holds, by which `refuse_foreign` knows it again."""
    (folder / LISTED).write_text(json.dumps(sizes(folder), indent=0, sort_keys=True), encoding="utf-8")


def sizes(folder: Path) -> dict[str, int | None]:
    """Return everything under `folder` that is no folder, by its place in it, with its bytes (None for a link)."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            found[path.relative_to(folder).as_posix()] = None if path.is_symlink() else path.stat().st_size
    return {name: size for name, size in found.items() if name != LISTED}


def _listed(folder: Path) -> dict[str, int]:
    try:
        listed = json.loads((folder / LISTED).read_text(encoding="utf-8"))
        return listed if isinstance(listed, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}
