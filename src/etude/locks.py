"""One process at a time, on one machine or on several that share a folder.

A lock is a small file beside what it protects, made in one step, that says who holds it: process, start of that process
and machine. It is gone as soon as the work is done. Its holder gives a sign of life every `LEASE` / 6 seconds. A holder
whose process has died is found out at once on its own machine, on another one after `LEASE` seconds of silence, by the
clock of the one who waits. No lock of the file system is needed, which some shared ones do not have.

Who is taken for dead and is not (a machine asleep for a minute) goes on beside its successor. What locks protect here
bears that: files are written whole under names that say what is in them, and equal questions have equal answers.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from etude.errors import EtudeError
from etude.files import folder_remedy
from etude.places import writing

LEASE = 60.0  # seconds of silence after which a holder on another machine counts as gone; the same for all who wait
POLL = 0.1  # seconds between two looks at a lock that is held
SUFFIX = ".lease"


@contextmanager
def alone(path: Path, wait: bool = True, what: str = "", remedy: str = "") -> Iterator[None]:
    """Let one process at a time make `path`; the others wait, and find it made.

    Parameters
    ----------
    path : Path
        What is made; the lock lies beside it.
    wait : bool
        Whether to wait for a holder; otherwise it is an error that there is one.
    what, remedy : str
        For that error: what should be free, and what to do.

    Raises
    ------
    EtudeError
        Without `wait`: another process holds the lock.
    Unwritable
        The place is read-only, full or not to be had.

    >>> with alone(path):
    ...     if not path.exists():
    ...         make(path)
    """
    from filelock import SoftFileLease

    path = Path(path)
    lease = SoftFileLease(lock_of(path), lease_duration=LEASE, heartbeat_interval=LEASE / 6)
    with writing(path, folder_remedy(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        held = _acquire(lease, wait)
    if not held:
        raise EtudeError(f"{what or path.name} to be free", f"one at work ({_holder(lease)})", remedy)
    try:
        yield
    finally:
        lease.release()


def lock_of(path: Path) -> Path:
    """Return the file that says who is making `path`; there is none while nobody is."""
    return path.parent / f".{path.name}{SUFFIX}"


def holder(path: Path) -> str:
    """Return who is making `path`, "" where nobody is: a look that takes no lock."""
    import psutil
    from filelock import SoftFileLease

    lease = SoftFileLease(lock_of(path))
    owner = lease.owner
    if owner is None:
        return ""
    if _is_here(lease):
        return _holder(lease) if psutil.pid_exists(owner.pid) else ""
    try:
        silent = time.time() - lock_of(path).stat().st_mtime  # by two clocks
    except OSError:
        return ""
    return _holder(lease) if silent < 2 * LEASE else ""


def _acquire(lease, wait: bool) -> bool:
    """Acquire the lease, if need be after a holder that died between making its file and saying who it is."""
    from filelock import Timeout

    place = Path(lease.lock_file)
    while True:
        empty = _empty(place)
        try:
            patience = (
                LEASE if wait else 0 if _is_here(lease) else 1.2 * LEASE
            )  # silence of another machine's takes time
            lease.acquire(timeout=patience, poll_interval=POLL)
            return True
        except Timeout:
            if not wait:
                return False
        if empty and _empty(place) == empty:
            with suppress(OSError):
                place.unlink()


def _empty(place: Path) -> tuple[int, int] | None:
    """Return which file lies at a place if it is empty: it has been said who holds it within a millisecond."""
    try:
        status = os.lstat(place)
    except OSError:
        return None
    return (status.st_ino, status.st_ctime_ns) if status.st_size == 0 else None


def _is_here(lease) -> bool:
    """Say whether the holder, if there is one, is of this machine."""
    owner = lease.owner
    return owner is None or owner.hostname.partition("?")[0] == socket.gethostname()


def _holder(lease) -> str:
    owner = lease.owner
    return f"process {owner.pid} on {owner.hostname.partition('?')[0]}" if owner else "another process"
