"""Compiling with numba: machine code made once, kept on disk, and made anew after any change of this package."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import CellType, FunctionType

from numba import njit

# LLVM may use fused multiply-adds, and add in another order (or it could not vectorise a sum): logits differ from those
# of another program in the seventh digit. What would lose infinities or NaNs stays off.
FAST = {"contract", "reassoc", "nsz", "arcp"}
# A division that may raise cannot be vectorised. Without the runtime of numba's own arrays a view costs nothing, where
# it otherwise counts references (a third of a step); code that would allocate does not compile.
OPTIONS = {"fastmath": FAST, "error_model": "numpy", "_nrt": False}

part = njit(**OPTIONS)  # of a kernel: compiled into each kernel that calls it


def kernel(function: Callable) -> Callable:
    """Compile `function` when it is first called, and keep the machine code on disk.

    numba keeps it beside the source, or in the user's cache folder where the source may not be written to. It knows
    a function by its own file, its bytecode and its closure, and would not see that a part in another file has
    changed; so the closure gets one more cell, with the digest of all files of this package.
    """
    code = function.__code__.replace(co_freevars=("sources",))
    closed = FunctionType(code, function.__globals__, function.__name__, None, (CellType(_digest()),))
    return njit(cache=True, **OPTIONS)(closed)


def _digest() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
