"""Standard MIDI files read by their bytes: every note that starts is in the score, or the reason says why not."""

import random
import struct
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_files import BASS_AND_SCALE, BROKEN, CUT_OFF, END, SCALE, note, smf, tempo, variable

from etude.errors import EtudeError, UnreadableFile
from etude.formats import limits
from etude.formats.midi import read_midi
from etude.formats.midi_notes import midi_score
from etude.types import Score

SYSEX = b"\xf0\x05\x7e\x7f\x09\x01\xf7"


def on(pitch: int, wait: int = 0, channel: int = 0, velocity: int = 80) -> bytes:
    return variable(wait) + bytes([0x90 | channel, pitch, velocity])


def off(pitch: int, wait: int = 0, channel: int = 0) -> bytes:
    return variable(wait) + bytes([0x80 | channel, pitch, 0])


def rows(data: bytes, **options) -> list[list[int]]:
    """Return onset, duration, pitch and track of each note."""
    return midi_score(data, **options).notes[:, [0, 1, 2, 4]].tolist()


def test_notes_are_read_in_ticks():
    score = midi_score(SCALE)
    assert score.notes.tolist() == [[480 * k, 480, 60 + k, 80, 0] for k in range(8)]
    assert (score.ticks_per_quarter, score.bpm, score.seconds) == (480, 120.0, 4.0)


def test_tempo_changes_keep_the_total_duration():
    """A quarter at 60 (1 s), two at 120 (1 s), one at 30 (2 s): 4 quarters in 4 s are 60 a minute."""
    changes = tempo(10**6) + tempo(500000, 480) + tempo(2 * 10**6, 960) + END
    score = midi_score(smf(changes, note(4 * 480, 60) + END))
    assert score.seconds == pytest.approx(4) and score.bpm == pytest.approx(60)


def test_of_tempi_at_one_tick_the_last_counts():
    assert midi_score(smf(tempo(10**6) + tempo(500000) + note(480, 60) + END)).bpm == 120


def test_channels_become_tracks_and_percussion_is_left_out():
    body = note(240, 60, channel=3) + note(240, 64) + note(240, 38, channel=9) + END
    assert sorted(row[2:] for row in rows(smf(body, note(480, 40) + END))) == [[40, 2], [60, 1], [64, 0]]
    assert 38 in midi_score(smf(body, kind=0), percussion=True).notes[:, 2]


def test_a_change_of_program_within_a_track_makes_no_other_track():
    program = b"\x00\xc0\x05"
    body = note(9, 60) + program + note(9, 62) + b"\x00\xc0\x06" + note(9, 64) + END
    assert rows(smf(program + body)) == [[0, 9, 60, 0], [9, 9, 62, 0], [18, 9, 64, 0]]


@pytest.mark.parametrize(
    ("body", "expected"),
    {
        "no length": (note(0, 60) + note(9, 62), [[0, 1, 60], [0, 9, 62]]),
        "velocity 0 ends": (on(60) + on(60, 7, velocity=0), [[0, 7, 60]]),
        "never ended": (on(60) + note(5, 62, 5) + b"\x05\xff\x2f\x00", [[0, 15, 60], [5, 5, 62]]),
        "never ended, at the end": (on(60), [[0, 1, 60]]),
        "ended once, struck twice": (on(60) + on(60, 9) + off(60, 3), [[0, 9, 60], [9, 3, 60]]),
        "let go as it is struck": (off(60, 4) + on(60) + note(3, 60, 5), [[4, 5, 60], [9, 3, 60]]),
        "ended twice": (on(60) + off(60, 5) + off(60, 5) + note(3, 60), [[0, 5, 60], [10, 3, 60]]),
        "ended before it begins": (off(60) + note(3, 60), [[0, 3, 60]]),
        "overlapping": (on(60) + on(60, 4) + off(60, 4) + off(60, 4), [[0, 8, 60], [4, 8, 60]]),
        "struck again as it ends": (on(60) + on(60, 4) + off(60) + off(60, 4), [[0, 4, 60], [4, 4, 60]]),
        "one pitch on two channels": (on(60) + on(60, 2, 1) + off(60, 2, 1) + off(60, 2), [[0, 6, 60], [2, 2, 60]]),
        "running status": (on(60) + b"\x04\x3c\x00" + b"\x00\x3e\x50\x04\x3e\x00", [[0, 4, 60], [4, 4, 62]]),
        "after a sysex": (on(60) + b"\x04\x3c\x00\x00" + SYSEX + b"\x00\x3e\x50\x04\x3e\x00", [[0, 4, 60], [4, 4, 62]]),
        "after a text": (on(60) + b"\x04\xff\x01\x02ab\x00\x3c\x00", [[0, 4, 60]]),
        "a sysex in two parts": (on(60) + b"\x02\xf0\x02\x7e\x7f\x02\xf7\x02\x09\xf7" + off(60), [[0, 4, 60]]),
        "a clock of a cable": (on(60) + b"\x02\xf8" + off(60, 2), [[0, 4, 60]]),
        "controllers and bends": (on(60) + b"\x01\xb0\x07\x40\x01\xe0\x00\x40\x01\xd0\x11" + off(60, 1), [[0, 4, 60]]),
    }.values(),
)
def test_every_note_that_starts_is_in_the_score(body, expected):
    assert [row[:3] for row in rows(smf(body + END))] == expected


