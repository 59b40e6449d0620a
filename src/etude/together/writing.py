"""Writing voices by blocked Gibbs sampling: notes are hidden at random and drawn again, line by line.

Coconet's revision (Huang et al. 2017, section 4.2; Yao et al. 2014) hides a falling share of the points of a roll and
draws them at once. Here beats of voices are hidden, and the lines of a sweep are drawn one after the other, each as one
voice (`together.lines`) between the voices that are known by then: one look of the network a sweep. The share falls
from all to a twentieth, so that the first sweeps sketch and the last ones polish.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.together.lines import HELD, NEVER, OFF, REST, STRUCK, Lines, draw_line
from etude.together.rules import Home, move_weights, note_weights

SHARES = (1.0, 0.05)  # of the beats that are open: hidden in the first and in the last sweep
BEAT = 4  # steps
LEAST = 1e-3  # a temperature of 0 is this: the likeliest line, but for ties


def write_lines(
    model,
    lines: Lines,
    ranges: Sequence[tuple[int, int]],
    rng: np.random.Generator,
    sweeps: int = 24,
    temperature: float = 0.8,
    rules: float = 1.0,
    others: np.ndarray | None = None,
    home: Home | None = None,
) -> Lines:
    """Return the lines with all that is not given written.

    Parameters
    ----------
    model
        Of rolls, with a `network` that fills masks (a Coconet).
    lines : Lines
    ranges : sequence of (int, int)
        Lowest and highest key of each voice.
    rng : Generator
    sweeps : int
    temperature : float
    rules : float
        Strength of the rules of part-writing; 0 for none.
    others : Int[T, keys], optional
        A roll of what sounds beside the voices.
    home : Home, optional
        What the key asks for.
    """
    lines = Lines(lines.keys.copy(), lines.struck.copy(), lines.given, lines.given.copy())
    with model.network.on_fastest_device():
        for share in np.geomspace(*SHARES, sweeps):
            lines.written = lines.given | ~_hidden(lines, share, rng)
            if not lines.written.all():
                _sweep(model, lines, ranges, rng, max(temperature, LEAST), rules, others, home)
    return lines


def _hidden(lines: Lines, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return which steps of each voice are drawn again, Bool[V, T]: spans of a beat, and what they cut through.

    A span is hidden to the end of its last note, for a note that is known to be held must have begun with its key.
    """
    voices, steps = lines.keys.shape
    if share >= 1:
        return ~lines.given
    beats = (np.arange(steps) + rng.integers(BEAT, size=(voices, 1))) // BEAT
    hidden = np.take_along_axis(rng.random((voices, steps // BEAT + 2)) < share, beats, axis=1)
    goes_on = ~lines.struck & (lines.keys != REST)
    for t in range(1, steps):
        hidden[:, t] |= hidden[:, t - 1] & goes_on[:, t]
    return hidden & ~lines.given


def _sweep(model, lines: Lines, ranges, rng, temperature: float, rules: float, others, home) -> None:
    """Draw every hidden line once, from one look of the network."""
    size = model.space.entries
    x = lines.roll(size) if others is None else np.where(others > 0, others, lines.roll(size))
    asked = _asked(lines, ranges, size) & ~(x > OFF)
    if not asked.any():
        asked = ~(x > OFF)
    log_p = np.full((*x.shape, 3), NEVER)
    log_p[..., OFF] = 0
    log_p[asked] = model.network.log_probabilities(x[None], ~asked, asked)[0]
    odds = (log_p[..., [STRUCK, HELD]] - log_p[..., [OFF]]) / temperature
    if others is not None:
        odds[others > 0] = NEVER
    for voice in _order(lines, rng):
        _draw_voice(lines, voice, ranges[voice], odds, rng, rules, home)


def _asked(lines: Lines, ranges, size: int) -> np.ndarray:
    """Return the points of the roll at which some hidden voice may sound, Bool[T, size]."""
    asked = np.zeros((lines.steps, size), bool)
    for voice, (lowest, highest) in enumerate(ranges):
        low, high = lines.band(voice, lowest, highest)
        key = np.arange(size)
        asked |= ~lines.written[voice][:, None] & (key >= low[:, None]) & (key <= high[:, None])
    return asked


def _order(lines: Lines, rng) -> list[int]:
    """Return the voices that have something hidden: the lowest first while all is open, then at random."""
    hidden = np.flatnonzero(~lines.written.all(axis=1))
    return hidden[::-1].tolist() if (lines.written == lines.given).all() else rng.permutation(hidden).tolist()


def _draw_voice(lines: Lines, voice: int, reach: tuple[int, int], odds: np.ndarray, rng, rules: float, home) -> None:
    known, (lowest, highest) = lines.written[voice].copy(), reach
    inside = lines.keys[voice][known & (lines.keys[voice] != REST)]
    lowest, highest = min([lowest, *inside]), max([highest, *inside])
    low, high = lines.band(voice, *reach)
    key = np.arange(lowest, highest + 1)
    free = (key >= low[:, None]) & (key <= high[:, None])
    struck, held = (np.where(free, odds[:, lowest : highest + 1, code], NEVER) for code in (0, 1))
    if rules > 0:
        struck = struck + note_weights(lines, voice, lowest, highest, rules)
    if home is not None:
        at_home = rules * home.weights[voice, :, lowest : highest + 1]
        struck, held = struck + at_home, held + at_home * (np.arange(lines.steps) >= home.close)[:, None]
    rest = np.where(_may_rest(lines, voice), 0.0, NEVER / 2)
    given = lines.given[voice]
    held[1:][given[:-1] & ~given[1:]] = NEVER  # no note that is given becomes longer
    for t in np.flatnonzero(known):
        struck[t], held[t], rest[t] = NEVER, NEVER, NEVER
        if lines.keys[voice, t] == REST:
            rest[t] = 0.0
        else:
            (struck if lines.struck[voice, t] else held)[t, lines.keys[voice, t] - lowest] = 0.0
    moves = move_weights(lines, voice, lowest, highest, rules)
    for begin, end in _runs(~known):
        if begin and lines.keys[voice, begin - 1] != REST:  # where the run begins, its past has one key
            struck[begin - 1, lines.keys[voice, begin - 1] - lowest] = 0.0
        run = slice(max(begin - 1, 0), end + 1)
        keys, begins = draw_line(struck[run], held[run], rest[run], None if moves is None else moves[run], rng)
        new = slice(begin - run.start, end - run.start)
        lines.keys[voice, begin:end] = np.where(keys == REST, REST, keys + lowest)[new]
        lines.struck[voice, begin:end] = begins[new]
    lines.written[voice] = True


def _runs(hidden: np.ndarray) -> list[tuple[int, int]]:
    """Return where runs of true entries begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hidden, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _may_rest(lines: Lines, voice: int) -> np.ndarray:
    """Return the steps at which a voice may rest, Bool[T]: nothing given sounds, and what is given of it rests, too.

    Before the first and after the last step at which something given sounds every voice rests: that says nothing.
    """
    sounds = (lines.given & (lines.keys != REST)).any(axis=0)
    amid = np.logical_or.accumulate(sounds) & np.logical_or.accumulate(sounds[::-1])[::-1]
    own = lines.keys[voice][lines.given[voice] & amid]
    return np.zeros(lines.steps, bool) if len(own) and (own != REST).all() else ~sounds
