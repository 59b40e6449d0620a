"""Figures over the keyboard: what each key is worth to a unit, with the names of the keys that matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.display.house_style import PALETTE, PITCH_CLASSES, axes, pitch_names
from etude.errors import EtudeError
from etude.types import LOWEST_KEY

BLACK = (1, 3, 6, 8, 10)  # pitch classes of the black keys


def plot_key_weights(
    weights, ax=None, *, lowest: int = LOWEST_KEY, span: tuple[int, int] | None = None, named: int = 4, title: str = ""
):
    """Draw one weight a key as bars over a keyboard, excited keys upwards, and name the `named` most excited.

    Parameters
    ----------
    weights : Float[K]
        Of keys in rising order.
    lowest : int
        MIDI pitch of the first key; for weights of the twelve pitch classes, 0 names them without octaves.
    span : (int, int), optional
        MIDI pitches of the outermost keys that are shown.
    named : int
        Keys with a positive weight that get their names, the heaviest first.
    """
    weights, ax = np.asarray(weights, np.float64), axes(ax, height=2.0)
    if weights.ndim != 1 or not len(weights):
        raise EtudeError("one weight for each key", f"an array of shape {weights.shape}")
    pitches = lowest + np.arange(len(weights))
    low, high = span or (pitches[0], pitches[-1])
    for pitch in range(low, high + 1):
        if pitch % 12 in BLACK:
            ax.axvspan(pitch - 0.5, pitch + 0.5, color="#e9e9e9", linewidth=0, zorder=0)
    ax.bar(pitches, weights, width=0.8, color=np.where(weights > 0, PALETTE[0], PALETTE[3]))
    ax.axhline(0, color="#333333", linewidth=0.8)
    for pitch, name in zip(*_most_excited(weights, pitches, low, high, named), strict=True):
        ax.annotate(name, (pitch, weights[pitch - lowest]), ha="center", va="bottom", rotation=90, fontsize=7)
    _name_axis(ax, low, high, lowest)
    room = 0.25 * max(np.ptp(np.append(weights, 0)), 1e-9)  # for the names
    ax.set(xlim=(low - 0.5, high + 0.5), ylabel="weight", ylim=(None, max(weights.max(), 0) + room))
    ax.set_title(title)
    return ax


def _most_excited(weights, pitches, low: int, high: int, named: int) -> tuple[Sequence[int], list[str]]:
    """Return the pitches that get a name, rising, and the names."""
    seen = (pitches >= low) & (pitches <= high) & (weights > 0)
    chosen = np.sort(pitches[np.argsort(np.where(seen, -weights, np.inf), kind="stable")][: min(named, seen.sum())])
    return chosen, _names(chosen, pitches[0])


def _names(pitches, lowest: int) -> list[str]:
    return [PITCH_CLASSES[p] for p in pitches] if lowest == 0 else pitch_names(pitches)


def _name_axis(ax, low: int, high: int, lowest: int) -> None:
    ticks = [p for p in range(low, high + 1) if lowest == 0 or p % 12 == 0]
    ax.set_xticks(ticks, _names(ticks, lowest))
    ax.set_xlabel("pitch class" if lowest == 0 else "key")
