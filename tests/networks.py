"""What the tests of the sequence models share: weights at which mistakes show, and pieces of several lengths."""

import numpy as np


def enlarged(model, scale=1.5):
    """Return the model with random weights that are large enough that mistakes show."""
    rng = np.random.default_rng(1)
    model._restore({k: rng.normal(size=v.shape) * scale / np.sqrt(v.shape[0]) for k, v in model._arrays().items()})
    return model


def some_pieces(space, lengths=(13, 1, 40, 7), seed=0):
    rng = np.random.default_rng(seed)
    symbols = space.levels - (space.end is not None)
    xs = [rng.integers(0, symbols, (n, *space.event_shape)) for n in lengths]
    return xs if space.end is None else [np.append(x, space.end) for x in xs]
