"""Probes of parts of a fit that its scores and weights do not show, or only by chance.

How much is looked at together, what is written down of a fit and under which name, the world while it lasts, and which
frames are drawn on the way to log Z.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from etude import registry
from etude.errors import EtudeError
from etude.models.energy import partition
from etude.models.energy.boltzmann import Machine, draw_visible, sigmoid
from etude.models.floors import closed_form
from etude.models.floors.contexts import Contexts, Walk
from etude.models.latent.segments import Segments
from etude.models.masked.order_agnostic import alike
from etude.models.neural import compact
from etude.study.probe_kept import SHORT
from etude.study.probe_music import SPACES, splits
from etude.study.probe_refused import listening
from etude.training import progress, record
from etude.training.task import Task, data_digest, digest, place, step_seed, strict
from etude.training.windows import similar_lengths
from etude.types import Budget, Space

WATCHED = ("surprise", "encode", "bits_given", "log_probabilities", "log_partition")  # what a network is asked
REPORTED = "REPORTED_ENTRIES"
ASKED = {"b": [1, 2.5, None], "a": {"d": True, "c": "é"}}  # an identity, its names not in their order


def at_once(scarce: Callable, families: Iterable[tuple], most: int = 48) -> dict:
    """Trace the shapes of what networks are asked while little is looked at together, and how pieces are grouped."""
    found = {"groups": similar_lengths([9, 2, 2, 30, 5, 1], 10)}
    for family, space, options in families:
        model = registry.model(family, SPACES[space], seed=2, **options)
        train, valid = (pieces[:2] for pieces in splits(space))
        with _watching(model) as seen, scarce(most):  # in this order: that builds it, and its modules are there
            model.fit(train, valid, Budget(steps=1, batch_size=4, window=16, valid_every=1), seed=3)
            bits = model.bits(valid).values
        found[f"{family} {space}"] = [bits, *([len([*same]), shapes] for shapes, same in groupby(seen))]
    found["compact"] = [str(compact([np.zeros(2, int)], Space((), n))[0].dtype) for n in (255, 256, 257, 258)]
    xs = [np.zeros((n, 4), int) for n in (3, 3, 5, 3)]
    with scarce(most // 6):
        found["alike"] = alike(xs, [x > 0 for x in xs])
        found["walk"] = {name: _walked(name) for name in ("roll", "sound")}
    some = Segments([np.arange(7), np.arange(10, 14)], 2, 3).some(4)
    found["some"] = [[events.ravel().tolist(), first] for events, first in some]
    with scarce(2):
        found["walk of single steps"] = _walked("roll")
    return {"shown": found}


def _walked(name: str) -> list[int]:
    pieces = [x.reshape(len(x), SPACES[name].entries) for x in splits(name)[1]]
    return [len(nodes) for nodes in Walk(Contexts(SPACES[name]), pieces).nodes]


@contextmanager
def _watching(model) -> Iterator[list]:
    """Note the shapes of what a network and its output are asked."""
    seen: list = []
    if not hasattr(model, "network"):
        yield seen
        return
    for whose in (model.network, getattr(model.network, "output", model.network)):
        for name in WATCHED:
            if hasattr(whose, name):
                setattr(whose, name, partial(_noted, getattr(whose, name), seen))
    yield seen


def _noted(asked: Callable, seen: list, *given):
    arrays = [part for one in given for part in (one if isinstance(one, tuple) else (one,))]
    seen.append([list(array.shape) for array in arrays if hasattr(array, "shape")])
    return asked(*given)


def identities() -> dict:
    """Trace by which name a fit is found again, what is written beside it, and which identities have none."""
    task = Task(lambda step: None, (), lambda group: (0.0, 0), Budget(), 0, ASKED)
    pieces = [np.arange(5, dtype=np.uint8), np.arange(6, dtype=np.int16).reshape(3, 2).T]
    with TemporaryDirectory() as room:
        names = [str(place(task, Path(room)).relative_to(room)) for _ in range(2)]
        written = [path.read_text(encoding="utf-8") for path in sorted(Path(room).iterdir())]
        described = Path(room) / f"{names[0]}.json"
        before = described.stat().st_mtime_ns
        place(task, Path(room))
        kept = before == described.stat().st_mtime_ns
        described.write_text("{}", encoding="utf-8")
        place(task, Path(room))
        written.append(described.read_text(encoding="utf-8"))
    refused = [_class_of(strict, {"x": value}) for value in (1.0, float("nan"), float("inf"), {1}, (1, 2))]
    refused += [_class_of(digest, {"x": float("nan")})]
    data = [data_digest(pieces), data_digest(pieces[::-1]), data_digest(pieces[:1], pieces[1:]), data_digest()]
    found = {"names": names, "written": written, "kept": kept, "refused": refused}
    found |= {"digest": digest(ASKED), "data": data, "seeds": [step_seed(*s) for s in ((3, 0), (0, 3))]}
    return {"shown": {**found, "of a fit": _asked_of_a_fit(), "contents": _contents()}}


def _asked_of_a_fit() -> dict:
    """Return the identity of a fit from weights that are the same on every machine; of versions, that they are some."""
    model = registry.model("rnn", SPACES["tokens"], seed=2, hidden=4, layers=1, embedding=3)
    model.set_weights({name: np.full(array.shape, 0.25) for name, array in model.weights().items()})
    train, valid = splits("tokens")
    with TemporaryDirectory() as room:
        fit = model.fit(train, valid, Budget(**{"batch_size": 2, "window": 6, **SHORT}), 3, Path(room)).fit
        asked = json.loads((Path(room) / f"{fit}.json").read_text(encoding="utf-8"))
    versions = [version[0].isdigit() for version in asked["versions"].values()]
    return {**asked, "versions": versions, "revisions": sorted(asked["revisions"])}


def _contents() -> list[str]:
    """Return digests of what checkpoints hold: names, order, shapes and types count."""
    model = registry.model("rnn", SPACES["tokens"], seed=2, hidden=4, layers=1, embedding=3)
    contents_digest = import_module(f"{model.half.table.ENGINE}.checkpoints").contents_digest
    tensors = [model.network.tensor(np.arange(6, dtype=kind).reshape(shape)) for kind in "if" for shape in (6, (2, 3))]
    plain = [{"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}, {"a": 1, "b": [[1], 2]}, ["a", 1, "b"], [True, None, 0.5]]
    return [contents_digest(one) for one in (*tensors, tensors[:2], {"x": tensors[2]}, *plain)]


def _class_of(function: Callable, *given) -> str:
    try:
        function(*given)
    except (EtudeError, ValueError) as error:
        return type(error).__name__
    return ""


def records() -> dict:
    """Trace what a record keeps: the first of the best scores, the end, its clocks, those of an older checkpoint."""
    scores = [(1, 3.0, 2.0), (2, 2.5, 1.5), (3, None, 1.5), (4, 2.0, 1.75), (6, 1.0, None)]
    task = Task(lambda step: None, (), lambda group: (0.0, 0), Budget(steps=6), 0, {"a": 1})
    with _hands_on(record, "time", _Clock()):
        one, told = record.Record(task), []
        told += [value for name, value in vars(one).items() if name != "task"]
        one.close()  # no bar yet
        one.begin(0)
        for step, train, valid in scores:
            one.scored(step, train, valid, lambda step=step: {"at": step}, stopped=step == 3)
            told.append([one.best_step, one.best, one.finished])
        told += [one.rows, one.history().seconds, one.history().fit]
        closed = registry.model("marginal", SPACES["tokens"]).fit(splits("tokens")[0])
    with _hands_on(closed_form, "perf_counter", iter((3.0, 7.5)).__next__), _hands_on(closed_form, REPORTED, 1):
        history = registry.model("marginal", SPACES["tokens"]).fit(splits("tokens")[0])
    told += [[one.rows[0]["train"] for one in (closed, history)], history.rows[0]["seconds"], history.seconds]
    older = record.Record(task)
    older.state = {name: value for name, value in one.state.items() if name != "cpu_seconds"}
    return {"shown": [*told, older.state]}


class _Clock:
    """The clocks of a machine on which each look takes a time that is known."""

    def __init__(self):
        self.looks = 0

    def perf_counter(self) -> float:
        self.looks += 1
        return self.looks**2 / 7

    def process_time(self) -> float:
        return self.looks**2 / 9


class _Bar:
    """A bar of progress that only counts."""

    def __init__(self, total: int, done: int):
        self.told = {"total": total, "done": done, "update": 0, "set_postfix_str": 0, "close": 0}

    def __getattr__(self, name: str) -> Callable:
        return lambda *said, **options: self.told.update({name: self.told[name] + 1})


@contextmanager
def _hands_on(home, name: str, value) -> Iterator[None]:
    """Put a value in the place of what a module knows by a name, while the block lasts."""
    before = getattr(home, name)
    setattr(home, name, value)
    try:
        yield
    finally:
        setattr(home, name, before)


class _Looking(logging.Handler):
    """Looks at the world when a fit tells of its first score."""

    def __init__(self, look: Callable[[], list]):
        super().__init__()
        self.look, self.seen = look, None

    def emit(self, record):
        if record.getMessage().startswith("step 1 "):
            self.seen = self.look() or self.seen


def inside() -> dict:
    """Trace what a fit makes of the world while it lasts, and what it leaves: loggers, warnings, threads, chance."""
    train, valid = splits("tokens")
    model = registry.model("memoryless", SPACES["tokens"], seed=2)  # it shares no work among threads
    engine = model.half.engine  # loaded, with all its loggers
    names = [name for name, one in logging.root.manager.loggerDict.items() if isinstance(one, logging.Logger)]
    bars: list[_Bar] = []

    def look() -> list:
        levels = {name: logging.getLogger(name).level for name in names if name != "etude.training"}
        shown = [(action, category.__name__) for action, _, category, *_ in warnings.filters]
        return [levels, shown, engine.surroundings.world()]

    def bar(total: int, done: int = 0) -> _Bar:
        bars.append(_Bar(total, done))
        return bars[-1]

    before, handler = look(), _Looking(look)
    budget, learning = Budget(**{"batch_size": 2, "window": 6, **SHORT}), []
    with listening(handler), _hands_on(progress, "progress_bar", bar):
        for threads, handler.look in (("2", look), ("0", lambda: None), ("", _interrupted)):
            with _threads(threads), suppress(KeyboardInterrupt):
                model.fit(train, valid, budget, seed=3)
                learning.append(getattr(model.network, "training", None))
    after = look()
    levels, shown, (*world, _) = handler.seen
    quieter = sorted({level for name, level in levels.items() if level != before[0][name]})
    left = [one == other for one, other in zip(before, after, strict=True)]
    alone = before[2][1:-1]  # as no fit before has left it otherwise
    return {"shown": [quieter, shown[:3], world, left, [bar.told for bar in bars], learning, alone]}


@contextmanager
def _threads(asked: str) -> Iterator[None]:
    before = os.environ.get("ETUDE_THREADS")
    os.environ["ETUDE_THREADS"] = asked
    try:
        yield
    finally:
        os.environ.pop("ETUDE_THREADS") if before is None else os.environ.update(ETUDE_THREADS=before)


def _interrupted() -> None:
    signal.raise_signal(signal.SIGINT)


def resampled() -> dict:
    """Trace runs of annealing of a machine that is known, their weights, and which of the frames are drawn again."""
    rng = np.random.default_rng(8)
    machine = Machine(rng.normal(size=(3, 2)), rng.normal(size=4), 2 * rng.normal(size=(3, 2, 4)))
    base = 0.5 * rng.normal(size=(3, 2))
    log_weights, x = partition.annealed(machine, base, rng, 24, 5)
    drawn = partition.resampled(x, log_weights, rng)
    numbered = partition.resampled(np.arange(24), np.linspace(-3, 3, 24), rng)
    extremes = np.log(sigmoid(np.array([-80.0, -40.5, 40.5])))
    found = partition.from_both_sides(machine, base, rng, 24, 5)
    traced = [
        log_weights,
        x,
        drawn,
        numbered,
        extremes,
        [found.value, found.stderr, found.reverse, found.reverse_stderr],
    ]
    return {"whole": traced}


def narrow() -> dict:
    """Trace entries of a machine that are drawn from the likeliest codes alone, and from all."""
    logits = np.random.default_rng(8).normal(size=(40, 3, 2))
    drawn = [draw_visible(logits, np.random.default_rng(5), top_p) for top_p in (0.3, 0.7, 0.999, 1.0)]
    return {"shown": drawn}


def edges() -> dict:
    """Trace where rounded latents come to lie, those far outside as well: each rounds to a level that there is."""
    model = registry.model("autoencoder", SPACES["roll"], seed=2, segment=8, latent=3, hidden=6, levels=4)
    model.set_weights(model.weights())  # builds the network
    far = np.array([-80.0, -9.0, -1.0, 0.0, 1.0, 9.0, 80.0], np.float32)
    return {"shown": model.network._position(model.network.tensor(far)).tolist()}
