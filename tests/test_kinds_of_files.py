"""Kinds of files that lie on a musician's disk or in a bug tracker: what sounds in each, or why none is read."""

import struct

import numpy as np
import pytest
import soundfile
from midi_files import END, note, smf, tempo, variable
from notation_files import START, STOP, attributes, backup, heard, xml
from notation_files import note as head

from etude.errors import UnreadableFile
from etude.formats.abc import decoded, read_abc
from etude.formats.audio import read_audio
from etude.formats.midi_notes import midi_score
from etude.formats.notation import notation_text
from etude.types import DURATION, ONSET, PITCH


def rows(score) -> str:
    """The notes of a score as "onset+duration:pitch", in quarters, in order."""
    notes = sorted(score.notes[:, [ONSET, DURATION, PITCH]].tolist())
    quarter = score.ticks_per_quarter
    return " ".join(f"{onset / quarter:g}+{length / quarter:g}:{pitch}" for onset, length, pitch in notes)


def on(pitch, wait=0, channel=0, velocity=80):
    return variable(wait) + bytes([0x90 | channel, pitch, velocity])


def off(pitch, wait=0, channel=0):
    return variable(wait) + bytes([0x80 | channel, pitch, 64])


def meta(kind, text, wait=0):
    return variable(wait) + b"\xff" + bytes([kind]) + variable(len(text)) + text


def rmid(data, before=b""):
    inside = b"RMID" + before + b"data" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


