"""Spectrograms side by side, on one scale of frequencies and one of levels: a sound beside what became of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from etude.display.sound import plot_spectrogram
from etude.errors import EtudeError


def plot_spectrograms(
    pictures: Mapping[str, np.ndarray],
    representation,
    *,
    columns: int = 3,
    lowest: float = 60.0,
    highest: float | None = None,
    between: tuple[float, float] | None = None,
):
    """Draw codes of one spectrogram as panels that share their axes and their colours.

    Parameters
    ----------
    pictures : {title: Int[T, F]}
    representation : Spectrogram
        Whose codes they are.
    columns : int
        Panels in a row.
    lowest, highest : float
        Ends of the frequency axis in Hz; by default it goes up to the last band.
    between : (float, float), optional
        Seconds that are marked in every panel by two lines.

    Returns
    -------
    Figure
    """
    from matplotlib import pyplot

    if not pictures:
        raise EtudeError("at least one spectrogram", "none")
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    size = {"figsize": (3.2 * columns + 1.2, 2.7 * rows), "layout": "constrained"}
    figure, axs = pyplot.subplots(rows, columns, sharey=True, squeeze=False, **size)
    for ax in axs.flat[len(pictures) :]:
        ax.set_axis_off()
    for place, (ax, (title, codes)) in enumerate(zip(axs.flat, pictures.items(), strict=False)):
        _draw(ax, codes, representation, title, highest, between)
        ax.set_ylim(bottom=lowest)
        if place % columns:
            ax.set_ylabel("")
    scale = pyplot.cm.ScalarMappable(pyplot.Normalize(representation.floor_db, 0), "magma")
    figure.colorbar(scale, ax=axs, pad=0.02, label="level (dB of full scale)")
    return figure


def _draw(ax, codes: np.ndarray, representation, title: str, highest, between) -> None:
    plot_spectrogram(codes, ax, representation=representation, notes=False, highest=highest, title=title)
    mesh = ax.collections[0]
    mesh.colorbar.remove()  # one for all panels stands beside them
    mesh.set(clim=(representation.floor_db, 0), cmap="magma")
    ax.title.set_fontsize(10)
    for second in between or ():
        ax.axvline(second, color="#7fd4ff", linewidth=1.5)
