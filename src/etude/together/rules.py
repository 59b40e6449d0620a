"""Rules of part-writing as weights: what a textbook forbids becomes rarer, and nothing becomes impossible.

The models here are small, and know of voices only what a roll shows. So a line may be drawn from the model's weights
times those of rules, stated below; `rules=0` leaves the model alone. Each is a log weight on one move of one voice,
given the voices that are written by then; most are among those that `evaluation.voice_leading` and `.chords` count::

    parallels   into a fifth or an octave (unison) from the same, both voices moving in one direction
    overlaps    above where the next voice above just was, or below where the next below just was; theirs likewise
    leaps       of more than a fifth, an octave excepted, and of the tritone
    clashes     a semitone, octaves removed, to a voice that sounds where the note begins
    unrest      a note that begins where no voice that is given begins one, or off the beat where none is given; twice
                on odd sixteenths
    home        notes outside the scale of the key that is estimated from the melody; a last chord not over its tonic
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from etude.corpora.keys import estimated_key
from etude.together.lines import REST, Lines
from etude.together.steps import Steps
from etude.types import PITCH

PARALLEL, OVERLAP, LEAP, CLASH, UNREST = -10.0, -7.0, -3.0, -2.2, -1.5  # nats
FOREIGN, ASTRAY = -1.5, -5.0
FIFTH, OCTAVE, TRITONE = 7, 12, 6
BEAT = 4  # steps
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10, 11)}  # with its leading note
PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11, "#": 1, "b": -1}


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
    step = np.arange(lines.steps)
    still = np.where(given.any(axis=0), ~(given & lines.struck).any(axis=0), step % BEAT > 0)
    odd = step % 2
    return strength * (weights + UNREST * (still * (1 + odd))[:, None])


@dataclass(frozen=True)
class Home:
    """What the key of a melody asks for.

    weights : Float64[V, T, keys]
        Log weights of the notes of each voice that begin.
    close : int
        The step of the last chord: from there on they count for notes that are held, too.
    """

    weights: np.ndarray
    close: int

    def within(self, here: slice) -> Home:
        """Return the same for some of the steps."""
        return Home(self.weights[:, here], self.close - here.start)


def home_weights(steps: Steps, voices: int, size: int, close: int | None = None) -> Home:
    """Return what the key of the music on steps asks of so many voices on `size` keys.

    `close` is the step of the last chord; by default the music is a melody, and it is the chord of its last note.
    """
    melody = steps.score
    name, mode = estimated_key(melody)
    tonic = sum(PITCH_CLASSES[letter] for letter in name)
    degree = (np.arange(size) + steps.lowest - steps.shift - tonic) % OCTAVE
    weights = np.tile(FOREIGN * ~np.isin(degree, SCALES[mode]), (voices, steps.count, 1))
    triad = (0, 4, 7) if mode == "major" else (0, 3, 4, 7)
    closes = close is not None or (melody.notes[-1, PITCH] - tonic) % OCTAVE in triad  # else it closes elsewhere
    close = int(steps.spans(melody.notes)[0].max()) if close is None else close
    if closes:
        weights[:, close:] += ASTRAY * ~np.isin(degree, triad)
        weights[-1, close:] += ASTRAY * (degree != 0)
    return Home(weights, close)


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
