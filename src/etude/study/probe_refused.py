"""Probes of what a fit refuses, of the framework that is chosen for it, and of the world around it, left as it was.

Errors are traced by their class: other words for them are no other behaviour.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import numpy as np

from etude import registry
from etude.errors import EtudeError
from etude.models.halves import CHOICE, tables
from etude.study.probe_kept import SHORT
from etude.study.probe_music import SPACES, splits

WRONG = {  # a pair of pieces, and what a budget holds beside the usual
    "an incomplete piece": (([0, 1, 2],), ([0, 6],), {}),
    "an incomplete piece to score": (([0, 6],), ([0, 1, 2],), {}),
    "a code beyond the last": (([0, 7, 6],), (), {}),
    "nothing to learn": (([],), ([0, 6],), {}),
    "no pieces": ((), ([0, 6],), {}),
    "a rate at which weights overflow": (([0, 1, 2, 6],), ([0, 6],), {"learning_rate": 1e30, "steps": 6}),
}


def refused(lesson: Callable[..., dict]) -> dict:
    """Trace by which error fits are refused: "" for one that is not."""
    told = {}
    for what, (train, valid, budget) in WRONG.items():
        pieces = [[np.array(x, np.int64) for x in xs] for xs in (train, valid)]
        try:
            lesson(pieces=pieces, **{**SHORT, **budget})
            told[what] = ""
        except EtudeError as error:
            told[what] = type(error).__name__
    return {"kept": told, "names": [_refusal(take) for take in _takes()], "0": _chosen()}


def _takes() -> Iterator[Callable[[], object]]:
    """Yield what must be refused before a fit: weights of other shapes or names, a framework that lacks a family."""
    for family, options in (("rnn", {"hidden": 4}), ("rbm", {"hidden": 4}), ("counts", {})):
        model = registry.model(family, SPACES["keys"], seed=2, **options)
        if family == "counts":
            model.fit(splits("keys")[0])
        held = model.weights()
        first = min(held)
        yield partial(model.set_weights, {**held, first: np.zeros((3, 3, 3))})
        yield partial(model.set_weights, {**held, "another": held[first]})
    for framework in tables():
        yield lambda framework=framework: registry.model("rnn", SPACES["keys"], recall=2).on(framework)
        yield lambda framework=framework: registry.model("coconet", SPACES["keys"]).on(framework)


def _refusal(take: Callable[[], object]) -> str:
    try:
        take()
    except Exception as error:
        return type(error).__name__
    return ""


def _chosen() -> list[str]:
    """Return the framework that a model is in which may be in any, as the environment names one or none."""
    before, found = os.environ.get(CHOICE), []
    for wanted in (None, *tables(), "another"):
        os.environ.pop(CHOICE, None)
        os.environ.update({} if wanted is None else {CHOICE: wanted})
        found += [registry.model("rnn", SPACES["keys"]).framework, registry.model("coconet", SPACES["keys"]).framework]
    os.environ.pop(CHOICE, None)
    os.environ.update({} if before is None else {CHOICE: before})
    return found


def surroundings(lesson: Callable[..., dict]) -> dict:
    """Trace what a fit leaves behind of the world around it, and as what Ctrl-C arrives out of one."""
    assert registry.model("rnn", SPACES["tokens"]).half.engine  # loaded, with all its loggers
    loggers = [name for name, one in logging.root.manager.loggerDict.items() if isinstance(one, logging.Logger)]
    before = _world(loggers)
    with suppress(Exception):
        lesson(**SHORT)
    left = [one == other for one, other in zip(before, _world(loggers), strict=True)]
    handler = _Interrupting()
    with listening(handler):
        try:
            lesson(**SHORT)
            arrived = ""
        except BaseException as error:
            arrived = type(error).__name__
    left += [one == other for one, other in zip(before, _world(loggers), strict=True)]
    return {"kept": [left, arrived]}


def _world(loggers: list[str]) -> list:
    """Return what a fit must not change: how loud loggers are, which warnings are shown, who hears Ctrl-C, chance."""
    levels = [logging.getLogger(name).level for name in loggers]
    return [
        levels,
        list(warnings.filters),
        signal.getsignal(signal.SIGINT),
        random.getstate(),
    ]


class _Interrupting(logging.Handler):
    """Presses Ctrl-C when a fit tells of its first score."""

    def emit(self, record):
        if record.getMessage().startswith("step 1 "):
            signal.raise_signal(signal.SIGINT)


@contextmanager
def listening(handler: logging.Handler) -> Iterator[None]:
    """Let a handler hear what training tells, while the block lasts."""
    log = logging.getLogger("etude.training")
    level, heard = log.level, signal.signal(signal.SIGINT, signal.default_int_handler)
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        signal.signal(signal.SIGINT, heard)
