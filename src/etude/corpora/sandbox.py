"""Reading files that may be broken, in worker processes whose crash, hang or hunger costs one file and nothing else.

A worker imports one function and calls it on what it is asked to read. The function returns a dict of JSON values and
NumPy arrays; the answer travels as JSON and plain numbers, never as a pickle, because a parser that a hostile file has
taken over must not be able to hand the caller code. A worker that dies, or takes too long, is replaced; what it has
started ends with it.

This is a wall against accidents (segmentation faults, endless loops, memory), not against an attacker: a worker runs
with the caller's rights.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from importlib import import_module
from numbers import Real
from typing import Any

import numpy as np

from etude.corpora.deadline import Deadline
from etude.errors import EtudeError, UnreadableFile

MEMORY = 2 * 2**30  # address space of a worker, bytes
SECONDS, LONGEST = 60.0, 10 * 86400  # for one file, by default and at most
LARGEST_ANSWER, LARGEST_TEXT = 2**29, 2**27  # bytes of a worker's answer that the caller takes, and of its JSON
STARTING = 120.0  # seconds for the import of a reader, on a machine that is busy
_HEADER = struct.Struct(">Q")


class Sandbox:
    """A worker process that calls one function; use it as a context manager.

    Parameters
    ----------
    function : str
        ``"module:name"`` of a function of JSON arguments that returns a dict of JSON values and arrays.
    seconds : float
        Time for one call; the import of the module is not counted.
    memory : int
        Bytes of address space, where the system can limit it (not on Windows or macOS).

    Raises
    ------
    EtudeError
        No time or no memory to work with.
    """

    def __init__(self, function: str, seconds: float = SECONDS, memory: int = MEMORY):
        numbers = isinstance(seconds, Real) and isinstance(memory, Real)
        if not numbers or not 0 < seconds <= LONGEST or not 2**20 <= memory < 2**62:
            expected = f"above 0 and at most {LONGEST} seconds, and at least 1 MiB of memory"
            raise EtudeError(expected, f"{seconds} s, {memory} bytes")
        self.function, self.seconds, self.memory = function, seconds, int(memory)
        self._process: subprocess.Popen | None = None
        self._deadline: Deadline
        self._calling, self._starting, self._ended = threading.RLock(), threading.Lock(), False

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __call__(self, *arguments) -> dict[str, Any]:
        """Call the function in the worker; raises UnreadableFile with the function's error, or how the worker died."""
        with closing(self.each([arguments])) as answers:
            answer = next(answers)
        if isinstance(answer, UnreadableFile):
            raise answer
        return answer

    def each(self, calls: Sequence[tuple]) -> Iterator[dict[str, Any] | UnreadableFile]:
        """Call the function on each tuple of arguments; yield, in their order, results or errors as they come.

        The calls travel together, and each has its own time: where the worker dies, the call it was at has failed, and
        another worker takes the rest.
        """
        with self._calling:
            left = deque(calls)
            try:
                while left:
                    for answer in self._answers(list(left)):
                        left.popleft()
                        yield answer
            except BaseException:  # Ctrl-C, a caller that leaves: the next call must not take the answers to these
                if left:
                    self.close()
                raise

    def _answers(self, calls: list[tuple]) -> Iterator[dict[str, Any] | UnreadableFile]:
        """Yield what one worker answers, to the last call or to the one at which it died."""
        try:
            process = self._running()
        except UnreadableFile as error:
            yield error
            return
        message: dict | None = {"calls": calls}
        for _ in calls:
            answer, late = _asked(process, message, self._deadline, self.seconds)
            message = None
            if answer is None:
                self.close()
                yield UnreadableFile("a file that a parser survives", _death(process.returncode, late, self.seconds))
                return
            yield UnreadableFile(*answer["error"]) if "error" in answer else answer["result"]

    def close(self) -> None:
        """End the worker; only the thread that calls it may."""
        process, self._process = self._process, None
        if process is not None:
            self._deadline.end()
            _kill(process)
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()

    def end(self) -> None:
        """Kill the worker from any thread: the thread that waits for it learns so, and can start no other."""
        with self._starting:
            self._ended = True
            if self._process is not None:
                _kill(self._process)

    def _running(self) -> subprocess.Popen:
        if self._process is None or self._deadline.late or self._process.poll() is not None:
            self.close()
            limits = [str(int(self.seconds) + 5), str(self.memory)]
            with self._starting:
                if self._ended:
                    raise UnreadableFile("a worker", "one that was ended")
                self._process = _started([sys.executable, "-P", "-m", "etude.corpora.sandbox", self.function, *limits])
            self._deadline = Deadline(partial(_kill, self._process))
            if _asked(self._process, None, self._deadline, STARTING)[0] != {"ready": True}:
                self.close()
                raise UnreadableFile("a worker that can import its reader", self.function, "Check the installation.")
        return self._process