INFO = b"LIST" + struct.pack("<I", 12) + b"INFOIART\0\0\0\0"
A_NOTE = note(480, 60)
MIDI = {  # bytes -> what sounds, in quarters, or words of the refusal
    "format 0, channels and drums": (
        smf(on(60) + on(64, 0, 1) + on(38, 0, 9) + off(38, 240, 9) + off(60, 240) + off(64, 480, 1) + END, kind=0),
        "0+1:60 0+2:64",
    ),
    "running status, and velocity 0 ends": (
        smf(on(60) + variable(480) + b"\x3c\x00" + variable(0) + b"\x3e\x50" + variable(480) + b"\x3e\x00" + END),
        "0+1:60 1+1:62",
    ),
    "running status is each track's own": (
        smf(A_NOTE + END, variable(0) + b"\x3c\x50" + variable(480) + b"\x3c\x00" + END),
        "first byte of an event",
    ),
    "running status over a meta event": (
        smf(on(60) + meta(1, b"la") + variable(480) + b"\x3c\x00" + END),
        "0+1:60",
    ),
    "one pitch struck again before it ends": (
        smf(on(60) + on(60, 480) + off(60, 480) + off(60, 480) + END),
        "0+2:60 1+2:60",
    ),
    "two channels that play one pitch": (
        smf(on(60) + on(60, 240, 1) + off(60, 240) + off(60, 480, 1) + END, kind=0),
        "0+1:60 0.5+1.5:60",
    ),
    "a note that never ends lasts to the end of its track": (
        smf(on(60) + on(64) + off(64, 480) + variable(480) + b"\xff\x2f\x00"),
        "0+1:64 0+2:60",
    ),
    "a note that never ends is struck again": (smf(on(60) + on(60, 480) + off(60, 480) + END), "0+1:60 1+1:60"),
    "an end without a beginning": (smf(off(60) + off(60, 480) + A_NOTE + END), "1+1:60"),
    "no length": (smf(on(60) + off(60) + note(480, 62) + END, ticks=480), "0+0.00208333:60 0+1:62"),
    "SMPTE": (smf(A_NOTE + END, ticks=0xE250), "ticks per quarter"),
    "a lyric of 300 bytes": (smf(meta(5, b"a" * 300) + A_NOTE + END), "0+1:60"),
    "a name of 20000 bytes": (smf(meta(3, b"a" * 20000) + A_NOTE + END), "0+1:60"),
    "no end of track": (smf(A_NOTE), "0+1:60"),
    "the end of its track twice": (smf(A_NOTE + END + END), "0+1:60"),
    "events after the end of a track": (smf(A_NOTE + END + A_NOTE), "after the end of a track"),
    "bytes after the last track": (smf(A_NOTE + END) + b"TAG" + bytes(125), "0+1:60"),
    "a text chunk between tracks": (
        smf(A_NOTE + END, kind=1)[:14].replace(b"\0\x01\x01\xe0", b"\0\x02\x01\xe0")
        + b"XFIH" + struct.pack(">I", 5) + b"hello" + smf(A_NOTE + END)[14:] + smf(note(480, 64) + END)[14:],
        "0+1:60 0+1:64",
    ),
    "a huge pause": (smf(on(60) + off(60, 480) + note(480, 62, 0x0FFFFFFF) + END), "at most"),
    "RMID": (rmid(smf(A_NOTE + END)), "0+1:60"),
    "RMID with its maker": (rmid(smf(A_NOTE + END), INFO), "0+1:60"),
    "RMID of a WAV": (b"RIFF" + struct.pack("<I", 4) + b"WAVE", "MThd"),
    "a key signature of two flats and a metre": (
        smf(meta(0x59, b"\xfe\x00") + meta(0x58, b"\x06\x03\x24\x08") + A_NOTE + END), "0+1:60",
    ),
    "GM and GS resets before the music": (
        smf(variable(0) + b"\xf0\x05\x7e\x7f\x09\x01\xf7" + variable(0)
            + b"\xf0\x0a\x41\x10\x42\x12\x40\x00\x7f\x00\x41\xf7" + A_NOTE + END), "0+1:60",
    ),
    "a sysex in packets": (
        smf(variable(0) + b"\xf0\x03\x43\x12\x00" + variable(10) + b"\xf7\x02\x43\xf7" + note(480, 60, 470) + END),
        "1+1:60",
    ),
    "a note in an escape": (smf(variable(0) + b"\xf7\x03\x90\x3c\x50" + A_NOTE + END), "events of their own"),
    "a song position in an escape": (smf(variable(0) + b"\xf7\x03\xf2\x00\x01" + A_NOTE + END), "0+1:60"),
    "bank, bend and pressure": (
        smf(b"\x00\xb0\x00\x01\x00\xc0\x05\x00\xe0\x00\x50\x00\xd0\x40" + on(60) + b"\x00\xa0\x3c\x40"
            + off(60, 480) + END), "0+1:60",
    ),
    "pedal down is no note": (smf(b"\x00\xb0\x40\x7f" + A_NOTE + b"\x83\x60\xb0\x40\x00" + END), "0+1:60"),
    "all notes off is no end of a note": (smf(on(60) + b"\x00\xb0\x7b\x00" + off(60, 480) + END), "0+1:60"),
    "an empty track among others": (smf(END, A_NOTE + END, b""), "0+1:60"),
    "more tracks than are counted": (
        smf(A_NOTE + END)[:10] + b"\0\x01\x01\xe0" + smf(A_NOTE + END)[14:] + smf(note(480, 67) + END)[14:],
        "0+1:60 0+1:67",
    ),
    "the lowest and the highest key": (smf(note(480, 0) + note(480, 127) + END), "0+1:0 1+1:127"),
    "one tick a quarter": (smf(note(1, 60) + END, ticks=1), "0+1:60"),
    "32767 ticks a quarter": (smf(note(32767, 60) + END, ticks=32767), "0+1:60"),
    "a MIDI 2.0 clip": (b"SMF2CLIP" + bytes(40), "MThd"),
    "a file behind a MacBinary header": (bytes(128) + smf(A_NOTE + END), "MThd"),
    "tempo, then music in the other track": (smf(tempo(600000) + END, A_NOTE + END), "0+1:60"),
}  # fmt: skip


