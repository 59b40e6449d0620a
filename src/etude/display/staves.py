"""From notes to staves: which staff and which layer a note is written in.

Four voices share two staves, soprano and alto above, tenor and bass below, stems apart, as a chorale is printed. One
to three voices get a staff each. Everything else (a piano, `Score.common()`, tracks that play chords) goes to a
grand staff split at middle C; notes of one staff that begin and end together are a chord, and chords that overlap go
to separate layers, first come first served, which needs as few layers as possible (interval partitioning).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from etude.types import DURATION, ONSET, PITCH, TRACK, Score

MIDDLE_C = 60
MOST_LAYERS = 4


@dataclass(frozen=True)
class Chord:
    """Pitches that sound from `onset` to `end` (sixteenths); some may be tied to the chords of their layer around."""

    onset: int
    end: int
    pitches: tuple[int, ...]
    begun: tuple[int, ...] = ()  # pitches that go on from the chord before
    held: tuple[int, ...] = ()  # pitches that go on in the next one


@dataclass
class Staff:
    """A staff: its clef ("G" or "F") and its layers of chords, each layer without overlaps."""

    clef: str
    layers: list[list[Chord]] = field(default_factory=list)
    voices: bool = False  # layers are voices, whose rests are written


def staves(score: Score) -> list[Staff]:
    """Return the staves of a score, from the top down, on a grid of sixteenths."""
    tracks = _voices(_on_sixteenths(score))
    if not all(map(_monophonic, tracks)) or len(tracks) > 4:
        return _grand_staff(np.concatenate(tracks))
    layers = [[Chord(on, off, (pitch,)) for on, off, pitch, _ in track] for track in tracks]
    if len(tracks) == 4:
        return [Staff("G", layers[:2], voices=True), Staff("F", layers[2:], voices=True)]
    clefs = ["G" if np.median(track[:, 2]) >= MIDDLE_C - 3 else "F" for track in tracks]
    return [Staff(clef, [layer], voices=True) for clef, layer in zip(clefs, layers, strict=True)] or [Staff("G", [[]])]


def _on_sixteenths(score: Score) -> np.ndarray:
    """Rows onset, end, pitch, track; a note keeps at least one sixteenth and ends where its voice repeats it."""
    notes, tpq = score.notes, score.ticks_per_quarter
    onset = (8 * notes[:, ONSET] + tpq) // (2 * tpq)
    end = (8 * (notes[:, ONSET] + notes[:, DURATION]) + tpq) // (2 * tpq)
    return np.stack([onset, np.maximum(end, onset + 1), notes[:, PITCH], notes[:, TRACK]], axis=1)


def _voices(rows: np.ndarray) -> list[np.ndarray]:
    """One array a track, the highest first."""
    tracks = [rows[rows[:, 3] == track] for track in np.unique(rows[:, 3])]
    return sorted(tracks, key=lambda track: -track[:, 2].mean())


def _monophonic(track: np.ndarray) -> bool:
    return bool((track[1:, 0] >= track[:-1, 1]).all())


def _grand_staff(rows: np.ndarray) -> list[Staff]:
    upper = rows[:, 2] >= MIDDLE_C
    return [Staff("G", _layers(_without_unisons(rows[upper]))), Staff("F", _layers(_without_unisons(rows[~upper])))]


def _without_unisons(rows: np.ndarray) -> np.ndarray:
    """The longest of the notes that share onset and pitch."""
    rows = rows[np.lexsort((-rows[:, 1], rows[:, 2], rows[:, 0]))]
    first = np.ones(len(rows), bool)
    first[1:] = (np.diff(rows[:, [0, 2]], axis=0) != 0).any(axis=1)
    return rows[first]


def _layers(rows: np.ndarray) -> list[list[Chord]]:
    spans: dict[tuple[int, int], list[int]] = {}
    for onset, end, pitch, _ in rows.tolist():
        spans.setdefault((onset, end), []).append(pitch)
    layers: list[list[Chord]] = [[]]
    for (onset, end), pitches in sorted(spans.items(), key=lambda item: (item[0][0], -max(item[1]))):
        free = next((layer for layer in layers if not layer or layer[-1].end <= onset), None)
        if free is None:
            free = []
            layers.append(free)
        free.append(Chord(onset, end, tuple(sorted(pitches))))
    return layers if len(layers) <= MOST_LAYERS else [_slices(rows)]


def _slices(rows: np.ndarray) -> list[Chord]:
    """Everything in one layer: a chord between any two changes, with ties where notes go on."""
    times = np.unique(rows[:, :2])
    chords = []
    for onset, end in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        sounding = rows[(rows[:, 0] <= onset) & (rows[:, 1] >= end)]
        if len(sounding):
            held = sounding[sounding[:, 1] > end]
            begun = sounding[sounding[:, 0] < onset]
            chords.append(Chord(onset, end, *(tuple(np.unique(s[:, 2]).tolist()) for s in (sounding, begun, held))))
    return chords