def test_a_file_may_be_looser_than_the_standard():
    whole = midi_score(BASS_AND_SCALE)
    assert midi_score(BASS_AND_SCALE + b"\0\0trailer") == whole
    assert midi_score(BASS_AND_SCALE[:14] + b"XFIH" + bytes([0, 0, 0, 2, 1, 1]) + BASS_AND_SCALE[14:]) == whole
    assert midi_score(BASS_AND_SCALE[:10] + b"\0\1" + BASS_AND_SCALE[12:]) == whole  # more tracks than it says
    longer = BASS_AND_SCALE[:4] + b"\0\0\0\x08" + BASS_AND_SCALE[8:14] + b"\0\0" + BASS_AND_SCALE[14:]
    assert midi_score(longer) == whole
    assert midi_score(smf(note(480, 60), kind=0)) == midi_score(smf(note(480, 60) + END, kind=0))


def riff(data: bytes, kind: bytes = b"RMID", before: bytes = b"") -> bytes:
    body = kind + before + b"data" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_a_midi_file_in_a_riff_wrapper_is_read(tmp_path):
    info = b"DISP" + struct.pack("<I", 3) + b"air\0"
    slip = info[:-1]  # an odd chunk whose writer forgot to pad it
    for k, data in enumerate(
        (riff(SCALE), riff(SCALE, before=info), riff(SCALE, before=slip), riff(SCALE)[:-1] + b"\0tail")
    ):
        (tmp_path / f"{k}.rmi").write_bytes(data)
        assert read_midi(tmp_path / f"{k}.rmi") == midi_score(SCALE)
    with pytest.raises(UnreadableFile, match="MThd"):
        midi_score(riff(SCALE, b"WAVE"))


