"""`render`: a score as sound, the same each time.

Long scores are played in stretches of two minutes, each to the end of its last note, and added up, so that memory does
not grow with what native code holds. The sum is scaled to a peak, cut where it has died away (never before the score
ends) and rounded to 16 bits, which is how the cache keeps it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from inspect import signature
from pathlib import Path

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.synthesis import cache as storage
from etude.synthesis.engines import ENGINES, checked_soundfont, engine_version
from etude.synthesis.midi_bytes import midi_bytes, note_times, programs_of_tracks
from etude.types import Audio, Score

FORMAT = 1  # to be raised when this file changes what it renders
STRETCH = 120.0  # seconds of onsets played at once
TAIL = 3.0  # seconds at most that sound lasts after its last note ends
FADE = 0.05  # seconds at the end of the tail
SILENCE_DB = -60.0  # under the peak: where a tail is cut
LONGEST = 24 * 3600.0  # seconds
VOLUMES = (127, 64, 32, 16, 8)  # tried in turn until nothing is clipped; each about 12 dB below the one before


def render(
    score: Score,
    rate: int = 22050,
    program: int | str | Sequence[int | str] = 19,
    soundfont: Path | str | None = None,
    engine: str = "midirenderer",
    peak_db: float = -1.0,
    cached: bool = True,
) -> Audio:
    """Return a score as sound: mono, its loudest sample at `peak_db`, the last note's tail included.

    Parameters
    ----------
    score : Score
        One without notes gives silence of its length.
    rate : int
        Samples per second, 1000 to 192000.
    program : int, str or sequence of them
        General MIDI instrument, as number from 0 or name (19, "church organ"; "drums"): one for all tracks, or one for
        each of tracks 0, 1, ...
    soundfont : Path or str, optional
        A SoundFont 2 file; by default TimGM6mb.
    engine : {"midirenderer", "fluidsynth"}
        The latter is a system package.
    peak_db : float
        Of full scale.
    cached : bool
        Whether to look in the cache and leave the result there.

    Raises
    ------
    MissingData, UnreadableFile
        Where the soundfont is missing or broken.
    MissingPackage
        Where the engine is not installed.
    """
    _check(score, rate, engine, peak_db)
    programs = programs_of_tracks(score, program)
    if not len(score):
        return Audio(np.zeros(round(score.seconds * rate), np.float32), rate)
    soundfont = checked_soundfont(soundfont)
    key = _key(score, rate, programs, soundfont, engine, peak_db)
    samples = storage.kept(key) if cached else None
    if samples is None:
        samples = _finished(_played(score, rate, programs, soundfont, ENGINES[engine]), rate, score.seconds, peak_db)
        if cached:
            storage.keep(key, samples)
    return Audio(samples.astype(np.float32) / 32768, rate)


def sound_key(score: Score, *arguments, **options) -> str:
    """Return the sha256 of all that `render` with these arguments depends on: equal keys, equal sound."""
    given = signature(render).bind(score, *arguments, **options)
    given.apply_defaults()
    asked = given.arguments
    _check(score, asked["rate"], asked["engine"], asked["peak_db"])
    programs, soundfont = programs_of_tracks(score, asked["program"]), checked_soundfont(asked["soundfont"])
    return _key(score, asked["rate"], programs, soundfont, asked["engine"], asked["peak_db"])


def _check(score: Score, rate: int, engine: str, peak_db: float) -> None:
    if engine not in ENGINES:
        raise unknown_name("synthesis engine", engine, ENGINES)
    if not (1000 <= rate <= 192_000 and peak_db <= 0 and score.seconds <= LONGEST):
        got = f"rate={rate}, peak_db={peak_db}, {score.seconds:.0f} s"
        raise EtudeError(f"rate 1000 to 192000, peak_db <= 0, at most {LONGEST / 3600:g} hours of music", got)


def _key(score: Score, rate: int, programs: dict[int, int], soundfont: Path, engine: str, peak_db: float) -> str:
    about = soundfont.stat()
    made_with = {
        "format": FORMAT,
        "engine": [engine, engine_version(engine)],
        "soundfont": _digest(soundfont, about.st_size, about.st_mtime_ns),
        "options": [int(rate), sorted(programs.items()), float(peak_db)],
        "score": [score.ticks_per_quarter, score.bpm, score.length],
    }
    return hashlib.sha256(json.dumps(made_with).encode() + score.notes.tobytes()).hexdigest()


@lru_cache(maxsize=8)
def _digest(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _played(score: Score, rate: int, programs: dict[int, int], soundfont: Path, engine: Callable) -> np.ndarray:
    """Return the sound of all stretches together, as loud as the engine makes it without clipping."""
    times = note_times(score)
    for volume in VOLUMES:
        sound = np.zeros(int(np.ceil((max(score.seconds, times[:, 1].max()) + TAIL) * rate)), np.float32)
        for first in np.unique(times[:, 0] // STRETCH) * STRETCH:
            within = (times[:, 0] >= first) & (times[:, 0] < first + STRETCH)
            local = times[within] - first
            midi = midi_bytes(score.notes[within], local, programs, volume, local[:, 1].max() + TAIL)
            samples, native = engine(midi, soundfont)
            clipped = bool(np.abs(samples).max(initial=0) >= 0.999)
            if clipped and volume != VOLUMES[-1]:
                break
            samples = _resampled(samples.mean(axis=1), native, rate)
            start = round(first * rate)
            room = sound[start : start + len(samples)]
            room += samples[: len(room)]
        if not clipped:
            break
    return sound


def _resampled(samples: np.ndarray, native: int, rate: int) -> np.ndarray:
    import soxr

    return samples if native == rate else soxr.resample(samples, native, rate)


def _finished(sound: np.ndarray, rate: int, seconds: float, peak_db: float) -> np.ndarray:
    """Return the sound as Int16[T]: cut where its tail is over but not before `seconds`, faded, scaled to its peak."""
    peak = float(np.abs(sound).max(initial=0))
    if peak > 0:
        heard = np.flatnonzero(np.abs(sound) > peak * 10 ** (SILENCE_DB / 20))[-1] + 1
        sound = sound[: max(heard, round(seconds * rate))]
        fade = min(len(sound), round(FADE * rate))
        sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        sound *= np.float32(10 ** (peak_db / 20) / np.abs(sound).max())
    return np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)
