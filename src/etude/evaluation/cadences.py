"""How phrases close: the last two chords of each, as a textbook names them.

The last chord is that of the beat in which a phrase's last note begins (`etude.evaluation.harmony`); the chord before
it is that of the nearest earlier beat of the phrase with another root. With the tonic of the *piece* as I, and after
Aldwell and Schachter, *Harmony and Voice Leading*, a cadence is the first of these that it can be:

authentic
    Into a major or minor triad from its own dominant: a major triad or dominant seventh a fifth above it, or a
    diminished chord on its leading note. It may close in any key, since phrases of a chorale close in several. It is
    *perfect* where both basses are roots and the soprano ends on the last root.
half
    Into V, a major triad or a dominant seventh, from anything else.
plagal
    From IV (ii) to I.
deceptive
    From V (a major triad or dominant seventh) to the triad a whole or half tone above it: vi, or VI in minor.
other
    Anything else, or a phrase of one chord.

The degrees of a cadence are the pitch classes of bass and soprano above the tonic of the piece, in semitones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from etude.evaluation.harmony import NAMES, NONE, Harmonies, degree, harmonies
from etude.evaluation.statistics import BEAT
from etude.evaluation.tonality import Key, find_key
from etude.types import Score

KINDS = ("authentic", "half", "plagal", "deceptive", "other")
DOMINANT = ("major", "dominant7")
TRIADS = ("major", "minor")
LEADING = ("diminished", "half-diminished7", "diminished7")


class Cadence(NamedTuple):
    """One close: the last two chords as numerals, bass and soprano of both above the tonic, and what it is."""

    beat: int
    kind: str
    perfect: bool
    numerals: tuple[str, str]
    bass: tuple[int, int]
    soprano: tuple[int, int]


def cadences(score: Score, ends: Sequence[int]) -> list[Cadence]:
    """Return the cadence at the end of each phrase.

    Parameters
    ----------
    score : Score
    ends : Int[n]
        Onsets of the phrases' last notes, in sixteenths, in order (`phrase_ends`, or fermatas). Ends at which nothing
        sounds are left out.
    """
    found, key = harmonies(score), find_key(score)
    beats = [beat for beat in (int(end) // BEAT for end in ends) if beat < len(found.roots)]
    starts = [0, *(beat + 1 for beat in beats[:-1])]
    return [
        _cadence(found, key, _before(found.roots, start, beat), beat)
        for start, beat in zip(starts, beats, strict=False)
        if found.roots[beat] != NONE
    ]


def authentic(root: int, shape: str, last_root: int, last_shape: str) -> bool:
    """Say whether a chord is the dominant of the triad after it."""
    fifth_above = (root - last_root) % 12 == 7 and shape in DOMINANT
    leads = (last_root - root) % 12 == 1 and shape in LEADING
    return last_shape in TRIADS and (fifth_above or leads)


def kind_of(root: int, shape: str, last_root: int, last_shape: str, tonic: int) -> str:
    """Return the name of the cadence that two chords make in a piece with this tonic."""
    above, last_above = (root - tonic) % 12, (last_root - tonic) % 12
    if authentic(root, shape, last_root, last_shape):
        return "authentic"
    if last_above == 7 and last_shape in DOMINANT:
        return "half"
    if last_above == 0 and last_shape in TRIADS and above in (2, 5) and shape not in DOMINANT[1:]:
        return "plagal"
    if shape in DOMINANT and (last_root - root) % 12 in (1, 2) and above == 7 and last_shape in TRIADS:
        return "deceptive"
    return "other"


def _before(roots: np.ndarray, start: int, beat: int) -> int | None:
    """Return the nearest beat from `start` on, before `beat`, with another root; None where there is none."""
    others = [place for place in range(start, beat) if roots[place] not in (NONE, roots[beat])]
    return others[-1] if others else None


def _cadence(found: Harmonies, key: Key, before: int | None, beat: int) -> Cadence:
    places = (beat if before is None else before, beat)
    chords = [(int(found.roots[place]), NAMES[found.shapes[place]]) for place in places]
    kind = "other" if before is None else kind_of(*chords[0], *chords[1], key.tonic)
    bass, soprano = (tuple(int(line[place] - key.tonic) % 12 for place in places) for line in found[2:4])
    rooted = all((root - key.tonic) % 12 == low for (root, _), low in zip(chords, bass, strict=True))
    perfect = kind == "authentic" and rooted and soprano[1] == bass[1]
    numerals = tuple(degree(root, NAMES.index(shape), key) for root, shape in chords)
    return Cadence(beat, kind, perfect, numerals, bass, soprano)