REFUSED = {
    "patterns": (smf(note(480, 60) + END, note(480, 64) + END, kind=2), "2 patterns of format 2"),
    "another format": (smf(note(480, 60) + END, kind=3), "format 3"),
    "a tempo of 0": (smf(tempo(0) + note(480, 60) + END), "a tempo of 0"),
    "a tempo of 0 later": (smf(note(480, 60) + tempo(0) + note(480, 60) + END), "a tempo of 0 .* tick 480"),
    "a tempo of two bytes": (smf(b"\x00\xff\x51\x02\xf0\x00" + note(480, 60) + END), "one of 2 at byte 4"),
    "a tempo of four bytes": (smf(b"\x00\xff\x51\x04\x00\x07\xa1\x20" + note(480, 60) + END), "one of 4 at byte 4"),
    "a velocity of 200": (smf(b"\x00\x90\x3c\xc8" + END), "the byte 200 at byte 3"),
    "too fast": (smf(tempo(256) + note(480, 60) + END), "a tempo of 234375"),
    "a gap": (smf(note(1, 60) + note(1, 60, 0x0FFFFFFF) + END, ticks=1), "268435457 quarters"),
    "notes after the end": (smf(note(1, 60) + END + note(1, 62) + END), "12 bytes"),
    "a length too short": (smf(note(480, 60) + note(480, 62) + END, length=9), "after a track that has no end"),
    "an event cut in two": (smf(note(480, 60) + b"\x00\x90\x3c"), "ends within an event"),
    "SMPTE": (BROKEN["SMPTE time"], "SMPTE"),
    "only drums": (BROKEN["only drums"], "1 of percussion"),
    "no status": (smf(b"\x00\x3c\x50" + END), "byte 60"),
    "an undefined status": (smf(note(1, 60) + b"\x00\xf5" + END), "byte 245"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_score_is_refused_in_words(name):
    data, words = REFUSED[name]
    with pytest.raises(UnreadableFile, match=words) as caught:
        midi_score(data)
    assert caught.value.expected and caught.value.got
    assert not any(word in str(caught.value) for word in ("mido", "symusic", "Error"))


def test_one_pattern_is_a_piece():
    assert midi_score(smf(note(480, 60) + END, kind=2)) == midi_score(smf(note(480, 60) + END, kind=0))


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused(name):
    with pytest.raises(UnreadableFile):
        midi_score(BROKEN[name])


@pytest.mark.parametrize("name", CUT_OFF)
def test_a_file_that_was_cut_off_is_not_taken_for_a_shorter_piece(name):
    with pytest.raises(UnreadableFile, match="cut off"):
        midi_score(CUT_OFF[name])


@pytest.mark.parametrize("parts", [1, 2])
def test_too_many_notes_are_refused_before_they_are_kept(monkeypatch, parts):
    monkeypatch.setattr("etude.formats.midi_notes.MOST_NOTES", 100)
    few, many = note(1, 60) * (100 // parts), note(1, 60) * (100 // parts + 1)
    assert len(midi_score(smf(*[few + END] * parts))) == 100
    with pytest.raises(UnreadableFile, match="at most"):
        midi_score(smf(*[many + END] * parts))


def test_files_that_are_missing_or_too_large(tmp_path, monkeypatch):
    with pytest.raises(UnreadableFile, match="no file"):
        read_midi(tmp_path / "none.mid")
    (tmp_path / "song.mid").write_bytes(SCALE)
    monkeypatch.setattr(limits, "LARGEST_FILE", 50)
    with pytest.raises(UnreadableFile, match="at most"):
        read_midi(tmp_path / "song.mid")


# Held against other readers


def by_symusic(data: bytes) -> Counter:
    import symusic

    tracks = [track for track in symusic.Score.from_midi(data).tracks if not track.is_drum]
    return Counter((n.time, max(n.duration, 1), n.pitch, n.velocity) for track in tracks for n in track.notes)


@st.composite
def melodies(draw) -> bytes:
    """Tracks of notes on several channels, in any order, with running status where it may stand."""
    tracks = []
    for _ in range(draw(st.integers(1, 3))):
        events = [(t, e, p) for p in draw(st.lists(st.integers(0, 127), min_size=1, max_size=5))
                  for start in [draw(st.integers(0, 999))]
                  for t, e in ((start, 0x90), (start + draw(st.integers(0, 500)), 0x80))]  # fmt: skip
        channel, now, track = draw(st.integers(0, 8)), 0, b""
        for tick, status, pitch in sorted(events, key=lambda event: event[0]):
            track += variable(tick - now) + bytes([status | channel, pitch, 64])
            now = tick
        tracks.append(track + END)
    return smf(*tracks, ticks=draw(st.sampled_from([1, 96, 480])))


@given(melodies())
def test_symusic_reads_the_same_notes(data):
    ours = Counter(tuple(row[:4]) for row in midi_score(data).notes.tolist())
    assert ours == by_symusic(data)


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_any_bytes_are_a_score_or_an_error_of_ours(seed, flips):
    rng = random.Random(seed)
    data = bytearray(rng.choice([BASS_AND_SCALE, SCALE, REFUSED["patterns"][0], riff(SCALE), *CUT_OFF.values()]))
    for _ in range(flips):
        data[rng.randrange(len(data))] = rng.randrange(256)
    try:
        score = midi_score(bytes(data))
    except EtudeError as error:
        assert error.expected and error.got
    else:
        assert isinstance(score, Score) and np.isfinite(score.seconds)


def metre(beats: int, unit: int, wait: int = 0) -> bytes:
    return variable(wait) + bytes([0xFF, 0x58, 4, beats, unit.bit_length() - 1, 24, 8])


UPBEATS = {  # time signatures: metre, quarters of the upbeat; of eight quarters at 480 ticks
    "none": (b"", None, 0),
    "one metre": (metre(3, 4), (3, 4), 0),
    "a bar of 1/4, then the metre": (metre(1, 4) + metre(4, 4, 480), (4, 4), 1),
    "a bar of 1/8, then the metre": (metre(1, 8) + metre(6, 8, 240), (6, 8), 0.5),
    "a bar of 3/4 before 4/4": (metre(3, 4) + metre(4, 4, 1440), (4, 4), 3),
    "two bars of the shorter metre": (metre(1, 4) + metre(4, 4, 960), (4, 4), 0),
    "a slip of a tick": (metre(3, 4) + metre(4, 4, 1), (4, 4), 0),
    "a longer bar first": (metre(4, 4) + metre(3, 4, 1920), (4, 4), 0),
    "as long a bar first": (metre(6, 8) + metre(3, 4, 1440), (3, 4), 0),
    "no metre at the beginning": (metre(3, 4, 480), (3, 4), 0),
    "another metre later": (metre(1, 4) + metre(3, 4, 480) + metre(2, 4, 1440), (2, 4), 1),
    "longer than bars that come": (metre(3, 4) + metre(4, 4, 1440) + metre(2, 4, 480), (2, 4), 0),
    "the bar outlasts each metre": (metre(3, 4) + metre(4, 4, 1440) + metre(5, 4, 1200), (4, 4), 3),
    "after the end": (metre(1, 4) + metre(4, 4, 8 * 480), (1, 4), 0),
    "an upbeat of a triplet's note": (metre(3, 32) + metre(4, 4, 160), (4, 4), 1 / 3),
}


@pytest.mark.parametrize("name", UPBEATS)
def test_an_upbeat_is_one_bar_of_a_shorter_metre_at_the_beginning(name):
    signatures, meter, pickup = UPBEATS[name]
    score = midi_score(smf(signatures + END, b"".join(note(480, 60 + k) for k in range(8)) + END))
    assert (score.meter, score.pickup) == (meter, pickup)


def test_a_piece_is_more_than_its_upbeat():
    score = midi_score(smf(metre(1, 4) + metre(4, 4, 480) + END, note(480, 60) + END))
    assert (score.meter, score.pickup) == ((1, 4), 0)
