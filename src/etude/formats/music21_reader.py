"""Notes of music21's streams, as the chorales are read: ties merged, at sounding pitch, one track per part."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from pathlib import Path

import numpy as np

from etude.errors import UnreadableFile
from etude.formats.notes_written import FINEST
from etude.types import COMMON_VELOCITY, NOMINAL_BPM, Score


def parse_with_music21(path: Path | str):
    """Return music21's stream of a file, at sounding pitch; its own pickled cache is neither read nor written."""
    from music21 import converter

    path = Path(path)
    if not path.is_file():
        raise UnreadableFile("a file of notated music", f"no file at {path}", "Check the path.")
    try:
        stream = converter.parse(path, forceSource=True, storePickle=False)
        return stream.toSoundingPitch() if hasattr(stream, "parts") else stream
    except Exception as error:  # music21 raises anything from IndexError to its own family on damaged files
        reason = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        raise UnreadableFile(f"notated music in {path.name}", reason, "Export it as MusicXML.") from error


def score_of_parts(parts: list, ticks_per_quarter: int | None = None, bpm: float = NOMINAL_BPM) -> Score:
    """Return the notes of music21 parts as a score, part k as track k.

    Parameters
    ----------
    parts : list of music21.stream.Part
    ticks_per_quarter : int, optional
        By default the coarsest grid that holds every onset and end exactly (`FINEST` at most, then to the nearest).
    bpm : float
    """
    rows = [row for track, part in enumerate(parts) for row in _sounding(part, track)]
    if not rows:
        raise UnreadableFile("at least one note", "no notes")
    if ticks_per_quarter is None:
        grid = lcm(*{time.denominator for row in rows for time in row[:2]})
        ticks_per_quarter = grid if grid <= FINEST else FINEST
    notes = [(a := round(onset * ticks_per_quarter), max(round(end * ticks_per_quarter) - a, 1), pitch, velocity, track)
             for onset, end, pitch, velocity, track in rows]  # fmt: skip
    return Score(np.array(notes, np.int64), ticks_per_quarter, float(bpm))


def _sounding(part, track: int):
    """Yield (onset, end, pitch, velocity, track) of each note of a part, times as exact fractions of a quarter."""
    for element in part.stripTies().flatten().notes:
        duration = _exact(element.quarterLength)
        if duration > 0:
            onset = _exact(element.offset)
            for pitch in getattr(element, "pitches", ()):
                yield onset, onset + duration, pitch.midi, COMMON_VELOCITY, track


def _exact(time) -> Fraction:
    return Fraction(time).limit_denominator(FINEST)
