"""Figures of scores: piano rolls, surprise under the roll, round trips."""

from __future__ import annotations

import numpy as np
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch, Rectangle
from mpl_toolkits.axes_grid1 import make_axes_locatable

from etude.display.house_style import PALETTE, axes, legend_above, pitch_axis
from etude.errors import EtudeError
from etude.models.totals import step_totals
from etude.registry import representation
from etude.types import DURATION, LOWEST_KEY, NOMINAL_BPM, ONSET, PITCH, TRACK, Piece, Score

SIXTEENTH = 60 / NOMINAL_BPM / 4  # seconds
VOICES = ("soprano", "alto", "tenor", "bass")
COLOURS = ["#ffffff", PALETTE[0], "#9ec9e6"]  # off, onset, hold


def score_of(music) -> Score:
    """Return the score of a Score, a Piece, or a piano roll Int[T, 88] (off 0, onset 1, hold 2; sixteenths)."""
    if isinstance(music, Score):
        return music
    if isinstance(music, Piece) and music.score is not None:
        return music.score
    if isinstance(music, np.ndarray) and music.ndim == 2 and music.shape[1] == 88:
        return representation("pianoroll", levels=3 if music.max(initial=0) > 1 else 2).decode(music).score
    raise EtudeError("a Score, a Piece with a score, or a roll (T, 88)", f"{type(music).__name__}", "Decode it first.")


def plot_piano_roll(music, ax=None, *, unit: str = "s", beats_per_bar: int = 4, title: str = "", legend: bool = True):
    """Draw the notes of a score as bars, one colour a track.

    Parameters
    ----------
    music : Score, Piece or Int[T, 88]
    unit : "s", "bars" or "quarters"
        Of the time axis.
    beats_per_bar : int
        Quarters, for bars.
    """
    score, ax = score_of(music), axes(ax)
    scale, label = _time_scale(score, unit, beats_per_bar)
    tracks = np.unique(score.notes[:, TRACK])
    for i, track in enumerate(tracks):
        notes = score.notes[score.notes[:, TRACK] == track]
        _draw_notes(ax, notes, scale, color=PALETTE[i % len(PALETTE)])
    if legend and 1 < len(tracks) <= len(PALETTE):
        names = VOICES if len(tracks) == 4 else [f"track {track}" for track in tracks]
        handles = [Patch(color=PALETTE[i], label=name) for i, name in enumerate(names)]
        legend_above(ax, handles, title)
    else:
        ax.set_title(title)
    ax.set(xlim=(0, max(score.length * scale, 1e-9)), xlabel=label)
    pitches = score.notes[:, PITCH] if len(score) else np.array([60, 72])
    pitch_axis(ax, pitches.min(), pitches.max())
    return ax


def plot_roll_codes(codes, ax=None, *, lowest: int = LOWEST_KEY, title: str = ""):
    """Draw a piano roll's array itself: time steps to the right, keys upwards, off white, onset dark, hold light.

    Parameters
    ----------
    codes : Int[T, K]
        0 off, 1 onset (or on), 2 hold.
    lowest : int
        MIDI pitch of the first key.
    """
    codes, ax = np.asarray(codes), axes(ax)
    draw_codes(ax, codes, lowest)
    pitch_axis(ax, *span_of(codes, lowest))
    names = ("off", "onset", "hold") if codes.max(initial=0) > 1 else ("off", "on")
    handles = [
        Patch(facecolor=c, edgecolor="#999999", label=f"{i} {n}")
        for i, (c, n) in enumerate(zip(COLOURS, names, strict=False))
    ]
    legend_above(ax, handles, title)
    ax.set(xlabel="time (steps)")
    return ax


def draw_codes(ax, codes: np.ndarray, lowest: int) -> None:
    """Draw codes Int[T, K] as a picture whose pixels are steps and keys, the first key at the MIDI pitch `lowest`."""
    extent = (0, len(codes), lowest - 0.5, lowest + codes.shape[1] - 0.5)
    ax.imshow(codes.T, origin="lower", aspect="auto", cmap=ListedColormap(COLOURS), vmin=0, vmax=2, extent=extent)


def span_of(codes: np.ndarray, lowest: int) -> tuple[int, int]:
    """Return the lowest and the highest MIDI pitch that sounds in codes Int[T, K]; an octave where nothing does."""
    used = np.flatnonzero(codes.any(axis=0)) + lowest
    return (used.min(), used.max()) if len(used) else (60, 72)


