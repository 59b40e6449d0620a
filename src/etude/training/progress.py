"""One line of progress where somebody watches, none where nobody does."""

from __future__ import annotations

import os
import sys


def watched() -> bool:
    """Say whether a person is likely to watch: a terminal, or a notebook that no runner executes."""
    if "ETUDE_RUN_DIR" in os.environ:
        return False
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell" or bool(getattr(sys.stderr, "isatty", bool)())


def progress_bar(total: int, done: int = 0):
    """Return a tqdm bar over optimiser steps; it writes nothing where nobody watches."""
    from tqdm.auto import tqdm
    from tqdm.std import tqdm as plain

    if not watched():
        return plain(total=total, initial=done, disable=True)
    return tqdm(total=total, initial=done, unit="step", dynamic_ncols=True)


def describe(row: dict) -> str:
    """Return a row of a History as the bar shows it."""
    said = [f"{part} {row[part]:.3f}" for part in ("train", "valid") if row[part] is not None]
    return f"{', '.join(said)} bits/step" if said else "nothing that can be counted"
