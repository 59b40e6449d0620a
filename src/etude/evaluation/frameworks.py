"""Is a model the same in another framework? Tables of differences, for models that have the same weights.

Each function takes one model and says by how much the frameworks differ on it: in log-probabilities, in bits over
pieces, in gradients, in the losses of a fit, in weights that went there and back, and in the files of an entropy coder.
In double precision differences are of the order of 1e-14, unless the networks differ in what they compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log
from typing import Any

import numpy as np

from etude.evaluation.coder import decode, encode
from etude.models.autoregressive import Autoregressive
from etude.models.halves import tables
from etude.models.neural import Neural
from etude.types import Budget

FRAMEWORKS = tuple(tables())


def twins(model: Neural, double: bool = False) -> dict[str, Any]:
    """Return the model in each framework that has it, with the same weights; `double`: in double precision."""
    weights, twins = model._arrays(), {}
    for framework in model.frameworks():
        twin = type(model)(model.space, seed=model.seed, **model.options).on(framework)
        twin._restore(weights)
        twins[framework] = twin.in_double() if double else twin
    return twins


def log_probabilities(model: Autoregressive, x: np.ndarray) -> np.ndarray:
    """Return log p, in nats, of every code of every entry of a piece given what was before it, Float64[T, E, L]."""
    shown, stepper = [], model.stepper(1)
    for event in x.reshape(len(x), model.space.entries):

        def choose(p, entries, event=event):
            shown.append(p[0])
            return event[entries][None]

        stepper.step(choose)
    with np.errstate(divide="ignore"):
        return np.log(np.concatenate(shown)).reshape(len(x), model.space.entries, model.space.levels)


def logits_apart(model: Autoregressive, pieces: Sequence[np.ndarray], double: bool = False) -> dict:
    """Return how far log-probabilities are apart, relative to the largest: `pieces`, `relative`."""
    one, other = twins(model, double=double).values()
    apart = [_relative(log_probabilities(one, x), log_probabilities(other, x)) for x in pieces]
    return {"pieces": len(pieces), "relative": max(apart)}


def bits_apart(model: Neural, pieces: Sequence[np.ndarray], double: bool = False) -> dict:
    """Return how far the bits of pieces are apart: `pieces`, the mean of their `bits`, and `apart` at most."""
    one, other = (twin.bits(pieces).values for twin in twins(model, double=double).values())
    return {"pieces": len(pieces), "bits": float(one.mean()), "apart": float(np.abs(one - other).max())}


def gradients_apart(model: Neural, batch, double: bool = False) -> dict:
    """Return how far the `loss` (nats) and its gradient are apart on a batch, without dropout.

    `relative` is the largest difference in an array of weights, relative to the largest gradient in it, or to a
    hundredth of the largest of all where that is more; `where` names the array. The loss must draw nothing at random.
    """
    (loss, one), (other_loss, other) = (twin.network.gradients(batch) for twin in twins(model, double=double).values())
    least = max(np.abs(gradient).max(initial=0.0) for gradient in one.values()) / 100
    apart = {name: _relative(gradient, other[name], least) for name, gradient in one.items()}
    where = max(apart, key=apart.get)
    return {"loss": loss, "loss_apart": abs(loss - other_loss), "relative": apart[where], "where": where}


def losses_apart(model: Neural, pieces: Sequence[np.ndarray], budget: Budget, double: bool = False) -> list[dict]:
    """Return the loss of every optimiser step of a fit in each framework: rows `step`, one column each, `apart`, nats.

    Dropout, whose coins no two frameworks share, must be 0 in the model's options.
    """
    columns = {}
    for framework, twin in twins(model, double=double).items():
        history = twin.fit(pieces, (), replace(budget, valid_every=1))
        columns[framework] = [row["train"] * log(2) for row in history.rows]
    one, other = columns.values()
    steps = range(1, len(one) + 1)
    rows = zip(steps, one, other, strict=True)
    return [{"step": step, **dict(zip(columns, (a, b), strict=True)), "apart": abs(a - b)} for step, a, b in rows]


def there_and_back(model: Neural) -> dict:
    """Return whether weights come back exactly from a way through the frameworks: `arrays`, `numbers`, `equal`."""
    first, *others = model.frameworks()
    first_weights = weights = model._arrays()
    for framework in (first, *others, first):
        twin = type(model)(model.space, seed=model.seed, **model.options).on(framework)
        twin._restore(weights)
        weights = twin._arrays()
    pairs = [(array, weights.get(name, array[:0])) for name, array in first_weights.items()]
    equal = len(weights) == len(pairs) and all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)
    return {"arrays": len(pairs), "numbers": sum(array.size for array, _ in pairs), "equal": equal}


def files_exchanged(model: Autoregressive, pieces: Sequence[np.ndarray]) -> list[dict]:
    """Return what becomes of files that one framework writes and the other reads, both in double precision.

    Rows, one for each direction: `written`, `read`, `files`, how many decode to the same codes, `equal`, how many are
    byte for byte what the reader would have written, `same_bytes`, their `bytes`, and what they take more than the
    claimed bits, in percent, `excess_percent`.
    """
    models = twins(model, double=True)
    files = {name: [encode(twin, x, portable=True) for x in pieces] for name, twin in models.items()}
    claimed, rows = next(iter(models.values())).bits(pieces).total, []
    for written, read in (tuple(models), tuple(models)[::-1]):
        back = [decode(models[read], data, portable=True) for data in files[written]]
        size = sum(map(len, files[written]))
        rows.append(
            {
                "written": written,
                "read": read,
                "files": len(back),
                "equal": sum(map(np.array_equal, back, pieces)),
                "same_bytes": sum(a == b for a, b in zip(files[written], files[read], strict=True)),
                "bytes": size,
                "excess_percent": 100 * (8 * size / claimed - 1),
            }
        )
    return rows


def _relative(one: np.ndarray, other: np.ndarray, least: float = 0.0) -> float:
    """Return the largest difference of finite numbers, relative to the largest of them, or to `least`."""
    finite = np.isfinite(one) & np.isfinite(other)
    largest = max(np.abs(one[finite]).max(initial=0.0), np.abs(other[finite]).max(initial=0.0), least)
    return float(np.abs(one - other)[finite].max(initial=0.0) / largest) if largest else 0.0
