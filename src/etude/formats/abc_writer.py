"""Scores written as ABC, in two layouts.

`slices` writes one voice of chords: a new chord wherever a note begins or ends and at every bar line, with a tie on
each note that is held into the next one, ``[C-E-G-c]4[CEGB]4``. What sounds together stands together, and the text is
a function of the notes alone: the layout for a model. `voices` writes lines of single notes, one voice after the other,
with as few voices as the notes allow: the layout for other programs, since few of them read ties inside a chord.

Both use sixteenths, no key signature and sharps for the black keys, and the metre and upbeat of a score that states
them, else 4/4. A natural is marked wherever its letter has
carried any accidental earlier in the bar, or is tied into it with one, in any octave: readers disagree how far an
accidental reaches (one octave, all octaves, its note alone), and this text says the same to all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from etude.errors import EtudeError, unknown_name
from etude.formats.abc_reader import MAX_QUARTERS
from etude.types import DURATION, NOMINAL_BPM, ONSET, PITCH, Score

BAR = 16  # sixteenths of a bar of 4/4
BARS_PER_LINE = 4
LAYOUTS = ("voices", "slices")
_LETTERS = ("C", "^C", "D", "^D", "E", "F", "^F", "G", "^G", "A", "^A", "B")
AFTER_METRE = f"L:1/16\nQ:1/4={NOMINAL_BPM:g}\nK:C\n"
HEADER = f"M:4/4\n{AFTER_METRE}"

Slice = tuple[int, int, list[tuple[int, bool]]]  # start, end, (pitch, held into the next slice) from low to high


def write_abc(score: Score, title: str = "", layout: str = "voices") -> str:
    """Return `score.common()` as an ABC tune, in the metre of the score where its bars are whole sixteenths.

    Parameters
    ----------
    score : Score
    title : str
        Written on one line as `T:`.
    layout : {"voices", "slices"}
        See the module's documentation.

    Raises
    ------
    EtudeError
        For an unknown layout, or a score of more than `MAX_QUARTERS` quarters, which no reader of ours takes in.
    """
    if layout not in LAYOUTS:
        raise unknown_name("layout", layout, LAYOUTS)
    common, (metre, *grid) = score.common(), _metre(score)
    heading = f"X:1\nT:{' '.join(title.split())}\nM:{metre}\n{AFTER_METRE}"
    if layout == "slices":
        return heading + _lines(slice_bars(common, *grid))
    voices = [_lines(bars) for bars in voice_bars(common, *grid)]
    if len(voices) < 2:
        return heading + "".join(voices or [_lines([])])
    return heading + "".join(f"V:{number}\n{music}" for number, music in enumerate(voices, 1))


def _metre(score: Score) -> tuple[str, int, int]:
    """Return metre, and sixteenths of a bar and of the upbeat."""
    bar = 4 * score.quarters_of_a_bar
    if score.meter is None or bar.denominator > 1:
        return "4/4", BAR, 0
    return "{}/{}".format(*score.meter), int(bar), round(4 * score.pickup) % int(bar)


def slice_bars(score: Score, bar: int = BAR, upbeat: int = 0) -> list[str]:
    """Return the bars of a `common()` score in the layout `slices`, without bar lines.

    Parameters
    ----------
    score : Score
    bar, upbeat : int
        Sixteenths of a bar, and of what stands before the first whole one.
    """
    return list(_bars(_slices(score, bar, upbeat), bar, upbeat))


def voice_bars(score: Score, bar: int = BAR, upbeat: int = 0) -> list[list[str]]:
    """Return the bars of each voice of a `common()` score in the layout `voices`, without bar lines."""
    voices = (Score(voice, ticks_per_quarter=4, length=score.length) for voice in separate_voices(score.notes))
    return [slice_bars(voice, bar, upbeat) for voice in voices]


def separate_voices(notes: np.ndarray) -> list[np.ndarray]:
    """Split notes Int[N, 5] into the fewest voices in which no two overlap, the highest voice first.

    At each onset, from the highest note down, a note goes to the free voice whose last pitch is nearest; a voice is
    opened only where none is free, so there are as many as notes sound together at most (interval partitioning).
    """
    voices: list[list[np.ndarray]] = []
    for note in notes[np.lexsort((-notes[:, PITCH], notes[:, ONSET]))]:
        free = [voice for voice in voices if voice[-1][ONSET] + voice[-1][DURATION] <= note[ONSET]]
        if free:
            min(free, key=lambda voice: abs(voice[-1][PITCH] - note[PITCH])).append(note)
        else:
            voices.append([note])
    return sorted(map(np.array, voices), key=lambda voice: -voice[:, PITCH].mean())


def _slices(score: Score, bar: int, upbeat: int) -> Iterator[Slice]:
    """Cut a `common()` score wherever a note begins or ends and at every bar line."""
    if score.length > 4 * MAX_QUARTERS:
        raise EtudeError(f"a score of at most {MAX_QUARTERS} quarters", f"{score.length // 4}", "Cut it into parts.")
    onsets, ends = score.notes[:, ONSET].tolist(), (score.notes[:, ONSET] + score.notes[:, DURATION]).tolist()
    pitches = score.notes[:, PITCH].tolist()
    edges = sorted({0, *onsets, *ends, *range(upbeat, score.length, bar), score.length})
    sounding: dict[int, int] = {}  # pitch -> end
    new = 0
    for start, end in pairwise(edges):
        sounding = {pitch: stop for pitch, stop in sounding.items() if stop > start}
        while new < len(onsets) and onsets[new] == start:
            sounding[pitches[new]] = ends[new]
            new += 1
        yield start, end, [(pitch, sounding[pitch] > end) for pitch in sorted(sounding)]


def _bars(slices: Iterable[Slice], bar: int, upbeat: int) -> Iterator[str]:
    music, marked, held = [], set(), []
    for start, end, notes in slices:
        if music and (start - upbeat) % bar == 0:
            yield "".join(music)
            music, marked = [], {_LETTERS[pitch % 12][-1] for pitch in held if len(_LETTERS[pitch % 12]) == 2}
        music.append(_chord(notes, end - start, marked))
        held = [pitch for pitch, on in notes if on]
    if music:
        yield "".join(music)


def _chord(notes: list[tuple[int, bool]], sixteenths: int, marked: set[str]) -> str:
    length = str(sixteenths) if sixteenths > 1 else ""
    if not notes:
        return f"z{length}"
    if len(notes) == 1:
        [(pitch, held)] = notes
        return _spell(pitch, marked) + length + "-" * held
    return "[" + "".join(_spell(pitch, marked) + "-" * held for pitch, held in notes) + "]" + length


def _spell(pitch: int, marked: set[str]) -> str:
    """Write a MIDI pitch; `marked` holds the letters that have carried an accidental in this bar."""
    octave, step = divmod(pitch - 60, 12)
    letter = _LETTERS[step]
    if len(letter) == 2:
        marked.add(letter[1])
    elif letter in marked:
        letter = "=" + letter
    return letter.lower() + "'" * (octave - 1) if octave > 0 else letter + "," * -octave


def _lines(bars: Iterable[str]) -> str:
    bars = list(bars)
    rows = ["|".join(bars[i : i + BARS_PER_LINE]) for i in range(0, len(bars), BARS_PER_LINE)]
    return "|\n".join(rows) + "|]\n" if rows else "z|]\n"
