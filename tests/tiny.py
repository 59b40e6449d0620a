"""Spaces so small that every piece can be written down, and tiny models of every family on each of them.

A model that is registered is tested from that day on; sizes for speed go into `TINY`.
"""

from functools import cache
from itertools import groupby, product

import numpy as np

import etude
from etude import Budget, Space
from etude.errors import EtudeError
from etude.models.autoregressive import Autoregressive, cut_at_end
from etude.registry import MODELS, frameworks

SPACES = {
    "tokens": Space((), 3, end=2),
    "samples": Space((), 3, rate=4.0),
    "frames": Space((2,), 3),
    "keys": Space((3,), 2),
}
STEPS = {"tokens": 4, "samples": 4, "frames": 2, "keys": 2}  # lengths whose pieces are all written down: at most 81
NADE = {"output": "nade", "output_hidden": 5}
RBM = {"output": "rbm", "output_hidden": 3}
RELATIVE = {"output": "relative", "output_hidden": 4}
LATENT = {"segment": 2, "latent": 2, "hidden": 6, "embedding": 4}
TINY = {
    "memoryless": ({}, NADE, RELATIVE, RBM),
    "rnn": (
        {"hidden": 8, "layers": 1, "embedding": 4},
        {"hidden": 6, "cell": "gru", "dropout": 0.0},
        {"hidden": 8, "layers": 1, "recall": 2},
        {"hidden": 8, "layers": 1, **NADE},
        {"hidden": 8, "layers": 1, **RBM},
        {"hidden": 8, "layers": 1, "recall": 2, **RELATIVE},
    ),
    "tcn": (
        {"channels": 6, "blocks": 2, "kernel": 2, "embedding": 4},
        {"channels": 6, "blocks": 1, **NADE},
        {"channels": 6, "blocks": 1, **RBM},
        {"channels": 6, "blocks": 1, **RELATIVE},
    ),
    "attention": (
        {"channels": 8, "heads": 2, "layers": 2, "span": 3, "distances": 2},
        {"channels": 6, "heads": 1, "layers": 1, "span": 8, "embedding": 4, "recall": 2, **RELATIVE},
    ),
    "wavenet": (
        {"residual": 6, "skip": 8, "stacks": 1, "dilations": 3},
        {"residual": 6, "skip": 8, "stacks": 2, "dilations": 2, **NADE},
        {"residual": 6, "skip": 8, "stacks": 1, "dilations": 2, **RBM},
    ),
    "guided-wavenet": ({"residual": 6, "skip": 8, "stacks": 1, "dilations": 3, "guide_channels": 3},),
    "samplernn": (
        {"frames": [2], "hidden": 8, "embedding": 4},
        {"frames": [2, 4], "hidden": 8, "embedding": 4, "dropout": 0.0},
        {"frames": [1, 3], "hidden": 6, "cell": "lstm", "layers": 2, "embedding": 4},
        {"frames": [2], "hidden": 8, "embedding": 4, **NADE},
    ),
    "coconet": ({"channels": 6, "blocks": 2, "reach": 3, "passes": 3},),
    "autoencoder": ({**LATENT, "levels": 3}, {**LATENT, "levels": 3, "decoder": "convolution"}),
    "vae": (LATENT, {**LATENT, "decoder": "convolution"}),
    "rbm": ({"hidden": 4}, {"hidden": 3, "learning": "exact"}, {"hidden": 4, "learning": "cd"}),
}
BUDGET = Budget(steps=20, batch_size=8, window=16, learning_rate=0.05, valid_every=10)
TOLERANCE = {"numpy": 1e-9}  # bits that two ways to compute one number may differ by; float32 elsewhere
Case = tuple[str, str, int, str]  # family, framework, variant, space
PAIRS: list[Case] = [
    (name, framework, variant, space)
    for name in MODELS
    for framework in frameworks(name)
    for variant in range(len(TINY.get(name, ({},))))
    for space in SPACES
]


