"""Standard MIDI files read into notes and one tempo.

Every note that starts in a file is in the score, or the file is refused with the reason; percussion (MIDI channel 10)
has no pitch and is left out unless asked for. No native parser is trusted with the bytes: `etude.formats.midi_events`
accounts for each of them, and tests hold the notes against those of symusic and mido.

Conventions
-----------
Time stays in the file's own ticks. A `Score` has one tempo, so a file's tempo map becomes its time-weighted mean: the
piece keeps its total duration in seconds and loses rubato. Also lost: controllers, pedal, pitch bends, programs,
lyrics, metres and key signatures. Tracks are numbered in the order of the file, one per MIDI track and channel that
holds notes. Of two notes of one pitch that overlap, the first to begin is the first to end. A note of no length gets
one tick. Where a pitch is struck more often than it is let go, each of its notes lasts until it is struck again or let
go, the last of them to the end of its track.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path

import numpy as np

from etude.errors import UnreadableFile
from etude.formats.limits import MOST_NOTES, file_bytes, score_within, too_many_notes
from etude.formats.midi_events import END, NOTE_ON, TEMPO, Event, chunks, track_events
from etude.types import DURATION, ONSET, PITCH, TRACK, Score

DEFAULT_BPM = 120.0  # of a file that states no tempo (Standard MIDI Files 1.0)
PERCUSSION = 9  # channel 10, counted from 0
_LAST_TICK = 2**39
_Tempos = list[tuple[int, int]]  # tick, microseconds per quarter


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
    voices: list[np.ndarray] = []
    for track in tracks:
        voices += _voices(_without_tempos(track_events(track), tempos), percussion)
        if sum(map(len, voices)) > MOST_NOTES:
            raise too_many_notes()
    if not voices:
        drums = sum(event.kind == NOTE_ON for track in tracks for event in track_events(track))
        raise UnreadableFile("at least one pitched note", f"none, but {drums} of percussion" if drums else "no notes")
    notes = np.concatenate(voices)
    notes[:, TRACK] = np.repeat(np.arange(len(voices)), [len(voice) for voice in voices])
    end = int((notes[:, ONSET] + notes[:, DURATION]).max())
    return score_within(notes, ticks_per_quarter, _mean_bpm(sorted(tempos, key=itemgetter(0)), end, ticks_per_quarter))


def _without_tempos(events: Iterable[Event], tempos: _Tempos) -> Iterable[Event]:
    """Yield the notes and the end of a track; its tempi go to `tempos`."""
    for event in events:
        if event.tick > _LAST_TICK:
            raise UnreadableFile(f"at most {_LAST_TICK} ticks", f"an event at tick {event.tick}")
        if event.kind != TEMPO:
            yield event
        elif not event.value:
            remedy = "Give it a tempo, or none, which means 120 quarters a minute."
            raise UnreadableFile("a tempo", f"a tempo of 0 microseconds per quarter at tick {event.tick}", remedy)
        else:
            tempos.append((event.tick, event.value))


def _voices(events: Iterable[Event], percussion: bool) -> list[np.ndarray]:
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
    return [np.array(voices[channel], np.int64) for channel in sorted(voices)]


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
