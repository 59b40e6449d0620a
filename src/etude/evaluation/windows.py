"""What eight beats of music are like, in numbers with names: what a two-sample test may look at.

A window is eight quarters of the *common* score, from its start on and without overlap; a shorter rest at the end is
left out. Everything is counted above the tonic of the whole piece or between notes, so that the key of a sample does
not matter; register does. `FEATURES` names the columns:

degree 0-11, bass 0-11
    Share of the sounding time of each pitch class above the tonic: of all notes, and of the lowest.
above bass 1-11, root 0-11, chord ...
    Share of the intervals above the bass (octaves removed); of the beats whose chord has each root above the tonic, and
    each shape (`etude.evaluation.harmony`).
top move ..., bass move ...
    Share of the moves of the highest and the lowest sounding pitch from sixteenth to sixteenth that are steps, skips
    (to a fifth) or leaps, up or down; `moves` is how many there are, per sixteenth.
voices 0-5, notes, length ..., place ...
    Share of the time with so many pitches (5: or more), notes that begin per sixteenth; share of them that last 1, 2,
    3 to 4, 5 to 8 or more sixteenths, and that begin on a quarter, an eighth or another sixteenth.
high, low, clashes, foreign, parallels
    Mean of the highest and lowest pitch in octaves; share of the sixteenths with a semitone, and of the notes that are
    foreign to their chord; moves from one four-part chord to the next with parallel fifths or octaves, per sixteenth.
"""

from __future__ import annotations

import numpy as np

from etude.evaluation.harmony import NAMES, NONE, harmonies, non_chord_notes
from etude.evaluation.statistics import BEAT, sounding
from etude.evaluation.tonality import find_key
from etude.evaluation.voice_leading import FIFTH, parallels
from etude.evaluation.voices import moments
from etude.types import DURATION, ONSET, Score

WINDOW = 8 * BEAT  # sixteenths
MOST_VOICES = 5
STEP, SKIP = 2, 7  # semitones: moves up to these
MOVES = ("leap down", "skip down", "step down", "step up", "skip up", "leap up")
LENGTHS, PLACES = ("1", "2", "3-4", "5-8", "more"), ("quarter", "eighth", "sixteenth")
FEATURES = (
    *(f"degree {i}" for i in range(12)),
    *(f"bass {i}" for i in range(12)),
    *(f"above bass {i}" for i in range(1, 12)),
    *(f"root {i}" for i in range(12)),
    *(f"chord {name}" for name in NAMES),
    *(f"{line} {move}" for line in ("top", "bass") for move in (*MOVES, "moves")),
    *(f"voices {n}" for n in range(MOST_VOICES + 1)),
    "notes",
    *(f"length {length}" for length in LENGTHS),
    *(f"place {place}" for place in PLACES),
    *("high", "low", "clashes", "foreign", "parallels"),
)


def window_features(score: Score) -> np.ndarray:
    """Return the features of every window of a score, Float64[W, len(FEATURES)]."""
    score = score.common()
    count, key = score.length // WINDOW, find_key(score)
    if key is None or not count:
        return np.zeros((0, len(FEATURES)))
    roll = sounding(score)[: count * WINDOW]
    parts = [_tones(roll, key.tonic), _chords(score, count, key.tonic), _lines(roll), _texture(roll)]
    return np.concatenate([*parts, _notes(score, count), _rest(score, roll)], axis=1)


