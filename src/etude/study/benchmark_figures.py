"""Figures of the benchmark's test pieces: what each costs, and how far clean and leaked pieces lie apart."""

from __future__ import annotations

import numpy as np
from matplotlib.lines import Line2D

from etude.display.house_style import FLOOR, PALETTE, axes, legend_above


def plot_pieces(table, ax=None, *, title: str = ""):
    """Draw the nats per frame of every piece, a line of points a set, and the number of the whole set as a bar.

    Parameters
    ----------
    table : DataFrame
        From `study.benchmark_pieces.pieces_table`, of several sets. The area of a point goes with a piece's frames; a
        piece that leaks is a cross.
    """
    sets = list(dict.fromkeys(table["set"]))
    ax = axes(ax, height=0.9 + 0.75 * len(sets))
    most = table["frames"].max()
    for y, name in enumerate(reversed(sets)):
        some = table[table["set"] == name]
        jitter = np.random.default_rng(0).uniform(-0.22, 0.22, len(some))
        for leaks, look in ((False, {"marker": "o", "alpha": 0.5}), (True, {"marker": "x", "alpha": 0.9})):
            part = (some["leaks"] == leaks).to_numpy()
            area, colour = 12 + 140 * some["frames"][part] / most, PALETTE[3 if leaks else 0]
            ax.scatter(some["nats"][part], y + jitter[part], s=area, color=colour, linewidths=1, **look)
        pooled = np.average(some["nats"], weights=some["frames"])
        ax.plot([pooled, pooled], [y - 0.33, y + 0.33], color="#222222", linewidth=2)
        ax.annotate(f"{pooled:.2f}", (pooled, y + 0.33), (0, 2), textcoords="offset points", ha="center", fontsize=9)
    ax.set_yticks(range(len(sets)), sets[::-1])
    ax.set(xlabel="nats per frame of a test piece", xlim=(0, 1.04 * table["nats"].max()), ylim=(-0.5, len(sets) - 0.4))
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    looks = [("clean piece", "o", PALETTE[0]), ("leaked piece", "x", PALETTE[3]), ("the whole set", "|", "#222222")]
    handles = [Line2D([], [], linestyle="", marker=m, color=c, markersize=8, label=label) for label, m, c in looks]
    legend_above(ax, handles, title)
    return ax


def plot_gaps(table, ax=None, *, title: str = ""):
    """Draw the gap between clean and leaked pieces with its interval, a line a set and row.

    Parameters
    ----------
    table : DataFrame
        Columns set, row, gap, gap_low, gap_high (nats per frame); what has no gap is left out.
    """
    table = table.dropna(subset="gap").iloc[::-1].reset_index(drop=True)
    ax = axes(ax, height=1.1 + 0.36 * len(table))
    rows = list(dict.fromkeys(table["row"][::-1]))
    for y, line in table.iterrows():
        spans = [[line["gap"] - line["gap_low"]], [line["gap_high"] - line["gap"]]]
        colour = PALETTE[rows.index(line["row"]) % len(PALETTE)]
        ax.errorbar(line["gap"], y, xerr=np.clip(spans, 0, None), fmt="o", color=colour, capsize=3, linewidth=1.8)
        said = f"{line['gap']:+.2f}"
        ax.annotate(said, (line["gap"], y), (0, 6), textcoords="offset points", ha="center", fontsize=9)
    ax.axvline(0, color=FLOOR, linewidth=1.2, zorder=0)
    ax.set_yticks(range(len(table)), [f"{line.set}: {line.row}" for line in table.itertuples()])
    ax.set(xlabel="clean less leaked, nats per frame (above 0: leaked pieces cost less)", ylim=(-0.6, len(table) - 0.2))
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    ax.set_title(title)
    return ax