def read_all(
    function: str,
    tasks: Sequence[tuple],
    workers: int,
    seconds: float = SECONDS,
    memory: int = MEMORY,
    together: int = 1,
) -> Iterator[tuple[int, dict[str, Any] | UnreadableFile]]:
    """Call `function` on every tuple of arguments, in `workers` processes; yield (index, result or error) as they come.

    Up to `together` tasks go to a worker in one message, fewer near the end; that is cheap where each is short. At most
    two results a worker wait for the caller, so memory stays bounded however slowly they are taken. However the caller
    leaves (an exception of its own, Ctrl-C, the end of the program), the workers end first.

    Raises
    ------
    EtudeError
        Fewer than one worker.
    """
    if not workers >= 1:
        raise EtudeError("at least one worker", str(workers))
    crew = _Crew([Sandbox(function, seconds, memory) for _ in range(min(int(workers), len(tasks)))], tasks, together)
    leaving = weakref.finalize(crew, _Crew.leave, crew.sandboxes, crew.threads, crew.stop)  # at exit too
    try:
        for _ in tasks:
            index, answer = crew.done.get()
            if isinstance(answer, Exception) and not isinstance(answer, UnreadableFile):
                raise answer
            yield index, answer
    finally:
        leaving()


class _Crew:
    """Threads that keep sandboxes at work on tasks."""

    def __init__(self, sandboxes: list[Sandbox], tasks: Sequence[tuple], together: int = 1):
        self.sandboxes, self.stop = sandboxes, threading.Event()
        self.done: queue.Queue = queue.Queue(maxsize=2 * max(len(sandboxes), 1))
        work = (
            _portions(tasks, 2 * len(sandboxes), together),
            threading.Lock(),
            self.done,
            self.stop,
        )  # not the crew: it is let go by its user
        self.threads = [threading.Thread(target=_work, args=(box, *work), daemon=True) for box in sandboxes]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def leave(sandboxes: list[Sandbox], threads: list[threading.Thread], stop: threading.Event) -> None:
        """End what is being read, and wait for the threads: none may hold a pipe when the interpreter goes."""
        stop.set()
        for sandbox in sandboxes:
            sandbox.end()
        for thread in threads:
            thread.join()


