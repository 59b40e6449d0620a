"""What is asked of a model that a probe has fitted: code lengths, draws, continuations, latents, and so on.

Each function takes the model and its validation pieces and returns what goes into the trace. Only what a user of the
package may call is called.
"""

from __future__ import annotations

import numpy as np

from etude.study.probe_music import torn
from etude.types import Evidence

DRAWN = {"seed": 4, "temperature": 0.9, "top_p": 0.95}
PREFIX = 5


def bits(model, pieces) -> dict:
    """Return code lengths, where the family has them step by step too, and the standard error where it is known."""
    found = model.bits(pieces)
    traced = {"kind": found.kind, "bits": found.values, "stderr": found.stderr}
    if hasattr(model, "step_bits"):
        traced["steps"] = [x.ravel() for x in model.step_bits(pieces[:2])]
    return traced


def totals(model, pieces) -> np.ndarray:
    """Return code lengths of whole pieces."""
    return model.bits(pieces).values


def sample(model, pieces) -> list:
    """Return two draws, sharpened and cut to a nucleus, and a plain one."""
    return [*model.sample(2, 14, **DRAWN), *model.sample(1, 10, seed=3), *model.sample(1, 6, seed=3, temperature=0.0)]


def continued(model, pieces) -> dict:
    """Return the bits of a piece given its beginning, and what the model makes of the beginning."""
    given = model.condition(Evidence.prefix(pieces[0][:PREFIX]))
    return {"bits": given.bits(pieces[:1]).values, "drawn": given.sample(1, 16, **DRAWN)}


def filled(model, pieces) -> list:
    """Return what a model draws into a torn piece."""
    return model.condition(torn(pieces[0])).sample(2, len(pieces[0]), seed=2)


def filled_bits(model, pieces) -> np.ndarray:
    """Return the bits of what was torn out, given the rest."""
    return model.condition(torn(pieces[0])).bits(pieces[:1]).values


def streamed(model, pieces) -> list:
    """Return what the compiled code draws, with a beginning and without, in blocks."""
    plain = list(model.stream(2, 40, block=16, **DRAWN))
    return [*plain, *model.stream(1, 20, seed=2, prefix=pieces[0][:PREFIX])]


def by_kernel(model, pieces) -> list:
    """Return what the compiled code draws for a family that has a kernel and no `stream` of its own."""
    from etude.models.compiled.generator import stream

    return list(stream(model, 2, 30, seed=4, temperature=0.9))


def masked(model, pieces) -> dict:
    """Return what an order-agnostic model says beside its bits: other orders, some entries given others, revision."""
    x, evidence = pieces[0], torn(pieces[0])
    others = [model.ordered(order="random", growth=1.0, passes=5), model.ordered(order_seed=7)]
    return {
        "other orders": [other.bits(pieces[:1]).values for other in others],
        "asked": model.bits_of(x, ~evidence.known, evidence.known),
        "one side": model.bits_of(x, np.arange(len(x))[:, None] > PREFIX, np.arange(len(x))[:, None] < PREFIX),
        "revised": model.condition(evidence).revise([x], 3, seed=1),
        "radius": model.radius,
    }


def latents(model, pieces) -> dict:
    """Return latents of pieces and the way back."""
    x, y = pieces[:2]
    return {
        "encoded": model.encode(x),
        "reconstructed": model.reconstruct(x),
        "between": model.interpolate(x, y, 3, seed=1, temperature=0.5),
        "filled": filled(model, pieces),
        "after a segment": model.condition(Evidence.prefix(x[: model.options["segment"]])).bits([x]).values,
    }


def gaussian(model, pieces) -> dict:
    """Return what a VAE says of its latent."""
    return {
        "kl": model.kl(pieces[:1]),
        "elbo": model.elbo(pieces, 3).values,
        "iwae": model.iwae(pieces, 5).values,
        "active": model.active_units(pieces),
        "reliance": model.reliance(pieces[:2], 2),
    }


def quantised(model, pieces) -> dict:
    """Return what an autoencoder says of its codes."""
    return {"codes": model.codes(pieces[0]), "prior": model.prior(), "parts": model.two_parts(pieces[:2])}


def energy(model, pieces) -> dict:
    """Return what a Boltzmann machine says beside its bits."""
    found = model.log_partition()
    frames = model.frame_bits(pieces[:1])[0]
    return {"log Z": [found.value, found.kind], "free energy": model.free_energy(pieces[0]), "frames": frames}


def annealed(model, pieces) -> list:
    """Return log Z of a Boltzmann machine as a few runs of annealing estimate it, two at least and one."""
    from etude.models.energy.partition import from_both_sides

    rng = np.random.default_rng(6)
    found = [from_both_sides(model.machine, model.base, rng, runs, 12) for runs in (2, 1)]
    return [[one.value, one.stderr, one.reverse, one.reverse_stderr] for one in found]


def field(model, pieces) -> int:
    """Return how many steps back a model sees."""
    return int(model.receptive_field)


def attended(model, pieces) -> list:
    """Return what the heads look at, for the figures of chapter 19: the distance that each looks back on average."""
    looked = model.attention(pieces[0])
    ago = np.arange(looked.shape[-1])[:, None] - np.arange(looked.shape[-1])
    return (looked * ago).sum(axis=-1).mean(axis=-1).ravel()


def gates(model, pieces) -> list:
    """Return what a WaveNet's gates let through, for the figure of chapter 15."""
    return np.asarray(model.gates(pieces[0])).mean(axis=-1).ravel()