def music(space: Space, n: int = 30, seed: int = 0) -> list[np.ndarray]:
    """Pieces with something to learn: sticky codes, a habit of beginning with 0, and lengths that vary."""
    rng, pieces = np.random.default_rng(seed), []
    codes = space.levels if space.end is None else space.levels - 1
    for _ in range(n):
        x = np.zeros((rng.integers(3, 12), *space.event_shape), np.int64)
        for t in range(1, len(x)):
            x[t] = np.where(rng.random(space.event_shape) < 0.7, x[t - 1], rng.integers(0, codes, space.event_shape))
        pieces.append(x if space.end is None else np.append(x, space.end))
    return pieces


def build(name, framework, variant, space_name):
    return etude.model(name, SPACES[space_name], framework=framework, seed=3, **TINY.get(name, ({},))[variant])


@cache
def refusal(*pair) -> EtudeError | None:
    """Return how a family refuses a space, or a framework its options, or None where all fits."""
    try:
        build(*pair)
    except EtudeError as error:
        return error
    return None


def some(cases: list[Case]) -> list[Case]:
    """Return all cases of the framework that has a family first; in another, each family and each output on one space.

    The logic above the networks is the same; test_frameworks.py proves the networks equal.
    """
    chosen = []
    for (name, framework, variant), found in groupby(cases, key=lambda case: case[:3]):
        fitting = list(found)
        if framework == frameworks(name)[0]:
            chosen += fitting
        elif variant == 0 or name == "memoryless":
            chosen.append(fitting[(variant + len(chosen)) % len(fitting)])
    return chosen


CASES = some([pair for pair in PAIRS if refusal(*pair) is None])


def name_of(case: Case) -> str:
    return "-".join(map(str, case))


@cache
def fitted(name, framework, variant, space_name):
    space = SPACES[space_name]
    model = build(name, framework, variant, space_name)
    model.fit(music(space), music(space, 5, seed=1), BUDGET, seed=7)
    return model


def tolerance(model) -> float:
    return TOLERANCE.get(model.framework, 1e-4)


def steps_of(model) -> int:
    return next(STEPS[name] for name, space in SPACES.items() if space == model.space)


def all_pieces(model) -> list[np.ndarray]:
    """Return every piece of `steps_of(model)` steps; with an end code, every shorter one that it closes too.

    What has not ended by then is a beginning of longer pieces. Only models that read from left to right say how likely
    a beginning is; for others it is left out.
    """
    space = model.space
    shape = (steps_of(model), *space.event_shape)
    arrays = [np.array(codes).reshape(shape) for codes in product(range(space.levels), repeat=int(np.prod(shape)))]
    cut = {cut_at_end(x, space.end).tobytes(): cut_at_end(x, space.end) for x in arrays}
    return [x for x in cut.values() if whole(model, x)]


def whole(model, x) -> bool:
    """Say whether the model has a probability for x."""
    return isinstance(model, Autoregressive) or model.space.end is None or bool(len(x) and x[-1] == model.space.end)


def scored(model, pieces) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of pieces and their standard errors (0 where bits are exact)."""
    if isinstance(model, Autoregressive):  # also of pieces that have not ended
        bits, stderr = np.array([b.sum() for b in model.step_bits(pieces)]), None
    else:
        found = model.bits(pieces)
        bits, stderr = found.values, found.stderr
    p = 2.0**-bits
    return p, np.zeros(len(p)) if stderr is None else np.log(2) * p * stderr


class Recorder:
    """A chooser that returns a known piece and keeps the distributions it is shown."""

    def __init__(self, x):
        self.x, self.shown = x, []

    def walk(self, model) -> np.ndarray:
        """Return the surprise of every entry, as the stepper has it."""
        stepper, bits = model.stepper(1), np.full((len(self.x), model.space.entries), np.nan)
        for t, event in enumerate(self.x.reshape(bits.shape)):

            def choose(p, entries, t=t, event=event):
                assert p.shape == (1, len(entries), model.space.levels)
                self.shown.append(p[0])
                bits[t, entries] = -np.log2(p[0, np.arange(len(entries)), event[entries]])
                return event[entries][None]

            assert np.array_equal(stepper.step(choose)[0].reshape(-1), event)
        return bits.reshape(self.x.shape)