def _draw_notes(ax, notes, scale: float, **look) -> None:
    gap = 0.06 / max(notes[:, DURATION].mean(), 1) if len(notes) else 0  # a hairline between repeated notes
    boxes = [Rectangle((n[ONSET] * scale, n[PITCH] - 0.42), n[DURATION] * scale * (1 - gap), 0.84) for n in notes]
    ax.add_collection(PatchCollection(boxes, linewidth=0, **look))


def _time_scale(score: Score, unit: str, beats_per_bar: int) -> tuple[float, str]:
    """Units for a tick, and the label of the axis."""
    quarter = 1 / score.ticks_per_quarter
    scales = {
        "s": (quarter * 60 / score.bpm, "time (s)"),
        "bars": (quarter / beats_per_bar, f"time (bars of {beats_per_bar} quarters)"),
        "quarters": (quarter, "time (quarters)"),
    }
    if unit not in scales:
        raise EtudeError('a time unit: "s", "bars" or "quarters"', repr(unit))
    return scales[unit]


def plot_surprise(bits, music, ax=None, *, times=None, title: str = "", label: str = "bits per step"):
    """Draw a piano roll and, under it on the same time axis, how many bits each step cost.

    Parameters
    ----------
    bits : Float[T] or Float[T, *E]
        -log2 p of each step (entries of a step are summed).
    music : Score, Piece or Int[T, 88]
    times : Float[T], optional
        Second at which each step begins; by default the steps share the score's time equally.

    Returns
    -------
    ax
        Axes of the roll; those of the surprise are `ax.figure.axes[-1]`.
    """
    score, bits = score_of(music), np.asarray(bits, float)
    (bits,) = step_totals([bits])
    times = np.arange(len(bits)) * score.seconds / max(len(bits), 1) if times is None else np.asarray(times, float)
    if len(times) != len(bits):
        raise EtudeError(f"one time for each of {len(bits)} steps", f"{len(times)}")
    ax = plot_piano_roll(score, axes(ax, height=4.2), title=title)
    below = make_axes_locatable(ax).append_axes("bottom", size="45%", pad=0.15, sharex=ax)
    below.stairs(
        bits, np.append(times, max(score.seconds, times[-1] if len(times) else 0)), fill=True, color=PALETTE[3]
    )
    below.axhline(bits.mean() if len(bits) else 0, color="#333333", linewidth=1, linestyle="--")
    if len(bits):
        below.annotate(
            f"mean {bits.mean():.2f}",
            (1, bits.mean()),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=9,
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1},
        )
    below.set(xlabel=ax.get_xlabel(), ylabel=label, ylim=(0, None))
    ax.set_xlabel("")
    ax.tick_params(labelbottom=False)
    return ax


def plot_round_trip(original, decoded, ax=None, *, title: str = ""):
    """Draw what a round trip kept, lost and added: notes of two scores compared on sixteenths.

    Notes are the same where onset, end and pitch agree after rounding to sixteenths.
    """
    before, after = (_rows(score_of(music)) for music in (original, decoded))
    kept, lost, added = before & after, before - after, after - before
    ax, scale = axes(ax), SIXTEENTH
    for notes, colour, name in ((kept, "#b5b5b5", "kept"), (lost, PALETTE[3], "lost"), (added, PALETTE[0], "added")):
        rows = np.array([(on, off - on, pitch) for on, off, pitch in sorted(notes)], np.int64).reshape(-1, 3)
        _draw_notes(ax, rows, scale, color=colour, label=name, hatch="//" if name == "lost" else None)
    handles = [
        Patch(color=c, label=f"{n} {len(s)}")
        for n, c, s in (("kept", "#b5b5b5", kept), ("lost", PALETTE[3], lost), ("added", PALETTE[0], added))
    ]
    legend_above(ax, handles, title)
    every = sorted(before | after) or [(0, 16, 60)]
    ax.set(xlim=(0, max(end for _, end, _ in every) * scale), xlabel=f"time (s at {NOMINAL_BPM:g} quarters a minute)")
    pitch_axis(ax, min(p for _, _, p in every), max(p for _, _, p in every))
    return ax


def _rows(score: Score) -> set[tuple[int, int, int]]:
    notes, tpq = score.notes, score.ticks_per_quarter
    onset, end = ((8 * t + tpq) // (2 * tpq) for t in (notes[:, ONSET], notes[:, ONSET] + notes[:, DURATION]))
    return set(zip(onset.tolist(), end.tolist(), notes[:, PITCH].tolist(), strict=True))
