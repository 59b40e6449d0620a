"""Several piano rolls side by side, on one scale of keys: a piece beside its reconstruction, a way between two."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from etude.display.house_style import pitch_axis
from etude.display.rolls import draw_codes, span_of
from etude.errors import EtudeError
from etude.types import LOWEST_KEY


def plot_rolls_in_a_row(rolls: Mapping[str, np.ndarray], axs=None, *, lowest: int = LOWEST_KEY, every: int = 16):
    """Draw the arrays of piano rolls in a row: off white, onset dark, hold light.

    Parameters
    ----------
    rolls : {title: Int[T, K]}
        0 off, 1 onset (or on), 2 hold.
    axs : sequence of Axes, optional
        One for each; by default those of a new figure.
    lowest : int
        MIDI pitch of the first key.
    every : int
        Steps between two vertical lines; 0 for none.

    Returns
    -------
    axs
    """
    from matplotlib import pyplot

    if not rolls:
        raise EtudeError("at least one roll", "none")
    if axs is None:
        axs = pyplot.subplots(1, len(rolls), figsize=(9, 3.2), sharey=True, squeeze=False, layout="constrained")[1][0]
    for ax, (title, codes) in zip(axs, rolls.items(), strict=True):
        _draw(ax, np.asarray(codes), lowest, every)
        ax.set_title(title, fontsize=10)
    together = np.concatenate([np.asarray(codes) for codes in rolls.values()])
    pitch_axis(axs[0], *span_of(together, lowest))
    for ax in axs[1:]:
        ax.set_ylim(axs[0].get_ylim())
        ax.tick_params(left=False, labelleft=False)
    axs[len(axs) // 2].set_xlabel("time (steps)")
    return axs


def _draw(ax, codes: np.ndarray, lowest: int, every: int) -> None:
    draw_codes(ax, codes, lowest)
    for step in range(every, len(codes), every) if every else ():
        ax.axvline(step, color="#bbbbbb", linewidth=0.8)
    ax.set_xticks([0, len(codes)])
