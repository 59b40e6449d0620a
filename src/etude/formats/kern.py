"""The note heads of Humdrum kern: columns by `kern_spines`, each field taken apart here.

Left out, as they have no time or no pitch: grace notes (`q`), rests, unpitched notes (`R`). Pitches are written as they
sound, `*ITr` and octave lines say only how they are printed. Repeats are read as written, once. The tempo is the first
`*MM`, the metre the first `*M` before the music. The rightmost spine is the highest staff, and track 0.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from etude.errors import UnreadableFile
from etude.formats.bar_lines import BarLines, stated_metre
from etude.formats.kern_spines import LINE_END, Spine, lines
from etude.formats.limits import MOST_WRITTEN, too_many_notes
from etude.formats.notes_written import Notation, Written, on_a_grid

_LENGTH = re.compile(r"(\d+)(?:%(\d+))?(\.*)", re.ASCII)
_PITCH = re.compile(r"([a-gA-G])\1*")
_ACCIDENTAL = re.compile(r"(#{1,3}|-{1,3}|n)?")
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_TEMPO = re.compile(r"\*MM(\d{1,4}(?:\.\d{1,4})?)", re.ASCII)
_METRE = re.compile(r"\*M(\d{1,2})/(\d{1,2})$", re.ASCII)
_DIVIDES = re.compile(r"[:!]|\|\|")  # a repeat sign or a double bar
_MEND = "Mend the line, or export the piece as MusicXML."


class _Head(NamedTuple):
    """A note of a field: how long it lasts, its pitch (None for a rest), and its ties."""

    duration: Fraction
    pitch: int | None
    tie_from: bool
    tie_to: bool


def is_kern(text: str) -> bool:
    """Say whether a text is Humdrum: its first line that is no comment names a spine."""
    first = next((line for line in LINE_END.split(text[:100_000]) if line.strip() and not line.startswith("!")), "")
    return re.match(r"\*\*\w+(\t|\s*$)", first) is not None


def read_kern(text: str) -> Notation:
    """Return the note heads of a kern file; raises UnreadableFile where a line or a field makes no sense."""
    now, notes, bpm, bar, tracks = Fraction(-1), [], None, 0, set()
    metre, bar_lines, end = None, BarLines(), Fraction(0)
    for number, spines, fields in lines(text):
        if fields[0].startswith("*"):
            tempo = next(filter(None, map(_TEMPO.match, fields)), None)
            bpm = bpm or (float(tempo[1]) if tempo else None)
            metre = metre or (next(filter(None, map(_METRE.match, fields)), None) if now < 0 else None)
            tracks |= {spine.track for spine in spines if spine.kind == "**kern"}
        elif fields[0].startswith("="):
            bar += 1
            bar_lines.add(end, bool(_DIVIDES.search(fields[0])))
        else:
            events = _events(spines, fields, number)
            now = _time(now, events, spines, number) if events else now
            notes += _begun(events, now, bar)
            end = max([end, *(spine.until for spine, *_ in events)])
            if len(notes) > MOST_WRITTEN:
                raise too_many_notes(MOST_WRITTEN)
    order = sorted(tracks | {note.track for note in notes}, reverse=True)
    notes = [note._replace(track=order.index(note.track)) for note in notes]
    meter = stated_metre(int(metre[1]), int(metre[2])) if metre else None
    whole = None if meter is None else Fraction(4 * meter[0], meter[1])
    return Notation(notes, bpm, meter, float(bar_lines.upbeat(whole, end)))


def _events(spines: list[Spine], fields: list[str], number: int) -> list[tuple[Spine, str, list[_Head]]]:
    """Return (spine, name of its voice, what it begins) for each spine that begins something in a line."""
    columns = zip(spines, fields, strict=True)
    events = [
        (spine, f"{spine.track}/{place}", _heads(field, number))
        for place, (spine, field) in enumerate(columns)
        if spine.kind == "**kern" and field != "."
    ]
    return [event for event in events if event[2]]


def _heads(field: str, number: int) -> list[_Head]:
    """Return what a field begins: the notes of a chord, or a rest; nothing for grace notes."""
    heads: list[_Head] = []
    for token in field.split():
        if "q" in token:
            continue
        if "Q" in token:  # some programs give its notes their time, some none
            got, remedy = f"{token[:40]!r} in line {number}", "Write the ornament's notes with q, or out in full."
            raise UnreadableFile("ornaments of grace notes (q), not groups (Q)", got, remedy)
        duration = _duration(token, number) or (heads[0].duration if heads else None)
        if duration is None:
            raise UnreadableFile("a duration for each note", f"{token[:40]!r} in line {number}", _MEND)
        pitch = None if "r" in token or "R" in token else _pitch(token, number)
        heads.append(_Head(duration, pitch, "]" in token or "_" in token, "[" in token or "_" in token))
    return heads


def _duration(token: str, number: int) -> Fraction | None:
    """Return quarters: `4` is one, `4.` one and a half, `0` a breve of eight, `3%2` two thirds of a whole note."""
    found = _LENGTH.search(token)
    if found is None:
        return None
    parts, times, dots = found[1], int(found[2] or 1), len(found[3])
    if len(found[0]) > 12 or dots > 8 or not times or (set(parts) == {"0"} and len(parts) > 3):
        raise UnreadableFile("a duration as 4, 8. or 3%2", f"{found[0][:40]!r} in line {number}", _MEND)
    whole = Fraction(times, int(parts)) if int(parts) else Fraction(times * 2 ** len(parts))
    return 4 * whole * (2 - Fraction(1, 2**dots))


def _pitch(token: str, number: int) -> int:
    found = _PITCH.search(token)
    if found is None or re.search(r"[a-gA-G]", token[found.end() :]):
        raise UnreadableFile("one pitch for each note, or a rest", f"{token[:40]!r} in line {number}", _MEND)
    letters, accidental = found[0], _ACCIDENTAL.match(token, found.end())[1] or ""
    octave = 4 + len(letters) if letters.islower() else 5 - len(letters)
    altered = accidental.count("#") - accidental.count("-")
    pitch = 12 * octave + _STEPS[letters[0].lower()] + altered
    if not 0 <= pitch <= 127:
        raise UnreadableFile("pitches of C-1 to G9 (MIDI 0 to 127)", f"{token[:40]!r} in line {number}", _MEND)
    return pitch


def _time(now: Fraction, events: list, spines: list[Spine], number: int) -> Fraction:
    """Return when a line begins: where the last events of the spines that go on in it have ended.

    A spine that was split may pause without a rest; one that stands alone may not, and no line begins twice.
    """
    ends = [spine.until for spine, *_ in events if not spine.fresh] or [spine.until for spine, *_ in events]
    time = on_a_grid(max(ends))
    alone = [spine.track for spine in spines if spine.kind == "**kern"]
    late = any(spine.until < time and not spine.fresh and alone.count(spine.track) == 1 for spine, *_ in events)
    if time <= now or late:
        got = f"line {number}, where one spine goes on before another has ended"
        raise UnreadableFile("spines whose durations agree", got, _MEND)
    return time


def _begun(events: list, now: Fraction, bar: int) -> list[Written]:
    notes = []
    for spine, voice, heads in events:
        spine.until, spine.fresh = now + heads[0].duration, False
        notes += [Written(now, head.duration, head.pitch, spine.track, "", voice, head.tie_from, head.tie_to, bar)
                  for head in heads if head.pitch is not None]  # fmt: skip
    return notes