@pytest.mark.parametrize("name", MIDI)
def test_kinds_of_midi(name):
    data, expected = MIDI[name]
    assert_read(lambda: rows(midi_score(data)), expected)


def assert_read(read, expected):
    if expected[0].isdigit() and "+" in expected[:8]:
        assert read() == expected
    else:
        with pytest.raises(UnreadableFile, match=expected):
            read()


def transpose(chromatic, octaves=0, diatonic=0):
    change = f"<octave-change>{octaves}</octave-change>" if octaves else ""
    return f"<transpose><diatonic>{diatonic}</diatonic><chromatic>{chromatic}</chromatic>{change}</transpose>"


def repeat(direction, times=""):
    return f'<barline location="left"><repeat direction="{direction}"{times}/></barline>'


def forward(length):
    return f"<forward><duration>{length}</duration></forward>"


QUARTERS = "".join(head(f"{step}4", 2) for step in "CDEF")
TIMEWISE = (
    '<?xml version="1.0"?><score-timewise><part-list/>'
    f'<measure number="1"><part id="a">{attributes()}{head("C4", 8)}</part>'
    f'<part id="b">{attributes()}{head("E4", 8)}</part></measure>'
    f'<measure number="2"><part id="a">{head("D4", 8)}</part><part id="b">{head("F4", 8)}</part></measure>'
    "</score-timewise>"
)
TRIPLET = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
ENDING = '<barline location="left"><ending number="{0}" type="start"/></barline>'
DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)
SCORE = xml([QUARTERS])
SUM, TWO_WAYS = (
    attributes().replace("<beats>4</beats><beat-type>4</beat-type>", time)
    for time in (
        "<beats>3</beats><beat-type>8</beat-type><beats>2</beats><beat-type>4</beat-type>",
        "<beats>3</beats><beat-type>4</beat-type>"
        "<interchangeable><beats>6</beats><beat-type>8</beat-type></interchangeable>",
    )
)


def style(inside, more=""):
    return f"<attributes><measure-style{more}>{inside}</measure-style></attributes>"


def repeating(kind, more=""):
    return style(f'<measure-repeat type="{kind}">1</measure-repeat>', more)


