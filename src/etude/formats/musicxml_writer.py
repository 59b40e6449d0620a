"""Scores written as MusicXML, by way of music21: the same bytes for the same score."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from etude.errors import EtudeError
from etude.files import replacing
from etude.formats.notes_written import FINEST
from etude.types import DURATION, ONSET, PITCH, TRACK, Score

GRID = 48  # parts of a quarter, all of which have a notation: 1/64 notes in triplets, and half of them


def write_musicxml(
    score: Score,
    path: Path | str,
    title: str = "",
    metre: str = "",
    pickup: float | None = None,
    sharps: int | None = None,
) -> Path:
    """Write `score` as MusicXML: one part per track, more where notes of a track overlap without being a chord.

    The same arguments give the same bytes. Where some length has no notation (a note as it was played), every note
    begins and ends at the nearest 48th of a quarter.

    Parameters
    ----------
    score : Score
    path : Path or str
        Ends in .musicxml or .xml.
    title : str
    metre : str
        Time signature such as "3/4"; by default the score's own, else 4/4.
    pickup : float, optional
        Quarters before the first whole measure, less than one; by default the score's own.
    sharps : int, optional
        Key signature, flats negative; by default that of the key music21 finds.
    """
    from music21.musicxml.xmlObjects import MusicXMLExportException

    if not len(score):
        raise EtudeError("a score with notes", "an empty one")
    metre = metre or "{}/{}".format(*(score.meter or (4, 4)))
    upbeat = Fraction(score.pickup if pickup is None else pickup).limit_denominator(FINEST)
    try:
        text = _exported(score, title, metre, upbeat, sharps)
    except MusicXMLExportException:  # a length that no note values add up to
        text = _exported(_on_the_grid(score), title, metre, _nearest_upbeat(upbeat, metre), sharps)
    with replacing(Path(path)) as new:
        new.write_text(_without_accidents(text), encoding="utf-8")
    return Path(path)


def _exported(score: Score, title: str, metre: str, upbeat: Fraction, sharps: int | None) -> str:
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    return GeneralObjectExporter(_stream(score, title, metre, upbeat, sharps)).parse().decode("utf-8")


def _nearest_upbeat(upbeat: Fraction, metre: str) -> Fraction:
    """Return an upbeat on the grid; none where the nearest would be a whole bar."""
    from music21 import meter

    return Fraction(round(upbeat * GRID), GRID) % Fraction(meter.TimeSignature(metre).barDuration.quarterLength)


def _on_the_grid(score: Score) -> Score:
    """Return a score whose notes begin and end at the nearest `GRID`th of a quarter, none shorter than one."""
    onset, end = score.notes[:, ONSET], score.notes[:, ONSET] + score.notes[:, DURATION]
    onset, end = ((2 * GRID * t + score.ticks_per_quarter) // (2 * score.ticks_per_quarter) for t in (onset, end))
    notes = score.notes.copy()
    notes[:, ONSET], notes[:, DURATION] = onset, np.maximum(end - onset, 1)
    return replace(score, notes=notes, ticks_per_quarter=GRID, length=None)


def _stream(score: Score, title: str, metre: str, upbeat: Fraction, sharps: int | None):
    from music21 import key, metadata, meter, stream, tempo

    whole = stream.Score()
    whole.metadata = metadata.Metadata(title=title or "Untitled")
    signature = meter.TimeSignature(metre)
    lead = _lead(signature, upbeat)
    parts = [_part(name, chords, score.ticks_per_quarter, lead) for name, chords in _lines(score.notes)]
    for part in parts:
        whole.insert(0, part)
    sharps = whole.analyze("key").sharps if sharps is None else sharps
    for part in parts:
        part.insert(0, key.KeySignature(sharps))
        part.insert(0, meter.TimeSignature(metre))
    parts[0].insert(0, tempo.MetronomeMark(number=round(score.bpm, 3)))
    return _with_upbeat(whole, lead) if lead else whole


def _lead(signature, upbeat: Fraction) -> Fraction:
    """Return how much of a first measure stands before an upbeat; 0 where there is none."""
    whole = Fraction(signature.barDuration.quarterLength)
    if upbeat and not 0 < upbeat < whole:
        raise EtudeError(f"a pickup of at least 0 quarters and less than a bar, {float(whole):g}", f"{float(upbeat):g}")
    return whole - upbeat if upbeat else Fraction(0)


def _with_upbeat(whole, lead: Fraction):
    """Return a score whose first measures are less long by what stands before the upbeat, and have the number 0."""
    from music21 import stream

    scored = stream.Score()
    scored.metadata = whole.metadata
    for part in whole.parts:
        measured = part.makeMeasures()
        measured.makeTies(inPlace=True)
        measures = list(measured.getElementsByClass("Measure"))
        for number, measure in enumerate(measures):
            measure.number = number
            if number:
                measured.setElementOffset(measure, measure.offset - lead)
        for element in list(measures[0].notesAndRests):
            measures[0].setElementOffset(element, element.offset - lead)
        measures[0].paddingLeft, measures[0].showNumber = lead, stream.enums.ShowNumber.NEVER
        scored.insert(0, measured)
    return scored


def _part(name: str, chords: list[tuple[int, int, list[int]]], ticks_per_quarter: int, lead: Fraction):
    from music21 import chord, clef, note, stream

    part = stream.Part()
    part.partName = name
    for onset, duration, pitches in chords:
        element = chord.Chord(pitches) if len(pitches) > 1 else note.Note(pitches[0])
        element.quarterLength = Fraction(duration, ticks_per_quarter)
        part.insert(lead + Fraction(onset, ticks_per_quarter), element)
    part.insert(0, clef.bestClef(part))
    return part


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