def _portions(tasks: Sequence[tuple], sharers: int, most: int) -> Iterator[tuple[int, Sequence[tuple]]]:
    """Yield the tasks in portions of up to `most`, each with its first index: small ones at last, for even work."""
    first = 0
    while first < len(tasks):
        size = max(1, min(most, (len(tasks) - first) // sharers))
        yield first, tasks[first : first + size]
        first += size


def _work(sandbox: Sandbox, todo: Iterator, lock: threading.Lock, done: queue.Queue, stop: threading.Event) -> None:
    while not stop.is_set():
        with lock:
            index, portion = next(todo, (None, ()))
        if index is None:
            break
        try:
            for answer in sandbox.each(portion):
                _put(done, (index, answer), stop)
                index += 1
        except Exception as error:  # an error that is lost here would leave the caller waiting
            _put(done, (index, error), stop)
    sandbox.close()


def in_order(answers: Iterable[tuple[int, dict | UnreadableFile]]) -> Iterator[dict]:
    """Yield the answers of workers by number, as soon as those before have come; raises what a worker raised."""
    waiting: dict[int, dict] = {}
    due = 0
    for number, answer in answers:
        if isinstance(answer, UnreadableFile):
            raise answer
        waiting[number] = answer
        while due in waiting:
            yield waiting.pop(due)
            due += 1


def _put(done: queue.Queue, item, stop: threading.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(queue.Full):
            return done.put(item, timeout=0.2)


def _started(command: list[str]) -> subprocess.Popen:
    """Start a worker in a process group of its own, so that what it starts can be ended with it."""
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, **pipes, env=os.environ | threads, start_new_session=True)


def _kill(process: subprocess.Popen) -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):  # the group outlives a worker that has died and left processes behind
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _asked(
    process: subprocess.Popen, message: dict | None, deadline: Deadline, seconds: float
) -> tuple[dict | None, bool]:
    """Send a message, if there is one, and return the next answer, or None, and whether time ran out."""
    deadline.within(seconds)
    try:
        if message is not None:
            _write(process.stdin, message)
        return _read(process.stdout), False
    except Exception:  # no answer, or none that makes sense: the worker is not to be trusted further
        return None, deadline.late
    finally:
        deadline.lift()


def cores() -> int:
    """Return how many processes may run at once: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _death(code: int | None, late: bool, seconds: float) -> str:
    if late:
        return f"a parser that was still busy after {seconds:g} s"
    known = {number.value: number.name for number in signal.Signals}
    return f"a parser that crashed ({known.get(-(code or 0), f'exit status {code}')})"


def _write(pipe, message: dict) -> None:
    """Write one message: JSON, then the bytes of the arrays it refers to, each block behind its length."""
    arrays: list[np.ndarray] = []

    def default(value):
        if isinstance(value, np.generic):
            return value.item()
        arrays.append(np.ascontiguousarray(value))
        return {"array": len(arrays) - 1, "dtype": arrays[-1].dtype.str, "shape": arrays[-1].shape}

    text = json.dumps(message, default=default).encode()
    for block in (text, _HEADER.pack(len(arrays)), *(array.reshape(-1).view(np.uint8) for array in arrays)):
        pipe.write(_HEADER.pack(len(block)))
        pipe.write(block)
    pipe.flush()


def _read(pipe) -> dict:
    text = _block(pipe, LARGEST_TEXT)
    (count,) = _HEADER.unpack(_block(pipe, _HEADER.size))
    blocks, room = [], LARGEST_ANSWER
    for _ in range(count):
        blocks.append(_block(pipe, room))
        room -= len(blocks[-1])

    def restored(value: dict):
        if value.keys() != {"array", "dtype", "shape"}:
            return value
        block = np.frombuffer(blocks[value["array"]], np.dtype(value["dtype"]))  # which refuses an array of objects
        return block.reshape(value["shape"])

    return json.loads(text, object_hook=restored)


def _block(pipe, most: int) -> bytes:
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise EOFError
    if (size := _HEADER.unpack(header)[0]) > most:
        raise ValueError(f"a block of {size} bytes")
    block = pipe.read(size)
    if len(block) < size:
        raise EOFError
    return block


def _read_or_none(pipe) -> dict | None:
    try:
        return _read(pipe)
    except Exception:
        return None


def _serve(function: str, seconds: str, memory: str) -> None:
    """Answer calls until the caller goes away; stray prints of a parser must not mix with the answers."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's to handle
    module, _, name = function.partition(":")
    call = getattr(import_module(module), name)
    _limit_memory(int(memory))
    _write(answers, {"ready": True})
    while (message := _read_or_none(sys.stdin.buffer)) is not None:
        for arguments in message["calls"]:
            answer = _answer(call, arguments, int(seconds))
            try:
                _write(answers, answer)
            except MemoryError as error:  # before a byte of it was written: its text did not fit
                _write(answers, {"error": _explained(error)})


def _answer(call: Callable, arguments: list, seconds: int) -> dict:
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)  # should the caller be gone, the kernel ends a hang
    try:
        return {"result": call(*arguments)}
    except Exception as error:
        return {"error": _explained(error)}
    finally:
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _explained(error: Exception) -> tuple[str, str, str]:
    if isinstance(error, EtudeError):
        return error.expected, error.got, error.remedy
    reason = "out of memory" if isinstance(error, MemoryError) else (str(error).splitlines() or [""])[0][:120]
    return "a readable file", reason or type(error).__name__, ""


def _limit_memory(memory: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _serve(*sys.argv[1:])