MUSICXML = {
    "a pickup bar": (xml([attributes() + head("G4", 2), QUARTERS]), "0+1:67 1+1:60 2+1:62 3+1:64 4+1:65"),
    "a pickup bar that is filled up": (
        xml([attributes() + forward(6) + head("G4", 2), head("C4", 8)]), "3+1:67 4+4:60",
    ),
    "repeats and endings are read as written": (
        xml([attributes() + repeat("forward") + head("C4", 8), ENDING.format(1) + head("D4", 8) + repeat("backward"),
             ENDING.format(2) + head("E4", 8)]), "0+4:60 4+4:62 8+4:64",
    ),
    "grace notes before and after": (
        xml([head("B3", 0, "grace") + head("C4", 8) + head("D4", 0, "grace")]), "0+4:60",
    ),
    "a grace chord": (
        xml([head("B3", 0, "grace") + head("D4", 0, "grace", "chord") + head("C4", 8)]), "0+4:60",
    ),
    "triplets": (
        xml([attributes().replace(">2<", ">6<") + "".join(head(f"{p}4", 4, TRIPLET) for p in "CDE")]),
        "0+2/3:60 2/3+2/3:62 4/3+2/3:64",
    ),
    "a clarinet in B flat": (xml([attributes(transpose(-2, 0, -1)) + QUARTERS]), "0+1:58 1+1:60 2+1:62 3+1:63"),
    "a piccolo": (xml([attributes(transpose(0, 1)) + head("C5", 8)]), "0+4:84"),
    "a transposition that ends": (
        xml([attributes(transpose(-2)) + head("C4", 8), attributes(transpose(0)) + head("C4", 8)]), "0+4:58 4+4:60",
    ),
    "chord symbols": (
        xml(["<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>" + head("C4", 8)]), "0+4:60",
    ),
    "figured bass": (
        xml(["<figured-bass><figure><figure-number>6</figure-number></figure><duration>8</duration></figured-bass>"
             + head("C4", 8)]), "0+4:60",
    ),
    "a step back before its bar": (xml([head("C4", 2) + backup(4)]), "step back"),
    "a step forward over the bar line": (xml([head("C4", 2) + forward(20), head("D4", 8)]), "0+1:60 4+4:62"),
    "an octave line is drawn only": (
        xml(['<direction><direction-type><octave-shift type="down" size="8"/></direction-type></direction>'
             + head("C6", 8)]), "0+4:84",
    ),
    "drums": (xml([head("drum", 4) + head("C4", 4)]), "2+2:60"),
    "two staves, two voices": (
        xml([attributes("<staves>2</staves>") + head("E5", 4) + head("D5", 4) + backup(8)
             + head("C3", 8, "<staff>2</staff>", voice=5)]), "0+2:76 0+4:48 2+2:74",
    ),
    "a voice that begins late": (
        xml([head("C5", 8) + backup(8) + forward(4) + head("E4", 4, voice=2)]), "0+4:72 2+2:64",
    ),
    "by measure": (TIMEWISE, "0+4:60 0+4:64 4+4:62 4+4:65"),
    "a doctype": (SCORE.replace("<score-partwise", DOCTYPE + "<score-partwise", 1),
                  "0+1:60 1+1:62 2+1:64 3+1:65"),
    "entities of its own": (
        SCORE.replace("<score-partwise", '<!DOCTYPE score-partwise [<!ENTITY a "b">]><score-partwise', 1), "entities",
    ),
    "a chain of ties": (
        xml([head("C4", 8, START), head("C4", 8, STOP, START), head("C4", 8, STOP)]), "0+12:60",
    ),
    "a tie that is let ring": (
        xml([head("C4", 8, '<notations><tied type="let-ring"/></notations>'), head("C4", 8)]), "0+4:60 4+4:60",
    ),
    "divisions that change": (
        xml([attributes() + head("C4", 8), attributes().replace(">2<", ">480<") + head("D4", 1920)]),
        "0+4:60 4+4:62",
    ),
    "another metre": (
        xml([attributes(beats=3) + head("C4", 6), attributes(beats=2) + head("D4", 4)]), "0+3:60 3+2:62",
    ),
    "a part that sounds in two octaves": (
        xml([attributes("<transpose><chromatic>0</chromatic><double/></transpose>") + head("C4", 8)]), "two octaves",
    ),
    "a metre that is a sum, and a bar of rest in it": (
        xml([SUM + head("rest", 7), head("C4", 7)]), "7/2+7/2:60",
    ),
    "a metre that may be counted in two ways": (
        xml([TWO_WAYS + head("rest", 6), head("C4", 6)]), "3+3:60",
    ),
    "a sign for the bar before": (xml([head("C4", 8), repeating("start") + head("rest", 8)]), "are written"),
    "a sign for the bar before, of one staff": (
        xml([head("C4", 8), repeating("start", ' number="2"') + head("C4", 8)]), "bars whose notes are written",
    ),
    "a sign for the bar before, of drums that are written": (
        xml([head("C4", 8), repeating("start") + head("drum", 8), repeating("stop") + head("D4", 8)]), "0+4:60 8+4:62",
    ),
    "a sign for the bar before, which is written too": (
        xml([head("C4", 8), repeating("start") + head("C4", 8), repeating("stop") + head("rest", 8), head("D4", 8)]),
        "0+4:60 4+4:60 12+4:62",
    ),
    "bars of rest under one sign": (
        xml([head("C4", 8), style("<multiple-rest>2</multiple-rest>") + head("rest", 8), "", head("D4", 8)]),
        "0+4:60 12+4:62",
    ),
    "hidden notes sound": (xml([head("C4", 8).replace("<note>", '<note print-object="no">')]), "0+4:60"),
    "an accidental that is drawn only": (xml([head("F4", 8, "<accidental>sharp</accidental>")]), "0+4:65"),
    "notes in remarks are none": (xml(["<!-- <note><pitch/></note> -->" + head("C4", 8)]), "0+4:60"),
    "a file that was cut off": (SCORE[:-40], "well-formed"),
    "a bar with more than its metre": (xml([head("C4", 8) + head("D4", 8), head("E4", 8)]), "0+4:60 4+4:62 8+4:64"),
    "a rest of the whole bar": (
        xml([attributes(beats=3) + '<note><rest measure="yes"/><duration>8</duration></note>', head("C4", 6)]),
        "3+3:60",
    ),
    "double sharps and flats": (xml([head("F24", 4) + head("B-24", 4)]), "0+2:67 2+2:69"),
    "a quarter-tone": (xml([head("F0.54", 8)]), "semitones"),
    "a note above the keyboard": (xml([head("A9", 8)]), "0 to 127"),
    "a cue beside a note": (xml([head("C4", 8) + backup(8) + head("G4", 8, "cue", voice=2)]), "0+4:60"),
    "a tremolo is one note": (
        xml([head("C4", 8, "<notations><ornaments><tremolo>3</tremolo></ornaments></notations>")]), "0+4:60",
    ),
    "namespaces": (SCORE.replace("<score-partwise", '<score-partwise xmlns:xlink="http://www.w3.org/1999/xlink"', 1),
                   "0+1:60 1+1:62 2+1:64 3+1:65"),
    "an opus": ("<?xml version='1.0'?><opus><score/></opus>", "a document of <opus>"),
    "MEI": ('<?xml version="1.0"?><mei xmlns="http://www.music-encoding.org/ns/mei"/>', "a document of <"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUSICXML)
def test_kinds_of_musicxml(name):
    text, expected = MUSICXML[name]
    assert_read(lambda: heard(text), expected)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_encodings_of_musicxml(encoding):
    text = SCORE.replace("<part-name>0", "<part-name>Flöte")
    declared = text.replace('version="1.0"', f'version="1.0" encoding="{encoding.removesuffix("-sig")}"', 1)
    assert heard(notation_text(declared.encode(encoding))) == heard(SCORE)
    wrongly = text.replace('version="1.0"', 'version="1.0" encoding="latin-1"', 1).encode("utf-8-sig")
    assert "Flöte" in notation_text(wrongly), "a byte order mark says more than a declaration"


def kern(*lines):
    return "\n".join("\t".join(line.split()) for line in (*lines,)) + "\n"


KERN = {
    "null tokens": (kern("**kern **kern", "2C 4e", ". 4f", "*- *-"), "0+1:64 0+2:48 1+1:65"),
    "a split that is joined": (
        kern("**kern", "4c", "*^", "4e 4c", "4f .", "*v *v", "4g", "*-").replace("4f\t.", "4f\t4d"),
        "0+1:60 1+1:60 1+1:64 2+1:62 2+1:65 3+1:67",
    ),
    "spines that change places": (
        kern("**kern **kern", "4C 4c", "*x *x", "4d 4D", "*- *-"), "0+1:48 0+1:60 1+1:50 1+1:62",
    ),
    "a spine that is added": (
        kern("**kern", "4c", "*+", "* **kern", "4d 4f", "*- *-"), "0+1:60 1+1:62 1+1:65",
    ),
    "dynamics, text and harmony beside": (
        kern("**kern **dynam **text **mxhm", "4c p la C:maj", "4d . le .", "*- *- *- *-"), "0+1:60 1+1:62",
    ),
    "rscale is how it is printed": (kern("**kern", "*rscale:2", "4c", "4d", "*-"), "0+1:60 1+1:62"),
    "printed in B flat": (kern("**kern", "*ITrd-1c-2", "4c", "*-"), "0+1:60"),
    "triplets of wholes": (kern("**kern", "3%2c", "3%2d", "3%2e", "*-"), "0+8/3:60 8/3+8/3:62 16/3+8/3:64"),
    "triplets of eighths": (kern("**kern", "12c", "12d", "12e", "*-"), "0+1/3:60 1/3+1/3:62 2/3+1/3:64"),
    "breve, long and maxima": (kern("**kern", "0c", "00d", "000e", "*-"), "0+8:60 8+16:62 24+32:64"),
    "grace notes": (kern("**kern", "8qb", "4c", "qqd", "4d", "*-"), "0+1:60 1+1:62"),
    "a group of ornaments, which programs time in two ways": (
        kern("**kern", "4c", "16dQ", "16eQ", "4f", "*-"), "not groups",
    ),
    "an appoggiatura, written as it sounds": (kern("**kern", "8dp", "8cP", "4f", "*-"), "0+1/2:62 1/2+1/2:60 1+1:65"),
    "editorial accidentals": (kern("**kern", "4c#X", "4d-y", "4en", "4f##", "*-"), "0+1:61 1+1:61 2+1:64 3+1:67"),
    "a tie over a split": (
        kern("**kern", "[4c", "*^", "4c] 4e", "*v *v", "4d", "*-"), "0+2:60 1+1:64 2+1:62",
    ),
    "a tie within a chord": (kern("**kern", "[4c").rstrip() + " 4e\n" + kern("4c]").rstrip() + " 4e\n*-\n",
                             "0+1:64 0+2:60 1+1:64"),
    "a tie of three": (kern("**kern", "[4c", "4c_", "4c]", "*-"), "0+3:60"),
    "bar lines, repeats and phrases": (
        kern("**kern", "=1-", "*M2/4", "{4c", "4d}", "=2:|!|:", "(4e", "4f)", "==", "*-"),
        "0+1:60 1+1:62 2+1:64 3+1:65",
    ),
    "rests and fermatas": (kern("**kern", "4r", "4c;", "2.r", "4dL'", "*-"), "1+1:60 5+1:62"),
    "double dots": (kern("**kern", "4..c", "16d", "*-"), "0+7/4:60 7/4+1/4:62"),
    "octaves": (kern("**kern", "4CCC", "4CC", "4C", "4c", "4cc", "4ccc", "*-"),
                "0+1:24 1+1:36 2+1:48 3+1:60 4+1:72 5+1:84"),
    "a metronome and a comment": ("!!!COM: Bach\n" + kern("**kern", "*MM96", "4c", "!", "4d", "*-"), "0+1:60 1+1:62"),
    "a stem, a beam, an articulation": (kern("**kern", "8cL/", "8dJ\\'", "4e~^", "*-"), "0+1/2:60 1/2+1/2:62 1+1:64"),
    "drums without a pitch": (kern("**kern", "4Rc", "4d", "*-"), "1+1:62"),
    "spines that disagree": (kern("**kern **kern", "4C 2c", "4D 4d", "*- *-"), "spines whose durations agree"),
    "a file that was cut off between two lines": (kern("**kern", "4c", "4d"), "cut off"),
    "one of two spines that ends": (kern("**kern **kern", "4C 4c", "*- *", "4d"), "cut off"),
    "what was transposed is written as it sounds": (kern("**kern", "*Trd1c2", "4c", "*-"), "0+1:60"),
    "another piece behind it": (kern("**kern", "4c", "*-", "**kern", "4d", "*-"), "one piece"),
    "fields that are spaces": ("**kern **kern\n4c 4e\n*- *-\n", "kern"),
    "a part that ends first": (kern("**kern **kern", "4C 4c", "*- *", "4d", "*-"), "0+1:48 0+1:60 1+1:62"),
}  # fmt: skip


@pytest.mark.parametrize("name", KERN)
def test_kinds_of_kern(name):
    text, expected = KERN[name]
    assert_read(lambda: heard(text), expected)


def tune(body, key="C", before=""):
    return f"X:1\n{before}M:4/4\nL:1/4\nK:{key}\n{body}\n"


ABC = {  # what sounds, in quarters
    "broken rhythms": (tune("C>D E<F G>>A"),
                       "0+1.5:60 1.5+0.5:62 2+0.5:64 2.5+1.5:65 4+1.75:67 5.75+0.25:69"),
    "a tuplet of four in the time of two": (tune("(3:2:4CDEF G"),
                                            "0+0.666667:60 0.666667+0.666667:62 1.33333+0.666667:64 2+0.666667:65 "
                                            "2.66667+1:67"),
    "a duplet in six eight": ("X:1\nM:6/8\nL:1/8\nK:C\n(2CD E3|\n", "0+0.75:60 0.75+0.75:62 1.5+1.5:64"),
    "grace notes": (tune("{gf}C {/a}D"), "0+1:60 1+1:62"),
    "chords with lengths inside and outside": (tune("[C2E2] [CE]2 [CE]/"),
                                               "0+2:60 0+2:64 2+2:60 2+2:64 4+0.5:60 4+0.5:64"),
    "a metre and a length within a line": (tune("C [M:3/4][L:1/8]D"), "0+1:60 1+0.5:62"),
    "voices and a score": (tune("V:1\nC D\nV:2\nE2", before="%%score (1 2)\n"), "0+1:60 0+2:64 1+1:62"),
    "lyrics": (tune("C D\nw: la la\nw: so so\nE"), "0+1:60 1+1:62 2+1:64"),
    "a field that goes on": (tune("C D\nw: la\n+: la\nE"), "0+1:60 1+1:62 2+1:64"),
    "endings are read as written": (tune("|:C|1 D:|2 E|]"), "0+1:60 1+1:62 2+1:64"),
    "HP, printed without sharps and played with them": (tune("F C G", "HP"), "0+1:66 1+1:61 2+1:67"),
    "Hp": (tune("F C G", "Hp"), "0+1:66 1+1:61 2+1:67"),
    "none": (tune("F", "none"), "0+1:65"),
    "an explicit key": (tune("F C c B", "D exp ^c"), "0+1:65 1+1:61 2+1:73 3+1:71"),
    "a key with more": (tune("F C B", "D =c _B"), "0+1:66 1+1:60 2+1:70"),
    "a mode": (tune("F B E", "D Phr"), "0+1:65 1+1:70 2+1:63"),
    "a quarter-tone": (tune("C ^/c"), "semitones"),
    "a quarter-tone in a chord": (tune("[C_3/2e]"), "semitones"),
    "no metre": ("X:1\nM:none\nL:1/4\nK:C\nC D2\n", "0+1:60 1+2:62"),
    "a length that changes": (tune("C\nL:1/8\nD"), "0+1:60 1+0.5:62"),
    "without L: an eighth, from three quarters up": ("X:1\nM:3/4\nK:C\nC\n", "0+0.5:60"),
    "without L: a sixteenth below": ("X:1\nM:2/4\nK:C\nC\n", "0+0.25:60"),
    "a macro": (tune("~C D", before="m: ~n = n/o/n\n"), "macro|m:"),
    "a symbol of one's own": (tune("~C HD", before="U: H = !fermata!\n"), "0+1:60 1+1:62"),
    "directives and remarks": (tune("%%scale 0.7\nC % a remark\n%%vskip 1cm\nD"), "0+1:60 1+1:62"),
    "decorations": (tune('!trill!C .D vE "_p"F +fermata+G'), "0+1:60 1+1:62 2+1:64 3+1:65 4+1:67"),
    "ties and slurs": (tune("C-C (D E) F-|F"), "0+2:60 2+1:62 3+1:64 4+2:65"),
    "accidentals last a bar": (tune("^C C|C _B, B,"), "0+1:61 1+1:61 2+1:60 3+1:58 4+1:58"),
    "rests of bars": (tune("C4|Z2|D4"), "0+4:60 12+4:62"),
    "spacers": (tune("C y D x E"), "0+1:60 1+1:62 3+1:64"),
    "octaves": (tune("C, C c c' c,"), "0+1:48 1+1:60 2+1:72 3+1:84 4+1:60"),
    "fractions": (tune("C3/2 D/4 E// F3/"), "0+1.5:60 1.5+0.25:62 1.75+0.25:64 2+1.5:65"),
    "a length of nothing": (tune("C0 D"), "the length 0"),
    "sharps of typography": (tune("C ♯D"), "music code"),
    "five in the time of two": (tune("(5CDEFG C"), "0+0.4:60 0.4+0.4:62 0.8+0.4:64 1.2+0.4:65 1.6+0.4:67 2+1:60"),
    "a key within a line": (tune("F [K:G] F"), "0+1:65 1+1:66"),
    "CRLF and a closing remark": (tune("C D").replace("\n", "\r\n") + "\r\nthe end\r\n", "0+1:60 1+1:62"),
}  # fmt: skip


@pytest.mark.parametrize("name", ABC)
def test_kinds_of_abc(name):
    text, expected = ABC[name]
    assert_read(lambda: rows(read_abc(decoded(text.encode()), strict=True)), expected)


RATE = 11025
TONE = (0.5 * np.sin(np.arange(RATE) / 9)).astype(np.float32)


@pytest.mark.parametrize(
    ("container", "subtype", "suffix"),
    [("WAV", "PCM_24", ".wav"), ("WAV", "PCM_32", ".wav"), ("WAV", "FLOAT", ".wav"), ("WAVEX", "FLOAT", ".wav"),
     ("RF64", "PCM_24", ".wav"), ("W64", "PCM_16", ".wav"), ("AIFF", "PCM_16", ".mp3"), ("AIFF", "PCM_24", ".wav"),
     ("WAV", "ALAW", ".wav"), ("FLAC", "PCM_24", ".flac"), ("AU", "PCM_16", ".wav")],
)  # fmt: skip
def test_kinds_of_sound(tmp_path, container, subtype, suffix):
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, TONE, RATE, subtype=subtype, format=container)
    if container == "AU":
        with pytest.raises(UnreadableFile, match="WAV, "):
            read_audio(path)
        return
    assert read_audio(path).samples == pytest.approx(TONE, abs=0.02 if subtype == "ALAW" else 1e-4)
    assert read_audio(path).rate == RATE


