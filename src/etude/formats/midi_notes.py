"""Standard MIDI files read into notes and one tempo.

Every note that starts in a file is in the score, or the file is refused with the reason; percussion (MIDI channel 10)
has no pitch and is left out unless asked for. No native parser is trusted with the bytes: `etude.formats.midi_events`
accounts for each of them, and tests hold the notes against those of symusic and mido.

Conventions
-----------
Time stays in the file's own ticks. A `Score` has one tempo, so a file's tempo map becomes its time-weighted mean: the
piece keeps its total duration in seconds and loses rubato. The metre is the one that holds longest; a bar of a shorter
one at the beginning, alone before the next, is an upbeat, as programs of notation write it. A track has the program
with which it begins. Lost: controllers, pedal, pitch bends, lyrics and key signatures. Tracks are numbered in
the order of the file, one per MIDI track and channel that holds notes. Of two notes of one pitch that overlap, the
first to begin is the first to end. A note of no length gets one tick. Where a pitch is struck more often than it is
let go, each of its notes lasts until it is struck again or let go, the last of them to the end of its track.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable
from fractions import Fraction
from math import ceil
from operator import itemgetter
from pathlib import Path

import numpy as np

from etude.errors import UnreadableFile
from etude.formats.limits import MOST_NOTES, file_bytes, score_within, too_many_notes
from etude.formats.midi_events import END, METRE, NOTE_ON, PROGRAM, TEMPO, Event, chunks, track_events
from etude.types import DURATION, ONSET, PITCH, TRACK, Score

DEFAULT_BPM = 120.0  # of a file that states no tempo (Standard MIDI Files 1.0)
PERCUSSION = 9  # channel 10, counted from 0
DRUM_KIT = 128  # stands for the percussion channel among programs
_LAST_TICK = 2**39
FINEST_UNIT = 32  # of the metre of an upbeat
MOST_TICKS = 2**15 - 1  # of a quarter in a MIDI file
_Tempos = list[tuple[int, int]]  # tick, microseconds per quarter
_Metres = list[tuple[int, tuple[int, int]]]  # tick, beats of a bar and their unit


def read_midi(path: Path | str, percussion: bool = False) -> Score:
    """Read a Standard MIDI file, in this process and within limits; `etude.corpora.one_file.read_piece` takes another.

    Parameters
    ----------
    path : Path or str
    percussion : bool
        Keep the notes of channel 10, whose pitch numbers name drums.

    Raises
    ------
    UnreadableFile
        Where the file is cut off or damaged, of format 2, timed in SMPTE frames, without notes, or beyond the limits.
    """
    return midi_score(file_bytes(path, "a MIDI file"), percussion)


def midi_score(data: bytes, percussion: bool = False) -> Score:
    """Return the notes of a MIDI file's bytes as a score; raises UnreadableFile."""
    ticks_per_quarter, tracks = chunks(data)
    tempos: _Tempos = []
    metres: _Metres = []
    programs: list[dict[int, int]] = []  # of each track, by channel
    voices: list[np.ndarray] = []
    channels: list[tuple[int, int]] = []  # of each voice: number of the MIDI track, channel
    for number, track in enumerate(tracks):
        programs.append({})
        found = _voices(_only_notes(track_events(track), tempos, metres, programs[-1]), percussion)
        voices += found.values()
        channels += [(number, channel) for channel in found]
        if sum(map(len, voices)) > MOST_NOTES:
            raise too_many_notes()
    if not voices:
        drums = sum(event[1] == NOTE_ON for track in tracks for event in track_events(track))
        raise UnreadableFile("at least one pitched note", f"none, but {drums} of percussion" if drums else "no notes")
    notes = np.concatenate(voices)
    notes[:, TRACK] = np.repeat(np.arange(len(voices)), [len(voice) for voice in voices])
    end = int((notes[:, ONSET] + notes[:, DURATION]).max())
    bpm = _mean_bpm(sorted(tempos, key=itemgetter(0)), end, ticks_per_quarter)
    meter, pickup = _metre_and_upbeat(sorted(metres, key=itemgetter(0)), ticks_per_quarter, end)
    of_tracks = _programs_of(channels, programs)
    return score_within(notes, ticks_per_quarter, bpm, meter=meter, programs=of_tracks, pickup=pickup)


def _only_notes(events: Iterable[Event], tempos: _Tempos, metres: _Metres, programs: dict) -> Iterable[Event]:
    """Yield the notes and the end of a track; what governs them is kept apart."""
    for event in events:
        tick, kind, channel, value, unit = event
        if tick > _LAST_TICK:
            raise UnreadableFile(f"at most {_LAST_TICK} ticks", f"an event at tick {tick}")
        if kind == METRE:
            metres.append((tick, (value, unit)))
        elif kind == PROGRAM:
            programs.setdefault(channel, value)
        elif kind != TEMPO:
            yield event
        elif not value:
            remedy = "Give it a tempo, or none, which means 120 quarters a minute."
            raise UnreadableFile("a tempo", f"a tempo of 0 microseconds per quarter at tick {tick}", remedy)
        else:
            tempos.append((tick, value))


