"""Figures of what networks of sound look at, to scale under the waveform: frames of tiers, stretches of the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.patches import Rectangle

from etude.display.house_style import PALETTE, axes
from etude.display.sound import audio_of
from etude.errors import EtudeError

READ, REMEMBERED = 0.95, 0.35  # how opaque a frame is: the one being read, and those that only the state knows
ROW = 0.14  # height of a row, in heights of the waveform


def plot_clocks(music, at: int, frames: Sequence[int], ax=None, *, shown: int = 64, title: str = ""):
    """Draw which samples each tier of a SampleRNN reads for one sample, and which only its state knows (pale).

    Parameters
    ----------
    music : Audio or Piece
    at : int
        The sample that is foreseen.
    frames : sequence of int
        Samples in a frame of each recurrent tier, the fastest first.
    shown : int
        Samples of the past that are drawn.
    """
    rows = {}
    for k, size in reversed(list(enumerate(frames, start=2))):
        newest = at - at % size  # where the last complete frame ends
        bars = [(end - size, end, READ if end == newest else REMEMBERED) for end in range(newest, at - shown, -size)]
        rows[f"tier {k}: a frame of {size} samples"] = bars
    rows[f"tier 1: the last {frames[0]} samples"] = [(begin, begin + 1, READ) for begin in range(at - frames[0], at)]
    return _draw(music, at, rows, ax, shown, title)


def plot_stretches(music, at: int, stretches: Mapping[str, int], ax=None, *, shown: int = 4000, title: str = ""):
    """Draw stretches of the past to scale under the waveform.

    Parameters
    ----------
    music : Audio or Piece
    at : int
        The sample at which they all end.
    stretches : {name: samples}
    shown : int
        Samples of the past that are drawn; a longer stretch is drawn that far.
    """
    if min(stretches.values(), default=1) < 1:
        raise EtudeError("stretches of 1 sample or more", f"{dict(stretches)}")
    return _draw(music, at, {name: [(at - size, at, READ)] for name, size in stretches.items()}, ax, shown, title)


def _draw(music, at: int, rows: Mapping[str, list[tuple[int, int, float]]], ax, shown: int, title: str):
    """Draw the waveform around a sample, and under it a row of bars (begin, end, opacity) for each name."""
    audio = audio_of(music)
    if not 0 < shown <= at < len(audio):
        raise EtudeError(
            f"a sample from {shown} to {len(audio) - 1}", str(at), "As many samples lie before it as shown."
        )
    ax, rate, width = axes(ax, height=2.0 + 0.42 * len(rows)), audio.rate, round(1.45 * shown)
    unit = "ms" if shown < rate / 2 else "s"
    scale = (1000 if unit == "ms" else 1) / rate
    first, last = at - shown, min(at + round(0.05 * shown), len(audio))
    ax.plot(scale * np.arange(first, last), audio.samples[first:last], color=PALETTE[0], linewidth=1)
    peak = max(float(np.abs(audio.samples[first:last]).max()), 0.01)
    for number, (name, bars) in enumerate(rows.items()):
        y = -peak * (1.3 + 2 * ROW * number)
        for begin, end, opacity in bars:
            box = (scale * max(begin, first), y), scale * (end - max(begin, first)), -1.4 * ROW * peak
            ax.add_patch(Rectangle(*box, color=PALETTE[(number + 1) % len(PALETTE)], alpha=opacity, linewidth=0.4))
        ax.annotate(name, (scale * at, y), xytext=(8, -1), textcoords="offset points", va="top", fontsize=9)
    ax.axvline(scale * at, color="#333333", linestyle="--", linewidth=1)
    ax.set_yticks([-peak, 0, peak], [f"{-peak:.2f}", "0", f"{peak:.2f}"])
    ax.set(xlim=(scale * first, scale * (first + width)), ylim=(-peak * (1.3 + 2 * ROW * len(rows)), 1.15 * peak))
    ax.set(xlabel=f"time ({unit})", ylabel="amplitude (of 1)", title=title)
    return ax
