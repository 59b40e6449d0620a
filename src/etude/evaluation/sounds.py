"""Sounds beside each other, between a ceiling and a floor: the real recording, and white noise as loud and as long.

No measure here is a score by itself. Counting transcribed notes says nothing while one does not know how many notes
the transcriber hears in real sound, and how many in noise. So every measure is taken of the reference and of noise
too, and a sound is said to be nearer to one or to the other. It is nearer to neither where it has no value, where it
is farther from both than they are from each other, and where the measure cannot tell the two apart: they differ by no
more than `SPREADS` standard deviations of the reference's own sounds.

All measures are taken sound by sound and averaged. The overlap of a sound's distribution (pitches, pitch classes,
onset intervals, ...) is that with all reference sounds pooled; a reference sound is held against the *other* reference
sounds, so that the ceiling is how near real sounds are to each other, not to themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.evaluation.audio_quality import peaks_to_tempered_grid
from etude.evaluation.distributions import overlap
from etude.evaluation.onset_rhythm import pulse_clarity
from etude.evaluation.statistics import DISTRIBUTIONS, histogram, statistics
from etude.evaluation.transcription import transcribe
from etude.types import VELOCITY, Audio, Score

NOISE = "white noise"
NEITHER = "neither"
SPREADS = 3.0  # standard deviations
Heard = tuple[Audio, Score]


def sound_table(
    sounds: Mapping[str, Sequence[Audio]],
    reference: str = "held-out",
    transcriber: Callable[[Audio], Score] = transcribe,
    seed: int = 0,
):
    """Return measures of several sets of sounds, and what each set is nearer to.

    Parameters
    ----------
    sounds : mapping of name to sounds
        Samples of models, and real recordings: `reference` must be among them, with two sounds or more. Compare sounds
        of one instrument and of similar length.
    reference : str
        The set that is the ceiling.
    transcriber : callable
        Takes a sound, returns its notes.
    seed : int
        Of the noise: one sound for each of the reference, with its length, rate and power.

    Returns
    -------
    pandas.DataFrame
        One row per measure: its name; the mean of the reference, `spread` (the standard deviation over its sounds) and
        the mean of noise; then for every other set its mean and, as `NAME is nearer to`, the reference's name, "white
        noise" or "neither". Measures are `cents` (`peaks_to_tempered_grid`), `pulse_clarity`, `confidence` (the notes'
        mean posterior), the statistics of `etude.evaluation.statistics` on the transcription, `notes_per_second` over
        the whole sound, and `overlap_NAME` of its distributions. A mean leaves out sounds in which there is nothing
        to measure.

    Raises
    ------
    EtudeError
        No reference, fewer than two sounds in it, a set without sounds, or one that is called "white noise".
    """
    import pandas as pd

    _check(sounds, reference)
    sets = {reference: sounds[reference], NOISE: _noises(sounds[reference], seed), **sounds}
    heard = {name: [(sound, transcriber(sound)) for sound in those] for name, those in sets.items()}
    real = [score for _, score in heard[reference]]
    values = {name: [_measures(one, real) for one in those] for name, those in heard.items()}
    values[reference] = [_measures(one, real[:k] + real[k + 1 :]) for k, one in enumerate(heard[reference])]
    return pd.DataFrame([_row(measure, values, reference) for measure in values[NOISE][0]])


def _measures(heard: Heard, others: Sequence[Score]) -> dict[str, float]:
    audio, score = heard
    found = {"cents": peaks_to_tempered_grid(audio), "pulse_clarity": pulse_clarity(audio)}
    found["confidence"] = float(score.notes[:, VELOCITY].mean() / 127) if len(score) else np.nan
    found |= statistics(score)
    found["notes_per_second"] = len(score) / audio.seconds if len(audio) else np.nan
    for name in DISTRIBUTIONS:
        found[f"overlap_{name}"] = overlap(histogram([score], name), histogram(others, name))
    return found


def _row(measure: str, values: Mapping[str, list[dict]], reference: str) -> dict:
    columns = {name: np.array([of_one[measure] for of_one in those]) for name, those in values.items()}
    mean = {name: float(np.nanmean(v)) if np.isfinite(v).any() else np.nan for name, v in columns.items()}
    known = columns[reference][np.isfinite(columns[reference])]
    spread = float(np.std(known, ddof=1)) if len(known) > 1 else np.nan
    row = {"measure": measure, reference: mean[reference], "spread": spread, NOISE: mean[NOISE]}
    for name in values:
        if name not in (reference, NOISE):
            row[name] = mean[name]
            row[f"{name} is nearer to"] = _nearer(mean[name], mean[reference], mean[NOISE], spread, reference)
    return row


def _nearer(value: float, real: float, noise: float, spread: float, reference: str) -> str:
    gap, to_real, to_noise = abs(real - noise), abs(value - real), abs(value - noise)
    if not np.isfinite(gap + to_real) or gap <= SPREADS * spread or min(to_real, to_noise) > gap:
        return NEITHER
    return reference if to_real < to_noise else NOISE


def _noises(sounds: Sequence[Audio], seed: int) -> list[Audio]:
    rng, noises = np.random.default_rng(seed), []
    for sound in sounds:
        power = np.mean(np.square(sound.samples, dtype=np.float64)) if len(sound) else 0.0
        noises.append(Audio(np.clip(np.sqrt(power) * rng.standard_normal(len(sound)), -1, 1), sound.rate))
    return noises


def _check(sounds: Mapping[str, Sequence[Audio]], reference: str) -> None:
    if reference not in sounds:
        raise unknown_name("set of sounds", reference, sounds)
    if NOISE in sounds:
        raise EtudeError(f"sets of other names than {NOISE!r}, which is made here", repr(NOISE), "Rename it.")
    for name, those in sounds.items():
        least = 2 if name == reference else 1
        if len(those) < least or not all(isinstance(sound, Audio) for sound in those):
            remedy = "Cut a long recording into several." if name == reference else ""
            raise EtudeError(f"{least} or more Audio in {name!r}", f"{[type(s).__name__ for s in those]}", remedy)
