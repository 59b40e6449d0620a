"""Scores written as MusicXML, by way of music21: the same bytes for the same score."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from etude.errors import EtudeError
from etude.files import replacing
from etude.formats.notes_written import FINEST
from etude.types import DURATION, ONSET, PITCH, TRACK, Score


def write_musicxml(
    score: Score,
    path: Path | str,
    title: str = "",
    metre: str = "4/4",
    pickup: float = 0.0,
    sharps: int | None = None,
) -> Path:
    """Write `score` as MusicXML: one part per track, more where notes of a track overlap without being a chord.

    The same arguments give the same bytes.

    Parameters
    ----------
    score : Score
    path : Path or str
        Ends in .musicxml or .xml.
    title : str
    metre : str
        Time signature.
    pickup : float
        Quarters before the first whole measure.
    sharps : int, optional
        Key signature, flats negative; by default that of the key music21 finds.
    """
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    if not len(score):
        raise EtudeError("a score with notes", "an empty one")
    exported = GeneralObjectExporter(_stream(score, title, metre, pickup, sharps)).parse().decode("utf-8")
    with replacing(Path(path)) as new:
        new.write_text(_without_accidents(exported), encoding="utf-8")
    return Path(path)


def _stream(score: Score, title: str, metre: str, pickup: float, sharps: int | None):
    from music21 import key, metadata, stream, tempo

    whole = stream.Score()
    whole.metadata = metadata.Metadata(title=title or "Untitled")
    parts = [_part(name, chords, score.ticks_per_quarter) for name, chords in _lines(score.notes)]
    for part in parts:
        whole.insert(0, part)
    sharps = whole.analyze("key").sharps if sharps is None else sharps
    for part in parts:
        part.insert(0, key.KeySignature(sharps))
        _insert_metre(part, metre, pickup)
    parts[0].insert(0, tempo.MetronomeMark(number=round(score.bpm, 3)))
    return whole


def _part(name: str, chords: list[tuple[int, int, list[int]]], ticks_per_quarter: int):
    from music21 import chord, clef, note, stream

    part = stream.Part()
    part.partName = name
    for onset, duration, pitches in chords:
        element = chord.Chord(pitches) if len(pitches) > 1 else note.Note(pitches[0])
        element.quarterLength = Fraction(duration, ticks_per_quarter)
        part.insert(Fraction(onset, ticks_per_quarter), element)
    part.insert(0, clef.bestClef(part))
    return part


def _insert_metre(part, metre: str, pickup: float) -> None:
    from music21 import meter

    if pickup > 0:
        length = Fraction(pickup).limit_denominator(FINEST) / 4
        part.insert(0, meter.TimeSignature(f"{length.numerator}/{length.denominator}"))
    part.insert(Fraction(pickup).limit_denominator(FINEST), meter.TimeSignature(metre))


def _lines(notes: np.ndarray) -> Iterator[tuple[str, list[tuple[int, int, list[int]]]]]:
    """Yield (name, [(onset, duration, pitches)]): the notes of each track in as few lines as hold no overlap."""
    for track in np.unique(notes[:, TRACK]):
        chords: dict[tuple[int, int], list[int]] = {}
        for row in notes[notes[:, TRACK] == track].tolist():
            chords.setdefault((row[ONSET], row[DURATION]), []).append(row[PITCH])
        lines: list[list[tuple[int, int, list[int]]]] = []
        for (onset, duration), pitches in sorted(chords.items()):
            free = next((line for line in lines if line[-1][0] + line[-1][1] <= onset), None)
            if free is None:
                lines.append(free := [])
            free.append((onset, duration, sorted(set(pitches))))
        for number, line in enumerate(lines):
            yield f"Track {track + 1}" + (f", line {number + 1}" if number else ""), line


def _without_accidents(text: str) -> str:
    """Drop what does not come from the score: the day, music21's name as the composer, random part identifiers."""
    text = re.sub(r"\s*<encoding-date>.*?</encoding-date>", "", text)
    text = text.replace('<creator type="composer">Music21</creator>', "")
    for number, name in enumerate(re.findall(r'<score-part id="([^"]+)"', text), start=1):
        text = text.replace(f'id="{name}"', f'id="P{number}"')
    return text
