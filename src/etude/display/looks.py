"""Figures of what attention looks at: arcs over a roll, from the step that is foreseen to the events it takes from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from mpl_toolkits.axes_grid1 import make_axes_locatable

from etude.display.house_style import PALETTE, axes
from etude.display.rolls import plot_piano_roll, score_of
from etude.errors import EtudeError

BEND = np.linspace(0, np.pi, 40)
WIDEST = 6.0  # points, of an arc that carries all of a head's weight


def plot_attention(
    weights, music, step: int, ax=None, *, labels: Sequence[str] = (), least: float = 0.04, title: str = ""
):
    """Draw a piano roll and, above it on the same time axis, what heads look at while one step is foreseen.

    Parameters
    ----------
    weights : Float[heads, T, T]
        Rows of each head sum to 1; column s is the event before step s, and column 0 the start of the piece: a layer of
        `etude.models.sequence.attention.Attention.attention`. The steps share the score's time equally.
    music : Score, Piece or Int[T, 88]
    step : int
        The step that is foreseen.
    labels : sequence of str, optional
        Names of the heads.
    least : float
        Weights below it are not drawn.

    Returns
    -------
    ax
        Axes of the roll; those of the arcs are `ax.figure.axes[1]`. An arc is as wide as its weight.
    """
    score, weights = score_of(music), np.asarray(weights, float)
    if weights.ndim != 3 or weights.shape[1] != weights.shape[2] or not 0 <= step < weights.shape[1]:
        raise EtudeError("weights (heads, T, T) and one of the T steps", f"an array {weights.shape}, step {step}")
    if len(labels) not in (0, len(weights)):
        raise EtudeError(f"a label for each of {len(weights)} heads", str(len(labels)))
    labels, seconds = labels or [f"head {i + 1}" for i in range(len(weights))], score.seconds / weights.shape[1]
    ax = plot_piano_roll(score, axes(ax, height=5.0), title="", legend=False)
    above = make_axes_locatable(ax).append_axes("top", size="70%", pad=0.08, sharex=ax)
    ax.axvspan(step * seconds, (step + 1) * seconds, color="#333333", alpha=0.25, linewidth=0)
    for head, row in enumerate(weights[:, step]):
        _draw_arcs(above, row, step, seconds, least, PALETTE[head % len(PALETTE)])
    above.set(ylim=(0, 1.05), xlim=(0, score.seconds), yticks=[], title=title)
    above.tick_params(labelbottom=False)
    handles = [Line2D([], [], color=PALETTE[i % len(PALETTE)], lw=3, label=name) for i, name in enumerate(labels)]
    above.legend(handles=handles, loc="upper left", fontsize=8)
    return ax


def _draw_arcs(ax, row: np.ndarray, step: int, seconds: float, least: float, colour) -> None:
    """Draw an arc to the middle of each event, the further the higher; the start of the piece is the time 0."""
    drawn = np.flatnonzero(row >= least)
    to, at = np.maximum(drawn - 0.5, 0) * seconds, (step + 0.5) * seconds
    arcs = [
        np.stack([(x + at) / 2 + (x - at) / 2 * np.cos(BEND), ((at - x) / at) ** 0.5 * np.sin(BEND)], axis=1)
        for x in to
    ]
    ax.add_collection(LineCollection(arcs, colors=colour, linewidths=WIDEST * row[drawn], alpha=0.75))
