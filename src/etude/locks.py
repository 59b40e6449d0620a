"""One process at a time, on one machine or on several that share a folder.

A lock is a small file beside what it protects that says who holds it: process, start of that process, machine. It
appears whole, by a link, which file systems of networks do in one step, too, and it is gone as soon as the work is
done. Its holder gives a sign of life every `LEASE` / 6 seconds. A holder whose process has died is found out at once on
its own machine, on another one after `LEASE` seconds of silence, by the clock of the one who waits. No lock of the file
system is needed, which some shared ones do not have.

Who is taken for dead and is not (a machine asleep for a minute) goes on beside its successor. What locks protect here
bears that: files are written whole under names that say what is in them, and equal questions have equal answers.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from etude.errors import EtudeError
from etude.files import folder_remedy
from etude.places import writing

LEASE = 60.0  # seconds of silence after which a holder on another machine counts as gone; the same for all who wait
POLL = 0.05  # seconds between two looks at a lock that is held, at first
MOST = 1.0  # and after a while
SUFFIX = ".lease"
SAME_START = 2.0  # seconds by which two readings of when a process began may differ


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
    path = Path(path)
    lock, ours = lock_of(path), {**_me(), "token": uuid.uuid4().hex}
    with writing(path, partial(folder_remedy, path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        found = _acquire(lock, ours, wait)
    if found is not None:
        raise EtudeError(f"{what or path.name} to be free", f"one at work ({_named(found)})", remedy)
    stop = threading.Event()
    threading.Thread(target=_give_signs, args=(lock, stop), daemon=True).start()
    try:
        yield
    finally:
        stop.set()
        if (_read(lock) or {}).get("token") == ours["token"]:
            lock.unlink(missing_ok=True)


def lock_of(path: Path) -> Path:
    """Return the file that says who is making `path`; there is none while nobody is."""
    return path.parent / f".{path.name}{SUFFIX}"


def holder(path: Path) -> str:
    """Return who is making `path`, "" where nobody is: a look that takes no lock."""
    lock = lock_of(path)
    found = _read(lock)
    try:
        silent = time.time() - lock.stat().st_mtime  # by two clocks, if of two machines
    except OSError:
        return ""
    return "" if found is None or _is_dead(found) or silent > 2 * LEASE else _named(found)


def _acquire(lock: Path, ours: dict, wait: bool) -> dict | None:
    """Make the lock; return None, or who holds it and lives where there is to be no waiting."""
    seen, since, pause = None, time.monotonic(), POLL
    while not _made(lock, ours):
        found, stamp = _read(lock), _stamp(lock)
        if stamp != seen:
            seen, since = stamp, time.monotonic()
        silent = time.monotonic() - since > LEASE
        if stamp is not None and (silent or (found and _is_dead(found))):
            _take_away(lock, stamp)
            continue
        if not wait and found and found["machine"] == ours["machine"]:
            return found
        if not wait and time.monotonic() - since > 2 * LEASE / 6:  # two signs of life would have come
            return found or {}
        time.sleep(pause if stamp is not None else 0)
        pause = min(1.2 * pause, MOST)
    return None


def _made(lock: Path, ours: dict) -> bool:
    """Make the lock, whole and in one step; say whether there was none."""
    draft = lock.with_name(f"{lock.name}-{ours['token'][:12]}")
    draft.write_text(json.dumps(ours), encoding="utf-8")
    try:
        os.link(draft, lock)
    except FileExistsError:
        return draft.stat().st_nlink == 2  # a file system of a network may have done it, and lost the answer
    finally:
        draft.unlink()
    return True


def _take_away(lock: Path, stamp: tuple) -> None:
    """Remove the lock of a dead holder; one that has just taken its place is put back."""
    aside = lock.with_name(f"{lock.name}-{uuid.uuid4().hex[:12]}")
    if _stamp(lock) != stamp:
        return
    with suppress(OSError):
        lock.rename(aside)
        if _stamp(aside) != stamp:
            os.link(aside, lock)
    aside.unlink(missing_ok=True)


def _give_signs(lock: Path, stop: threading.Event) -> None:
    while not stop.wait(LEASE / 6):
        with suppress(OSError):
            os.utime(lock)


def _stamp(lock: Path) -> tuple | None:
    """Return what changes with every sign of life and every holder."""
    try:
        status = lock.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(lock: Path) -> dict | None:
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
        return found if {"process", "began", "machine", "token"} <= found.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def _me() -> dict:
    import psutil

    return {"process": os.getpid(), "began": psutil.Process().create_time(), "machine": _machine()}


def _machine() -> list[str]:
    """Return what two processes have in common that see each other: host, its last start, and space of numbers."""
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    try:
        return [socket.gethostname(), boot.read_text().strip(), str(space.readlink())]
    except OSError:  # not Linux
        return [socket.gethostname(), "", ""]


def _is_dead(found: dict) -> bool:
    """Say whether a holder's process is known to have ended: that of another machine is not."""
    import psutil

    if found["machine"] != _machine():
        return False
    try:
        process = psutil.Process(found["process"])
        other = abs(process.create_time() - found["began"]) > SAME_START
        return other or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def _named(found: dict) -> str:
    return f"process {found['process']} on {found['machine'][0]}" if found else "another process"
