"""Arrays as the kernels read them: aligned, with sizes that are multiples of what a product takes at once."""

from __future__ import annotations

import numpy as np

from etude.models.compiled.products import ROWS

LINE = 64  # bytes that the processor reads at once


def aligned(shape: tuple[int, ...], dtype=np.float32) -> np.ndarray:
    """Return zeros that begin at a cache line: a vector that lies across two is read twice."""
    room = np.zeros(int(np.prod(shape)) * np.dtype(dtype).itemsize + LINE, np.uint8)
    begin = -room.ctypes.data % LINE
    return room[begin : begin + len(room) - LINE].view(dtype).reshape(shape)


def padded(array: np.ndarray, *shape: int) -> np.ndarray:
    """Return an array Float32[shape] with `array` in its first corner and zeros elsewhere.

    Channels of zeros stay zero through every layer, and make the sizes multiples of `ROWS`.
    """
    room = aligned(shape)
    room[tuple(map(slice, array.shape))] = array
    return room


def whole(size: int) -> int:
    """Return the next multiple of `ROWS`."""
    return -(-size // ROWS) * ROWS


def tables(arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Return what a linear map of the last k events adds for each of them, Float32[k, levels + 2, outputs].

    The map `name` reads k vectors side by side, the oldest first, and with an embedding before it it is a look-up.
    Beside the codes stand the start of the piece, and what was before it; the bias is in the last event's table.
    """
    table, start, weight, bias = (
        arrays[k] for k in ("embedding.table", "embedding.start", f"{name}.weight", f"{name}.bias")
    )
    vectors = np.concatenate([table, start[None], np.zeros_like(start)[None]]).astype(np.float64)
    looked_up = np.einsum("ce,jer->jcr", vectors, weight.reshape(-1, len(start), len(bias)))
    looked_up[-1] += bias
    return padded(looked_up, *looked_up.shape[:2], whole(len(bias)))


def before(levels: int, taps: int, n: int) -> np.ndarray:
    """Return the last events of n streams before their first step, as rows of `tables`: Int64[taps, n]."""
    past = np.full((taps, n), levels + 1)  # nothing, but for the start
    past[-1] = levels
    return past
