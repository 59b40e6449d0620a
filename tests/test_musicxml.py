"""What sounds in MusicXML: ties, chords, voices, staves, transpositions, bars, tempi; what is refused, and how."""

import pytest
from notation_files import START, STOP, XML, attributes, backup, heard, note, tracks, xml

from etude.errors import UnreadableFile
from etude.formats.musicxml import read_musicxml
from etude.formats.notation import written


@pytest.mark.parametrize("name", XML)
def test_what_sounds_in_musicxml(name):
    bars, expected = XML[name]
    assert heard(xml(bars)) == expected


def test_parts_begin_a_bar_together():
    short = xml([note("C4", 2), note("D4", 8)], [note("C3", 8), note("D3", 8)])
    assert heard(short) == "0+1:60 0+4:48 4+4:50 4+4:62"
    tied = xml([note("C4", 6, START), note("C4", 2, STOP)], [note("C3", 8), note("D3", 8)])
    assert heard(tied) == "0+4:48 0+5:60 4+4:50"  # over the bar line, though its bar is short


def test_notes_of_a_chord_do_not_move_on():
    longer = note("C4", 4) + note("E4", 8, "chord") + note("D4", 4)
    assert heard(xml([longer, note("F4", 8)])) == "0+2:60 0+4:64 2+2:62 4+4:65"
    at_the_end = attributes().replace("<time>", "<!--").replace("</time>", "-->")  # no metre: the longest note ends it
    assert heard(xml([at_the_end + note("C4", 4) + note("E4", 8, "chord"), note("F4", 8)])) == "0+2:60 0+4:64 4+4:65"


