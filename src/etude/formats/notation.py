"""Notated music read: MusicXML, plain or compressed, and Humdrum kern, told apart by their content.

Reading keeps notes as they sound: ties are merged, chords taken apart, transposing parts moved to sounding pitch, one
track per part and staff, the highest first. Repeats are read as written, once. Grace and cue notes, unpitched
percussion, dynamics (all velocities are 80), lyrics and articulations are left out. Tempo and metre are the first that
a score states, and an upbeat is what its first bar lines say (`bar_lines`).

Notes are counted in two ways: as they come out of the reading, and as the file says without regard to time
(`notes_written.note_ons`). Where the two disagree the file is refused; Verovio may read it, if its notes are as many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from etude.errors import UnreadableFile, unknown_name
from etude.formats.kern import is_kern, read_kern
from etude.formats.limits import LARGEST_FILE, file_bytes
from etude.formats.musicxml_reader import read_xml
from etude.formats.mxl import is_packed, unpacked
from etude.formats.notes_written import Notation, Written, note_ons, score_of, sounding
from etude.formats.text_files import decoded
from etude.types import NOMINAL_BPM, Score

_EXPECTED = "a file of notated music"


def read_musicxml(path: Path | str, parser: str = "étude") -> Score:
    """Read MusicXML (.musicxml, .xml, .mxl) or kern (.krn, .kern), by whatever name.

    Parameters
    ----------
    path : Path or str
    parser : {"étude", "Verovio"}
        Verovio is native code, which a broken file may crash: `etude.corpora.one_file.read_piece` and the corpus
        `folder` read in a process of its own, within limits of time and memory.

    Raises
    ------
    UnreadableFile
        Where a file is not well-formed, has pitches that are none of the 128, bars or spines whose durations disagree,
        or ties that do.
    """
    if parser not in PARSERS:
        raise unknown_name("parser of notated music", parser, PARSERS)
    text = notation_text(file_bytes(path, _EXPECTED))
    notation = written(text)
    score = PARSERS[parser](text, sounding(notation.notes), notation.bpm or NOMINAL_BPM)
    _check_count(len(score), note_ons(notation.notes))
    return replace(score, meter=notation.meter, pickup=notation.pickup)


def notation_text(data: bytes) -> str:
    """Return the text of a file, unpacked where it is an archive."""
    data = unpacked(data) if is_packed(data) else data
    if len(data) > LARGEST_FILE:
        raise UnreadableFile(f"{_EXPECTED} of at most {LARGEST_FILE >> 20} MiB", f"{len(data) >> 20} MiB")
    return decoded(data)


def written(text: str) -> Notation:
    """Return the note heads of a text of MusicXML or kern; raises UnreadableFile."""
    if is_kern(text):
        return read_kern(text)
    if text.lstrip().startswith("<"):
        return read_xml(text)
    shown = text.lstrip()[:20]
    raise UnreadableFile("MusicXML or kern", f"a text that begins {shown!r}", "Export it as MusicXML.")


def _by_etude(text: str, notes: list[Written], bpm: float) -> Score:
    return score_of(notes, bpm)


def _by_verovio(text: str, notes: list[Written], bpm: float) -> Score:
    from etude.formats.verovio_reader import read_with_verovio

    return read_with_verovio(text, bpm)


def _check_count(count: int, expected: range) -> None:
    if count not in expected:
        said = f"{expected.start} to {expected.stop - 1}" if len(expected) > 1 else f"{expected.start}"
        remedy = "Look for ties that do not meet the next note, or export it again as MusicXML."
        raise UnreadableFile(f"{said} notes, as its heads and ties count", f"{count}", remedy)


PARSERS: dict[str, Callable[[str, list[Written], float], Score]] = {"étude": _by_etude, "Verovio": _by_verovio}
