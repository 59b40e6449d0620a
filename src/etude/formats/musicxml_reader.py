"""The note heads of MusicXML (4.0, W3C Music Notation Community Group), of scores by part and by measure.

Left out, as they have no time or no sound of their own: grace notes, cue notes, unpitched percussion. Pitches are those
that sound: transposing parts are moved, octave lines are only drawn. Repeats are read as written, once. All parts begin
a bar together, when the longest of them has ended the bar before. A tempo is a metronome mark or `sound`.

A text is read piece by piece and forgotten bar by bar, so a long score takes little more memory than its text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from xml.etree import ElementTree

from etude.errors import UnreadableFile
from etude.formats.bar_lines import FIRST, BarLines
from etude.formats.limits import MOST_WRITTEN, too_many_notes
from etude.formats.musicxml_bar import Part
from etude.formats.notes_written import Notation, on_a_grid

_FED = 2**16  # characters at a time
_DEEPEST, _MOST_ELEMENTS = 100, 1_000_000  # levels, and elements held at once
_AGAIN = "Export it again as MusicXML."


def read_xml(text: str) -> Notation:
    """Return the note heads of a MusicXML score; raises UnreadableFile."""
    if "<!ENTITY" in text[: text.find("<score-") + 1 or len(text)]:
        raise UnreadableFile("MusicXML", "a document that defines entities of its own", _AGAIN)
    parts: dict[str, Part] = {}
    lengths: dict[int, Fraction] = defaultdict(Fraction)  # of each bar, over all parts
    try:
        for identity, number, bar in _bars(text):
            part = parts.setdefault(identity, Part(identity))
            lengths[number] = max(lengths[number], part.read(number, bar))
            if sum(len(part.heads) for part in parts.values()) > MOST_WRITTEN:
                raise too_many_notes(MOST_WRITTEN)
    except ElementTree.ParseError as error:
        raise UnreadableFile("well-formed XML", f"{error}", _AGAIN) from error
    notation = _assembled(list(parts.values()), lengths)
    if len(notation.notes) != (count := _count(text)):
        raise UnreadableFile(f"{count} pitched notes, as the text counts", f"{len(notation.notes)}", _AGAIN)
    return notation


def _bars(text: str) -> Iterator[tuple[str, int, ElementTree.Element]]:
    """Yield (part, number of the bar, its content) for each bar of each part, and drop it afterwards."""
    parser = ElementTree.XMLPullParser(("start", "end"))
    path: list[ElementTree.Element] = []
    bars: dict[str, int] = defaultdict(int)  # that are over, of each part
    held, over = 0, set()  # elements since the last bar; parts that are over, in the score or in a bar of all parts
    for place in range(0, len(text), _FED):
        parser.feed(text[place : place + _FED])
        for event, element in parser.read_events():
            if event == "start":
                held += 1
                _check_place(path, element, held)
                path.append(element)
                continue
            path.pop()
            if len(path) == 2 and (path[1].tag, element.tag) in (("part", "measure"), ("measure", "part")):
                part = path[1] if element.tag == "measure" else element
                identity = part.get("id", "")
                if identity in over:
                    raise UnreadableFile("parts with ids of their own", f"two of id {identity[:40]!r}", _AGAIN)
                yield identity, bars[identity], element
                bars[identity] += 1
            if len(path) in (1, 2) and element.tag in ("measure", "part"):
                over = over | {element.get("id", "")} if element.tag == "part" else over if len(path) == 2 else set()
                element.clear()
                path[-1].remove(element)
                held = 0
    parser.close()


def _check_place(path: list, element: ElementTree.Element, held: int) -> None:
    if not path and element.tag not in ("score-partwise", "score-timewise"):
        raise UnreadableFile("a score in MusicXML", f"a document of <{element.tag[:40]}>", "Export it as MusicXML.")
    if len(path) > _DEEPEST or held > _MOST_ELEMENTS:
        got = f"{held} elements before a bar is over, {len(path)} deep"
        raise UnreadableFile(f"bars of at most {_MOST_ELEMENTS} elements", got, _AGAIN)


def _assembled(parts: list[Part], lengths: dict[int, Fraction]) -> Notation:
    starts, now = {}, Fraction(0)
    for number in range(max(lengths, default=-1) + 1):
        starts[number] = now
        empty = next((part.metres[number] for part in parts if number in part.metres), Fraction(0))
        now = on_a_grid(now + (lengths[number] or empty))
    notes, track = [], 0
    for part in parts:
        for head in part.heads:
            notes.append(head._replace(onset=starts[head.bar] + head.onset, track=track + head.track))
        track += part.staves
    tempi = [(number, time, order, bpm) for order, part in enumerate(parts) for number, time, bpm in part.tempi]
    first = min(tempi, key=lambda tempo: tempo[:3], default=None)  # of several at one place the one that comes first
    return Notation(notes, first[3] if first else None, *_metre_and_upbeat(parts, starts, now))


def _metre_and_upbeat(parts: list[Part], starts: dict[int, Fraction], end: Fraction) -> tuple[tuple | None, float]:
    """Return the metre of the first bar and the quarters before the first whole one."""
    signed = next((part for part in parts if 0 in part.metres), None)
    if signed is None or signed.signatures.get(0) is None:
        return None, 0.0
    lines = BarLines()
    for number in range(1, min(len(starts), FIRST + 1)):
        lines.add(starts[number], any(number in part.within for part in parts))
    return signed.signatures[0], float(lines.upbeat(signed.metres[0], end))


def _count(text: str) -> int:
    """Count the pitched notes with time of their own in the text itself, by no parser."""
    text = re.sub(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>", "", text, flags=re.DOTALL)
    bodies = (piece.partition("</note>")[0] for piece in re.split(r"<note(?=[\s>])", text)[1:])
    silent = re.compile(r"<(?:grace|cue)[\s/>]|<duration>\s*0+(?:\.0*)?\s*</duration>")
    return sum("<pitch" in body and not silent.search(body) for body in bodies)
