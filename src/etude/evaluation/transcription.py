"""Sound back to notes: what a transcriber hears in a recording, or in the samples of a model of sound.

A note begins at a peak of its key's onset posterior and lasts while the key's frame posterior stays up; gaps of up to
`GAP` frames are bridged, and the next onset of the key ends it. Thresholds are those of the paper (see
`etude.evaluation.posteriors`). It goes forward through time with a state of 88 keys, so that memory does not grow with
the sound, where the authors' program goes backward through the whole. Their two additions, onsets inferred from rises
of the frame posterior and notes without any onset (the "melodia trick"), are left out: on validation chorales the
first changes nothing and the second costs precision (F1 of one line on the piano 0.63 with both, 0.77 without).

How well it hears depends on the instrument more than on anything else, so compare sounds of one instrument only, and
keep the score of the real sound beside: an organ sounds the octaves of what is played, and they are transcribed;
strings are late by their attack.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.posteriors import HOP, KEYS, RATE, Sound, note_posteriors
from etude.types import LOWEST_KEY, NOMINAL_BPM, Score

ONSET_THRESHOLD, FRAME_THRESHOLD = 0.5, 0.3
SHORTEST = 0.058  # seconds: five frames
GAP = 11  # frames (0.13 s) under the threshold that do not end a note
TICKS_PER_QUARTER = 480


def transcribe(
    sound: Sound,
    bpm: float = NOMINAL_BPM,
    onset_threshold: float = ONSET_THRESHOLD,
    frame_threshold: float = FRAME_THRESHOLD,
    shortest: float = SHORTEST,
) -> Score:
    """Return the notes of a sound as a score.

    Parameters
    ----------
    sound : Audio, or blocks of one sound
        Of any rate and length; `etude.formats.audio.stream_audio(path)` gives a file in blocks.
    bpm : float
        The tempo of the score's ticks: times are heard in seconds, beats are not heard.
    onset_threshold, frame_threshold : float
        Posteriors from which a key is struck, and from which it sounds.
    shortest : float
        Seconds; what is shorter is no note.

    Returns
    -------
    Score
        480 ticks a quarter, onsets to 12 ms, as long as the sound; velocity is 127 times the note's mean frame
        posterior, the transcriber's confidence.

    Raises
    ------
    EtudeError
        As `etude.evaluation.posteriors.note_posteriors`, and for thresholds outside (0, 1].
    """
    if not (0 < onset_threshold <= 1 and 0 < frame_threshold <= 1):
        raise EtudeError("thresholds in (0, 1]", f"{onset_threshold}, {frame_threshold}")
    keys = _Keys(frame_threshold, max(1, round(shortest * RATE / HOP)))
    for struck, frame in _struck(note_posteriors(sound), onset_threshold):
        keys.hear(struck, frame)
    keys.end(np.flatnonzero(keys.start >= 0))
    return _score(keys, bpm)


def _score(keys: _Keys, bpm: float) -> Score:
    ticks = TICKS_PER_QUARTER * bpm / 60 * HOP / RATE  # in a frame
    start, end, key, confidence = np.array(keys.notes, np.float64).reshape(-1, 4).T
    onset, until = np.rint(start * ticks), np.rint(end * ticks)
    velocity = np.clip(np.rint(127 * confidence), 1, 127)
    notes = np.stack([onset, np.maximum(until - onset, 1), LOWEST_KEY + key, velocity, 0 * key], axis=1)
    length = max(round(keys.frames * ticks), int((notes[:, 0] + notes[:, 1]).max(initial=0)))
    return Score(notes.astype(np.int64), TICKS_PER_QUARTER, bpm, length)


def _struck(blocks: Iterator[tuple[np.ndarray, np.ndarray]], threshold: float) -> Iterator:
    """Yield, frame after frame, which keys' onset posterior has a peak, Bool[88], and the frame posteriors."""
    before = here = np.zeros(KEYS, np.float32)
    frame = None
    for onset, sounding in (rows for block in blocks for rows in zip(*block, strict=True)):
        if frame is not None:
            yield (here >= threshold) & (here > before) & (here >= onset), frame
            before = here
        here, frame = onset, sounding
    if frame is not None:
        yield (here >= threshold) & (here > before), frame


class _Keys:
    """The 88 keys, each with the note that it may be sounding, and the notes that are over."""

    def __init__(self, threshold: float, shortest: int):
        self.threshold, self.shortest = threshold, shortest
        self.start = np.full(KEYS, -1)  # the frame in which the key's note began; -1 where there is none
        self.last = np.full(KEYS, -1)  # the last frame above the threshold
        self.total = np.zeros(KEYS)  # frame posteriors since the note began, in sum
        self.total_at_last = np.zeros(KEYS)
        self.frames, self.notes = 0, []

    def hear(self, struck: np.ndarray, frame: np.ndarray) -> None:
        """Take in the next frame."""
        self.end(np.flatnonzero(struck & (self.start >= 0)))
        self.start[struck] = self.frames
        self.total = np.where(struck, 0, self.total) + frame
        up = struck | (self.start >= 0) & (frame >= self.threshold)
        self.last[up], self.total_at_last[up] = self.frames, self.total[up]
        self.end(np.flatnonzero((self.start >= 0) & (self.frames - self.last >= GAP)))
        self.frames += 1

    def end(self, keys: np.ndarray) -> None:
        """End the notes of some keys after the last frame in which each was above the threshold."""
        for key in keys:
            length = self.last[key] + 1 - self.start[key]
            if length >= self.shortest:
                confidence = self.total_at_last[key] / length
                self.notes.append((self.start[key], self.last[key] + 1, key, confidence))
        self.start[keys] = -1
