"""Figures of sound: waveforms and spectrograms."""

from __future__ import annotations

import numpy as np

from etude.display.house_style import PALETTE, axes, pitch_names
from etude.errors import EtudeError
from etude.types import Audio, Piece

MOST_POINTS = 1500  # columns of a drawn waveform; more samples than that are shown by their range


def audio_of(music) -> Audio:
    """Return the sound of an Audio or of a Piece that has one."""
    audio = music.audio if isinstance(music, Piece) else music
    if not isinstance(audio, Audio):
        raise EtudeError("an Audio, or a Piece with audio", type(music).__name__, "Render it: synthesis.render(score).")
    return audio


def plot_waveform(music, ax=None, *, start: float = 0.0, seconds: float | None = None, zoom=None, title: str = ""):
    """Draw amplitude against time; many samples as the range they cover, few as a line with its dots.

    Parameters
    ----------
    music : Audio or Piece
    start, seconds : float
        The stretch to show; by default all.
    zoom : (start, seconds), optional
        A second panel below with that stretch enlarged, marked in the first.
    """
    audio, ax = audio_of(music), axes(ax, height=2.4 if zoom is None else 4.2)
    _draw_wave(ax, audio, start, audio.seconds - start if seconds is None else seconds)
    ax.set_title(title)
    if zoom is not None:
        from mpl_toolkits.axes_grid1 import make_axes_locatable

        below = make_axes_locatable(ax).append_axes("bottom", size="100%", pad=0.6)
        _draw_wave(below, audio, *zoom, unit="ms" if zoom[1] < 0.5 else "s")
        ax.axvspan(zoom[0], zoom[0] + zoom[1], color=PALETTE[1], alpha=0.5, linewidth=2)
        ax.annotate(
            f"enlarged below: {zoom[1] * 1000:g} ms",
            (zoom[0], 1),
            xycoords=("data", "axes fraction"),
            va="top",
            xytext=(4, -2),
            textcoords="offset points",
            fontsize=9,
        )
    return ax


def _draw_wave(ax, audio: Audio, start: float, seconds: float, unit: str = "s") -> None:
    first, last = round(max(start, 0) * audio.rate), round((start + seconds) * audio.rate)
    samples, scale = audio.samples[first:last], 1000 if unit == "ms" else 1
    times = (first + np.arange(len(samples))) / audio.rate * scale
    if len(samples) > MOST_POINTS:
        size = -(-len(samples) // MOST_POINTS)
        blocks = samples[: len(samples) // size * size].reshape(-1, size)
        ax.fill_between(
            times[::size][: len(blocks)], blocks.min(axis=1), blocks.max(axis=1), color=PALETTE[0], linewidth=0.3
        )
    else:
        marker = "." if len(samples) <= 200 else None
        ax.plot(times, samples, color=PALETTE[0], linewidth=1, marker=marker)
    peak = max(1.08 * float(np.abs(samples).max(initial=0)), 0.05)
    ax.set(xlabel=f"time ({unit})", ylabel="amplitude (of 1)", ylim=(-peak, peak))
    if len(samples):
        ax.set_xlim(times[0], times[-1] + scale / audio.rate)
    ax.grid(axis="y")


def plot_spectrogram(
    values,
    ax=None,
    *,
    representation=None,
    frequencies=None,
    frame_rate: float | None = None,
    decibels: bool = False,
    floor: float = -80.0,
    notes: bool = True,
    highest: float | None = None,
    title: str = "",
):
    """Draw magnitudes in dB over time and frequency.

    Parameters
    ----------
    values : Float[T, F] or Int[T, F]
        Amplitudes, full scale 1 (dB, with `decibels`); or codes of `representation`.
    representation : Spectrogram, optional
        Gives frequencies, frame rate and floor.
    frequencies : Float[F], optional
        Centre of each bin in Hz, ascending; needed without a representation, like `frame_rate`.
    frame_rate : float, optional
        Frames a second.
    floor : float
        Level (dB) drawn darkest.
    notes : bool
        Name the octaves (C2, C3, ...) on the right.
    highest : float, optional
        Top of the frequency axis in Hz.
    """
    ax, values = axes(ax, height=3.6), np.asarray(values)
    if representation is not None:
        frequencies, frame_rate = band_frequencies(representation), representation.space.rate
        floor = representation.floor_db
        if np.issubdtype(values.dtype, np.integer):
            values, decibels = floor + values * representation.step_db, True
    if frequencies is None or frame_rate is None:
        raise EtudeError("frequencies and frame_rate, or a representation", "neither", "Pass representation=...")
    frequencies = np.asarray(frequencies, float)
    if values.ndim != 2 or values.shape[1] != len(frequencies):
        raise EtudeError(f"values (T, {len(frequencies)})", f"{values.shape}", "Pass the frequency of every bin in Hz.")
    level = values if decibels else 20 * np.log10(np.maximum(values, 1e-10))
    audible = frequencies > 0  # a logarithmic axis has no place for 0 Hz
    edges = _edges(frequencies[audible])
    times = np.arange(len(level) + 1) / frame_rate
    mesh = ax.pcolormesh(
        times, edges, level[:, audible].T, vmin=floor, vmax=max(level.max(initial=floor), floor + 1), rasterized=True
    )
    ax.set_yscale("log", base=2)
    bottom, top = max(edges[0], 30.0), highest or edges[-1]
    marks = [f for f in (32, 64, 125, 250, 500, 1000, 2000, 4000, 8000, 16000) if bottom <= f <= top]
    ax.set_yticks(marks, [f"{f}" if f < 1000 else f"{f // 1000}k" for f in marks], minor=False)
    ax.set(xlabel="time (s)", ylabel="frequency (Hz)", ylim=(bottom, top))
    ax.set_title(title)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label("level (dB of full scale)")
    if notes:
        _name_octaves(ax)
    return ax


def band_frequencies(spectrogram) -> np.ndarray:
    """Return the centre in Hz of each band of a `Spectrogram`, Float64[F]; for mel the mean under a triangle."""
    if spectrogram.scale == "cqt":
        return np.asarray(spectrogram.transform.frequencies, float)
    bins = np.arange(spectrogram.transform.bins) * spectrogram.rate / spectrogram.transform.n_fft
    weights = spectrogram.weights
    return bins if weights is None else (weights @ bins) / weights.sum(axis=1)


def _edges(frequencies: np.ndarray) -> np.ndarray:
    """Borders half-way between neighbouring bins, F + 1 of them, all above zero."""
    if len(frequencies) < 2:
        return (
            np.array([frequencies[0] / 2**0.5, frequencies[0] * 2**0.5]) if len(frequencies) else np.array([30.0, 60.0])
        )
    middle = (frequencies[1:] + frequencies[:-1]) / 2
    low = max(2 * frequencies[0] - middle[0], frequencies[0] / 2)
    return np.concatenate([[low], middle, [2 * frequencies[-1] - middle[-1]]])


def _name_octaves(ax) -> None:
    right = ax.twinx()
    right.set_yscale("log", base=2)
    right.set_ylim(ax.get_ylim())
    pitches = [p for p in range(24, 120, 12) if ax.get_ylim()[0] <= 440 * 2 ** ((p - 69) / 12) <= ax.get_ylim()[1]]
    right.set_yticks([440 * 2 ** ((p - 69) / 12) for p in pitches], pitch_names(pitches))
    right.minorticks_off()
    ax.minorticks_off()
    right.spines["top"].set_visible(False)
    right.set_ylabel("pitch")
