"""Figures of what happens inside a network while it reads a piece."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mpl_toolkits.axes_grid1 import make_axes_locatable

from etude.display.house_style import axes
from etude.display.rolls import plot_piano_roll, score_of
from etude.errors import EtudeError


def plot_activations(
    values, music, ax=None, *, labels: Sequence[str] = (), title: str = "", label: str = "", limits=(0.0, 1.0)
):
    """Draw a piano roll and, under it on the same time axis, activations as a picture: a row for each unit.

    Parameters
    ----------
    values : Float[T, units]
        The steps share the score's time equally; the first unit is drawn at the bottom.
    music : Score, Piece or Int[T, 88]
    labels : sequence of str, optional
        Names of the units, or of as many equal bands of them.
    label : str
        Of the colours.
    limits : (float, float)
        Values of the darkest and the brightest colour.

    Returns
    -------
    ax
        Axes of the roll; those of the picture are `ax.figure.axes[1]`.
    """
    score, values = score_of(music), np.asarray(values, float)
    if values.ndim != 2 or not values.size:
        raise EtudeError("activations (steps, units), at least one of each", f"an array {values.shape}")
    if len(labels) and values.shape[1] % len(labels):
        raise EtudeError(f"labels whose number divides {values.shape[1]} units", str(len(labels)))
    ax = plot_piano_roll(score, axes(ax, height=5.2), title=title)
    below = make_axes_locatable(ax).append_axes("bottom", size="110%", pad=0.15, sharex=ax)
    extent = (0, score.seconds, 0, values.shape[1])
    picture = below.imshow(
        values.T, origin="lower", aspect="auto", extent=extent, vmin=limits[0], vmax=limits[1], interpolation="nearest"
    )
    below.figure.colorbar(picture, cax=below.inset_axes([1.015, 0, 0.015, 1]), label=label)
    if len(labels):
        band = values.shape[1] / len(labels)
        below.set_yticks((np.arange(len(labels)) + 0.5) * band, labels)
        below.hlines(np.arange(1, len(labels)) * band, *extent[:2], color="white", linewidth=0.6)
    below.set(xlabel=ax.get_xlabel(), xlim=(0, score.seconds))
    ax.set_xlabel("")
    ax.tick_params(labelbottom=False)
    return ax
