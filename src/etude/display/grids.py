"""Figures of a table whose rows and columns are two choices: every pair a coloured cell with its number."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import MaxNLocator

from etude.display.house_style import axes


def plot_grid(table, ax=None, *, unit: str, digits: int = 2, log: bool = False, title: str = ""):
    """Draw a table of numbers as coloured cells; empty cells stay white.

    Parameters
    ----------
    table : DataFrame
        Rows and columns are named by its index and its columns.
    unit : str
        Of the numbers: the label of the colours.
    digits : int
        Decimals of the numbers in the cells.
    log : bool
        Colour by the logarithm, where one row is far from the others.
    """
    values = table.to_numpy(float)
    ax = axes(ax, height=1.4 + 0.55 * len(table), width=2.6 + 1.6 * values.shape[1])
    norm = LogNorm() if log else None
    picture = ax.imshow(np.ma.masked_invalid(values), cmap="viridis_r", norm=norm, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            light = sum(picture.cmap(picture.norm(value))[:3]) / 3 > 0.5
            ax.text(column, row, f"{value:.{digits}f}", ha="center", va="center", color="black" if light else "white")
    ax.set_xticks(range(values.shape[1]), [str(name) for name in table.columns])
    ax.set_yticks(range(len(values)), [str(name) for name in table.index])
    ax.set(xlabel=table.columns.name or "", ylabel=table.index.name or "")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(picture, ax=ax, label=unit, shrink=0.9)
    if log:  # a few whole numbers say more than powers of ten
        bar.set_ticks(MaxNLocator(5).tick_values(*picture.get_clim()), minor=False)
        bar.ax.yaxis.set_major_formatter("{x:g}")
        bar.ax.minorticks_off()
    ax.set_title(title)
    return ax
