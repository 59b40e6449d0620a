"""One loudness for all: sounds brought to the same level, so that nobody chooses the louder.

The level is the root mean square of the sounding part after a filter that hears bass less and treble more, as ears do:
the K weighting of ITU-R BS.1770-4, tables 1 and 2, whose coefficients are given for 48 kHz and are used at that rate.
Blocks of 400 ms below -70 LUFS, then those 10 dB below the mean of the others, do not count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from etude.errors import EtudeError
from etude.types import Audio

RATE, BLOCK, GATE_DB = 48000, 0.4, 10.0
OFFSET_DB = -0.691  # of BS.1770, so that 0 dBFS at 1 kHz reads -3.01 LUFS
SHELF = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
HIGH_PASS = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])
QUIETEST = -70.0  # LUFS


def loudness(audio: Audio) -> float:
    """Return how loud a mono sound is, in LUFS; -inf where it is silent."""
    from scipy.signal import lfilter, resample_poly

    common = int(np.gcd(RATE, audio.rate))
    samples = resample_poly(audio.samples.astype(np.float64), RATE // common, audio.rate // common)
    for b, a in (SHELF, HIGH_PASS):
        samples = lfilter(b, a, samples)
    size = int(BLOCK * RATE)
    starts = range(0, max(1, len(samples) - size + 1), size // 4)
    power = np.array([np.mean(np.square(samples[s : s + size])) for s in starts]) if len(samples) else np.zeros(1)
    power = power[_level(power) > QUIETEST]
    if not len(power):
        return -np.inf
    return float(_level(power[_level(power) > _level(power.mean()) - GATE_DB].mean()))


def at_one_loudness(sounds: Sequence[Audio], peak_db: float = -1.0) -> list[Audio]:
    """Return sounds at the loudest level that all of them can have with their peaks below `peak_db` of full scale.

    Raises
    ------
    EtudeError
        One of them is silent.
    """
    levels = [loudness(sound) for sound in sounds]
    if not np.isfinite(levels).all():
        raise EtudeError("sounds that can be heard", "a silent one", "Leave it out.")
    room = [peak_db - 20 * np.log10(np.abs(sound.samples).max()) for sound in sounds]
    target = min(level + decibels for level, decibels in zip(levels, room, strict=True))
    gains = [10 ** ((target - level) / 20) for level in levels]
    return [Audio(sound.samples * np.float32(gain), sound.rate) for sound, gain in zip(sounds, gains, strict=True)]


def at_one_length(audio: Audio, seconds: float, fade: float = 0.5) -> Audio:
    """Return the first `seconds` of a sound, faded out at their end; a shorter one is followed by silence."""
    samples = np.zeros(round(seconds * audio.rate), np.float32)
    kept = audio.samples[: len(samples)]
    samples[: len(kept)] = kept
    tail = min(len(samples), round(fade * audio.rate))
    samples[len(samples) - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)
    return Audio(samples, audio.rate)


def _level(power):
    with np.errstate(divide="ignore"):
        return OFFSET_DB + 10 * np.log10(power)
