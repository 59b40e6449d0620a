"""The world around a fit, put back as it was: Lightning's talk, threads, random state, Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def of_a_fit() -> Iterator[None]:
    """Enter all of them."""
    with quiet(), threads(), in_order(), own_randomness(), interrupts():
        yield


def world() -> list:
    """Return what of torch's own a fit changes while it lasts: threads, the order of sums, memory, and chance, last."""
    return [
        torch.get_num_threads(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
        torch.random.get_rng_state().tolist(),
    ]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Lightning's banners and hints to itself; numerical warnings still pass."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            for category in (UserWarning, FutureWarning, DeprecationWarning):
                warnings.simplefilter("ignore", category)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def threads() -> Iterator[None]:
    """Bound torch's threads by `ETUDE_THREADS` while the fit lasts."""
    before, wanted = torch.get_num_threads(), os.environ.get("ETUDE_THREADS", "")
    if wanted.isdigit() and int(wanted):
        torch.set_num_threads(int(wanted))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def in_order() -> Iterator[None]:
    """Let sums be added in one order while the fit lasts: torch's threads otherwise add gradients as they come.

    That is the gradient of an indexed array (`index_put_` with accumulation adds atomically, side by side). Where torch
    has no ordered way, it goes on in the usual one.
    """
    before, warned = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # finds faults, costs time
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
        torch.utils.deterministic.fill_uninitialized_memory = fill


@contextmanager
def own_randomness() -> Iterator[None]:
    """Give the caller's random state back after the fit."""
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        yield


@contextmanager
def interrupts() -> Iterator[None]:
    """Let Ctrl-C arrive as KeyboardInterrupt: Lightning turns it into an exit and leaves the signal ignored."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT) if main else None
    try:
        yield
    except SystemExit as exit_:
        if isinstance(exit_.__context__, KeyboardInterrupt):
            raise exit_.__context__ from None
        raise
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
