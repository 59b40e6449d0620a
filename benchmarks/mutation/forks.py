"""Probes under an edit: a server that has loaded the libraries, and a child for every edit.

The server itself must not compute with torch (its threads do not live through a fork). A child imports étude with the
edited text in the place of one module, runs probes until one leaves another trace, and says so.
"""

from __future__ import annotations

import builtins
import importlib.util
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import SourceFileLoader
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType

from edits import EITHER_WAY, OF_TORCH, UNCHANGED, Span, spans

SECONDS = 1800  # that an edit may take, on a machine however busy
A_PROBE = 60  # seconds of the processor that a probe may take: one that never ends is noticed too


def preload(second: bool) -> None:
    """Import what is heavy, for `second` Keras on TensorFlow too, and nothing of étude."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["ETUDE_THREADS"] = "1"
    import matplotlib  # noqa: F401
    import numba  # noqa: F401
    import pandas  # noqa: F401
    import pytorch_lightning  # noqa: F401
    import scipy.special  # noqa: F401
    import torch

    torch.set_num_threads(1)
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    weight.grad = torch.ones(2, 2)
    torch.optim.AdamW([weight], fused=True).step()  # loads what an optimiser loads when it is first used
    torch.save({}, os.devnull)
    if second:
        os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        import keras  # noqa: F401


def in_child(work: Callable[[], object], seconds: float = SECONDS) -> dict:
    """Run `work` in a child and return {"value": ...}, {"error": ...} or {"error": "no end in N s"}."""
    (reading, writing), place = os.pipe(), room().name
    child = os.fork()
    if not child:
        os.close(reading)
        _silence()
        os.chdir(place)  # an edit may write anywhere
        try:
            said = {"value": work()}
        except BaseException as error:  # whatever an edit breaks is an answer
            said = {"error": f"{type(error).__name__}: {str(error)[:120]}"}
        with os.fdopen(writing, "w") as pipe:
            json.dump(said, pipe)
            pipe.flush()
        os._exit(0)
    os.close(writing)
    return _answer(child, reading, seconds)


@cache
def room() -> TemporaryDirectory:
    """Return the folder that children work in, which goes when the server does."""
    return TemporaryDirectory(prefix="edits-")


def _answer(child: int, reading: int, seconds: float) -> dict:
    import select

    parts, ends = [], time.monotonic() + seconds
    with os.fdopen(reading, "rb") as pipe:
        while True:
            ready, _, _ = select.select([pipe], [], [], max(0.0, ends - time.monotonic()))
            if not ready:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return {"error": f"no end in {seconds:.0f} s"}
            data = os.read(pipe.fileno(), 1 << 20)
            if not data:
                break
            parts.append(data)
    os.waitpid(child, 0)
    died = f"the process died, or a probe took over {A_PROBE} s of the processor"
    return json.loads(b"".join(parts)) if parts else {"error": died}


def _silence() -> None:
    import logging
    import warnings

    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    logging.disable(logging.NOTSET)


class Edited(MetaPathFinder):
    """Finds one module of étude with another text."""

    def __init__(self, module: str, text: str, path: Path):
        self.module, self.text, self.path = module, text, path

    def find_spec(self, name, path=None, target=None):
        if name != self.module:
            return None
        loader = _Text(name, str(self.path))
        loader.text = self.text
        folder = [str(self.path.parent)] if self.path.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, self.path, loader=loader, submodule_search_locations=folder)


class _Text(SourceFileLoader):
    text = ""

    def get_code(self, fullname):
        return compile(self.text, self.path, "exec", dont_inherit=True)


def moved(names: Iterable[str], edited: Edited | None) -> str:
    """Import étude under an edit, run probes, and return the first difference: "" where there is none."""
    if edited is not None:
        sys.meta_path.insert(0, edited)
    setattr(builtins, UNCHANGED, unchanged)
    setattr(builtins, OF_TORCH, of_torch)
    setattr(builtins, EITHER_WAY, either_way)
    signal.setitimer(signal.ITIMER_PROF, A_PROBE)
    from etude.study.probes import changes

    for name in names:
        signal.setitimer(signal.ITIMER_PROF, A_PROBE)
        for change in changes([name]):
            return f"{change.probe}: {change.where}"
    signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def unchanged(function: Callable, given: object) -> object:
    """Return what a function gives where that is what it was given, the same object or number; else end the process.

    A NumPy float is a Python float already, an integer of NumPy or of a tensor is as large as Python's, and the shape
    of a tensor is a tuple.
    """
    result = function(given)
    number = getattr(given, "item", lambda: given) if function is int else lambda: given
    same = function in (int, float) and isinstance(number(), function)
    same |= function is tuple and of_torch(given) is not None and isinstance(given, tuple) and result == given
    if result is not given and not same:
        os._exit(1)
    return result


def either_way(function: Callable, one: object, other: object) -> None:
    """Call what only refuses with both orders of its arguments, and end the process where one alone is refused."""
    refused = []
    for arguments in ((other, one), (one, other)):
        try:
            function(*arguments)
            refused.append(None)
        except Exception as error:
            refused.append(error)
    if type(refused[0]) is not type(refused[1]):
        os._exit(1)
    if refused[1] is not None:
        raise refused[1]


def of_torch(given: object) -> object:
    """Return what belongs to torch, None for anything else."""
    return given if type(given).__module__.partition(".")[0] == "torch" else None


def covered(names: Iterable[str], package: Path) -> dict[str, dict[str, dict[str, list[Span]]]]:
    """Return for every probe the spans in models and training that its fits execute, and all that it executes, by file.

    They are those of instructions: of a line that holds `a if b else c`, only what was computed.
    """
    from etude.models.base import Model
    from etude.study.probes import PROBES

    places = tuple(str(package / part) for part in ("models", "training"))
    ran: set[tuple[CodeType, int]] = set()
    fitted: set[tuple[CodeType, int]] = set()
    fitting: list[str] = []  # the fits that last

    def here(frame, event, _argument):
        if event == "opcode":
            (fitted if fitting else ran).add((frame.f_code, frame.f_lasti))
        return here

    def entered(frame, event, _argument):
        if not frame.f_code.co_filename.startswith(places):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return here

    def watched(work, mark: list[str]):
        def traced(*arguments, **options):
            before = sys.gettrace()
            sys.settrace(entered)
            fitting.extend(mark)
            try:
                return work(*arguments, **options)
            finally:
                del fitting[len(fitting) - len(mark) :]
                sys.settrace(before)

        return traced

    Model.fit = watched(Model.fit, ["fit"])
    found = {}
    for name in names:
        ran.clear(), fitted.clear()
        watched(PROBES[name].trace, [])()
        found[name] = {"fits": _by_file(fitted), "all": _by_file(ran | fitted)}
    return found


def _by_file(ran: Iterable[tuple[CodeType, int]]) -> dict[str, list[Span]]:
    held: dict[str, set[Span]] = {}
    for code, at in ran:
        held.setdefault(code.co_filename, set()).update(spans(code, [at // 2]))
    return {path: sorted(some) for path, some in held.items()}


def identities(edited: Edited | None) -> list[str]:
    """Import étude under an edit and return the digests of small fits of every family: what they are found by."""
    if edited is not None:
        sys.meta_path.insert(0, edited)
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from etude import registry
    from etude.study.probe_music import SPACES, splits
    from etude.study.probe_table import FITS
    from etude.types import Budget

    found = []
    for probe in {p.family: p for p in FITS.values() if p.family not in registry.FLOORS}.values():
        train, valid = splits(probe.space)
        model = registry.model(probe.family, SPACES[probe.space], seed=2, **probe.options)
        with TemporaryDirectory() as room:
            history = model.fit(train, valid, replace(Budget(), steps=1, valid_every=1, window=16), 3, Path(room))
        found.append(history.fit)
    return found
