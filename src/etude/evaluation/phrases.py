"""Where phrases end, found in the notes alone: samples carry no fermatas, so Bach is read in the same way beside them.

A phrase may end at a *stop*: an onset after which nothing begins for a quarter or more. Nearly all of Bach's phrases
end so (99 %), but two stops in three end none. Which do is decided for all stops together. Each stop has a weight (of
evidence, in nats: a logistic regression) made of what it looks like, and each phrase has one made of its length (how
much more often than by chance Bach's phrases are so long); the ends are those that make the sum largest, and the last
stop is always one: a semi-Markov segmentation (Sarawagi and Cohen 2004), solved by dynamic programming. It looks at the
chord of a stop and not at the one before, so that what is found does not depend on whether a phrase closes with a
cadence.

The weights were fitted to the fermatas of the training chorales (`fit_phrase_ends`). Against the fermatas of the 75
validation pieces the ends are found with precision .92 and recall .96, of the 81 test pieces that have some with .85
and .87; stops of a half note or more would give .89 and .51 on validation. They are phrases of chorales: elsewhere the
numbers compare a sample with real music of its kind and are not the truth about either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from etude.errors import EtudeError
from etude.evaluation.harmony import SHAPES, harmonies
from etude.evaluation.statistics import BEAT, sounding
from etude.types import DURATION, ONSET, TRACK, Score

LONGEST = 24  # quarters; longer phrases count as so long
SIGNS = ("half note or more", "a triad and nothing else", "root in the bass", "even quarter", "root in the soprano")


class PhraseModel(NamedTuple):
    """A weight for each of `SIGNS`, a bias, and how many phrases are 1, 2, ... quarters long."""

    weights: tuple[float, ...]
    bias: float
    lengths: tuple[int, ...]

    def of_lengths(self) -> np.ndarray:
        """Return log p(length) minus that of equal frequencies, Float64[LONGEST]; half a phrase is added to each."""
        counts = np.array(self.lengths) + 0.5
        return np.log(counts / counts.sum()) + np.log(LONGEST)


CHORALES = PhraseModel(
    (4.4, 3.55, 4.5, -3.03, 1.71),
    -8.54,
    (0, 0, 10, 54, 29, 160, 169, 545, 72, 208, 22, 101, 11, 19, 6, 13, 1, 1, 1, 2, 0, 4, 1, 7),
)


def phrase_ends(score: Score, model: PhraseModel = CHORALES) -> np.ndarray:
    """Return the onsets of the last chords of the phrases, Int[n], in sixteenths of the *common* score."""
    places, signs = stops(score)
    if not len(places):
        return places
    evidence, by_length = signs @ np.array(model.weights) + model.bias, model.of_lengths()
    best, back = np.zeros(len(places) + 1), np.zeros(len(places) + 1, np.int64)
    begins = np.concatenate([[0], places])  # of a phrase: where the one before ended
    for end, place in enumerate(places, start=1):
        sums = best[:end] + by_length[_bucket(place - begins[:end])]
        back[end] = sums.argmax()
        best[end] = sums[back[end]] + evidence[end - 1]
    found, end = [], len(places)
    while end:
        found.append(places[end - 1])
        end = back[end]
    return np.array(found[::-1], np.int64)


def stops(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Return the stops of a score, Int[n] in sixteenths, and which `SIGNS` each shows, Float64[n, 5]."""
    score = score.common()
    onsets = np.unique(score.notes[:, ONSET])
    waits = np.diff(np.append(onsets, score.length))
    places, waits = onsets[waits >= BEAT], waits[waits >= BEAT]
    if not len(places):
        return places, np.zeros((0, len(SIGNS)))
    chords, roll = harmonies(score), sounding(score)[places]
    roots, shapes = (line[places // BEAT] for line in chords[:2])
    signs = [
        waits >= 2 * BEAT,
        _triads(roll, roots, shapes),
        roll.argmax(axis=1) % 12 == roots,
        places % (2 * BEAT) == 0,
        (127 - roll[:, ::-1].argmax(axis=1)) % 12 == roots,
    ]
    return places, np.stack(signs, axis=1).astype(np.float64)


def last_onsets(score: Score, fermatas: Sequence[int]) -> np.ndarray:
    """Return where the last chord under each fermata begins, Int[n], in sixteenths.

    Parameters
    ----------
    score : Score
        With the soprano as track 0; other voices may still move while it holds.
    fermatas : Int[n]
        Onsets of the soprano's notes, in ticks (`Chorales.fermatas`).
    """
    onsets = np.unique(score.common().notes[:, ONSET])
    soprano, found = score.notes[score.notes[:, TRACK] == 0], []
    for onset, duration in soprano[np.isin(soprano[:, ONSET], fermatas)][:, [ONSET, DURATION]]:
        start, end = (4 * tick // score.ticks_per_quarter for tick in (onset, onset + duration))
        inside = onsets[(onsets >= start) & (onsets < end)]
        found.append(int(inside[-1]) if len(inside) else int(start))
    return np.unique(np.array(found, np.int64))


def fit_phrase_ends(scores: Sequence[Score], ends: Sequence[np.ndarray]) -> PhraseModel:
    """Return the model of some scores whose phrase ends (`last_onsets`) are known."""
    from sklearn.linear_model import LogisticRegression

    if not len(scores) or len(scores) != len(ends):
        raise EtudeError("the ends of each of at least one score", f"{len(scores)} scores, {len(ends)} ends")
    shown = [stops(score) for score in scores]
    marks = np.concatenate([np.isin(places, known) for (places, _), known in zip(shown, ends, strict=True)])
    fitted = LogisticRegression(C=10).fit(np.concatenate([signs for _, signs in shown]), marks)
    lengths = np.concatenate([np.diff(known, prepend=0) for known in ends])
    counts = np.bincount(_bucket(lengths), minlength=LONGEST)
    weights = tuple(round(float(weight), 2) for weight in fitted.coef_[0])
    return PhraseModel(weights, round(float(fitted.intercept_[0]), 2), tuple(counts.tolist()))


def agreement(found: Sequence[np.ndarray], known: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return precision and recall of phrase ends, over all pieces together."""
    right = sum(len(np.intersect1d(one, other)) for one, other in zip(found, known, strict=True))
    return right / max(sum(map(len, found)), 1), right / max(sum(map(len, known)), 1)


def _bucket(sixteenths: np.ndarray) -> np.ndarray:
    """Return the place of a length in the table: 0 for one quarter (or less), LONGEST - 1 for all that are longer."""
    return np.clip((np.asarray(sixteenths) + BEAT // 2) // BEAT, 1, LONGEST) - 1


def _triads(roll: np.ndarray, roots: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Return which rows of Bool[n, 128] hold notes of the major or minor triad on the root and no others."""
    classes = np.zeros((len(roll), 12), bool)
    for octave in range(0, 128, 12):
        part = roll[:, octave : octave + 12]
        classes[:, : part.shape[1]] |= part
    above = np.take_along_axis(classes, (np.arange(12) + roots[:, None]) % 12, axis=1)
    inside = [~above[:, [i for i in range(12) if i not in SHAPES[name]]].any(axis=1) for name in ("major", "minor")]
    return inside[0] | inside[1]
