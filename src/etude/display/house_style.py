"""The house style of figures: one palette, readable sizes, units on every axis, a text alternative for each figure.

Colours are seaborn's `colorblind` palette (after Okabe and Ito, 2008); floors and compressors are greys, models are
coloured, and no meaning hangs on colour alone. Figures stand on white, so that they read on a dark page as well as on
paper.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

PALETTE = sns.color_palette("colorblind").as_hex()
FLOOR, COMPRESSOR, MUSIC = "#9a9a9a", "#5f5f5f", "#000000"
PITCH_CLASSES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
SETTINGS = {
    "figure.figsize": (9.0, 3.2),
    "figure.dpi": 80,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.8,
    "image.cmap": "magma",
    "image.interpolation": "nearest",
}


def style() -> None:
    """Set the house style for all figures that follow, and give figures in notebooks a text alternative."""
    sns.set_theme(context="notebook", style="ticks", palette=PALETTE, rc=SETTINGS)
    plt.rcParams.update(SETTINGS)
    _describe_in_notebooks()


def axes(ax=None, height: float = 3.2, width: float = 9.0):
    """Return `ax`, or the axes of a new figure of that size (inches) in the house style."""
    if ax is not None:
        return ax
    with plt.rc_context():
        sns.set_theme(context="notebook", style="ticks", palette=PALETTE, rc=SETTINGS)
        return plt.subplots(figsize=(width, height))[1]


def describe(figure) -> str:
    """Return what a figure shows, from its titles and axes: the text for those who cannot see it."""
    parts = []
    for ax in figure.axes:
        title = " ".join(ax.get_title(loc) for loc in ("left", "center", "right")).strip()
        labels = [f"{name}: {label}" for name, label in (("x", ax.get_xlabel()), ("y", ax.get_ylabel())) if label]
        if title or labels:
            parts.append(f"{title} ({'; '.join(labels)})" if title and labels else title or "; ".join(labels))
    heading = figure.get_suptitle()
    return ". ".join([heading, *parts] if heading else parts).replace("\n", " ") or "Figure"


def pitch_names(pitches) -> list[str]:
    """Return scientific names of MIDI pitches, middle C as C4."""
    return [f"{PITCH_CLASSES[int(p) % 12]}{int(p) // 12 - 1}" for p in pitches]


def pitch_axis(ax, low: float, high: float) -> None:
    """Name the pitches on the vertical axis: every C, and every G where the range is below three octaves."""
    low, high = np.floor(low) - 1.5, np.ceil(high) + 1.5
    every = [p for p in range(int(np.ceil(low)), int(high) + 1) if p % 12 == 0 or (high - low < 36 and p % 12 == 7)]
    ax.set(ylim=(low, high), ylabel="pitch")
    ax.set_yticks(every, pitch_names(every))
    ax.grid(axis="y")


def legend_above(ax, handles, title: str = "") -> None:
    """Put a legend in a row over the right end of the axes; the title stands left of it, or above where it is tight."""
    ax.legend(handles=handles, ncols=len(handles), loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    inches = ax.get_position().width * ax.figure.get_figwidth()
    ax.set_title(title, pad=6 if inches > 5.5 or not title else 26)


def png(figure, dpi: int | None = None) -> bytes:
    """Return a figure as PNG bytes."""
    from io import BytesIO

    buffer = BytesIO()
    figure.savefig(
        buffer, format="png", dpi=dpi or 2 * figure.dpi, facecolor=figure.get_facecolor(), bbox_inches="tight"
    )
    return buffer.getvalue()


def _describe_in_notebooks() -> None:
    """Have Jupyter draw figures sharp (two pixels for one), with `describe` as their text, and not echo their axes."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("png")
    shell.display_formatter.ipython_display_formatter.for_type(Axes, lambda ax: None)  # a cell's last value: no echo
    shell.display_formatter.formatters["image/png"].for_type(Figure, _png_with_description)
    shell.display_formatter.formatters["text/plain"].for_type(Figure, lambda figure, p, cycle: p.text(describe(figure)))


def _png_with_description(figure):
    data = png(figure)
    width, height = (int.from_bytes(data[i : i + 4], "big") // 2 for i in (16, 20))  # PNG header: size in pixels
    return data, {"width": width, "height": height, "alt": describe(figure)}
