"""What the tests of the sequence models share: weights at which mistakes show, pieces, and fits that are cut short."""

import numpy as np
import pytest


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


def scores(history):
    return [(row["step"], row["train"], row["valid"]) for row in history.rows]


def cut_short_and_continued(fit, windows, folder, monkeypatch):
    """Check that a fit which was stopped at step 15 goes on from step 10 to 30 as one that was left alone.

    `fit(checkpoint)` gives the model and its `scores`, of 30 steps kept after every 10; its batches are of `windows`.
    """
    (whole, rows), batch = fit(), windows.batch

    def cut(self, step):
        if step == 15:
            raise KeyboardInterrupt
        return batch(self, step)

    monkeypatch.setattr(windows, "batch", cut)
    with pytest.raises(KeyboardInterrupt):
        fit(folder)
    learnt_from = []
    monkeypatch.setattr(windows, "batch", lambda self, step: learnt_from.append(step) or batch(self, step))
    again, rows_again = fit(folder)
    assert learnt_from == list(range(10, 30)) and rows_again == rows
    assert all(np.array_equal(a, again._arrays()[name]) for name, a in whole._arrays().items())
    return rows
