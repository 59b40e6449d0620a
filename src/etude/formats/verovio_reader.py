"""The notes of a text of MusicXML or kern as Verovio plays them: a second reader for where our own has doubts.

What we leave out of a score (grace and cue notes) is taken out of its text first; repeats are not expanded.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from xml.etree import ElementTree

from etude.errors import UnreadableFile
from etude.formats.kern import is_kern
from etude.formats.midi_notes import midi_score
from etude.types import Score

OPTIONS = {"expandNever": True, "xmlIdSeed": 1}


def read_with_verovio(text: str, bpm: float) -> Score:
    """Return the notes of a text, one track per staff; raises UnreadableFile where Verovio cannot read it."""
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    kern = is_kern(text)
    toolkit.setOptions({**OPTIONS, "inputFrom": "humdrum" if kern else "xml"})
    if not toolkit.loadData(_without_graces_kern(text) if kern else _without_graces_xml(text)):
        raise UnreadableFile("a score that Verovio can read", "one that it refuses", "Export it again as MusicXML.")
    return replace(midi_score(base64.b64decode(toolkit.renderToMIDI())), bpm=bpm)


def _without_graces_kern(text: str) -> str:
    """Return kern in which grace notes are null tokens."""

    def kept(field: str) -> str:
        return " ".join(token for token in field.split(" ") if "q" not in token) or "."

    lines = [
        line if line[:1] in ("!", "*", "=") else "\t".join(map(kept, line.split("\t"))) for line in text.splitlines()
    ]
    return "\n".join(lines) + "\n"


def _without_graces_xml(text: str) -> str:
    """Return MusicXML without grace notes, and with rests for cue notes."""
    root = ElementTree.fromstring(text)
    for bar in [*root.iter("measure"), *root.iter("part")]:
        for note in bar.findall("note"):
            if note.find("grace") is not None:
                bar.remove(note)
            elif note.find("cue") is not None:
                _silence(note)
    return ElementTree.tostring(root, encoding="unicode")


def _silence(note: ElementTree.Element) -> None:
    for child in list(note):
        if child.tag in ("cue", "pitch", "chord", "tie", "notations"):
            note.remove(child)
    note.insert(0, ElementTree.Element("rest"))
