"""MusicXML (plain or compressed) and Humdrum kern, by way of music21.

Reading keeps notes as they sound: ties are merged, chords taken apart, transposing parts moved to sounding pitch, one
track per part (staff). Repeats are read as written, once. Grace notes have no length and are left out, as are dynamics
(all velocities are 80), lyrics and articulations. The tempo is the first metronome mark that a score states.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from pathlib import Path

import numpy as np

from etude.errors import EtudeError, UnreadableFile
from etude.files import replacing
from etude.types import COMMON_VELOCITY, DURATION, NOMINAL_BPM, ONSET, PITCH, TRACK, Score

FINEST = 480 * 7 * 9  # ticks per quarter at most: 1/512 notes, triplets, quintuplets, septuplets, and their nests


def read_musicxml(path: Path | str) -> Score:
    """Read a .musicxml, .xml, .mxl or .krn file; raises UnreadableFile where music21 cannot."""
    score = parse_with_music21(path)
    marks = [mark.getQuarterBPM() for mark in score.recurse().getElementsByClass("MetronomeMark")]
    return score_of_parts(list(score.parts), bpm=next((bpm for bpm in marks if bpm), NOMINAL_BPM))


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
        length = _exact(pickup) / 4
        part.insert(0, meter.TimeSignature(f"{length.numerator}/{length.denominator}"))
    part.insert(_exact(pickup), meter.TimeSignature(metre))


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
