"""Standard MIDI files: notes and one tempo in, the same bytes for the same score out.

Conventions
-----------
Time stays in the file's own ticks. A `Score` has one tempo, so a file's tempo map becomes its time-weighted mean: the
piece keeps its total duration in seconds and loses rubato. Also lost: controllers, pedal, pitch bends, programs,
lyrics, metres and key signatures. Percussion (MIDI channel 10) has no pitch and is left out unless asked for. Tracks
are numbered in the order of the file, one per MIDI track and channel that holds notes; a note of no length gets one
tick.

Two parsers are tried in turn, because each reads files that the other refuses: symusic (fast, native) and mido (pure
Python). A native parser can crash on a broken file: read files of unknown origin through the corpus `folder`, which
does it in another process.
"""

from __future__ import annotations

import io
from collections import defaultdict
from pathlib import Path

import numpy as np

from etude.errors import EtudeError, UnreadableFile, unknown_name
from etude.files import replacing
from etude.types import DURATION, ONSET, PITCH, TRACK, VELOCITY, Score

DEFAULT_BPM = 120.0  # of a file that states no tempo (Standard MIDI Files 1.0)
LARGEST_FILE, MOST_NOTES, LONGEST_SECONDS = 64 * 2**20, 2_000_000, 24 * 3600
_PERCUSSION = 9  # channel 10, counted from 0
_Tempos = list[tuple[int, float]]  # tick, microseconds per quarter


def read_midi(path: Path | str, parser: str | None = None, percussion: bool = False) -> Score:
    """Read a Standard MIDI file.

    Parameters
    ----------
    path : Path or str
    parser : {"symusic", "mido"}, optional
        By default the first of them that can.
    percussion : bool
        Keep the notes of channel 10, whose pitch numbers name drums.

    Raises
    ------
    UnreadableFile
        Where the file is cut off, over 64 MiB, two million notes or 24 hours, without notes, or damaged: then with
        the reason each parser gave.
    """
    path = Path(path)
    if parser is not None and parser not in PARSERS:
        raise unknown_name("MIDI parser", parser, PARSERS)
    data, reasons = _bytes(path), []
    _check_whole(data)
    for name in PARSERS if parser is None else (parser,):
        try:
            return _checked(*PARSERS[name](data, percussion))
        except Exception as error:  # whatever a parser throws at a damaged file is a reason, never a crash
            reasons.append(f"{name}: {_reason(error)}" if parser is None else _reason(error))
    raise UnreadableFile(f"a MIDI file in {path.name}", "; ".join(reasons), "Export it again from its source.")


