"""What a step may be, given the context: the output distributions of the study's grid, without naming a framework.

An output turns the features h Float[..., H] of a context into a distribution over one step. Weights, for every output
whose entries are categorical: `output.weight` Float32[H, entries * levels] and `output.bias` Float32[entries * levels];
entry e with code c has the logit h @ weight + bias at e * levels + c.

=============  ====================================================  ===========================
name           distribution                                          spaces
=============  ====================================================  ===========================
categorical    softmax over the levels                               scalar steps
independent    one softmax per entry, independent given the context  any
=============  ====================================================  ===========================
"""

from __future__ import annotations

import numpy as np

from etude.errors import SpaceMismatch, unknown_name
from etude.types import Space

OUTPUTS = ("categorical", "independent")
MOST_LOGITS = 2**17  # entries * levels: beyond, first and last layer alone outgrow what this study trains


def output_for(space: Space, name: str | None = None) -> str:
    """Return the name of the output for `space`: `name` where it fits, by default the plainest that does."""
    if name is None:
        return "independent" if space.event_shape else "categorical"
    if name not in OUTPUTS:
        raise unknown_name("output", name, OUTPUTS)
    if name == "categorical" and space.event_shape:
        raise SpaceMismatch("scalar steps for a categorical output", f"{space}", "Use output='independent'.")
    return name


def too_large(space: Space) -> str | None:
    """Say why the steps of `space` are too large for a softmax per entry, or None."""
    logits = space.entries * space.levels
    if logits <= MOST_LOGITS:
        return None
    return f"One step has {logits} logits, the limit is {MOST_LOGITS}: use fewer entries or levels."


def output_arrays(features: int, space: Space, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the initial weights, near zero: the distribution is uniform until a fit sets the biases."""
    logits = space.entries * space.levels
    weight = rng.uniform(-1, 1, (features, logits)) / features
    return {"output.weight": weight.astype(np.float32), "output.bias": np.zeros(logits, np.float32)}