def _tones(roll: np.ndarray, tonic: int) -> np.ndarray:
    """Degrees of all notes and of the bass, and intervals above the bass, Float[W, 35]."""
    windows, heard = len(roll) // WINDOW, roll.any(axis=1)
    step, pitch = np.nonzero(roll)
    low = roll.argmax(axis=1)
    window = step // WINDOW
    degrees = _histogram(window, (pitch - tonic) % 12, windows, 12)
    bass = _histogram(np.flatnonzero(heard) // WINDOW, (low[heard] - tonic) % 12, windows, 12)
    above = pitch > low[step]
    intervals = _histogram(window[above], ((pitch - low[step]) % 12)[above], windows, 12)
    return np.concatenate([_shares(degrees), _shares(bass), _shares(intervals)[:, 1:]], axis=1)


def _chords(score: Score, count: int, tonic: int) -> np.ndarray:
    """Roots above the tonic and shapes of the beats' chords, Float[W, 19]."""
    roots, shapes = (line[: count * WINDOW // BEAT] for line in harmonies(score)[:2])
    heard = roots != NONE
    window = np.flatnonzero(heard) * BEAT // WINDOW
    by_root = _histogram(window, (roots[heard] - tonic) % 12, count, 12)
    by_shape = _histogram(window, shapes[heard], count, len(NAMES))
    return np.concatenate([_shares(by_root), _shares(by_shape)], axis=1)


def _lines(roll: np.ndarray) -> np.ndarray:
    """Moves of the highest and the lowest pitch, Float[W, 14]."""
    heard, columns = roll.any(axis=1), []
    for line in (127 - roll[:, ::-1].argmax(axis=1), roll.argmax(axis=1)):
        moves = np.where(heard[1:] & heard[:-1], np.diff(line), 0)
        places = np.flatnonzero(moves)
        kinds = np.digitize(moves[places], (-SKIP, -STEP, 0, STEP + 1, SKIP + 1))
        counts = _histogram((places + 1) // WINDOW, kinds, len(roll) // WINDOW, len(MOVES))
        columns += [_shares(counts), counts.sum(axis=1, keepdims=True) / WINDOW]
    return np.concatenate(columns, axis=1)


def _texture(roll: np.ndarray) -> np.ndarray:
    """How many pitches sound, Float[W, 6]."""
    voices = np.minimum(roll.sum(axis=1), MOST_VOICES)
    return _shares(_histogram(np.arange(len(roll)) // WINDOW, voices, len(roll) // WINDOW, MOST_VOICES + 1))


def _notes(score: Score, count: int) -> np.ndarray:
    """How many notes begin, how long they are and where, Float[W, 9]."""
    notes = score.notes[score.notes[:, ONSET] < count * WINDOW]
    window, place = notes[:, ONSET] // WINDOW, notes[:, ONSET] % BEAT
    lengths = _histogram(window, np.digitize(notes[:, DURATION], (2, 3, 5, 9)), count, len(LENGTHS))
    places = _histogram(window, np.where(place == 0, 0, np.where(place == BEAT // 2, 1, 2)), count, len(PLACES))
    return np.concatenate([lengths.sum(axis=1, keepdims=True) / WINDOW, _shares(lengths), _shares(places)], axis=1)


def _rest(score: Score, roll: np.ndarray) -> np.ndarray:
    """Register, clashes, foreign notes and parallels, Float[W, 5]."""
    count, heard = len(roll) // WINDOW, roll.any(axis=1)
    steps = np.flatnonzero(heard) // WINDOW
    high, low = 127 - roll[heard][:, ::-1].argmax(axis=1), roll[heard].argmax(axis=1)
    sounding_steps = np.maximum(np.bincount(steps, minlength=count), 1)
    outer = [np.bincount(steps, line / 12, count) / sounding_steps for line in (high, low)]
    classes = np.stack([roll[:, c::12].any(axis=1) for c in range(12)], axis=1)
    clashing = np.flatnonzero((classes & np.roll(classes, -1, axis=1)).any(axis=1))
    foreign = score.notes[non_chord_notes(score, harmonies(score)), ONSET]
    begin = np.bincount(score.notes[:, ONSET] // WINDOW, minlength=count)[:count]
    at = moments(score)
    before, after = at.pitches[:-1][at.following], at.pitches[1:][at.following]
    broken = at.onsets[1:][at.following][parallels(before, after, FIFTH) | parallels(before, after, 0)]
    by_window = [np.bincount(times // WINDOW, minlength=count)[:count] for times in (clashing, foreign, broken)]
    shares = by_window[0] / WINDOW, by_window[1] / np.maximum(begin, 1), by_window[2] / WINDOW
    return np.stack([*outer, *shares], axis=1)


def _histogram(window: np.ndarray, value: np.ndarray, windows: int, values: int) -> np.ndarray:
    return np.bincount(window * values + value, minlength=windows * values).reshape(windows, values).astype(np.float64)


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
