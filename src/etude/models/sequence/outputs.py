"""What a step may be, given the context: the output distributions of the study's grid, without naming a framework.

An output turns the features h Float[..., H] of a context into a distribution over one step of E entries with L levels.

=============  ======================================================  ======================
name           distribution                                            spaces
=============  ======================================================  ======================
categorical    softmax over the levels                                 scalar steps
independent    one softmax per entry, independent given the context    any
nade           one softmax per entry, given the entries below it       vector steps
intervals      nade, with a part that sees by interval                 vector steps
relative       intervals, of the step before too                       vector steps
rbm            a restricted Boltzmann machine over the entries         vector steps
=============  ======================================================  ======================

Every output has `output.weight` Float32[H, E * L] and `output.bias` Float32[E * L]: entry e with code c has the visible
bias a = h @ weight + bias at e * L + c. Alone they are the softmax of `categorical` and `independent`.

NADE (Larochelle & Murray 2011; on a recurrent context RNN-NADE, Boulanger-Lewandowski et al. 2012) adds a hidden layer
of U units, which reads the entries below e. Code 0 (a key that rests) adds nothing to it, so that between two sounding
keys it does not change, and a frame of a few notes costs a few evaluations instead of 88::

    u_e = sigmoid(d + h @ C + sum of R[f * (L - 1) + x_f - 1] over f < e with x_f > 0)
    p(x_e | x_<e, h) = softmax(a_e + (u_e @ V)_e)

with `output.nade.bias` d [U], `.context` C [H, U], `.read` R [E * (L - 1), U], `.write` V [U, E * L].

Intervals, relative. Two voices a third apart mean the same on any key, but NADE learns it for each key anew. Beside
its logits, a small network of R channels looks from an entry at the entries below and, if it is relative, at the step
before, p, by interval, with the same weights for all entries (tied parallel networks: Johnson 2017; intervals in
attention: Huang et al. 2019). The context modulates its second layer::

    s_e = c + h @ G + K_e + sum of P[p_f, e - f] over f with p_f > 0 + sum of Q[x_f, e - f] over f < e with x_f > 0
    v_e = relu(relu(s_e) @ M * (1 + h @ B) + h @ S + m)
    p(x_e | x_<e, p, h) = softmax(a_e + (u_e @ V)_e + v_e @ (W + h @ A))

with NADE's weights and `output.relative.bias` c [R], `.place` K [E, R], `.before` P [L - 1, 2 E - 1, R] (intervals
-(E - 1) .. E - 1), `.below` Q [L - 1, E - 1, R] (1 .. E - 1), `.mix` M [R, R], `.shift` m [R], `.write` W [R, L] and
`.modulation` [H, R (3 + L)], which holds G, B, S and A side by side, A as (R, L). Intervals has no P. Before the
first step p is zero, as it is for a context of no features, which remembers nothing. While learning, all entries of a
step are computed side by side: an entry sees the codes of lower entries only, because the kernel Q has no interval of
zero or less.

RBM (Smolensky 1986; on a recurrent context RNN-RBM, same paper): p(x) is the sum over hidden units z in {0, 1}^U of
exp(-E(x, z)) / Z, where ::

    -E(x, z) = sum_e a[e, x_e] + (d + h @ C + sum_e W[e * L + x_e]) . z

with `output.rbm.bias` d [U], `.context` C [H, U], `.weight` W [E * L, U].
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError, SpaceMismatch, unknown_name
from etude.types import Space

OUTPUTS = {  # name -> revision, raised where a change of the output changes what a fit gives
    "categorical": 1,
    "independent": 1,
    "nade": 1,
    "intervals": 1,
    "relative": 1,
    "rbm": 1,
}
SPOKEN = ("nade", "intervals", "relative")  # outputs that ask entry by entry, with NADE's hidden layer
BY_INTERVAL = ("intervals", "relative")  # of them, those with a part that sees by interval
DEPENDENT = (*SPOKEN, "rbm")  # outputs in which the entries of a step know of each other
HIDDEN = {**dict.fromkeys(SPOKEN, 128), "rbm": 8}  # units of an output's hidden layer, where nothing else is asked for
MOST_RBM_UNITS = 12  # log Z sums over all states of the hidden units: 4096
INTERVAL_CHANNELS = 32  # R of the outputs by interval
INTERVAL_DROPPED = 0.25  # share of them dropped while learning
MOST_LOGITS = 2**17  # entries * levels: beyond, first and last layer alone outgrow what this study trains


def output_options(space: Space, output: str | None = None, output_hidden: int | None = None) -> dict:
    """Return the options `output` and `output_hidden` of a model on `space`, checked.

    Parameters
    ----------
    space : Space
    output : str, optional
        A name in `OUTPUTS`; by default the plainest that fits.
    output_hidden : int, optional
        Units of the output's own hidden layer, of those in `DEPENDENT`.
    """
    output = output or ("independent" if space.event_shape else "categorical")
    if output not in OUTPUTS:
        raise unknown_name("output", output, OUTPUTS)
    if output == "categorical" and space.event_shape:
        raise SpaceMismatch("scalar steps for a categorical output", f"{space}", "Use output='independent'.")
    if output in DEPENDENT and not space.event_shape:
        reason = "A scalar step has one entry, which depends on no other: use output='categorical'."
        raise SpaceMismatch(f"vector steps for the output {output}", f"{space}", reason)
    hidden = HIDDEN.get(output) if output_hidden is None else int(output_hidden)
    if output in DEPENDENT and hidden < 1:
        raise EtudeError("output_hidden >= 1", str(hidden))
    if output == "rbm" and hidden > MOST_RBM_UNITS:
        remedy = "Its log Z is a sum over all states of the hidden units."
        raise EtudeError(f"at most {MOST_RBM_UNITS} hidden units for the output rbm", str(hidden), remedy)
    return {"output": output, "output_hidden": hidden if output in DEPENDENT else None}


def too_large(space: Space) -> str | None:
    """Say why the steps of `space` are too large for a softmax per entry, or None."""
    logits = space.entries * space.levels
    if logits <= MOST_LOGITS:
        return None
    return f"One step has {logits} logits, the limit is {MOST_LOGITS}: use fewer entries or levels."


def output_arrays(
    features: int, space: Space, rng: np.random.Generator, output: str, output_hidden: int | None
) -> dict[str, np.ndarray]:
    """Return the initial weights, near zero: the distribution is uniform until a fit sets the biases."""
    logits, hidden = space.entries * space.levels, output_hidden
    arrays = {
        "output.weight": rng.uniform(-1, 1, (features, logits)) / max(features, 1),
        "output.bias": np.zeros(logits),
    }
    if output in SPOKEN:
        arrays |= {
            "output.nade.bias": np.zeros(hidden),
            "output.nade.context": rng.uniform(-1, 1, (features, hidden)) * np.sqrt(3 / max(features, 1)),
            "output.nade.read": rng.normal(size=(space.entries * (space.levels - 1), hidden)) / 2,
            "output.nade.write": rng.uniform(-1, 1, (hidden, logits)) / hidden,
        }
    if output in BY_INTERVAL:
        arrays |= interval_arrays(features, space, rng, past=output == "relative")
    if output == "rbm":
        arrays |= {
            "output.rbm.bias": np.zeros(hidden),
            "output.rbm.context": rng.uniform(-1, 1, (features, hidden)) / max(features, 1),
            "output.rbm.weight": rng.normal(size=(logits, hidden)) * 0.05,
        }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def interval_arrays(features: int, space: Space, rng: np.random.Generator, past: bool) -> dict[str, np.ndarray]:
    """Return the initial weights of the part that sees by interval: what it adds to the logits is small."""
    shapes, channels = interval_shapes(features, space, past), INTERVAL_CHANNELS
    modulation = rng.uniform(-1, 1, shapes["modulation"]) / np.sqrt(max(features, 1))
    modulation[:, 3 * channels :] *= 0.1
    before = {"before": rng.normal(size=shapes["before"]) * 0.1} if past else {}
    arrays = {
        **before,
        "below": rng.normal(size=shapes["below"]) * 0.1,
        "place": rng.normal(size=shapes["place"]) * 0.1,
        "modulation": modulation,
        "bias": np.zeros(shapes["bias"]),
        "mix": rng.uniform(-1, 1, shapes["mix"]) * np.sqrt(3 / channels),
        "shift": np.zeros(shapes["shift"]),
        "write": np.zeros(shapes["write"]),
    }
    return {f"output.relative.{name}": array for name, array in arrays.items()}


def interval_shapes(features: int, space: Space, past: bool) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights of the part that sees by interval, by their names in it.

    `past` says whether it sees the step before, too.
    """
    entries, levels, channels = space.entries, space.levels, INTERVAL_CHANNELS
    before = {"before": (levels - 1, 2 * entries - 1, channels)} if past else {}
    return {
        **before,
        "below": (levels - 1, entries - 1, channels),
        "place": (entries, channels),
        "modulation": (features, channels * (3 + levels)),
        "bias": (channels,),
        "shift": (channels,),
        "mix": (channels, channels),
        "write": (channels, levels),
    }
