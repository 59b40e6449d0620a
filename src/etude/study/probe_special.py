"""Probes that a plain fit does not hold: models that follow a guide, and what the engine of training promises.

The engine's own: patience, averages, decay, windows longer than a piece, several seeds, a fit without validation
pieces, one that goes on from where another ended, one that was cut short, and what makes two fits one.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from etude import registry
from etude.models.energy.learning import Learning
from etude.study.probe_kept import bomb, damaged
from etude.study.probe_music import SPACES, guides, splits
from etude.study.probe_parts import at_once, edges, identities, inside, narrow, records, resampled
from etude.study.probe_refused import refused, surroundings
from etude.study.probe_table import LESSON, weights_of
from etude.study.probe_trace import of_history, of_weights
from etude.types import Budget, Space

HOP = 8
NOTES = Space((3,), 3, rate=SPACES["sound"].rate / HOP)
SPECTRUM = Space((4,), 5, rate=SPACES["sound"].rate / HOP)
SIZES = {"residual": 6, "skip": 8, "stacks": 1, "dilations": 3, "dropout": 0.0, "guide_channels": 3}
RNN = {"hidden": 8, "layers": 1, "embedding": 5}
LIMITS = (
    "LOGITS_AT_ONCE",
    "STEPS_AT_ONCE",
    "COUNTED_AT_ONCE",
    "AT_ONCE",
    "LEARNT_AT_ONCE",
    "GROUP_STEPS",
    "CHUNK",
    "BLOCK",
)
LARGE = (
    ("rnn", "sound", {"hidden": 6}),
    ("tcn", "roll", {"channels": 4, "blocks": 2}),
    ("memoryless", "keys", {"output": "rbm", "output_hidden": 3}),
    ("wavenet", "sound", {"residual": 4, "skip": 4, "stacks": 1, "dilations": 3}),
    ("vae", "roll", {"segment": 8, "latent": 3, "hidden": 6}),
    ("coconet", "keys", {"channels": 4, "blocks": 1, "passes": 3}),
    ("rbm", "keys", {"hidden": 7}),
    ("counts", "sound", {}),
    ("attention", "sound", {"channels": 4, "heads": 2, "layers": 1, "span": 24, "embedding": 3}),
)


@dataclass(frozen=True)
class Special:
    """A probe by a function: `family` is the one that it is about, "" for the engine."""

    trace: Callable[[], dict]
    family: str = ""
    output: str = ""


def guided(space: Space | None, options: dict, window: int = 24) -> dict:
    """Fit a model that follows a guide and trace bits, draws, continuations and streams."""
    about = {} if space is None else {"guide": space}
    model = registry.model("guided-wavenet", SPACES["sound"], seed=2, **{**SIZES, **about, **options})
    train, valid = (pieces[:3] for pieces in splits("sound"))
    lead = space or Space((), 1)
    hop = HOP if space is not None else 2**62
    pairs = [beside(model, xs, guides(xs, lead, hop)) for xs in (train, valid)]
    history = model.fit(*pairs, Budget(**{**LESSON, "window": window}), seed=3)
    traced = {"history": of_history(history), "weights": of_weights(weights_of(model))}
    traced["bits"] = model.bits(pairs[1]).values
    led = getattr(model, "given", getattr(model, "follow", None))(guides(valid, lead, hop)[0])
    traced["drawn"] = led.sample(2, 30, seed=4, temperature=0.9)
    traced["streamed"] = list(led.stream(1, 40, seed=4, prefix=valid[0][:9], block=16))
    return traced


def beside(model, xs: list[np.ndarray], leads: list[np.ndarray]) -> list:
    """Return pieces with their guides, as the family takes them."""
    homes = [sys.modules[cls.__module__] for cls in type(model).__mro__]
    pair = next(home.Guided for home in homes if hasattr(home, "Guided"))
    return [pair(x, lead) for x, lead in zip(xs, leads, strict=True)]


def lesson(
    space: str = "tokens", seed: int = 3, valid: bool = True, place: Path | None = None, pieces=None, **changes
) -> dict:
    """Fit a small RNN, to pieces of its own or those of the space, and trace its history and weights."""
    model = registry.model("rnn", SPACES[space], seed=2, **RNN)
    pieces = pieces or splits(space)
    history = model.fit(pieces[0], pieces[1] if valid else (), Budget(**{**LESSON, **changes}), seed, place)
    return {"history": of_history(history), "weights": of_weights(weights_of(model))}


def patience() -> dict:
    """Trace a fit that its patience ends, for a rate too high makes later scores worse; and the same one, read."""
    hasty = {"steps": 12, "valid_every": 1, "learning_rate": 0.9, "patience": 2}
    with TemporaryDirectory() as room:
        whole, read = (lesson(place=Path(room), **hasty) for _ in range(2))
    return {"whole": whole, "read is whole": read == whole}


def continued() -> dict:
    """Trace a second fit of one model, on other pieces: it goes on from its weights."""
    model = registry.model("rnn", SPACES["keys"], seed=2, **RNN)
    train, valid = splits("keys")
    first = model.fit(train[:3], valid, Budget(**LESSON), seed=3)
    second = model.fit(train[3:], valid, Budget(**{**LESSON, "learning_rate": 0.001}), seed=4)
    return {"histories": [of_history(first), of_history(second)], "weights": of_weights(weights_of(model))}


def from_weights() -> dict:
    """Trace models that take on weights before they have a network of their own: their bits, and a fit from there."""
    train, valid = splits("keys")
    traced = []
    for family, options in (("rnn", RNN), ("rbm", {"hidden": 5})):
        donor, model = (registry.model(family, SPACES["keys"], seed=seed, **options) for seed in (7, 2))
        model.set_weights(donor.weights())
        bits = model.bits(valid).values
        history = model.fit(train, valid, Budget(**LESSON), seed=3)
        traced.append([bits, of_history(history), of_weights(weights_of(model))])
    return {"whole": traced}


class Stop(logging.Handler):
    """Cuts a fit short when it has scored for the second time."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.scores = 0

    def emit(self, record):
        self.scores += record.getMessage().startswith("step ")
        if self.scores == 2:
            raise KeyboardInterrupt


