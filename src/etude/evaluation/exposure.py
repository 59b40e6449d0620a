"""Exposure bias: a model that learnt from music only, and reads what it wrote itself.

While it learns, a model of p(x_t | x_<t) sees pasts that somebody composed. When it writes, the past is its own, faults
included (Ranzato et al. 2016, "Sequence level training with recurrent neural networks", section 1, who name it). Two
kinds of draws tell the faults of a step from those that they lead to: `one_step` draws every step after the music's own
past, `continued` goes on from openings and reads its own. What is counted here are clashes, bar by bar.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.chords import clashes
from etude.models.autoregressive import Autoregressive, draw, grow
from etude.types import LOWEST_KEY


def continued(
    model: Autoregressive,
    openings: np.ndarray,
    steps: int,
    seed: int = 0,
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> list[np.ndarray]:
    """Return one continuation of each opening.

    Parameters
    ----------
    model : Autoregressive
    openings : Int[n, P, *E]
        Each piece has an opening of its own, of equal length. `Model.sample` has one for all.
    steps : int
        Of a whole piece, its opening included: at least P.
    seed, temperature, top_p
        As in `Model.sample`.

    Returns
    -------
    list of Int[T, *E]
        T is `steps`, or fewer where a space has an end.
    """
    openings = np.asarray(openings)
    if openings.ndim < 2 or not len(openings) or openings.shape[1] > steps:
        raise EtudeError(f"openings Int[n, P, ...] of at most {steps} steps", f"shape {openings.shape}")
    known = np.stack([model.space.check(x) for x in openings]).reshape(*openings.shape[:2], -1)
    stepper, free = model.stepper(len(known)), draw(np.random.default_rng(seed), temperature, top_p)

    def write(t: int) -> np.ndarray:
        return stepper.step(free if t >= known.shape[1] else lambda p, entries: known[:, t][:, entries])

    return grow(len(known), steps, model.space, write)


def one_step(model: Autoregressive, xs: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return what the model would have written at every step after the music's own past, Int[n, T, *E].

    Parameters
    ----------
    model : Autoregressive
        Its entries of a step must be independent given the past: an output that asks for one key after the other
        would be told the music's own keys of the chord that it is to draw.
    xs : Int[n, T, *E]
        Pieces of equal length.
    """
    known = np.stack([model.space.check(x) for x in xs])
    flat, free, drawn = known.reshape(*known.shape[:2], -1), draw(np.random.default_rng(seed)), []
    stepper = model.stepper(len(flat))
    for t in range(flat.shape[1]):

        def choose(p, entries, now=flat[:, t]):
            if len(entries) != now.shape[1]:
                raise EtudeError("an output whose entries are independent", model.name, "Use `continued`.")
            drawn.append(free(p, entries))
            return now

        stepper.step(choose)
    return np.stack(drawn, axis=1).reshape(known.shape)


def clashing_by_bar(rolls: np.ndarray, bar: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Return the chords that clash and all chords of every bar, Int[n, T // bar] both.

    Parameters
    ----------
    rolls : Int[n, T, 88]
        Codes of the piano roll, 0 off, 1 struck, 2 held. A chord is what sounds in a frame where a key is struck; it
        clashes where two pitches are a semitone apart, octaves removed (`etude.evaluation.chords`).
    bar : int
        Frames of a bar.
    """
    rolls = np.asarray(rolls)[:, : rolls.shape[1] // bar * bar]
    struck = (rolls == 1).any(axis=2)
    wrong = [
        [s and clashes(_pitches(frame)) for frame, s in zip(*one, strict=True)]
        for one in zip(rolls, struck, strict=True)
    ]
    bars = (len(rolls), -1, bar)
    return np.reshape(wrong, bars).astype(int).sum(axis=2), struck.reshape(bars).astype(int).sum(axis=2)


def _pitches(frame: np.ndarray) -> tuple[int, ...]:
    return tuple((LOWEST_KEY + np.flatnonzero(frame)).tolist())
