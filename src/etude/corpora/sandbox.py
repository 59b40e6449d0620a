"""Reading files that may be broken, in worker processes whose crash, hang or hunger costs one file and nothing else.

A worker imports one function and calls it on what it is asked to read. The function returns a dict of JSON values and
NumPy arrays; the answer travels as JSON and plain numbers, never as a pickle, because a parser that a hostile file has
taken over must not be able to hand the caller code. A worker that dies, or takes too long, is replaced.

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
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from etude.errors import UnreadableFile

MEMORY = 4 * 2**30  # address space of a worker, bytes
SECONDS = 60.0  # for one file
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
    """

    def __init__(self, function: str, seconds: float = SECONDS, memory: int = MEMORY):
        self.function, self.seconds, self.memory = function, seconds, memory
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def __call__(self, *arguments) -> dict[str, Any]:
        """Call the function in the worker; raises UnreadableFile with the function's error, or how the worker died."""
        process = self._running()
        late = threading.Event()
        timer = threading.Timer(self.seconds, lambda: (late.set(), process.kill()))
        timer.start()
        try:
            _write(process.stdin, {"arguments": arguments})
            answer = _read(process.stdout)
        except Exception:  # no answer, or none that makes sense: the worker is not to be trusted further
            answer = None
        finally:
            timer.cancel()
        if answer is None:
            self.close()
            death = _death(process.returncode, late.is_set(), self.seconds)
            raise UnreadableFile("a file that a parser survives", death)
        if "error" in answer:
            raise UnreadableFile(*answer["error"])
        return answer["result"]

    def close(self) -> None:
        """End the worker."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()

    def _running(self) -> subprocess.Popen:
        if self._process is None or self._process.poll() is not None:
            self.close()
            limits = [str(int(self.seconds) + 5), str(self.memory)]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "etude.corpora.sandbox", self.function, *limits],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
            if _read_or_none(self._process.stdout) != {"ready": True}:
                self.close()
                raise UnreadableFile("a worker that can import its reader", self.function, "Check the installation.")
        return self._process


def read_all(
    function: str, tasks: Sequence[tuple], workers: int, seconds: float = SECONDS, memory: int = MEMORY
) -> Iterator[tuple[int, dict[str, Any] | UnreadableFile]]:
    """Call `function` on every tuple of arguments, in `workers` processes; yield (index, result or error) as they come.

    At most two results a worker wait for the caller, so memory stays bounded however slowly they are taken.
    """
    todo, lock, stop = iter(enumerate(tasks)), threading.Lock(), threading.Event()
    done: queue.Queue = queue.Queue(maxsize=2 * workers)
    sandboxes = [Sandbox(function, seconds, memory) for _ in range(min(workers, len(tasks)))]

    def work(sandbox: Sandbox) -> None:
        while not stop.is_set():
            with lock:
                index, arguments = next(todo, (None, ()))
            if index is None:
                break
            try:
                answer = sandbox(*arguments)
            except Exception as error:  # an error that is lost here would leave the caller waiting
                answer = error
            _put(done, (index, answer), stop)
        sandbox.close()

    threads = [threading.Thread(target=work, args=(sandbox,), daemon=True) for sandbox in sandboxes]
    for thread in threads:
        thread.start()
    try:
        for _ in tasks:
            index, answer = done.get()
            if isinstance(answer, Exception) and not isinstance(answer, UnreadableFile):
                raise answer
            yield index, answer
    finally:
        stop.set()
        for sandbox in sandboxes:
            sandbox.close()  # the caller has gone early: end what is being read


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


def cores() -> int:
    """Return how many processes may run at once: the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _death(code: int | None, late: bool, seconds: float) -> str:
    if late:
        return f"a parser that was still busy after {seconds:g} s"
    name = signal.Signals(-code).name if code is not None and code < 0 else f"exit status {code}"
    return f"a parser that crashed ({name})"


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
    text = _block(pipe)
    (count,) = _HEADER.unpack(_block(pipe))
    blocks = [_block(pipe) for _ in range(count)]

    def restored(value: dict):
        if value.keys() != {"array", "dtype", "shape"}:
            return value
        block = np.frombuffer(blocks[value["array"]], np.dtype(value["dtype"]))  # which refuses an array of objects
        return block.reshape(value["shape"])

    return json.loads(text, object_hook=restored)


def _block(pipe) -> bytes:
    header = pipe.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise EOFError
    block = pipe.read(size := _HEADER.unpack(header)[0])
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
        if hasattr(signal, "alarm"):
            signal.alarm(int(seconds))  # should the caller be gone, the kernel ends a hang
        try:
            answer = {"result": call(*message["arguments"])}
        except Exception as error:
            answer = {"error": _explained(error)}
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        _write(answers, answer)


def _explained(error: Exception) -> tuple[str, str, str]:
    if isinstance(error, UnreadableFile):
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
