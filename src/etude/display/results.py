"""Figures of measurements: learning curves, and code lengths against their floors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from etude.display.house_style import COMPRESSOR, FLOOR, MUSIC, PALETTE, axes
from etude.errors import unknown_name
from etude.registry import FLOORS
from etude.types import History

COMPRESSORS = ("xz", "ppmd", "flac", "lzma", "bz2", "gzip", "zlib")
OVER = {"step": "optimiser steps", "seconds": "seconds", "cpu_seconds": "CPU seconds"}  # what a curve is drawn over
ROLES = {"floor": FLOOR, "compressor": COMPRESSOR, "music": MUSIC, "model": PALETTE[0]}


def plot_learning_curve(
    history,
    ax=None,
    *,
    floors: Mapping[str, float] | None = None,
    unit: str = "bits per step",
    scale: float = 1.0,
    against: str = "step",
    title: str = "",
):
    """Draw training and validation bits against optimiser steps or seconds, with floors as dashed lines.

    Parameters
    ----------
    history : History, or {name: History}
        With several, validation only, one colour each.
    floors : {name: bits}, optional
        In the unit of the figure.
    scale : float
        Multiplies the history's bits per step, for another `unit` (steps a second give bits per second).
    against : {"step", "seconds", "cpu_seconds"}
        What the rows of the history are drawn over.
    """
    if against not in OVER:
        raise unknown_name("column of a history", against, OVER)
    ax = axes(ax)
    histories = history if isinstance(history, Mapping) else {"": history}
    for i, (name, one) in enumerate(histories.items()):
        _draw_history(ax, one, name, PALETTE[i % len(PALETTE)], scale, against, alone=len(histories) == 1)
    for name, bits in (floors or {}).items():
        ax.axhline(bits, color=FLOOR, linestyle="--", linewidth=1.2)
        ax.annotate(
            f"{name} {bits:.2f}",
            (1, bits),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=9,
            color="#555555",
        )
    ax.set(xlabel=OVER[against], ylabel=unit, xlim=(0, None))
    ax.set_title(title)
    ax.grid(axis="y")
    ax.legend()
    return ax


def _draw_history(ax, history: History, name: str, colour, scale: float, against: str, alone: bool) -> None:
    rows = history.rows
    for part, look in (
        ("train", {"color": PALETTE[1], "alpha": 0.9}),
        ("valid", {"color": colour, "marker": "o", "markersize": 4}),
    ):
        points = [(row[against], scale * row[part]) for row in rows if None not in (row.get(part), row.get(against))]
        if points and (alone or part == "valid"):
            ax.plot(
                *zip(*points, strict=True),
                label={"train": "training", "valid": "validation"}[part] if alone else name,
                **look,
            )
    best = [
        row for row in rows if row["step"] == history.best_step and None not in (row.get("valid"), row.get(against))
    ]
    if best:
        ax.plot(
            best[0][against],
            scale * best[0]["valid"],
            "o",
            markersize=10,
            fillstyle="none",
            color=colour,
            label="kept" if alone else None,
        )


def plot_bits(table, ax=None, *, value: str = "bits_per_second", name: str = "model", unit: str = "", title: str = ""):
    """Draw code lengths as horizontal bars, the shortest code on top, with their intervals.

    Parameters
    ----------
    table : DataFrame or list of dicts
        Columns `name`, `value`; optionally `low` and `high` (the interval), `role` ("floor", "compressor", "model" or
        "music"; by default told from the name) and `representation`, which colours the models.
    unit : str
        Of the axis; by default the column's name with spaces.
    """
    import pandas as pd

    table = pd.DataFrame(table).sort_values(value, ascending=False, ignore_index=True)
    ax = axes(ax, height=0.9 + 0.36 * len(table))
    roles = list(table["role"]) if "role" in table else [_role(n) for n in table[name]]
    groups = list(dict.fromkeys(table["representation"])) if "representation" in table else []
    groups = groups if len(groups) > 1 else []  # one for all needs no saying on every bar
    colours = [
        PALETTE[groups.index(row["representation"]) % len(PALETTE)] if groups and role == "model" else ROLES[role]
        for role, (_, row) in zip(roles, table.iterrows(), strict=True)
    ]
    labels = [f"{row[name]}, {row['representation']}" if groups else str(row[name]) for _, row in table.iterrows()]
    ax.barh(range(len(table)), table[value], color=colours, height=0.72)
    right = table[value].to_numpy(float)
    if {"low", "high"} <= set(table):
        right = np.fmax(right, table["high"].to_numpy(float))
        spans = np.abs(np.stack([table[value] - table["low"], table["high"] - table[value]]).astype(float))
        ax.errorbar(table[value], range(len(table)), xerr=spans, fmt="none", ecolor="#222222", capsize=3, linewidth=1.2)
    for y, (end, bits) in enumerate(zip(right, table[value], strict=True)):
        ax.annotate(f"{bits:.2f}", (end, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(range(len(table)), labels)
    ax.set(xlabel=unit or value.replace("_", " "), xlim=(0, 1.1 * max(right.max(initial=0), 1e-9)))
    ax.set_title(title)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    return ax


def plot_annealing(table, ax=None, *, counted: float | None = None, title: str = ""):
    """Draw estimates of log Z from both sides against the number of annealing steps; bars are one standard error.

    Parameters
    ----------
    table : DataFrame or list of dicts
        Of `evaluation.annealing_table`; columns `lower` and `upper`, where there, are drawn as a band.
    counted : float, optional
        The true log Z in nats, where the machine is small enough.
    """
    import pandas as pd

    table, ax = pd.DataFrame(table), axes(ax)
    for side, shift, marker in (("forward", 0.97, "o"), ("reverse", 1.03, "s")):  # apart, so that no bar hides another
        look = {"marker": marker, "capsize": 3, "label": f"{side} annealing"}
        ax.errorbar(shift * table["temperatures"], table[side], table[f"{side}_stderr"], **look)
    if {"lower", "upper"} <= set(table):
        look = {"color": FLOOR, "alpha": 0.35, "linewidth": 0, "label": "mean log weights", "zorder": 0}
        ax.fill_between(table["temperatures"], table["lower"], table["upper"], **look)
    if counted is not None:
        ax.axhline(counted, color=MUSIC, linestyle="--", linewidth=1.2, label="counted")
    ax.set(xscale="log", xlabel="annealing steps", ylabel="log Z (nats)")
    ax.set_title(title)
    ax.grid(axis="y")
    ax.legend()
    return ax


def _role(name) -> str:
    first = str(name).lower().replace("_", "-").split()[0] if str(name).strip() else ""
    return "floor" if first in FLOORS else "compressor" if first.rstrip("0123456789") in COMPRESSORS else "model"
