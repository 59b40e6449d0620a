"""How much of one melody stands in another: the best alignment of pitch classes, in any of the twelve keys.

A melody here is a sequence of pitch classes 0 to 11, -1 where nothing sounds, one for each step of time, so that both
pitch and rhythm count, but not the octave. Of a melody of m steps, m - d are found again in another, where d is the
least number of steps to be changed, left out or put in so that it becomes some stretch of the other, after moving all
of it by some interval: approximate matching as in Sellers, "The theory and computation of evolutionary distances"
(1980), once for each transposition. Two silences are equal in every key.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from etude.errors import EtudeError
from etude.types import DURATION, ONSET, PITCH, TRACK, Score

KEYS, WORD = 12, 64


def top_pitch_classes(score: Score, step: int, track: int | None = None) -> np.ndarray:
    """Return the pitch class of the highest note that sounds at each step, Int8[T], -1 in silence.

    Parameters
    ----------
    score : Score
    step : int
        Ticks from one look at the score to the next.
    track : int, optional
        Look at this track only, a melody's own voice.
    """
    notes = score.notes if track is None else score.notes[score.notes[:, TRACK] == track]
    top = np.full(-(-score.length // step), -1, np.int64)
    for onset, duration, pitch in notes[:, [ONSET, DURATION, PITCH]].tolist():
        held = slice(-(-onset // step), -(-(onset + duration) // step))
        top[held] = np.maximum(top[held], pitch)
    return np.where(top < 0, -1, top % KEYS).astype(np.int8)


def found_again(melodies: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> np.ndarray:
    """Return the share of each melody that stands in each of the others, Float64[N, M] in [0, 1].

    Parameters
    ----------
    melodies, others : sequences of Int8[T]
        Pitch classes; raises EtudeError of an empty melody.
    """
    if not all(len(melody) for melody in melodies):
        raise EtudeError("melodies of at least one step", "an empty one")
    if not len(others):
        return np.zeros((len(melodies), 0))
    text = np.concatenate([np.asarray(other, np.int8) for other in others])
    ends, distances = np.cumsum([len(other) for other in others]), _compiled()
    rows = [1 - distances(_places(melody), len(melody), text, ends) / len(melody) for melody in melodies]
    return np.array(rows).reshape(len(melodies), len(others))


def _places(melody: np.ndarray) -> np.ndarray:
    """Return where each pitch class (and silence, last) stands in a melody, UInt64[13, words], bit i of it step i."""
    marks = np.zeros((KEYS + 1, -(-len(melody) // WORD) * WORD), np.uint8)
    marks[np.asarray(melody, np.int64), np.arange(len(melody))] = 1
    return np.packbits(marks, axis=1, bitorder="little").view("<u8")


@cache
def _compiled():
    """Return `_distances` as machine code, made once a process and kept on disk."""
    from numba import njit

    return njit(cache=True)(_distances)


def _distances(places, m, text, ends):
    """Return the least edit distance of a melody to a stretch of each text, over all keys, Int64[texts].

    Bit-vectors hold the differences down a column of Sellers' table, 64 rows a word: Myers, "A fast bit-vector
    algorithm for approximate string matching" (1999), figure 8, words in a chain as in its section 4.
    """
    one, top = np.uint64(1), np.uint64(WORD - 1)
    last, final = places.shape[1] - 1, np.uint64((m - 1) % WORD)
    best = np.full(len(ends), m)
    for key in range(KEYS):
        start = 0
        for number in range(len(ends)):
            grows, shrinks = np.full(last + 1, ~np.uint64(0)), np.zeros(last + 1, np.uint64)  # by one, row to row
            distance = m
            for place in range(start, ends[number]):
                heard = text[place]
                row = KEYS if heard < 0 else (heard + key) % KEYS
                carry = 0  # of the row above: a stretch may begin anywhere, so the first row stays 0
                for word in range(last + 1):
                    up, down, equal = grows[word], shrinks[word], places[row, word]
                    vertical = equal | down
                    if carry < 0:
                        equal |= one
                    across = (((equal & up) + up) ^ up) | equal
                    more, less = down | ~(across | up), up & across
                    bit = final if word == last else top
                    following = np.int64((more >> bit) & one) - np.int64((less >> bit) & one)
                    more, less = more << one, less << one
                    if carry < 0:
                        less |= one
                    elif carry > 0:
                        more |= one
                    grows[word], shrinks[word] = less | ~(vertical | more), more & vertical
                    carry = following
                distance += carry
                best[number] = min(best[number], distance)
            start = ends[number]
    return best
