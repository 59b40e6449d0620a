"""What a piece may be: the bounds that every reader of scores holds its answer against.

A few bytes of a file may say a million bars of rest. What is let in has to fit into every representation, whose grids
count sixteenths, so the bounds are of notes, of seconds and of quarters.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from etude.errors import EtudeError, UnreadableFile
from etude.types import DURATION, ONSET, Score

LARGEST_FILE = 64 * 2**20  # bytes
MOST_NOTES = 500_000  # what event tokens of them take, 400 MB, is the measure
MOST_WRITTEN = 500_000  # note heads of a notated score, which take more memory while they are read
LONGEST_SECONDS = 24 * 3600
LONGEST_QUARTERS = 2**16  # over 13 hours at the nominal tempo
SLOWEST_BPM, FASTEST_BPM = 1, 2000


def file_bytes(path: Path | str, expected: str) -> bytes:
    """Return what `path` holds; raises UnreadableFile where there is no such file, or one of more than 64 MiB."""
    path = Path(path)
    try:
        size = path.stat().st_size if path.is_file() else -1
        if size > LARGEST_FILE:
            got, remedy = f"{path.name}, {size >> 20} MiB", "Split it into pieces."
            raise UnreadableFile(f"{expected} of at most {LARGEST_FILE >> 20} MiB", got, remedy)
        return path.read_bytes()
    except OSError as error:
        reason = f"no file at {path} ({error.strerror})"
        raise UnreadableFile(expected, reason, "Check the path.") from error


def score_within(notes: np.ndarray, ticks_per_quarter: int, bpm: float, **more) -> Score:
    """Return the score of these notes, Int[N, 5]; raises UnreadableFile where it is none or beyond the bounds."""
    check_within(notes, ticks_per_quarter, bpm)
    try:
        return Score(notes, ticks_per_quarter, bpm, **more)
    except EtudeError as error:
        raise UnreadableFile(error.expected, error.got, error.remedy) from error


def check_within(notes: np.ndarray, ticks_per_quarter: int, bpm: float) -> None:
    """Raise UnreadableFile where notes, Int[N, 5], are none or beyond the bounds."""
    if not 0 < len(notes) <= MOST_NOTES:
        raise too_many_notes() if len(notes) else UnreadableFile("at least one pitched note", "none")
    if not SLOWEST_BPM <= bpm <= FASTEST_BPM:
        expected = f"a tempo of {SLOWEST_BPM} to {FASTEST_BPM} quarters a minute"
        raise UnreadableFile(
            expected, f"a tempo of {bpm:.0f}" if bpm >= 1 else f"a tempo of {bpm:g}", "Give it another tempo."
        )
    quarters = int((notes[:, ONSET] + notes[:, DURATION]).max()) / ticks_per_quarter
    hours = quarters / bpm / 60
    if quarters > LONGEST_QUARTERS or hours * 3600 > LONGEST_SECONDS:
        limits = f"at most {LONGEST_SECONDS // 3600} hours of music and {LONGEST_QUARTERS} quarters"
        got = f"{hours:.0f} hours and {quarters:.0f} quarters"
        raise UnreadableFile(limits, got, "Look for a gap in it, or split it into pieces.")


def too_many_notes(most: int = MOST_NOTES) -> UnreadableFile:
    """Return the error for a file of more than `most` notes."""
    return UnreadableFile(f"at most {most} notes", "more", "Split it into pieces.")
