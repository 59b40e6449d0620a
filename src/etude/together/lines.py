"""Voices as lines on a grid, and the exact draw of one line from a model that guesses every key by itself.

A network over piano rolls gives each key of each step a distribution of its own: off, struck or held. It knows nothing
of voices, and what is drawn from it has three notes here and five there. A *line* sounds one key a step, or rests. The
odds of a line under the network, all other keys of its band being off, factor over time ::

    p(line) ~ product over steps t of  p_t(key_t = struck or held) / p_t(key_t = off)

and a key may be held only where it was sounding the step before. That is a Markov chain, so lines are drawn exactly, by
filtering backwards and drawing forwards (Rabiner 1989; forward filtering, backward sampling, mirrored in time).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

REST = -1
OFF, STRUCK, HELD = range(3)
NEVER = -1e9  # a log weight


@dataclass
class Lines:
    """V voices over T steps, the highest first.

    keys : Int[V, T]
        Sounding, counted from the lowest of the roll; REST where the voice is silent.
    struck : Bool[V, T]
        A note begins.
    given : Bool[V, T]
        What stays as it is.
    written : Bool[V, T]
        What is known by now: given, or drawn already.
    """

    keys: np.ndarray
    struck: np.ndarray
    given: np.ndarray
    written: np.ndarray

    @property
    def steps(self) -> int:
        return self.keys.shape[1]

    def roll(self, size: int) -> np.ndarray:
        """Return what is written as codes of a roll of `size` keys, Int[T, size]."""
        x, sounds = np.zeros((self.steps, size), np.int64), self.written & (self.keys != REST)
        for code, shown in ((HELD, sounds & ~self.struck), (STRUCK, sounds & self.struck)):
            _, t = np.nonzero(shown)
            x[t, self.keys[shown]] = code
        return x

    def band(self, voice: int, lowest: int, highest: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the keys that a voice may take at each step, from low to high Int[T] and Int[T], both included.

        They lie between the nearest voices above and below that are known. Where these leave no room, only the voices
        count that were given: what is written may cross each other there, and nobody crosses what was given.
        """
        low, high = self._between(voice, self.written, lowest, highest)
        for known in (self.given, np.zeros_like(self.given)):
            crossed = low > high
            wide = self._between(voice, known, lowest, highest)
            low, high = np.where(crossed, wide[0], low), np.where(crossed, wide[1], high)
        return low, high

    def _between(self, voice: int, known: np.ndarray, lowest: int, highest: int) -> tuple[np.ndarray, np.ndarray]:
        low, high = np.full(self.steps, lowest), np.full(self.steps, highest)
        for other in range(len(self.keys)):
            sounds = known[other] & (self.keys[other] != REST)
            if other < voice:
                high = np.where(sounds, np.minimum(high, self.keys[other] - 1), high)
            elif other > voice:
                low = np.where(sounds, np.maximum(low, self.keys[other] + 1), low)
        return low, high


def draw_line(
    struck: np.ndarray, held: np.ndarray, rest: np.ndarray, moves: np.ndarray | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return a line drawn in proportion to its weight: keys Int[T], REST for none, and whether struck Bool[T].

    Parameters
    ----------
    struck, held : Float64[T, K]
        Log weights of each key at each step.
    rest : Float64[T]
        Log weights of silence.
    moves : Float64[T, K, K], optional
        Added where the line goes from a key at step t - 1 (second axis) to another, struck at t (third).
    """
    steps, size = struck.shape
    ahead = _ahead(struck, held, rest, moves)
    keys, begins = np.full(steps, REST), np.zeros(steps, bool)
    for t in range(steps):
        begin = struck[t] + ahead[t, :size]
        hold = NEVER
        if t and keys[t - 1] != REST:
            hold = held[t, keys[t - 1]] + ahead[t, keys[t - 1]]
            begin = begin if moves is None else begin + moves[t, keys[t - 1]]
        weights = np.concatenate([begin, [hold, rest[t] + ahead[t, size]]])
        choice = _pick(weights, rng)
        begins[t] = choice < size
        keys[t] = choice if choice < size else keys[t - 1] if choice == size else REST
    return keys, begins


def _ahead(struck, held, rest, moves) -> np.ndarray:
    """Return the log weight of all that can follow each state, Float64[T, K + 1]; the last is silence."""
    steps, size = struck.shape
    ahead = np.zeros((steps, size + 1))
    for t in range(steps - 1, 0, -1):
        begin, silence = struck[t] + ahead[t, :size], rest[t] + ahead[t, size]
        ahead[t - 1, size] = np.logaddexp(_log_sum(begin[None])[0], silence)
        each = np.broadcast_to(begin, (size, size)) if moves is None else begin + moves[t]
        go_on = np.logaddexp(held[t] + ahead[t, :size], silence)
        ahead[t - 1, :size] = np.logaddexp(go_on, _log_sum(each))
    return ahead


def _log_sum(x: np.ndarray) -> np.ndarray:
    top = x.max(axis=1)
    return top + np.log(np.exp(x - top[:, None]).sum(axis=1))


def _pick(weights: np.ndarray, rng: np.random.Generator) -> int:
    p = np.exp(weights - weights.max())
    return int(np.searchsorted(np.cumsum(p), rng.random() * p.sum(), side="right").clip(max=len(p) - 1))
