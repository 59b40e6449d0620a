"""Melodies that are the same tune: found in any key, at any note length, whole or in part.

A melody is taken as the intervals in semitones between its successive notes (the highest of each onset, in the first
voice), repeated notes counted once: neither key nor rhythm matters, nor whether a note is struck twice. Its *grams*
are the windows of `GRAM` successive intervals. Two melodies are near-duplicates if they share at least a third of the
grams of the one that has fewer, and at least ten of them (all, where it has fewer than ten). Near-duplicates of
near-duplicates go together (connected components), so a cluster holds every setting of a tune, and its parts.

Shingling with containment is that of Broder, "On the resemblance and containment of documents" (1997); here all pairs
are counted exactly, by products of sparse matrices: some scores with all of them at a time, so that a thousand copies
of a tune need no more memory than a block of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.types import ONSET, PITCH, TRACK, Score

GRAM = 8
SHARE = 1 / 3
FEWEST_SHARED = 10
MOST_PAIRS = 2**23  # that are counted at once


def melody_intervals(score: Score) -> np.ndarray:
    """Return the intervals Int[n] of a score's melody, in semitones, without zeros."""
    notes = score.notes[score.notes[:, TRACK] == score.notes[:, TRACK].min(initial=2**20)]
    highest = np.ones(len(notes), bool)
    highest[:-1] = np.diff(notes[:, ONSET]) != 0  # notes are sorted by onset, then pitch
    intervals = np.diff(notes[highest, PITCH])
    return intervals[intervals != 0]


def interval_grams(score: Score) -> set[tuple[int, ...]]:
    """Return the melody's grams; a melody of fewer than `GRAM` intervals is one gram, and none has none."""
    intervals = melody_intervals(score).tolist()
    return {tuple(intervals[i : i + GRAM]) for i in range(max(len(intervals) - GRAM + 1, 1))} - {()}


def clusters(scores: Sequence[Score]) -> np.ndarray:
    """Return the cluster Int[N] of each score: equal numbers, near-duplicates."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    vocabulary: dict[tuple[int, ...], int] = {}
    grams = [[vocabulary.setdefault(gram, len(vocabulary)) for gram in interval_grams(score)] for score in scores]
    sizes = np.array([len(row) for row in grams], np.int64)
    columns = np.concatenate([np.array(row, np.int64) for row in grams]) if len(grams) else np.zeros(0, np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    contains = csr_matrix((np.ones(len(columns), np.int32), columns, starts), shape=(len(grams), len(vocabulary) or 1))
    found, everyone = np.arange(len(grams)), np.arange(len(grams))
    rows = max(1, MOST_PAIRS // max(1, len(grams)))
    for start in range(0, len(grams), rows):
        pairs = (contains[start : start + rows] @ contains.T).tocoo()
        row = pairs.row + start
        fewer = np.minimum(sizes[row], sizes[pairs.col])
        same = (pairs.data >= SHARE * fewer) & (pairs.data >= np.minimum(fewer, FEWEST_SHARED))
        ends = np.concatenate([row[same], everyone]), np.concatenate([pairs.col[same], found])
        edges = csr_matrix((np.ones(len(ends[0]), bool), ends), shape=(len(grams),) * 2)
        found = connected_components(edges, directed=False)[1]
        found = np.unique(found, return_index=True)[1][found]  # the first of each cluster stands for it
    return np.unique(found, return_inverse=True)[1]