def write_midi(score: Score, path: Path | str, program: int | list[int] | None = None) -> Path:
    """Write `score` as a format 1 file: a tempo track, then one track per track of the score.

    Equal scores give equal bytes. Reading it back gives the same notes where no track repeats a pitch before its last
    one has ended, and tracks are numbered without gaps; silence after the last note is kept as the end of track.

    Parameters
    ----------
    score : Score
    path : Path or str
    program : int or list of int, optional
        General MIDI program (0-127), one for all tracks or one per track.
    """
    import mido

    if score.ticks_per_quarter >= 2**15:
        raise EtudeError("ticks_per_quarter below 32768", str(score.ticks_per_quarter), "Use Score.common() first.")
    tempo = round(60e6 / score.bpm)
    if not 0 < tempo < 2**24:
        raise EtudeError("a tempo above 3.6 bpm", f"{score.bpm} bpm", "Choose ticks so that a quarter is shorter.")
    file = mido.MidiFile(type=1, ticks_per_beat=score.ticks_per_quarter)
    file.tracks.append(_track([(0, mido.MetaMessage("set_tempo", tempo=tempo))], score.length))
    for voice in range(int(score.notes[:, TRACK].max(initial=-1)) + 1):
        notes = score.notes[score.notes[:, TRACK] == voice]
        file.tracks.append(_track(_events(notes, voice, program), score.length))
    data = io.BytesIO()
    file.save(file=data)
    with replacing(Path(path)) as new:
        new.write_bytes(data.getvalue())
    return Path(path)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UnreadableFile("a MIDI file of at most 64 MiB", f"{path.name}, {path.stat().st_size >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile("a MIDI file", f"{path}: {error.strerror}", "Check the path.") from error


def _check_whole(data: bytes) -> None:
    """Refuse a file with fewer whole tracks than its header declares.

    Cut between two tracks, it is the same to symusic as a whole piece of fewer voices.
    """
    declared, whole = int.from_bytes(data[10:12], "big"), 0
    place = 8 + int.from_bytes(data[4:8], "big")
    while data.startswith(b"MThd") and whole < declared:
        end = place + 8 + int.from_bytes(data[place + 4 : place + 8], "big")
        if place + 8 > len(data) or end > len(data):
            got = f"a file that is cut off, {whole} of {declared} tracks whole"
            raise UnreadableFile("a whole MIDI file", got, "Copy it again.")
        whole, place = whole + (data[place : place + 4] == b"MTrk"), end  # chunks of other kinds are passed over


def _reason(error: Exception) -> str:
    if isinstance(error, EtudeError):
        return f"{error.got}, not {error.expected}"
    if isinstance(error, EOFError):
        return "it ends too early"
    return (str(error).splitlines() or [""])[0][:120] or type(error).__name__


def _by_symusic(data: bytes, percussion: bool) -> tuple[np.ndarray, int, _Tempos]:
    import symusic

    file = symusic.Score.from_midi(data)
    tracks = [t.notes.numpy() for t in file.tracks if len(t.notes) and (percussion or not t.is_drum)]
    columns = ("time", "duration", "pitch", "velocity")
    notes = [np.stack([*(t[c].astype(np.int64) for c in columns), np.full(len(t["time"]), k)], 1)
             for k, t in enumerate(tracks)]  # fmt: skip
    tempos = [(t.time, float(t.mspq)) for t in file.tempos]
    return np.concatenate(notes) if notes else np.zeros((0, 5), np.int64), file.ticks_per_quarter, tempos


def _by_mido(data: bytes, percussion: bool) -> tuple[np.ndarray, int, _Tempos]:
    import mido

    file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    notes, tempos, numbers = [], [], {}
    for index, track in enumerate(file.tracks):
        tick, open_ = 0, defaultdict(list)
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                tempos.append((tick, float(message.tempo)))
            elif message.type == "note_on" and message.velocity and (percussion or message.channel != _PERCUSSION):
                open_[message.channel, message.note].append((tick, message.velocity))
            elif message.type in ("note_on", "note_off") and open_[message.channel, message.note]:
                onset, velocity = open_[message.channel, message.note].pop(0)
                voice = numbers.setdefault((index, message.channel), len(numbers))
                notes.append((onset, tick - onset, message.note, velocity, voice))
    return np.array(notes, np.int64).reshape(-1, 5), file.ticks_per_beat, sorted(tempos)


PARSERS = {"symusic": _by_symusic, "mido": _by_mido}


def _checked(notes: np.ndarray, ticks_per_quarter: int, tempos: _Tempos) -> Score:
    if not 1 <= ticks_per_quarter < 2**15:
        raise UnreadableFile("1 to 32767", f"{ticks_per_quarter} ticks per quarter")
    if not 0 < len(notes) <= MOST_NOTES:
        raise UnreadableFile(f"1 to {MOST_NOTES}", f"{len(notes)} pitched notes")
    notes[:, DURATION] = np.maximum(notes[:, DURATION], 1)
    end = int((notes[:, ONSET] + notes[:, DURATION]).max())
    score = Score(notes, ticks_per_quarter, _mean_bpm(tempos, end, ticks_per_quarter))
    if score.seconds > LONGEST_SECONDS:
        raise UnreadableFile("24 at most", f"{score.seconds / 3600:.0f} hours of music")
    return score


def _mean_bpm(tempos: _Tempos, end: int, ticks_per_quarter: int) -> float:
    """Return quarters per minute of the whole piece: its quarters over its minutes under the tempo map."""
    starts = np.array([0, *(min(tick, end) for tick, _ in tempos), end], np.float64)
    microseconds = np.array([60e6 / DEFAULT_BPM, *(value for _, value in tempos)])
    if len(set(microseconds[np.diff(starts) > 0])) == 1:  # one tempo throughout: exact, no rounding
        return 60e6 / float(microseconds[np.diff(starts) > 0][0])
    minutes = (np.diff(starts) * microseconds).sum() / ticks_per_quarter / 60e6
    return float(end / ticks_per_quarter / minutes)


def _events(notes: np.ndarray, voice: int, program: int | list[int] | None) -> list:
    import mido

    channel = [c for c in range(16) if c != _PERCUSSION][voice % 15]
    events = []
    if program is not None:
        number = program if isinstance(program, int) else program[voice % len(program)]
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
