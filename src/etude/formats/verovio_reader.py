"""The notes of a text of MusicXML or kern as Verovio plays them: a second reader for where our own has doubts.

What we leave out of a score (grace and cue notes) is taken out of its text first; repeats are not expanded. Times come
from Verovio's time map, in quarters; staves and ties from the MEI into which it turns a text.
"""

from __future__ import annotations

import json
from fractions import Fraction
from xml.etree import ElementTree

from etude.errors import UnreadableFile
from etude.formats.kern import is_kern
from etude.formats.kern_spines import LINE_END
from etude.formats.notes_written import FINEST, Written, score_of
from etude.types import Score

OPTIONS = {"expandNever": True, "transposeToSoundingPitch": True, "xmlIdSeed": 1}
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_MEI = "{http://www.music-encoding.org/ns/mei}"


def read_with_verovio(text: str, bpm: float) -> Score:
    """Return the notes of a text, one track per staff; raises UnreadableFile where Verovio cannot read it."""
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    kern = is_kern(text)
    toolkit.setOptions({**OPTIONS, "inputFrom": "humdrum" if kern else "xml"})
    if not toolkit.loadData(_plain_kern(text) if kern else _plain_xml(text)):
        raise UnreadableFile("a score that Verovio can read", "one that it refuses", "Export it again as MusicXML.")
    return score_of(_notes(toolkit), bpm)


def _notes(toolkit) -> list[Written]:
    times = toolkit.renderToTimemap({})
    begins, ends = {}, {}
    for moment in json.loads(times) if isinstance(times, str) else times:
        now = Fraction(moment["qstamp"]).limit_denominator(FINEST)
        begins |= dict.fromkeys(moment.get("on", ()), now)
        ends |= dict.fromkeys(moment.get("off", ()), now)
    mei = ElementTree.fromstring(toolkit.getMEI({}))
    after = {tie.get("startid", "")[1:]: tie.get("endid", "")[1:] for tie in mei.iter(f"{_MEI}tie")}
    staves = {note.get(_ID): int(staff.get("n", 1)) - 1 for staff in mei.iter(f"{_MEI}staff")
              for note in staff.iter(f"{_MEI}note")}  # fmt: skip
    notes = []
    for name in begins.keys() - set(after.values()):
        last = name
        for _ in range(len(after)):
            if after.get(last) not in ends:
                break
            last = after[last]
        pitch = int(toolkit.getMIDIValuesForElement(name)["pitch"])
        length = ends.get(last, begins[name]) - begins[name]
        notes.append(Written(begins[name], length, pitch, max(staves.get(name, 0), 0), "", "", False, False))
    return notes


def _plain_kern(text: str) -> str:
    """Return kern without grace notes: null tokens beside other notes, no line where nothing else begins."""

    def kept(field: str) -> str:
        return " ".join(token for token in field.split(" ") if "q" not in token) or "."

    lines = []
    for line in LINE_END.split(text):
        plain = line if line[:1] in ("!", "*", "=") else "\t".join(map(kept, line.split("\t")))
        if plain == line or set(plain.split("\t")) != {"."}:
            lines.append(plain)
    return "\n".join(lines)


def _plain_xml(text: str) -> str:
    """Return MusicXML of pitched notes that sound: rests for cue notes and drums, and ties drawn."""
    root = ElementTree.fromstring(text)
    for bar in [*root.iter("measure"), *root.iter("part")]:
        for note in bar.findall("note"):
            silent = note.find("cue") is not None or note.find("unpitched") is not None
            if note.find("grace") is not None or (silent and note.find("chord") is not None):
                bar.remove(note)
            elif silent:
                _silence(note)
            elif note.find("notations/tied") is None:
                drawn = ElementTree.SubElement(note, "notations")
                drawn.extend(ElementTree.Element("tied", tie.attrib) for tie in note.findall("tie"))
    return ElementTree.tostring(root, encoding="unicode")


def _silence(note: ElementTree.Element) -> None:
    for child in list(note):
        if child.tag in ("cue", "pitch", "unpitched", "tie", "notations"):
            note.remove(child)
    note.insert(0, ElementTree.Element("rest"))