@contextmanager
def cut_short() -> Iterator[None]:
    """Let the fit inside end after its second score, as Ctrl-C does."""
    log, stop = logging.getLogger("etude.training"), Stop()
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(stop)
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        log.removeHandler(stop)
        log.setLevel(level)
    if stop.scores < 2:
        raise AssertionError("a fit that tells its scores to the log of etude.training")


def resumed(**changes) -> dict:
    """Trace a fit that was cut short and went on, and whether it is the one that was not; then a finished one, read."""
    lesson_ = {"valid_every": 2, **changes}
    with TemporaryDirectory() as room:
        with cut_short():
            lesson(place=Path(room), **lesson_)
        again, read = (lesson(place=Path(room), **lesson_) for _ in range(2))
    whole = lesson(**lesson_)
    return {"whole": whole, "resumed is whole": again == whole, "read is resumed": read == again}


def machine_resumed() -> dict:
    """Trace a Boltzmann machine, whose chains are a state of their own, cut short and gone on."""
    train, valid = splits("keys")

    def fit(place: Path | None) -> dict:
        model = registry.model("rbm", SPACES["keys"], seed=2, hidden=5, chains=8)
        history = model.fit(train, valid, Budget(**{**LESSON, "valid_every": 2}), 3, place)
        return {"history": of_history(history), "weights": of_weights(weights_of(model))}

    with TemporaryDirectory() as room:
        with cut_short():
            fit(Path(room))
        again = fit(Path(room))
    whole = fit(None)
    return {"whole": whole, "resumed is whole": again == whole}