QUARTERS = "".join(note(f"{step}4", 2) for step in "CDEF")
BACKWARD, FORWARD = (
    f'<barline location="{where}"><repeat direction="{to}"/></barline>'
    for where, to in (("right", "backward"), ("left", "forward"))
)
DOUBLE = '<barline location="right"><bar-style>light-light</bar-style></barline>'
UPBEATS = {  # parts: metre, quarters of the upbeat
    "a quarter": ([[note("G4", 2), QUARTERS, note("C4", 6)]], (4, 4), 1),
    "none, though the last bar is short": ([[QUARTERS, QUARTERS, note("C4", 6)]], (4, 4), 0),
    "three quarters of a waltz's bar": (
        [[attributes(beats=3) + note("G4", 1), note("C4", 6), note("C4", 6)]], (3, 4), 0.5),
    "a rest of its part": ([[note("rest", 1) + note("G4", 1), QUARTERS]], (4, 4), 1),
    "filled up with rests": ([[note("rest", 6) + note("G4", 2), QUARTERS]], (4, 4), 0),
    "the other part sounds longer": ([[note("G4", 2), QUARTERS], [note("C3", 4), note("C3", 8)]], (4, 4), 2),
    "a grace note before the bar line": ([[note("G4", 2) + note("A4", 0, "grace"), QUARTERS]], (4, 4), 1),
    "a repeat from the upbeat on": ([[FORWARD + note("G4", 2), QUARTERS, note("C4", 6) + BACKWARD]], (4, 4), 1),
    "a repeat after the upbeat": ([[note("G4", 2), FORWARD + QUARTERS, QUARTERS + BACKWARD]], (4, 4), 1),
    "a bar that a repeat divides": (
        [[note("G4", 6) + BACKWARD, FORWARD + note("G4", 2), QUARTERS]], (4, 4), 0),
    "a bar that a double line divides": ([[note("G4", 6) + DOUBLE, note("G4", 2), QUARTERS]], (4, 4), 0),
    "two short bars": ([[note("G4", 2), note("G4", 6), QUARTERS]], (4, 4), 1),
    "another metre later": ([[note("G4", 2), QUARTERS, attributes(beats=2) + note("G4", 4)]], (4, 4), 1),
    "one bar": ([[note("G4", 2)]], (4, 4), 0),
    "a metre that is a sum": (
        [[attributes(beats="3+2") + note("G4", 2), note("G4", 8) + note("G4", 2)]], (5, 4), 1),
    "no metre": (
        [[attributes().replace("<time>", "<!--").replace("</time>", "-->") + note("G4", 2), QUARTERS]], None, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", UPBEATS)
def test_an_upbeat_is_a_first_bar_that_is_short(name):
    parts, meter, pickup = UPBEATS[name]
    assert written(xml(*parts))[2:] == (meter, pickup)


def test_a_bar_that_is_implicit_goes_on_with_the_one_before():
    divided = xml([note("G4", 6), note("G4", 2), QUARTERS])
    assert written(divided).pickup == 3
    assert written(divided.replace('<measure number="2"', '<measure number="X1" implicit="yes"')).pickup == 0
    upbeat = xml([note("G4", 2), QUARTERS]).replace('<measure number="1"', '<measure number="0" implicit="yes"')
    assert written(upbeat).pickup == 1


@pytest.mark.parametrize("parser", ["étude", "Verovio"])
def test_either_parser_gives_metre_and_upbeat(parser, tmp_path):
    (tmp_path / "air.xml").write_text(xml([attributes(beats=3) + note("G4", 2), note("C4", 6), note("C4", 4)]))
    score = read_musicxml(tmp_path / "air.xml", parser)
    assert (score.meter, score.pickup, len(score)) == ((3, 4), 1, 3)


def test_ties_stay_within_a_part():
    assert heard(xml([note("C4", 4, START)], [note("rest", 4) + note("C4", 4, STOP)])) == "0+2:60 2+2:60"


def test_parts_and_staves_are_tracks():
    two = (
        attributes("<staves>2</staves>")
        + note("C5", 4, "<staff>1</staff>")
        + backup(4)
        + note("C3", 4, "<staff>2</staff>")
    )
    assert tracks(xml([two], [note("E4", 4)])) == [(0, 72), (1, 48), (2, 64)]
    crossing = note("C4", 4, START, "<staff>1</staff>") + note("C4", 4, STOP, "<staff>2</staff>")
    assert heard(xml([attributes("<staves>2</staves>") + crossing])) == "0+4:60"


def test_transpositions_of_one_staff():
    moved = '<staves>2</staves><transpose number="2"><chromatic>-12</chromatic></transpose>'
    bar = attributes(moved) + note("C4", 4, "<staff>1</staff>") + backup(4) + note("C4", 4, "<staff>2</staff>")
    assert heard(xml([bar])) == "0+2:48 0+2:60"
    for_all = "<attributes><transpose><chromatic>2</chromatic></transpose></attributes>"
    assert heard(xml([bar + for_all + note("C4", 4, "<staff>2</staff>")])) == "0+2:48 0+2:60 2+2:62"


def test_a_score_by_measure():
    bars = [[note("C4", 8, START), note("C3", 8)], [note("C4", 8, STOP), note("D3", 8)]]
    body = "".join(
        f'<measure number="{n}">'
        + "".join(f'<part id="P{k}">{attributes() if not n else ""}{bar}</part>' for k, bar in enumerate(parts))
        + "</measure>"
        for n, parts in enumerate(bars)
    )
    assert heard(f"<score-timewise><part-list/>{body}</score-timewise>") == "0+4:48 0+8:60 4+4:50"


def test_encoders_that_write_only_the_beginnings_of_ties():
    tied = [note("C4", 8, START)] * 4 + [note("C4", 8)]
    assert heard(xml(tied)) == "0+20:60"
    with pytest.raises(UnreadableFile, match="no end of it"):
        heard(xml(tied[-2:]))  # one alone may be a slip
    with pytest.raises(UnreadableFile, match="no end of it"):
        heard(xml([*tied, note("D4", 4, START) + note("D4", 4, STOP)]))


def mark(unit: str, rate: str, sound: str = "") -> str:
    inside = f"<metronome><beat-unit>{unit}</beat-unit><per-minute>{rate}</per-minute></metronome>"
    return f"<direction><direction-type>{inside}</direction-type>{sound}</direction>"


@pytest.mark.parametrize(
    ("direction", "bpm"),
    [
        (mark("quarter", "96"), 96),
        (mark("half", "60"), 120),
        (mark("quarter", "c. 60").replace("</beat-unit>", "</beat-unit><beat-unit-dot/>"), 90),
        ('<sound tempo="72.5"/>', 72.5),
        ('<direction><sound tempo="100"/></direction>' + mark("quarter", "50"), 100),
        (mark("quarter", "fast", '<sound tempo="150"/>'), 150),
        ("", None),
        (mark("quarter", "0"), None),
        (mark("128th", "960"), 30),
        (mark("maxima", "10"), 320),
    ],
)
def test_the_first_tempo_counts(direction, bpm):
    text = xml([note("C4", 8), direction + note("C4", 8) + mark("quarter", "33") * bool(bpm)])
    assert written(text).bpm == bpm


BAD_XML = {
    "a quarter-tone": (xml([note("C0.54", 4)]), "0.5 semitones"),
    "an octave of 99999999": (xml([note("C4", 4).replace(">4</oct", ">99999999</oct")]), "99999999"),
    "an octave too high": (xml([note("C4", 4).replace(">4</oct", ">12</oct")]), "'12'"),
    "a transposition out of range": (
        xml([attributes("<transpose><octave-change>-9</octave-change></transpose>") + note("C4", 2)]),
        "bar 1",
    ),
    "an octave in words": (xml([note("C4", 4).replace(">4</oct", ">four</oct")]), "'four'"),
    "an octave of Arabic digits": (xml([note("C4", 4).replace(">4</oct", ">\u0664</oct")]), "\u0664"),
    "no such step": (xml([note("H4", 4)]), "'H'"),
    "a duration below 0": (xml([note("C4", -4)]), "'-4'"),
    "a duration in words": (xml([note("C4", 4).replace(">4</dur", ">half</dur")]), "'half'"),
    "a duration of 1e999": (xml([note("C4", 4).replace(">4</dur", ">1e999</dur")]), "1e999"),
    "divisions of 0": (xml([attributes().replace(">2</div", ">0</div") + note("C4", 4)]), "'0'"),
    "no divisions": (xml(["<attributes><staves>1</staves></attributes>" + note("C4", 4)]), "divisions"),
    "a step back too far": (xml([note("C4", 2) + backup(4) + note("D4", 2)]), "step back"),
    "neither pitch nor rest": (xml(["<note><duration>4</duration></note>"]), "neither"),
    "another document": ("<mei/>", "<mei>"),
    "a page": ("<!DOCTYPE html><html><body>", "<html>"),
    "cut": (xml([note("C4", 4)])[:-30], "XML"),
    "two parts of one id": (xml([note("C4", 8)], [note("C3", 8)]).replace('id="P1"', 'id="P0"'), "two of id 'P0'"),
    "two parts of one id in a bar": (
        "<score-timewise><measure>"
        + 2 * f'<part id="P0">{attributes()}{note("C4", 8)}</part>'
        + "</measure></score-timewise>",
        "two of id 'P0'",
    ),
    "entities": ('<!DOCTYPE x [<!ENTITY a "aaaa">]>' + xml([note("C4", 4)])[21:], "entities"),
    "nothing": ("", "''"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_XML)
def test_what_is_no_score_is_refused_in_words(name):
    text, words = BAD_XML[name]
    with pytest.raises(UnreadableFile) as caught:
        heard(text)
    assert words in str(caught.value) and caught.value.expected and caught.value.got


def test_silence_and_endless_music_are_refused(tmp_path):
    for bars, words in (([note("rest", 8)], "none"), ([note("rest", 2 * 10**6) + note("C4", 4)], "hours")):
        (tmp_path / "song.xml").write_text(xml(bars))
        with pytest.raises(UnreadableFile, match=words):
            read_musicxml(tmp_path / "song.xml")


def test_the_count_of_a_text_is_held_against_the_reading(monkeypatch):
    words = "<direction><words><![CDATA[<note><pitch/></note>]]></words></direction>"
    text = xml([note("C4", 4) + note("D4", 4) + "<!-- <note><pitch/></note> -->" + words])
    assert len(written(text).notes) == 2
    monkeypatch.setattr("etude.formats.musicxml_reader._count", lambda text: 3)
    with pytest.raises(UnreadableFile, match="3 pitched notes"):
        written(text)


def test_a_tie_that_its_voice_does_not_wait_for_is_not_guessed(tmp_path):
    bars = [note("C4", 2, START) + note("rest", 2) + note("D4", 4), note("C4", 8, STOP)]
    (tmp_path / "song.xml").write_text(xml(bars))
    with pytest.raises(UnreadableFile, match="2 notes, as its heads and ties count; got 3"):
        read_musicxml(tmp_path / "song.xml")
