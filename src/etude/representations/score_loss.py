"""What a score representation's round trip loses: one measure, so that the representations can be compared.

Two questions are kept apart. Does the round trip keep the music as the study understands it? `notes_missing` and
`notes_added` compare both scores under `Score.common()` (sixteenth grid, one velocity, one track): a note is kept
where pitch, onset and duration agree. And what did the original hold besides? Timing off the grid, loudness, tempo,
voices, unisons and a final rest are compared with the original as it came.
"""

from __future__ import annotations

import numpy as np

from etude.types import DURATION, ONSET, PITCH, TRACK, VELOCITY, Score

_REACH = 0.5  # quarters: a decoded note further from the original's onset is another note


def score_loss(original: Score, decoded: Score) -> dict[str, float]:
    """Return what `decoded` lost of `original`; every number is finite, and 0 means no loss (`tempo_ratio`: 1).

    Returns
    -------
    dict
        `notes_missing`, `notes_added`: notes of one score that the other lacks, both under `common()`.
        `notes_merged`: notes sharing pitch and onset with another (voices in unison) that became one note.
        `onset_shift_quarters`, `onset_shift_ms`, `duration_change_quarters`, `velocity_error`: mean absolute
        differences over the notes found again (nearest onset of the same pitch within an eighth); milliseconds at
        the original's tempo, velocity on MIDI's scale of 1-127.
        `tempo_ratio`: decoded over original. `tracks_lost`: tracks with notes, fewer than before.
        `final_rest_lost_quarters`: silence after the last note that the round trip dropped.
    """
    before, after = original.common(), decoded.common()
    first, second = _note_set(before), _note_set(after)
    shared = (len(original) - len(before)) - (len(decoded) - len(after))
    onset, duration, velocity = _mean_differences(original, decoded)
    return {
        "notes_missing": float(len(first - second)),
        "notes_added": float(len(second - first)),
        "notes_merged": float(max(shared, 0)),
        "onset_shift_quarters": onset,
        "onset_shift_ms": onset * 60_000 / original.bpm,
        "duration_change_quarters": duration,
        "velocity_error": velocity,
        "tempo_ratio": decoded.bpm / original.bpm,
        "tracks_lost": float(max(_tracks(original) - _tracks(decoded), 0)),
        "final_rest_lost_quarters": max(_final_rest(original) - _final_rest(decoded), 0.0),
    }


def _note_set(score: Score) -> set[tuple[int, ...]]:
    return set(map(tuple, score.notes[:, [PITCH, ONSET, DURATION]].tolist()))


def _tracks(score: Score) -> int:
    return len(np.unique(score.notes[:, TRACK]))


def _final_rest(score: Score) -> float:
    end = (score.notes[:, ONSET] + score.notes[:, DURATION]).max(initial=0)
    return float(score.length - end) / score.ticks_per_quarter


def _mean_differences(original: Score, decoded: Score) -> tuple[float, float, float]:
    """Mean absolute difference of onset and duration (quarters) and velocity over the notes found again."""
    if not len(original) or not len(decoded):
        return 0.0, 0.0, 0.0
    here, there = _quarters(original), _quarters(decoded)  # (N, 2), (M, 2): onset, duration
    pitch, other = original.notes[:, PITCH], decoded.notes[:, PITCH]
    nearest = _nearest(pitch, here, other, there)  # (N,)
    back = _nearest(other, there, pitch, here)[nearest]  # a note found must find the first again
    found = (other[nearest] == pitch) & (pitch[back] == pitch) & (here[back, 0] == here[:, 0])
    found &= np.abs(there[nearest, 0] - here[:, 0]) <= _REACH
    if not found.any():
        return 0.0, 0.0, 0.0
    times = np.abs(there[nearest] - here)[found].mean(axis=0)
    velocity = np.abs(decoded.notes[nearest, VELOCITY] - original.notes[:, VELOCITY])[found].mean()
    return float(times[0]), float(times[1]), float(velocity)


def _quarters(score: Score) -> np.ndarray:
    return score.notes[:, [ONSET, DURATION]] / score.ticks_per_quarter


def _nearest(pitch, times, other_pitch, other_times) -> np.ndarray:
    """Index (N,) of the note among the others that is nearest by onset, those of the same pitch first."""
    span = max(times[:, 0].max(), other_times[:, 0].max()) + 2 * _REACH + 1  # no two pitches overlap on the line
    line, other = _on_a_line(pitch, times, span), _on_a_line(other_pitch, other_times, span)
    order = np.argsort(other, kind="stable")
    right = np.searchsorted(other[order], line).clip(0, len(other) - 1)
    left = (right - 1).clip(0)
    closer = np.abs(other[order[left]] - line) < np.abs(other[order[right]] - line)
    return order[np.where(closer, left, right)]


def _on_a_line(pitch, times, span: float) -> np.ndarray:
    """Pitch and onset as one number; notes in unison stand a hair apart, longest first."""
    order = np.lexsort((-times[:, 1], times[:, 0], pitch))
    apart = (np.diff(pitch[order]) != 0) | (np.diff(times[order, 0]) != 0)
    first = np.concatenate([[0], np.where(apart, np.arange(1, len(order)), 0)])
    line = (pitch * span + times[:, 0]).astype(np.float64)
    line[order] += 1e-6 * (np.arange(len(order)) - np.maximum.accumulate(first))
    return line
