"""Tiny models of every family on each of the spaces so small that every piece can be written down.

A model that is registered is tested from that day on; sizes for speed go into `TINY`.
"""

from functools import cache
from itertools import groupby

import etude
from etude import Budget
from etude.errors import EtudeError
from etude.evaluation.contract.worlds import SPACES, music
from etude.registry import MODELS, frameworks

NADE = {"output": "nade", "output_hidden": 5}
RBM = {"output": "rbm", "output_hidden": 3}
RELATIVE = {"output": "relative", "output_hidden": 4}
INTERVALS = {"output": "intervals", "output_hidden": 4}
LATENT = {"segment": 2, "latent": 2, "hidden": 6, "embedding": 4}
TINY = {
    "memoryless": ({}, NADE, RELATIVE, INTERVALS, RBM),
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
        {"residual": 6, "skip": 8, "stacks": 1, "dilations": 2, **INTERVALS},
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
Case = tuple[str, str, int, str]  # family, framework, variant, space
PAIRS: list[Case] = [
    (name, framework, variant, space)
    for name in MODELS
    for framework in frameworks(name)
    for variant in range(len(TINY.get(name, ({},))))
    for space in SPACES
]


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


def one_space_each(cases: list[Case]) -> list[Case]:
    """Return of every variant of a family in a framework the case of one space, of one after the other."""
    found = [list(same) for _, same in groupby(cases, key=lambda case: case[:3])]
    return [same[number % len(same)] for number, same in enumerate(found)]


def name_of(case: Case) -> str:
    return "-".join(map(str, case))


@cache
def fitted(name, framework, variant, space_name):
    space = SPACES[space_name]
    model = build(name, framework, variant, space_name)
    model.fit(music(space), music(space, 5, seed=1), BUDGET, seed=7)
    return model
