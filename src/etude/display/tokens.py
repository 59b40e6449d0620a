"""Figures of streams: tokens and characters as a strip that reads like text."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.patches import Patch, Rectangle

from etude.display.house_style import PALETTE, axes

UNSEEN = {" ": "␣", "\n": "⏎", "\t": "⇥"}


def plot_tokens(tokens: Sequence[str], ax=None, *, per_row: int | None = None, title: str = ""):
    """Draw tokens as a strip of labelled boxes, read like text, one colour a kind.

    Parameters
    ----------
    tokens : sequence of str
        "Kind_value" (``Pitch_60``, ``Bar_None``), or single characters.
    per_row : int, optional
        Boxes in a row; by default 16, or 32 characters.
    """
    tokens = [str(token) for token in tokens]
    kinds = [token.split("_")[0] if "_" in token[1:] else _character_kind(token) for token in tokens]
    colours = dict(zip(dict.fromkeys(kinds), PALETTE * (len(kinds) // len(PALETTE) + 1), strict=False))
    per_row = per_row or (32 if all(len(token) == 1 for token in tokens) else 16)
    rows = -(-len(tokens) // per_row) or 1
    ax = axes(ax, height=9.0 / per_row * rows + 0.8)
    for i, (token, kind) in enumerate(zip(tokens, kinds, strict=True)):
        row, column = divmod(i, per_row)
        ax.add_patch(
            Rectangle((column + 0.03, -row - 0.9), 0.94, 0.8, facecolor=colours[kind] + "40", edgecolor=colours[kind])
        )
        text = token.replace("_None", "").replace("_", "\n") if len(token) > 1 else UNSEEN.get(token, token)
        ax.text(
            column + 0.5,
            -row - 0.5,
            text,
            ha="center",
            va="center",
            fontsize=8,
            linespacing=0.9,
        )
    ax.set(xlim=(0, per_row), ylim=(-rows, 0), xticks=[], yticks=[])
    ax.set_title(title or f"{len(tokens)} tokens, in reading order")
    ax.spines[:].set_visible(False)
    handles = [Patch(facecolor=colour + "40", edgecolor=colour, label=kind) for kind, colour in colours.items()]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=min(len(handles), 8), handlelength=1)
    return ax


def _character_kind(token: str) -> str:
    if len(token) != 1:
        return "word"
    if token.lower() in "abcdefg":
        return "note"
    if token.isdigit() or token == "/":
        return "length"
    return {"z": "rest", "'": "octave", ",": "octave", "^": "accidental", "_": "accidental", "=": "accidental"}.get(
        token, "bar, space, other"
    )
