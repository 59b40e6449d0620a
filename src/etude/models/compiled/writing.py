"""The loop of every kernel: advance, take, remember. What a family does in a step is found by the type of its weights.

A family calls `steps_of(Weights, advance, remember)` with two compiled parts::

    advance(w, s, t)          read the last event and compute the logits of step t, counted from the call of `write`
    remember(s, codes, t)     take notice of the codes Int64[T, n] of step t
"""

from __future__ import annotations

from collections.abc import Callable

from numba import types
from numba.extending import overload

from etude.models.compiled.choosing import take
from etude.models.compiled.jit import OPTIONS, kernel


def advance(w, s, t):
    """Stand for a family's part where `write` is compiled."""


def remember(w, s, codes, t):
    """Stand for a family's part where `write` is compiled."""


def steps_of(weights: type, go_on: Callable, keep: Callable) -> None:
    """Let `write` do a family's steps where it is called with its weights."""

    @overload(advance, jit_options=OPTIONS)
    def _advance(w, s, t):
        if isinstance(w, types.NamedTuple) and w.instance_class is weights:
            return lambda w, s, t: go_on(w, s, t)

    @overload(remember, jit_options=OPTIONS)
    def _remember(w, s, codes, t):
        if isinstance(w, types.NamedTuple) and w.instance_class is weights:
            return lambda w, s, codes, t: keep(s, codes, t)


@kernel
def write(w, s, known, uniforms, temperature, top_p, codes, shown):
    """Write codes Int64[T, n]: the first are `known` Int64[K, n], the others drawn by `uniforms` Float64[T - K, n].

    Logits before each step go to `shown` Float32[T, n, levels], unless it is empty.
    """
    for t in range(len(codes)):
        advance(w, s, t)
        take(t, s, known, uniforms, temperature, top_p, codes, shown)
        remember(w, s, codes, t)