def one_fit() -> dict:
    """Trace of small changes of a fit which make it another one, by the number of files that are kept of them."""
    space, (train, valid) = SPACES["tokens"], splits("tokens")
    base = {"steps": 1, "batch_size": 2, "window": 6, "valid_every": 1}
    budgets = [{"window": 7}, {"batch_size": 3}, {"learning_rate": 0.1}, {"weight_decay": 0.2}, {"average": 0.5}]
    changes = [
        *({"budget": {**base, **change}} for change in ({}, *budgets)),
        *({"train": train[1:]}, {"valid": valid[1:]}, {"seed": 5}, {"fit_seed": 5}, {"options": {**RNN, "hidden": 9}}),
        *({"family": "tcn", "options": {"channels": 4, "blocks": 1}}, {}),
    ]
    kept, names = [], []
    with TemporaryDirectory() as room:
        for change in changes:
            asked = {"family": "rnn", "options": RNN, "train": train, "valid": valid, "budget": base, **change}
            model = registry.model(asked["family"], space, seed=asked.get("seed", 2), **asked["options"])
            fit_seed = asked.get("fit_seed", 3)
            history = model.fit(asked["train"], asked["valid"], Budget(**asked["budget"]), fit_seed, Path(room))
            kept.append(len(list(Path(room).glob("*.ckpt"))))
            names.append([len(history.fit), (Path(room) / f"{history.fit}.json").is_file()])
    return {"kept": kept, "names": names}