def _metre_and_upbeat(metres: _Metres, ticks: int, end: int) -> tuple[tuple[int, int] | None, float]:
    """Return the metre of a piece, and the quarters of an upbeat: of a bar alone whose metre is a shorter one.

    Parameters
    ----------
    metres : list
        In order of time.
    ticks : int
        Of a quarter.
    end : int
        Tick at which the last note ends.
    """
    at_once = [metre for tick, metre in metres if tick == 0]
    after = [(tick, metre) for tick, metre in metres if 0 < tick < end]
    if at_once and after:
        (tick, following), longest = after[0], _longest_metre(after, end)
        own, *bars = (Fraction(4 * ticks * beats, unit) for beats, unit in (at_once[-1], following, longest))
        if 0 <= own - tick < Fraction(4 * ticks, FINEST_UNIT) and own < min(bars):
            return longest, tick / ticks
    return _longest_metre(metres, end), 0.0


def upbeat_metre(pickup: float) -> tuple[int, int]:
    """Return the metre of which a bar lasts as long as an upbeat in quarters, up to a `FINEST_UNIT`-th note more."""
    length = Fraction(pickup).limit_denominator(MOST_TICKS) / 4
    unit = next((unit for unit in (4, 8, 16) if (length * unit).denominator == 1), FINEST_UNIT)
    return min(ceil(length * unit), 255), unit  # a byte of the file


def _longest_metre(metres: _Metres, end: int) -> tuple[int, int] | None:
    """Return the metre that holds for most of a piece; of equals the first."""
    times: dict[tuple[int, int], int] = {}
    for number, (start, metre) in enumerate(metres, 1):
        stop = metres[number][0] if number < len(metres) else end
        times[metre] = times.get(metre, 0) + max(min(stop, end) - start, 0)
    return max(times, key=lambda metre: times[metre], default=None)


def _programs_of(channels: list[tuple[int, int]], programs: list[dict[int, int]]) -> tuple[int, ...]:
    """Return the program of each voice: stated in its track, or elsewhere for its channel, else 0; () where none is."""
    anywhere: dict[int, int] = {}
    for stated in programs:
        anywhere = stated | anywhere
    if not anywhere and all(channel != PERCUSSION for _, channel in channels):
        return ()
    found = (programs[number].get(channel, anywhere.get(channel, 0)) for number, channel in channels)
    return tuple(DRUM_KIT if at[1] == PERCUSSION else one for at, one in zip(channels, found, strict=True))


def _voices(events: Iterable[Event], percussion: bool) -> dict[int, np.ndarray]:
    """Return the notes of a track, Int64[N, 5] for each of its channels that holds any, in the order of channels."""
    voices: dict[int, list] = defaultdict(list)
    sounding: dict[tuple[int, int], deque] = defaultdict(deque)  # notes that have not ended, by channel and pitch
    offs: dict[tuple[int, int], list[int]] = defaultdict(list)
    count, end = 0, 0
    for end, kind, channel, pitch, velocity in events:
        if kind == END or (channel == PERCUSSION and not percussion):
            continue
        if kind == NOTE_ON:
            if (count := count + 1) > MOST_NOTES:
                raise too_many_notes()
            voices[channel].append([end, 1, pitch, velocity, 0])
            sounding[channel, pitch].append(voices[channel][-1])
        else:
            offs[channel, pitch].append(end)
            if sounding[channel, pitch]:
                note = sounding[channel, pitch].popleft()
                note[DURATION] = max(end - note[ONSET], 1)
    for (channel, pitch), notes in sounding.items():
        if notes:
            _end_each([note for note in voices[channel] if note[PITCH] == pitch], offs[channel, pitch], end)
    return {channel: np.array(voices[channel], np.int64) for channel in sorted(voices)}


def _end_each(notes: list[list[int]], offs: list[int], end: int) -> None:
    """End the notes of a pitch of which some are never ended, each where the next is struck or some one is let go."""
    onsets = [note[ONSET] for note in notes]
    for note in notes:
        after = [times[k] for times in (onsets, offs) if (k := bisect_right(times, note[ONSET])) < len(times)]
        note[DURATION] = max(min(after, default=end) - note[ONSET], 1)


def _mean_bpm(tempos: _Tempos, end: int, ticks_per_quarter: int) -> float:
    """Return quarters per minute of the whole piece: its quarters over its minutes under the tempo map."""
    starts = np.array([0, *(min(tick, end) for tick, _ in tempos), end], np.float64)
    microseconds = np.array([60e6 / DEFAULT_BPM, *(value for _, value in tempos)])
    if len(set(microseconds[np.diff(starts) > 0])) == 1:  # one tempo throughout: exact, no rounding
        return 60e6 / float(microseconds[np.diff(starts) > 0][0])
    minutes = (np.diff(starts) * microseconds).sum() / ticks_per_quarter / 60e6
    return float(end / ticks_per_quarter / minutes)
