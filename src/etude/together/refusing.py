"""Drawing under a rule: a model writes as it believes, but parallel fifths and octaves are not drawn.

A model of frames speaks the keys of a frame one after the other, from the lowest. While it speaks, what sounds below is
known, and so is the chord before: whether a key would move in parallel with a voice below can be said before it is
drawn. `NoParallels` takes the probability of such a key away and gives it to silence there. Voices and rule are those
of `evaluation.voice_leading`, told from the same frames: of chords of four voices that follow each other none moves in
parallel any more.

This is no longer a draw from the model. Each key is drawn from its distribution given that the rule holds, but the keys
below it were drawn without looking ahead. What else that changes is measured, see chapter 20.
"""

from __future__ import annotations

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.voice_leading import FIFTH, OCTAVE
from etude.evaluation.voices import PARTS
from etude.models.autoregressive import Autoregressive, Chooser, draw, grow, repeat
from etude.models.base import Model
from etude.representations.pianoroll import OFF, STRUCK

VOICES = len(PARTS)
NONE = -1  # where no voice is known


class NoParallels:
    """A chooser for frames of keys that asks another chooser, once parallels are out of its reach.

    Parameters
    ----------
    choose : Chooser
        Draws a code of each key.
    n, keys : int
        Pieces that grow together, and keys of a frame. Every frame is chosen key by key from the lowest, or all at
        once.
    """

    def __init__(self, choose: Chooser, n: int, keys: int):
        self.choose, self.keys = choose, keys
        self.chord = np.full((n, VOICES), NONE)  # at the last moment at which a note began, lowest voice first
        self.sounding = np.full((n, VOICES), NONE)  # in the frame that is being chosen
        self.count, self.begins = np.zeros(n, np.int64), np.zeros(n, bool)

    def __call__(self, probabilities: np.ndarray, entries: np.ndarray) -> np.ndarray:
        """Return a code of each entry, Int[n, k], for probabilities Float64[n, k, 3]."""
        return self._walk(probabilities, entries, self._free)

    def given(self, frame: np.ndarray) -> Chooser:
        """Return the chooser that gives every piece the same known frame Int[keys], and takes note of it."""
        known = repeat(frame)
        return lambda probabilities, entries: self._walk(probabilities, entries, known)

    def forbidden(self, key: int) -> np.ndarray:
        """Say in which pieces this key, as the next voice, would move in parallel with one below it, Bool[n]."""
        voice = np.minimum(self.count, VOICES - 1)
        was = np.take_along_axis(self.chord, voice[:, None], axis=1)
        before, now = self.chord, self.sounding
        interval = (was - before) % OCTAVE
        perfect = ((interval == 0) | (interval == FIFTH)) & ((key - now) % OCTAVE == interval)
        together = np.sign(key - was) * np.sign(now - before) > 0
        known = (before[:, :1] != NONE) & (self.count < VOICES)[:, None]
        return (known & (np.arange(VOICES) < self.count[:, None]) & perfect & together).any(axis=1)

    def _walk(self, probabilities: np.ndarray, entries: np.ndarray, choose: Chooser) -> np.ndarray:
        chosen = np.zeros(probabilities.shape[:2], np.int64)
        for place, key in enumerate(entries):
            chosen[:, place] = choose(probabilities[:, place : place + 1], np.array([key]))[:, 0]
            self._hear(int(key), chosen[:, place])
        return chosen

    def _free(self, probabilities: np.ndarray, entries: np.ndarray) -> np.ndarray:
        forbidden = self.forbidden(int(entries[0]))
        if forbidden.any():
            silent = np.arange(probabilities.shape[-1]) == OFF
            probabilities = np.where(forbidden[:, None, None], silent, probabilities)
        return self.choose(probabilities, entries)

    def _hear(self, key: int, codes: np.ndarray) -> None:
        """Take note of the code of one key in every piece, Int[n]; after the highest the frame is complete."""
        self.begins |= codes == STRUCK
        sounds = np.flatnonzero(codes != OFF)
        voices = sounds[self.count[sounds] < VOICES]
        self.sounding[voices, self.count[voices]] = key
        self.count[sounds] += 1
        if key == self.keys - 1:
            four = np.where((self.count == VOICES)[:, None], self.sounding, NONE)
            self.chord = np.where(self.begins[:, None], four, self.chord)
            self.sounding[:], self.count[:], self.begins[:] = NONE, 0, False


def without_parallels(
    model: Model,
    n: int,
    steps: int,
    seed: int | None = 0,
    temperature: float = 1.0,
    top_p: float = 1.0,
    prefix: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Draw `n` pieces of frames, Int[steps, keys] each, in which no two of four voices move in parallel.

    Parameters
    ----------
    model : Model
        Of piano rolls with onsets (codes off, struck, held), that writes frame by frame.
    n, steps, seed, temperature, top_p, prefix
        As of `Model.sample`. What is given stays as it is; the rule holds from its last chord on.

    Raises
    ------
    EtudeError
        The model is not one of such rolls, or does not write from left to right.

    >>> without_parallels(model, 4, steps=160, temperature=0.85)
    """
    if not isinstance(model, Autoregressive) or model.space.levels != 3 or len(model.space.event_shape) != 1:
        got = f"{model.name}, of {model.space}"
        raise EtudeError("a model that writes piano rolls with onsets, frame by frame", got, "Take `rnn` on pianoroll.")
    prefix = model.space.check(np.zeros((0, model.space.entries), np.int64) if prefix is None else prefix)
    chooser = NoParallels(draw(np.random.default_rng(seed), temperature, top_p), n, model.space.entries)
    stepper = model.stepper(n)

    def write(t: int) -> np.ndarray:
        return stepper.step(chooser.given(prefix[t]) if t < len(prefix) else chooser)

    return grow(n, max(steps, len(prefix)), model.space, write)
