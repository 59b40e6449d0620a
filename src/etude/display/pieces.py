"""Figures of what pieces are made of: pitch classes, durations, the ranges of voices."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import seaborn as sns

from etude.display.house_style import PALETTE, PITCH_CLASSES, axes, pitch_axis
from etude.display.rolls import VOICES, score_of
from etude.errors import EtudeError
from etude.types import DURATION, PITCH, TRACK


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
