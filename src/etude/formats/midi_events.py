"""The events of a Standard MIDI File, byte by byte (SMF 1.0, MIDI Manufacturers Association 1996).

Every byte of every track belongs to an event, and the events of a track end where its chunk ends. A file in which they
do not is refused, with the place: a parser that has lost its step goes on with notes that nobody wrote.

Taken as widespread programs write it, beyond the letter of the standard: running status goes on after sysex and meta
events; more tracks than the header counts are read; the last event need not be an end of track; a header may be longer
than six bytes; other chunks stand between tracks, and bytes after the last; the file lies in a RIFF wrapper (RMID).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from etude.errors import UnreadableFile

NOTE_OFF, NOTE_ON, PROGRAM, TEMPO, METRE, END = 0x80, 0x90, 0xC0, 0x51, 0x58, 0x2F
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}
_AGAIN = "Export it again from its source."


# What happens at a tick: (tick, kind, channel, value, velocity) of a note-on or note-off, whose value is its pitch;
# (tick, `TEMPO`, 0, microseconds per quarter, 0), (tick, `END`, 0, 0, 0), and (tick, `PROGRAM`, channel, number, 0)
# and (tick, `METRE`, 0, beats, unit), which move no note. A plain tuple: a file has a hundred thousand.
Event = tuple[int, int, int, int, int]


class Chunks(NamedTuple):
    """What a file is made of: its ticks per quarter, and the bytes of its tracks."""

    ticks_per_quarter: int
    tracks: list[bytes]


def chunks(data: bytes) -> Chunks:
    """Return the tracks of a file; raises UnreadableFile where it is cut off or of a kind that is no score."""
    data = _unwrapped(data)
    if not data.startswith(b"MThd") or len(data) < 14:
        raise UnreadableFile("a MIDI file, which begins with MThd", f"{data[:4]!r} and {len(data)} bytes", _AGAIN)
    length, kind, declared, division = (
        int.from_bytes(data[a:b], "big") for a, b in ((4, 8), (8, 10), (10, 12), (12, 14))
    )
    tracks = _tracks(data, 8 + length, declared)
    if length < 6 or kind > 2:
        raise UnreadableFile("a MIDI header of format 0 or 1", f"format {kind}, {length} bytes", _AGAIN)
    if kind == 2 and len(tracks) > 1:
        remedy = "Export it as format 1, or each pattern as a file."
        raise UnreadableFile(
            "tracks that sound together (format 0 or 1)", f"{len(tracks)} patterns of format 2", remedy
        )
    if division & 0x8000 or not division:
        got = "SMPTE frames, which say nothing of quarters" if division else "0 ticks per quarter"
        raise UnreadableFile("time in ticks per quarter, 1 to 32767", got, "Export it with ticks per quarter.")
    return Chunks(division, tracks)


def _unwrapped(data: bytes) -> bytes:
    """Return the MIDI file in a RIFF wrapper (RMID: Microsoft, "Multimedia Programming Interface", 1991)."""
    place = 12
    while data.startswith(b"RIFF") and data[8:12] == b"RMID" and place + 8 <= len(data):
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        if data[place : place + 4] == b"data":
            return data[place + 8 : place + 8 + length]
        place += 8 + length
        place += length % 2 if data[place : place + 4] != b"data" else 0  # chunks begin at even places, but for slips
    return data


def _tracks(data: bytes, place: int, declared: int) -> list[bytes]:
    """Return the bytes of each track chunk; what is no track and comes after the declared ones ends the file."""
    tracks: list[bytes] = []
    while place + 8 <= len(data) and (data[place : place + 4] == b"MTrk" or len(tracks) < declared):
        start, end = place + 8, place + 8 + int.from_bytes(data[place + 4 : place + 8], "big")
        if end > len(data):
            break
        if data[place : place + 4] == b"MTrk":
            tracks.append(data[start:end])
        place = end
    rest = data[place:]
    if len(tracks) < declared or b"MTrk" in rest:
        got = f"a file that is cut off, {len(tracks)} of {max(declared, len(tracks) + 1)} tracks whole"
        raise UnreadableFile("a whole MIDI file", got, "Copy it again.")
    if rest and tracks and not tracks[-1].endswith(b"\xff\x2f\x00"):
        got = f"{len(rest)} bytes after a track that has no end"
        raise UnreadableFile("tracks as long as their headers say", got, _AGAIN)
    return tracks


def track_events(track: bytes) -> Iterator[Event]:
    """Yield the events of a track in order, and its end; raises UnreadableFile where a byte fits no event."""
    place = tick = running = 0
    try:
        while place < len(track):
            if (delta := track[place]) < 0x80:
                place += 1
            else:
                delta, place = _quantity(track, place)
            tick += delta
            status = track[place]
            if status < 0x80:
                status = running
            else:
                place += 1
            if status < 0x80:
                raise _misplaced(track, place, "the first byte of an event")
            if status >= 0xF0:
                event, place = _system(track, place, status, tick)
                if event:
                    yield event
                    if event[1] == END:
                        _check_nothing_follows(track, place)
                        return
                continue
            running = status
            size = _DATA_BYTES[status & 0xF0]
            value, last = track[place], track[place + size - 1]
            if value > 127 or last > 127:
                raise _misplaced(track, place if value > 127 else place + size - 1, "a number of 0 to 127")
            place += size
            if status < 0xA0:
                yield tick, status & 0xF0 if last else NOTE_OFF, status & 0x0F, value, last
            elif status & 0xF0 == PROGRAM:
                yield tick, PROGRAM, status & 0x0F, value, 0
    except IndexError:
        raise UnreadableFile("a track of whole events", "one that ends within an event", _AGAIN) from None
    yield tick, END, 0, 0, 0  # a track may lack it


def _quantity(track: bytes, place: int) -> tuple[int, int]:
    """Return a number of variable length (four bytes at most) and the place after it."""
    value = 0
    for _ in range(4):
        byte = track[place]
        value, place = value << 7 | byte & 0x7F, place + 1
        if byte < 0x80:
            return value, place
    raise _misplaced(track, place - 4, "a number of at most four bytes")


def _system(track: bytes, place: int, status: int, tick: int) -> tuple[Event | None, int]:
    """Return the event at `place`, where it is a tempo, a metre or the end, and the place after it."""
    if status in _SYSTEM_BYTES:  # of a live cable, out of place in a file but harmless
        return None, place + _SYSTEM_BYTES[status]
    if status not in (0xF0, 0xF7, 0xFF):
        raise _misplaced(track, place - 1, "an event")
    kind = track[place] if status == 0xFF else 0
    length, place = _quantity(track, place + (status == 0xFF))
    if place + length > len(track):
        raise IndexError
    if status == 0xF7 and any(byte & 0xF0 == NOTE_ON for byte in track[place : place + length]):
        got = f"one in an escape (F7) at byte {place} of a track"
        raise UnreadableFile("notes that are events of their own", got, _AGAIN)
    if kind == END:
        return (tick, END, 0, 0, 0), place + length
    if kind == TEMPO and length != 3:
        raise UnreadableFile("a tempo of three bytes", f"one of {length} at byte {place} of a track", _AGAIN)
    if kind == TEMPO:
        return (tick, TEMPO, 0, int.from_bytes(track[place : place + length], "big"), 0), place + length
    if kind == METRE and length >= 2 and track[place] and track[place + 1] <= 5:
        return (tick, METRE, 0, track[place], 2 ** track[place + 1]), place + length
    return None, place + length


def _check_nothing_follows(track: bytes, place: int) -> None:
    if any(track[place:].replace(b"\xff\x2f\x00", b"")):  # an end may be written twice
        got = f"{len(track) - place} bytes after it"
        raise UnreadableFile("nothing after the end of a track", got, _AGAIN)


def _misplaced(track: bytes, place: int, expected: str) -> UnreadableFile:
    return UnreadableFile(expected, f"the byte {track[place]} at byte {place} of a track", _AGAIN)
