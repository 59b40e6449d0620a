"""Figures of the polyphonic benchmark: our rows beside the published ones, and what each choice is worth."""

from __future__ import annotations

import numpy as np

from etude.display.house_style import FLOOR, PALETTE, axes


def plot_against_published(rows, ax=None, *, title: str = ""):
    """Draw each row's seeds and median beside the published row of the same kind, best on top.

    Parameters
    ----------
    rows : DataFrame
        Columns model, test (one row per seed), in nats per frame, and published (nan where there is none).
    """
    ax = axes(ax, height=0.9 + 0.36 * rows["model"].nunique())
    medians = rows.groupby("model", sort=False)["test"].median().sort_values(ascending=False)
    for y, (name, median) in enumerate(medians.items()):
        ours = rows[rows["model"] == name]
        published = ours["published"].iloc[0]
        if np.isfinite(published):
            ax.plot([published, median], [y, y], color=FLOOR, linewidth=1.2, zorder=1)
            ax.plot(published, y, "D", color="white", markeredgecolor="#333333", markersize=7, zorder=2)
        ax.plot(ours["test"], [y] * len(ours), "o", color=PALETTE[0], alpha=0.5, markersize=5, zorder=3)
        ax.plot(median, y, "|", color=PALETTE[0], markersize=16, markeredgewidth=2.5, zorder=4)
        ax.annotate(f"{median:.2f}", (median, y), (0, 9), textcoords="offset points", ha="center", fontsize=9)
    ax.set_yticks(range(len(medians)), medians.index)
    ax.set(xlabel="nats per frame of the test split (fewer is better)", ylim=(-0.6, len(medians) - 0.2))
    ax.plot([], [], "|", color=PALETTE[0], markersize=12, markeredgewidth=2.5, label="ours, median of the seeds")
    ax.plot([], [], "D", color="white", markeredgecolor="#333333", label="published")
    ax.legend(loc="upper right")
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    ax.set_title(title)
    return ax


def plot_changes(table, ax=None, *, base: float, unit: str = "nats per frame", title: str = ""):
    """Draw what each change to a model costs, as bars from the model's own number.

    Parameters
    ----------
    table : DataFrame
        Columns part (what is changed), change and value; where it has lowest and highest (of several fits), a line
        spans them.
    base : float
        The number of the model that is changed.
    """
    ax = axes(ax, height=0.9 + 0.36 * len(table))
    table = table.iloc[::-1].reset_index(drop=True)
    parts = list(dict.fromkeys(table["part"][::-1]))
    for y, row in table.iterrows():
        ax.barh(y, row["value"] - base, color=PALETTE[parts.index(row["part"]) % len(PALETTE)], height=0.7)
        spread = [row.get(bound, row["value"]) - base for bound in ("lowest", "highest")]
        ax.plot(spread, [y, y], color="#222222", linewidth=1.5)
        end, label = max(spread[1], 0), f"{row['value'] - base:+.2f}"
        ax.annotate(label, (end, y), (5, 0), textcoords="offset points", va="center", fontsize=9)
    ax.axvline(0, color="#222222", linewidth=1)
    ax.set_yticks(range(len(table)), [f"{row.part}: {row.change}" for row in table.itertuples()])
    ax.set(xlabel=f"{unit} more than the best model's {base:.2f}")
    ax.margins(x=0.12)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    ax.set_title(title)
    return ax
