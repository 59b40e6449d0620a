"""Figures of what a convolutional network sees: the taps of stacked dilations, and a receptive field to scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from etude.display.house_style import PALETTE, axes
from etude.display.rolls import plot_piano_roll, score_of
from etude.errors import EtudeError
from etude.types import PITCH

BRACKETS = (*PALETTE[4:6], *PALETTE[8:])  # no voice has these


def taps(kernel: int, dilations: Sequence[int], step: int = 0) -> list[list[tuple[int, int]]]:
    """Return which values each layer reads for one value of the last layer.

    Parameters
    ----------
    kernel : int
        Taps of a convolution.
    dilations : sequence of int
        One number a layer, the first layer first.
    step : int
        Step of the value that is traced back.

    Returns
    -------
    list of list of (int, int)
        For each layer, the pairs (step of its input, step of its output) that the value depends on, sorted.
    """
    wanted, pairs = {step}, []
    for dilation in reversed(dilations):
        found = {(at - tap * dilation, at) for at in wanted for tap in range(kernel)}
        pairs.append(sorted(found))
        wanted = {source for source, _ in found}
    return pairs[::-1]


def plot_dilations(kernel: int, dilations: Sequence[int], ax=None, *, title: str = ""):
    """Draw stacked causal convolutions: dots are values, lines the taps on which the newest value depends.

    The figure of van den Oord et al. (2016, figure 3), for any kernel and dilations.
    """
    pairs = taps(kernel, dilations)
    first, ax = min(source for source, _ in pairs[0]), axes(ax, height=1.2 + 0.5 * len(pairs))
    steps = np.arange(first - 1, 1)
    for layer in range(len(pairs) + 1):
        ax.scatter(steps, np.full(len(steps), layer), s=14, color="#c9c9c9", zorder=2)
    for layer, some in enumerate(pairs):
        lines = [((source, layer), (target, layer + 1)) for source, target in some]
        ax.add_collection(LineCollection(lines, colors=PALETTE[0], linewidths=1.2, zorder=1))
        ax.scatter(*zip(*((s, layer) for s, _ in some), strict=True), s=30, color=PALETTE[0], zorder=3)
    ax.scatter(0, len(pairs), s=45, color=PALETTE[3], zorder=4)
    names = ["input", *(f"layer {i}, dilation {d}" for i, d in enumerate(dilations, start=1))]
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="steps before the newest", ylim=(-0.4, len(pairs) + 0.4), xlim=(first - 1.5, 0.7))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_title(title)
    ax.tick_params(axis="y", length=0)
    return ax


def plot_reach(music, at: float, reaches: Mapping[str, float], ax=None, *, title: str = ""):
    """Draw, over a piano roll, how far back networks see from one moment: brackets to scale.

    Parameters
    ----------
    music : Score, Piece or Int[T, 88]
    at : float
        The moment that is foreseen, in seconds.
    reaches : {name: float}
        Seconds from `at` back to the earliest step seen, one a network.
    """
    score = score_of(music)
    if not 0 < at <= score.seconds or min(reaches.values(), default=0) < 0:
        raise EtudeError(f"a moment in (0, {score.seconds:.1f}] s and reaches >= 0", f"{at}, {dict(reaches)}")
    ax = plot_piano_roll(score, axes(ax, height=3.0 + 0.35 * len(reaches)), title=title, legend=False)
    low, high = ax.get_ylim()
    step = 0.09 * (high - low)
    for row, (name, seconds) in enumerate(reaches.items(), start=1):
        begin, y, colour = max(at - seconds, 0.0), low - row * step, BRACKETS[row % len(BRACKETS)]
        ax.add_patch(Rectangle((begin, y), at - begin, 0.6 * step, color=colour))
        ax.annotate(name, (at, y), xytext=(6, 1), textcoords="offset points", fontsize=9)
    ax.axvline(at, color="#333333", linestyle="--", linewidth=1)
    pitches = score.notes[:, PITCH]
    ax.set_ylim(low - (len(reaches) + 0.5) * step, max(high, pitches.max(initial=0) + 1))
    return ax