def in_a_thread() -> dict:
    """Trace a fit in a thread that is not the main one, which gets no signals."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lesson).result()


@contextmanager
def scarce(most: int) -> Iterator[None]:
    """Let the families look at little at once: what else would only be reached by pieces of hours."""
    homes = [module for name, module in sorted(sys.modules.items()) if name.startswith("etude.models.")]
    found = [(home, limit) for home in homes for limit in LIMITS if hasattr(home, limit)]
    before = [getattr(home, limit) for home, limit in found]
    try:
        for home, limit in found:
            setattr(home, limit, most)
        yield
    finally:
        for (home, limit), value in zip(found, before, strict=True):
            setattr(home, limit, value)


def little_memory(most: int = 48, families: Collection[str] | None = None) -> dict:
    """Trace fits and bits of families, by default of all that do so, that look at some of a piece at once."""
    traced = {}
    for family, space, options in (one for one in LARGE if families is None or one[0] in families):
        model = registry.model(family, SPACES[space], seed=2, **options)
        train, valid = splits(space)
        if family != "counts":
            model.parameters, model.weights()  # builds it: then its modules are there
        with scarce(most):
            history = model.fit(train, valid, Budget(**{**LESSON, "steps": 3}), seed=3)
            bits = model.bits(valid).values
        traced[f"{family} {space}"] = {"history": of_history(history), "bits": bits}
    return {"whole": traced}


def discounts() -> dict:
    """Trace counts whose discounts are bounded, from below and from above: codes that occur 1, 2, 3, 4 times."""
    traced = []
    for once, twice, thrice, four in ((100, 2, 1, 1), (4, 40, 10, 1)):
        times = np.repeat([1, 2, 3, 4], [once, twice, thrice, four])
        model = registry.model("counts", Space((), 128), order=0)
        history = model.fit([np.repeat(np.arange(len(times)), times)])
        traced.append([of_history(history), model.bits([np.array([0, len(times) - 1, 127])]).values])
    return {"whole": traced}


def beyond() -> dict:
    """Trace what counts give to codes and contexts that lie above and below all that they have seen."""
    model = registry.model("counts", Space((), 128), order=2)
    history = model.fit([np.tile([40, 41, 43, 41], 6), np.tile([43, 40], 5)])
    asked = [np.array(codes) for codes in ([127, 127, 41], [0, 0, 41], [43, 127, 40, 43], [40, 41, 42, 43])]
    return {"whole": [of_history(history), model.bits(asked).values]}


def strongly_coupled() -> dict:
    """Trace a fit of a machine whose couplings are strong from the start, so that chains remember where they began."""
    model = registry.model("rbm", SPACES["keys"], seed=2, hidden=5, chains=8, gibbs=1)
    rng = np.random.default_rng(8)
    model.set_weights({n: (4 * rng.normal(size=a.shape)).astype(a.dtype) for n, a in model.weights().items()})
    train, valid = splits("keys")
    history = model.fit(train, valid, Budget(steps=2, batch_size=8, window=1, valid_every=1), seed=3)
    return {"history": of_history(history), "weights": of_weights(weights_of(model))}


def asked_at_once() -> dict:
    """Trace the bits of networks that were never fitted: nothing is dropped there, and the answer is one."""
    found = {}
    for family, space, options in (("rnn", "tokens", RNN), ("tcn", "roll", {"channels": 4, "blocks": 2})):
        model = registry.model(family, SPACES[space], seed=2, **options, dropout=0.5)
        found[family] = [model.bits(splits(space)[1]).values for _ in range(2)]
    return {"shown": found}


def layers() -> dict:
    """Trace machines at the sizes where log Z is summed over the other layer, or no longer counted while learning."""
    traced, cases = [], [("keys", "exact", n) for n in (3, 4, 5)] + [("many keys", "cd", n) for n in (12, 13)]
    for space, learning, hidden in cases:
        model = registry.model("rbm", SPACES[space], seed=2, hidden=hidden, learning=learning)
        train, valid = splits(space)
        history = model.fit(train, valid, Budget(**{**LESSON, "steps": 1, "valid_every": 1}), seed=3)
        way = Learning.of(model)
        traced.append([of_history(history), way.by_hidden, way.counted])
    return {"whole": traced}


SPECIALS = {
    "guided notes": Special(lambda: guided(NOTES, {}), "guided-wavenet", "categorical"),
    "guided spectrogram": Special(
        lambda: guided(SPECTRUM, {"noise": 0.7, "dropout": 0.2}, 40), "guided-wavenet", "categorical"
    ),
    "guided by nothing": Special(lambda: guided(None, {}), "guided-wavenet", "categorical"),
    "engine average": Special(lambda: lesson(average=0.9, valid_every=2)),
    "engine decay": Special(lambda: lesson(weight_decay=0.5)),
    "engine patience": Special(patience),
    "engine uneven": Special(lambda: lesson(steps=7, valid_every=3, window=60)),
    "engine short windows": Special(lambda: lesson("roll", window=4, batch_size=9)),
    "engine no validation": Special(lambda: lesson(valid=False)),
    "engine seeds": Special(lambda: {str(seed): lesson(seed=seed, steps=2, valid_every=1) for seed in (0, 1)}),
    "engine warm up": Special(lambda: lesson(steps=45, batch_size=2, window=6, valid_every=40)),
    "engine goes on": Special(continued),
    "engine from weights": Special(from_weights),
    "engine resumed": Special(resumed),
    "engine resumed average": Special(lambda: resumed(average=0.9, patience=3)),
    "engine resumed machine": Special(machine_resumed, "rbm"),
    "engine one fit": Special(one_fit),
    "engine damaged": Special(lambda: damaged(lesson)),
    "engine bomb": Special(lambda: {"shown": bomb(lesson)}),
    "engine refused": Special(lambda: refused(lesson)),
    "engine surroundings": Special(lambda: surroundings(lesson)),
    "engine in a thread": Special(in_a_thread),
    "engine little memory": Special(lambda: little_memory(families=[family for family, *_ in LARGE[:-1]])),
    "attention at once": Special(lambda: little_memory(20, ("attention",)), "attention"),
    "engine least memory": Special(lambda: little_memory(8, ("rnn", "vae", "coconet"))),
    "engine at once": Special(lambda: at_once(scarce, [LARGE[n] for n in (1, 2, 4, 5)])),
    "engine two at once": Special(lambda: at_once(scarce, LARGE[:1], 32)),
    "engine least at once": Special(lambda: at_once(scarce, [LARGE[n] for n in (2, 4, 5)], 6)),
    "engine identities": Special(identities),
    "engine records": Special(records),
    "engine inside": Special(inside),
    "machine layers": Special(layers, "rbm"),
    "machine resampled": Special(resampled, "rbm"),
    "machine narrow": Special(narrow, "rbm"),
    "machine coupled": Special(strongly_coupled, "rbm"),
    "autoencoder edges": Special(edges, "autoencoder"),
    "floors discounts": Special(discounts, "counts"),
    "floors beyond": Special(beyond, "counts"),
    "engine not fitted": Special(asked_at_once),
}
