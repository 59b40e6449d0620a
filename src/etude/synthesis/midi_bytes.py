"""A stretch of a score as a standard MIDI file in memory, written for a synthesizer.

Ticks are tenths of a millisecond, whatever the tempo of the score. Each track has a channel of its own while there are
enough, because on one channel the end of a note also ends another voice's note of the same pitch.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from etude.errors import EtudeError
from etude.synthesis.general_midi import DRUMS, program_number
from etude.types import DURATION, ONSET, PITCH, TRACK, VELOCITY, Score

TICKS_PER_SECOND = 10_000
LONGEST_NOTE = 300.0  # seconds: what a synthesizer is asked to hold, so that no note can fill the memory
_DRUM_CHANNEL = 9
_MELODIC = [channel for channel in range(16) if channel != _DRUM_CHANNEL]


def note_times(score: Score) -> np.ndarray:
    """Return onset and end of each note in seconds, Float64[N, 2]; a note sounds for `LONGEST_NOTE` at most."""
    onset, duration = score.notes[:, ONSET], score.notes[:, DURATION]
    seconds = 60 / score.bpm / score.ticks_per_quarter
    return np.stack([onset * seconds, onset * seconds + np.minimum(duration * seconds, LONGEST_NOTE)], axis=1)


def programs_of_tracks(score: Score, program: int | str | Sequence[int | str]) -> dict[int, int]:
    """Return the program of each track that has notes; a sequence gives that of track 0, 1, ..."""
    tracks = [int(track) for track in np.unique(score.notes[:, TRACK])]
    if isinstance(program, int | np.integer | str):
        return dict.fromkeys(tracks, program_number(program))
    given = [program_number(one) for one in program]
    if tracks and tracks[-1] >= len(given):
        raise EtudeError(f"a program for each of tracks 0 to {tracks[-1]}", f"{len(given)} programs")
    return {track: given[track] for track in tracks}


def channels_of_tracks(programs: dict[int, int]) -> dict[int, int]:
    """Return a channel for each track; tracks share one only with their own instrument, and when channels run out."""
    instruments = sorted(set(programs.values()) - {DRUMS})
    if len(instruments) > len(_MELODIC):
        raise EtudeError(f"at most {len(_MELODIC)} instruments besides drums", str(len(instruments)))
    free = _MELODIC[len(instruments) :]
    channels = {one: [channel] for one, channel in zip(instruments, _MELODIC, strict=False)} | {DRUMS: [_DRUM_CHANNEL]}
    found, uses = {}, dict.fromkeys(channels, 0)
    for track, one in programs.items():
        if uses[one] >= len(channels[one]) and one != DRUMS and free:
            channels[one].append(free.pop(0))
        found[track] = channels[one][uses[one] % len(channels[one])]
        uses[one] += 1
    return found


def midi_bytes(notes: np.ndarray, times: np.ndarray, programs: dict[int, int], volume: int, seconds: float) -> bytes:
    """Return notes as a MIDI file that lasts `seconds`.

    Parameters
    ----------
    notes : Int[N, 5]
        Rows of a score; pitch, velocity and track are used.
    times : Float[N, 2]
        Onset and end of each in seconds from the file's start.
    programs : dict
        Program of each track.
    volume : int
        Of all channels (controller 7), 0-127.
    """
    channels = channels_of_tracks(programs)
    events = [(0, 0, bytes([0xB0 | channel, 7, volume])) for channel in sorted(set(channels.values()))]
    events += [(0, 0, bytes([0xC0 | channels[t], one])) for t, one in programs.items() if one != DRUMS]
    ticks = np.rint(times * TICKS_PER_SECOND).astype(np.int64)
    ends: dict[
        tuple[int, int], tuple[int, int]
    ] = {}  # (channel, pitch) -> the place of its last note's end, and its time
    for (pitch, velocity, track), (start, end) in zip(
        notes[:, [PITCH, VELOCITY, TRACK]].tolist(), ticks.tolist(), strict=True
    ):
        channel = channels[track]
        place, until = ends.get((channel, pitch), (0, 0))
        if start < until:  # struck again while it sounds: the first ends here
            events[place] = (start, 0, events[place][2])
        events.append((start, 1, bytes([0x90 | channel, pitch, velocity])))
        events.append((max(end, start + 1), 0, bytes([0x80 | channel, pitch, 0])))
        ends[channel, pitch] = (len(events) - 1, max(end, start + 1))
    events.append((round(seconds * TICKS_PER_SECOND), 2, bytes([0xB0, 7, volume])))
    return _file(sorted(events, key=lambda event: event[:2]))


def _file(events: list[tuple[int, int, bytes]]) -> bytes:
    body, now = [b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big")], 0  # a quarter is a second
    for at, _, message in events:
        body += [_variable_length(at - now), message]
        now = at
    track = b"".join([*body, b"\x00\xff\x2f\x00"])
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS_PER_SECOND)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def _variable_length(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))
