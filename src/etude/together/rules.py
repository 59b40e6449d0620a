"""Rules of part-writing as weights: what a textbook forbids becomes rarer, and nothing becomes impossible.

The models here are small, and know of voices only what a roll shows. So a line may be drawn from the model's weights
times those of rules, stated below; `rules=0` leaves the model alone. Each is a log weight on one move of one voice,
given the voices that are written by then; most are among those that `evaluation.voice_leading` and `.chords` count.

parallels   into a fifth or an octave (unison) from the same, both voices moving in one direction
overlaps    above where the next voice above just was, or below where the next below just was; theirs likewise
leaps       of more than a fifth, an octave excepted, and of the tritone
clashes     a semitone, octaves removed, to a voice that sounds where the note begins
unrest      a note that begins while voices that are given sound and none of them begins one; twice on odd sixteenths
"""

from __future__ import annotations

import numpy as np

from etude.together.lines import REST, Lines

PARALLEL, OVERLAP, LEAP, CLASH, UNREST = -10.0, -7.0, -3.0, -2.2, -1.5  # nats
FIFTH, OCTAVE, TRITONE = 7, 12, 6


def move_weights(lines: Lines, voice: int, low: int, high: int, strength: float) -> np.ndarray | None:
    """Return the weights Float64[T, K, K] of moves of a voice among the keys low .. high; None where there are none."""
    if strength <= 0:
        return None
    keys = np.arange(low, high + 1)
    was, now = keys[:, None], keys[None, :]
    weights = np.zeros((lines.steps, len(keys), len(keys))) + LEAP * _awkward(np.abs(now - was))
    for other in range(len(lines.keys)):
        if other != voice:
            before, after = _moves(lines, other)  # Int[T, 1, 1] each
            sounds = (before != REST) & (after != REST)
            weights += PARALLEL * (
                sounds & _parallel(was, now, before, after, FIFTH if other > voice else OCTAVE - FIFTH)
            )
            if abs(other - voice) == 1:
                beyond = (now > before) | (was > after) if other < voice else (now < before) | (was < after)
                weights += OVERLAP * (sounds & beyond)
    return strength * weights


def note_weights(lines: Lines, voice: int, low: int, high: int, strength: float) -> np.ndarray:
    """Return the weights Float64[T, K] of notes of a voice that begin: of their clashes and their unrest."""
    keys, weights = np.arange(low, high + 1), np.zeros((lines.steps, high - low + 1))
    for other in range(len(lines.keys)):
        if other != voice:
            sounding = np.where(lines.written[other], lines.keys[other], REST)[:, None]
            near = np.isin((keys - sounding) % OCTAVE, (1, OCTAVE - 1))
            weights += CLASH * ((sounding != REST) & near)
    given = lines.given & (lines.keys != REST)
    still = given.any(axis=0) & ~(given & lines.struck).any(axis=0)
    odd = np.arange(lines.steps) % 2
    return strength * (weights + UNREST * (still * (1 + odd))[:, None])


def _awkward(size: np.ndarray) -> np.ndarray:
    return ((size > FIFTH) & (size != OCTAVE)) | (size == TRITONE)


def _moves(lines: Lines, voice: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the keys of a voice before each step and at it, Int[T, 1, 1]; REST where they are not known."""
    keys = np.where(lines.written[voice], lines.keys[voice], REST)
    before = np.concatenate([[REST], keys[:-1]])
    return before[:, None, None], keys[:, None, None]


def _parallel(was, now, before, after, fifth: int) -> np.ndarray:
    """Say which moves run in parallel to another voice's; `fifth` is a fifth as counted from that voice."""
    interval = (was - before) % OCTAVE
    perfect = ((now - after) % OCTAVE == interval) & ((interval == fifth) | (interval == 0))
    return perfect & (np.sign(now - was) == np.sign(after - before)) & (now != was)
