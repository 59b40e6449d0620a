"""Key signatures and note names for pitches that carry neither.

MIDI pitch 70 is A sharp or B flat; a score has to say which. On the line of fifths (... B flat -2, F -1, C 0, G 1,
D 2 ...) a key with signature k owns the seven places k-1 .. k+5. The five other pitch classes take the names that
music in major and minor uses most: the sharpened degrees (leading tones of the minor and of the dominants) above,
one flattened seventh below, so that twelve places k-2 .. k+9 name every pitch once. This is the fixed-window case of
the line-of-fifths model of Temperley, *The Cognition of Basic Musical Structures* (2001), chapter 5.
"""

from __future__ import annotations

import numpy as np

from etude.types import DURATION, PITCH, Score

LETTERS = "FCGDAEB"  # line of fifths from F = -1
SEMITONES = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
ACCIDENTALS = {-2: "ff", -1: "f", 0: "n", 1: "s", 2: "x"}


def key_signature(score: Score) -> int:
    """Return the signature (sharps positive, flats negative, -5 .. 6) whose scale holds most of the sounding time.

    The nearest to C major wins a tie; a score without notes has none.
    """
    weights = np.bincount(score.notes[:, PITCH] % 12, weights=score.notes[:, DURATION], minlength=12)
    held = {k: sum(weights[7 * place % 12] for place in range(k - 1, k + 6)) for k in range(-5, 7)}
    return max(held, key=lambda k: (held[k], -abs(k), k))


def spell(pitch: int, signature: int) -> tuple[str, int, int]:
    """Return (letter, alteration in semitones, octave) of a MIDI pitch in a key; middle C is ("C", 0, 4)."""
    place = next(p for p in range(signature - 2, signature + 10) if 7 * p % 12 == pitch % 12)
    letter, alteration = LETTERS[(place + 1) % 7], (place + 1) // 7
    return letter, alteration, (pitch - alteration - SEMITONES[letter]) // 12 - 1


def signature_alterations(signature: int) -> dict[str, int]:
    """Return what a signature does to each letter: {"F": 1, "C": 0, ...}."""
    return {letter: (signature + 6 - i) // 7 for i, letter in enumerate(LETTERS)}
