"""Scores written as Standard MIDI Files: the same bytes for the same score."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from etude.errors import EtudeError
from etude.files import replacing
from etude.formats.midi_notes import DRUM_KIT, PERCUSSION, upbeat_metre
from etude.types import DURATION, ONSET, PITCH, TRACK, VELOCITY, Score


def write_midi(score: Score, path: Path | str, program: int | list[int] | None = None) -> Path:
    """Write `score` as a format 1 file: a tempo track, then one track per track of the score.

    Scores that are equal, metre, upbeat and programs included, give equal bytes. Reading it back gives the same notes
    where no track repeats a pitch before its last one has ended, and tracks are numbered without gaps; silence after
    the last note is kept as the end of track. An upbeat is a bar of its own metre (1/4) before the score's.

    Parameters
    ----------
    score : Score
    path : Path or str
    program : int or list of int, optional
        General MIDI program (0-127; 128 for drums), one for all tracks or one per track; by default the score's own.
    """
    import mido

    if score.ticks_per_quarter >= 2**15:
        raise EtudeError("ticks_per_quarter below 32768", str(score.ticks_per_quarter), "Use Score.common() first.")
    tempo = round(60e6 / score.bpm)
    if not 0 < tempo < 2**24:
        raise EtudeError("a tempo above 3.6 bpm", f"{score.bpm} bpm", "Choose ticks so that a quarter is shorter.")
    file = mido.MidiFile(type=1, ticks_per_beat=score.ticks_per_quarter)
    program = (list(score.programs) or None) if program is None else program
    head = [(0, mido.MetaMessage("set_tempo", tempo=tempo))]
    if score.meter is not None:
        head += [(tick, mido.MetaMessage("time_signature", numerator=beats, denominator=unit))
                 for tick, (beats, unit) in _metres(score)]  # fmt: skip
    file.tracks.append(_track(head, score.length))
    for voice in range(int(score.notes[:, TRACK].max(initial=-1)) + 1):
        notes = score.notes[score.notes[:, TRACK] == voice]
        file.tracks.append(_track(_events(notes, voice, program), score.length))
    data = io.BytesIO()
    file.save(file=data)
    with replacing(Path(path)) as new:
        new.write_bytes(data.getvalue())
    return Path(path)


def _metres(score: Score) -> list[tuple[int, tuple[int, int]]]:
    """Return the tick and the metre of each time signature: that of an upbeat, and the score's own."""
    first = score.ticks_of_the_pickup
    if not 0 < first < (score.notes[:, ONSET] + score.notes[:, DURATION]).max(initial=0):
        return [(0, score.meter)]
    return [(0, upbeat_metre(score.pickup)), (first, score.meter)]


def _events(notes: np.ndarray, voice: int, program: int | list[int] | None) -> list:
    import mido

    channel = [c for c in range(16) if c != PERCUSSION][voice % 15]
    events = []
    number = program if isinstance(program, int) or program is None else program[voice % len(program)]
    if number == DRUM_KIT:
        channel = PERCUSSION
    elif number is not None:
        events.append((0, mido.Message("program_change", channel=channel, program=number)))
    for row in notes.tolist():
        key = {"channel": channel, "note": row[PITCH]}
        events.append((row[ONSET], mido.Message("note_on", velocity=row[VELOCITY], **key)))
        events.append((row[ONSET] + row[DURATION], mido.Message("note_off", velocity=0, **key)))
    return sorted(events, key=lambda event: (event[0], event[1].type == "note_on"))


def _track(events: list, length: int):
    import mido

    track, now = mido.MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=length - now))
    return track
