"""Figures of measurements: learning curves, code lengths against their floors, what pieces are made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seaborn as sns

from etude.display.house_style import COMPRESSOR, FLOOR, MUSIC, PALETTE, PITCH_CLASSES, axes, pitch_axis
from etude.display.rolls import VOICES, score_of
from etude.errors import EtudeError
from etude.registry import FLOORS
from etude.types import DURATION, PITCH, TRACK, History

COMPRESSORS = ("xz", "ppmd", "flac", "lzma", "bz2", "gzip", "zlib")
ROLES = {"floor": FLOOR, "compressor": COMPRESSOR, "music": MUSIC, "model": PALETTE[0]}


def plot_learning_curve(
    history,
    ax=None,
    *,
    floors: Mapping[str, float] | None = None,
    unit: str = "bits per step",
    scale: float = 1.0,
    title: str = "",
):
    """Draw training and validation bits against optimiser steps, with floors as dashed lines.

    Parameters
    ----------
    history : History, or {name: History}
        With several, validation only, one colour each.
    floors : {name: bits}, optional
        In the unit of the figure.
    scale : float
        Multiplies the history's bits per step, for another `unit` (steps a second give bits per second).
    """
    ax = axes(ax)
    histories = history if isinstance(history, Mapping) else {"": history}
    for i, (name, one) in enumerate(histories.items()):
        _draw_history(ax, one, name, PALETTE[i % len(PALETTE)], scale, alone=len(histories) == 1)
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
    ax.set(xlabel="optimiser steps", ylabel=unit, xlim=(0, None))
    ax.set_title(title)
    ax.grid(axis="y")
    ax.legend()
    return ax


def _draw_history(ax, history: History, name: str, colour, scale: float, alone: bool) -> None:
    rows = history.rows
    for part, look in (
        ("train", {"color": PALETTE[1], "alpha": 0.9}),
        ("valid", {"color": colour, "marker": "o", "markersize": 4}),
    ):
        points = [(row["step"], scale * row[part]) for row in rows if row.get(part) is not None]
        if points and (alone or part == "valid"):
            ax.plot(
                *zip(*points, strict=True),
                label={"train": "training", "valid": "validation"}[part] if alone else name,
                **look,
            )
    best = [row for row in rows if row["step"] == history.best_step and row.get("valid") is not None]
    if best:
        ax.plot(
            best[0]["step"],
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


def _role(name) -> str:
    first = str(name).lower().replace("_", "-").split()[0] if str(name).strip() else ""
    return "floor" if first in FLOORS else "compressor" if first.rstrip("0123456789") in COMPRESSORS else "model"


def plot_pitch_classes(music, ax=None, *, title: str = ""):
    """Draw which pitch classes sound, as shares of the sounding time; {name: pieces} compares."""
    return _bars(music, ax, _pitch_class_shares, PITCH_CLASSES, "pitch class", "share of time (%)", title)


def plot_durations(music, ax=None, *, title: str = ""):
    """Draw how long notes are, in quarters, as shares of the notes; {name: pieces} compares."""
    values = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4)
    names = ["¼", "½", "¾", "1", "1½", "2", "3", "4"]

    def shares(scores):
        lengths = np.concatenate([s.notes[:, DURATION] / s.ticks_per_quarter for s in scores] or [np.zeros(0)])
        nearest = np.abs(lengths[:, None] - np.array(values)).argmin(axis=1)
        return np.bincount(nearest, minlength=len(values)) / max(len(lengths), 1)

    return _bars(music, ax, shares, names, "duration (quarters, nearest of these)", "share of notes (%)", title)


def _pitch_class_shares(scores) -> np.ndarray:
    notes = [(s.notes[:, PITCH] % 12, s.notes[:, DURATION] / s.ticks_per_quarter) for s in scores]
    total = sum((np.bincount(pitch, weights=time, minlength=12) for pitch, time in notes), np.zeros(12))
    return total / max(total.sum(), 1e-12)


def _bars(music, ax, shares, names, xlabel: str, ylabel: str, title: str):
    import pandas as pd

    groups = music if isinstance(music, Mapping) else {"": music}
    rows = []
    for group, pieces in groups.items():
        values = shares([score_of(piece) for piece in (pieces if isinstance(pieces, (list, tuple)) else [pieces])])
        rows += [{"group": group, "name": n, "share": 100 * v} for n, v in zip([*names], [*values], strict=True)]
    ax = axes(ax, height=2.8)
    hue = "group" if isinstance(music, Mapping) else None
    sns.barplot(
        pd.DataFrame(rows),
        x="name",
        y="share",
        hue=hue,
        ax=ax,
        color=None if hue else PALETTE[0],
        palette=PALETTE[: len(groups)] if hue else None,
    )
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_title(title)
    ax.grid(axis="y")
    if hue:
        ax.legend(title=None)
    return ax


def plot_voice_ranges(pieces, ax=None, *, title: str = ""):
    """Draw on which pitches each voice (track) spends its time."""
    import pandas as pd

    scores = [score_of(piece) for piece in pieces]
    rows = [
        pd.DataFrame(
            {"voice": s.notes[:, TRACK], "pitch": s.notes[:, PITCH], "time": s.notes[:, DURATION] / s.ticks_per_quarter}
        )
        for s in scores
    ]
    if not rows:
        raise EtudeError("at least one piece", "none")
    notes = pd.concat(rows).groupby(["voice", "pitch"], as_index=False)["time"].sum()
    voices = sorted(notes["voice"].unique())
    names = dict(zip(voices, VOICES if len(voices) == 4 else [f"track {v}" for v in voices], strict=True))
    sixteenths = (4 * notes["time"]).round().astype(int).clip(lower=1)
    notes = notes.loc[notes.index.repeat(sixteenths)].assign(voice=lambda rows: rows["voice"].map(names))
    ax = axes(ax, height=3.8, width=7)
    sns.violinplot(
        notes,
        x="voice",
        y="pitch",
        hue="voice",
        inner="quart",
        cut=0,
        bw_adjust=0.9,
        legend=False,
        palette=PALETTE[: len(voices)],
        linewidth=1,
        ax=ax,
    )
    pitch_axis(ax, notes["pitch"].min(), notes["pitch"].max())
    ax.set(xlabel="voice (width: share of its time; lines: quartiles)")
    ax.set_title(title)
    return ax
