"""Figures of a table whose rows and columns are two choices: every pair a coloured cell with its number."""

from __future__ import annotations

import numpy as np

from etude.display.house_style import axes


def plot_grid(table, ax=None, *, unit: str, digits: int = 2, title: str = "", map: str = "viridis_r"):
    """Draw a table of numbers as coloured cells; empty cells stay white.

    Parameters
    ----------
    table : DataFrame
        Rows and columns are named by its index and its columns.
    unit : str
        Of the numbers: the label of the colours.
    digits : int
        Decimals of the numbers in the cells.
    map : str
        matplotlib's name of the colours, by default dark for many.
    """
    values = table.to_numpy(float)
    ax = axes(ax, height=1.4 + 0.55 * len(table), width=2.6 + 1.6 * values.shape[1])
    picture = ax.imshow(np.ma.masked_invalid(values), cmap=map, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            light = sum(picture.cmap(picture.norm(value))[:3]) / 3 > 0.5
            ax.text(column, row, f"{value:.{digits}f}", ha="center", va="center", color="black" if light else "white")
    ax.set_xticks(range(values.shape[1]), [str(name) for name in table.columns])
    ax.set_yticks(range(len(values)), [str(name) for name in table.index])
    ax.set(xlabel=table.columns.name or "", ylabel=table.index.name or "")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(picture, ax=ax, label=unit, shrink=0.9)
    ax.set_title(title)
    return ax
