"""What the probes learn from: little spaces of every kind that a chapter has, and made-up pieces in them."""

from __future__ import annotations

import numpy as np

from etude.types import Evidence, Space

SPACES = {
    "tokens": Space((), 7, end=6),
    "roll": Space((5,), 3, rate=8.0),
    "keys": Space((4,), 2, rate=8.0),
    "many keys": Space((22,), 2, rate=8.0),  # too many states to count
    "pair": Space((2,), 3, rate=8.0),
    "bands": Space((4,), 6, rate=20.0),
    "sound": Space((), 16, rate=160.0),
    "long sound": Space((), 12, rate=160.0),
}
LENGTHS = {"tokens": (9, 25, 4, 40, 17, 30), "sound": (90, 41, 128), "long sound": (1700, 1500, 900)}
FRAMES = (12, 5, 21, 30, 9)
STAYS = 0.6  # how often a code is that of the step before


def music(space_name: str, count: int, seed: int) -> list[np.ndarray]:
    """Return pieces Int64[T, *E] of several lengths: sticky codes, the low ones oftener than the high ones."""
    space, rng = SPACES[space_name], np.random.default_rng([seed, len(space_name)])
    lengths = LENGTHS.get(space_name, FRAMES)
    codes = space.levels - (space.end is not None)
    weights = 1.0 / np.arange(1, codes + 1)
    pieces = []
    for number in range(count):
        x = rng.choice(codes, (lengths[number % len(lengths)], *space.event_shape), p=weights / weights.sum())
        for t in range(1, len(x)):
            x[t] = np.where(rng.random(space.event_shape) < STAYS, x[t - 1], x[t])
        pieces.append(x if space.end is None else np.append(x, space.end))
    return pieces


def splits(space_name: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return training and validation pieces."""
    return music(space_name, 6, seed=1), music(space_name, 3, seed=2)


def torn(x: np.ndarray) -> Evidence:
    """Return a piece with holes: of every entry, about half is known."""
    return Evidence(x, np.random.default_rng(5).random(x.shape) < 0.5)


def guides(pieces: list[np.ndarray], guide: Space, hop: int) -> list[np.ndarray]:
    """Return a guide Int64[F, *G] for each piece: what is loud now and then."""
    rng = np.random.default_rng(3)
    return [rng.integers(0, guide.levels, (-(-len(x) // hop), *guide.event_shape)) for x in pieces]