def test_a_sound_off_zero_stays_so(tmp_path):
    soundfile.write(tmp_path / "a.wav", TONE / 2 + 0.4, RATE, subtype="FLOAT")
    assert read_audio(tmp_path / "a.wav").samples.mean() == pytest.approx(0.4, abs=1e-2)


def test_an_mp3_behind_a_picture_and_at_low_rates(tmp_path):
    for rate in (8000, 11025, 44100):
        path = tmp_path / f"{rate}.mp3"
        soundfile.write(path, TONE, rate, format="MP3", subtype="MPEG_LAYER_III")
        plain, size = read_audio(path).samples, 3 * 2**20
        head = b"ID3\x03\0\0" + bytes((size >> 7 * k) & 127 for k in (3, 2, 1, 0))
        path.write_bytes(head + bytes(size) + path.read_bytes())
        assert np.array_equal(read_audio(path).samples, plain) and len(plain) >= len(TONE)


def test_a_flac_that_counts_wrong(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, TONE, RATE)
    data = bytearray(path.read_bytes())
    for count in (RATE - 1, RATE + 1, 2**32 - 1):
        data[22:26] = count.to_bytes(4, "big")
        path.write_bytes(data)
        with pytest.raises(UnreadableFile, match=r"damaged|decoded|cut off"):
            read_audio(path)
