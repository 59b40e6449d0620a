"""Bach's chorales as music21 ships them: which files, and the four voices of each.

Of the 413 scores in its Bach folder 44 have more than four parts: voices with horns, oboes or a continuo beside them,
two five-part settings. A chorale here is a score with one soprano, one alto, one tenor and one bass, or with four
unnamed parts; 410 are. What is kept is pitch and time: ties are merged, repeats read as written, once (166 scores carry
some), fermatas, lyrics and the three grace notes left out, and the tempo is nominal, as the sources state none.
"""

from __future__ import annotations

import re
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

from etude.errors import MissingPackage, UnreadableFile
from etude.formats.music21_reader import parse_with_music21, score_of_parts

VOICES = ("Soprano", "Alto", "Tenor", "Bass")
TICKS_PER_QUARTER = 480  # holds exactly the nine onsets (43 with the instruments) that lie off the sixteenth grid


def bach_files() -> dict[str, Path]:
    """Return name -> file of Bach's scores in music21, by BWV number.

    Three works stand there twice, from two encoders: the kern file is `bwv277`, the MusicXML file `bwv277.mxl`.
    """
    package = find_spec("music21")  # found, not imported: that takes seconds
    if package is None:
        raise MissingPackage("music21, which carries the chorales", "none", "Run: pip install music21")
    folder = Path(package.origin).parent / "corpus" / "bach"
    files = [path for path in folder.iterdir() if path.suffix in (".mxl", ".xml", ".krn")]
    kern = {path.stem for path in files if path.suffix == ".krn"}
    names = {path.name if path.stem in kern and path.suffix != ".krn" else path.stem: path for path in files}
    return dict(sorted(names.items(), key=lambda item: _bwv_order(item[0])))


def _bwv_order(name: str) -> tuple:
    return [int(number) for number in re.findall(r"\d+", name)], name


def read_chorale(path: str) -> dict:
    """Return the notes Int[N, 5] of a chorale, voices as tracks 0 (soprano) to 3 (bass), and its notation.

    The answer is {"notes", "sharps", "metre", "metres", "pickup" (quarters), "measures"}, or {} where the score is not
    for four voices.
    """
    stream = parse_with_music21(path)
    parts = _four_voices(list(stream.parts))
    if parts is None:
        return {}
    score = score_of_parts(parts, TICKS_PER_QUARTER)
    for track in range(4):
        notes = score.notes[score.notes[:, 4] == track]
        if (notes[1:, 0] < notes[:-1, 0] + notes[:-1, 1]).any():
            raise UnreadableFile("four monophonic voices", f"overlapping notes in {VOICES[track]} of {path}")
    return {"notes": score.notes, **_notation(parts[0])}


def _four_voices(parts: list) -> list | None:
    """Return soprano, alto, tenor and bass, or None where there is not one of each."""
    named = {voice: [p for p in parts if (p.partName or "").startswith(voice)] for voice in VOICES}
    if all(len(found) == 1 for found in named.values()):
        return [named[voice][0] for voice in VOICES]
    return parts if len(parts) == 4 and not any(named.values()) else None


def _notation(part) -> dict:
    measures = list(part.getElementsByClass("Measure"))
    metres = [signature.ratioString for signature in part.flatten().getElementsByClass("TimeSignature")]
    sharps = [signature.sharps for signature in part.flatten().getElementsByClass("KeySignature")]
    first = Fraction(measures[0].duration.quarterLength)
    whole = Fraction(measures[0].barDuration.quarterLength)
    return {
        "sharps": sharps[-1] if sharps else 0,
        "metre": metres[0] if metres else "4/4",
        "metres": len(set(metres)),
        "pickup": float(first) if first < whole else 0.0,
        "measures": len(measures),
    }


def titles() -> dict[str, str]:
    """Return BWV number -> first line of the hymn, of the chorales in music21's tables."""
    from music21.corpus import chorales

    by_number = {str(bwv): row["title"] for bwv, row in chorales.ChoraleList().byBWV.items()}
    by_number |= {row["bwv"]: row["title"] for row in chorales.ChoraleListRKBWV().byRiemenschneider.values()}
    return {bwv: title.replace("AAch", "Ach").replace("’", "'") for bwv, title in by_number.items()}  # a slip there
