"""ABC as the standard 2.1 has it, construct by construct; what is in doubt is refused in words."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etude import EtudeError
from etude.errors import UnreadableFile
from etude.formats import abc_fields, abc_tempo
from etude.formats.abc import decoded, normalised, read_abc, read_book, split_tunes
from etude.formats.abc_notes import TICKS

HEAD = "X:1\nT:Air\nM:4/4\nL:1/4\n"
SCALE = "0+1:60 1+1:62 2+1:64 3+1:65"


def heard(text: str, tracks: bool = False) -> str:
    """Onset+duration:pitch of each note, times in quarters, read strictly."""
    rows = read_abc(text, strict=True).notes.tolist()
    return " ".join(f"{row[0] / TICKS:g}+{row[1] / TICKS:g}:{row[2]}" + f"@{row[4]}" * tracks for row in sorted(rows))


RIGHT = {
    "lyrics that go on": (HEAD + "K:C\nCD|\nw:oh la\n+:a bad bee fed\nEF|", SCALE),
    "a title that goes on": (HEAD + "T:Long\n+:abc def\nK:C\nCDEF|", SCALE),
    "a voice that goes on": (HEAD + "V:1 name=x\n+:octave=1\nK:C\nCDEF|", "0+1:72 1+1:74 2+1:76 3+1:77"),
    "a continuation after a comment": (HEAD + "K:C\nCD|\nw:oh\n%remark\n+:a bad bee\nEF|", SCALE),
    "a text": (HEAD + "K:C\nCD|\n%%begintext\nBe bold.\n\n%%endtext\nEF|", SCALE),
    "a text with marks": (HEAD + "%%begintext\n%%Bad\nK:G\n%%endtext\nK:C\nCDEF|", SCALE),
    "PostScript": (HEAD + "%%beginps\n/abc {def} def\n%%endps\nK:C\nCDEF|", SCALE),
    "a text line": (HEAD + "K:C\nCD|\n%%text Be bold\nN:a bad bee\n[r:cafe]EF|", SCALE),
    "treble-8": (HEAD + "V:1 clef=treble-8\nK:C\ncd", "0+1:60 1+1:62"),
    "treble+8, short": (HEAD + "V:1 treble+8\nK:C\nC", "0+1:72"),
    "an octave clef in K:": (HEAD + "K:C clef=bass-8\nc", "0+1:60"),
    "an octave clef alone": (HEAD + "K:C\nc[K:treble-8]c", "0+1:72 1+1:60"),
    "octave=": (HEAD + "V:1 clef=bass octave=-2\nK:C\ncd", "0+1:48 1+1:50"),
    "octave= in K:": (HEAD + "K:C octave=1\nC", "0+1:72"),
    "a clef within a name": (HEAD + 'V:1 name="alto octave=2 treble-8"\nK:C\nCDEF|', SCALE),
    "transpose=": (HEAD + "V:1 transpose=-24\nK:C\ncd", "0+1:48 1+1:50"),
    "transpose= keeps the key": (HEAD + "K:D transpose=2\nF", "0+1:68"),
    "a transposed voice's accidentals": (HEAD + "K:C transpose=2\n^F f | F", "0+1:68 1+1:80 2+1:67"),
    "octaves within a voice": (HEAD + "K:C\n[V:1]C[V:1 octave=1]C", "0+1:60 1+1:72"),
    "MIDI transpose": (HEAD + "%%MIDI transpose -12\nK:C\nC", "0+1:48"),
    "MIDI drums": (HEAD + "%%MIDI drum dddd 76 77 77 77\n%%MIDI gchordon\n%%MIDI program 3\nK:C\nCDEF|", SCALE),
    "accidentals for their notes": (HEAD + "%%propagate-accidentals not\nK:C\n^GG", "0+1:68 1+1:67"),
    "accidentals for their octave": (HEAD + "I:propagate-accidentals octave\nK:C\n^GGg|G",
                                     "0+1:68 1+1:68 2+1:79 3+1:67"),
    "accidentals for all octaves": (HEAD + "I:propagate-accidentals not\nK:C\n[I:propagate-accidentals pitch]^GGg",
                                    "0+1:68 1+1:68 2+1:80"),
    "bars that are not barred": (HEAD + "%%MIDI nobarlines\nK:C\n^GG", "0+1:68 1+1:67"),
    "an accidental over a double bar": (HEAD + "K:C\n^F||F", "0+1:66 1+1:65"),
    "a key within a bar": (HEAD + "K:C\nF[K:D]F[K:none]F", "0+1:65 1+1:66 2+1:65"),
    "a metre within the music": (HEAD + "K:C\nZ[M:3/4]ZC", "7+1:60"),
    "a unit for its voice only": (HEAD + "V:1\nV:2\nK:C\n[V:1]C[L:1/8]C\n[V:2]CC", "0+1:60 0+1:60 1+0.5:60 1+1:60"),
    "a metre for its voice only": (HEAD + "V:1\nV:2\nK:C\n[V:1][M:3/4]ZC\n[V:2]ZC", "3+1:60 4+1:60"),
    "a key for its voice only": (HEAD + "K:C\n[V:1]F[K:G]F\n[V:2]FF\n[V:1]F", "0+1:65 0+1:65 1+1:65 1+1:66 2+1:66"),
    "the pipes": (HEAD + "K:HP\nFC", "0+1:66 1+1:61"),
    "a mode with an accidental": (HEAD + "K:Dmix=c^g\nFcg", "0+1:66 1+1:72 2+1:80"),
    "m= is no minor": (HEAD + "K:C m=B\nE", "0+1:64"),
    "common time": ("X:1\nM:C\nK:C\nCZ", "0+0.5:60"),
    "cut time": ("X:1\nM:C|\nL:1/4\nK:C\nZC", "4+1:60"),
    "a short bar's unit": ("X:1\nM:2/4\nK:C\nC", "0+0.25:60"),
    "no metre's unit": ("X:1\nM:none\nK:C\nC", "0+0.5:60"),
    "an overlay": (HEAD + "K:C\nC4 & E4 | G", "0+4:60 0+4:64 4+1:67"),
    "three strands": (HEAD + "K:C\nC4 & E4 & G4 | c", "0+4:60 0+4:64 0+4:67 4+1:72"),
    "an overlay of the last bars": (HEAD + "K:C\nC4|D4|\n&& E4|F4|G", "0+4:60 0+4:64 4+4:62 4+4:65 8+1:67"),
    "an overlay of two bars": (HEAD + "K:C\nC4|D4 && E4|F4|G", "0+4:60 0+4:64 4+4:62 4+4:65 8+1:67"),
    "(& ... &)": (HEAD + "K:C\n(&CDEF|GABc&c4|d4&)|e4|]",
                  "0+1:60 0+4:72 1+1:62 2+1:64 3+1:65 4+1:67 4+4:74 5+1:69 6+1:71 7+1:72 8+4:76"),
    "ties of two strands": (HEAD + "K:C\nC4-&E4-|C4&E4|", "0+8:60 0+8:64"),
    "accidentals of strands": (HEAD + "K:C\n^C4 & C4 | C", "0+4:60 0+4:61 4+1:60"),
    "three numbers": (HEAD + "K:C\n(3:2:4CDEFG",
                      "0+0.666667:60 0.666667+0.666667:62 1.33333+0.666667:64 2+0.666667:65 2.66667+1:67"),
    "a long tuplet": (HEAD + "K:C\n(3:2:12CCCCCCCCCCCCD", None),
    "five in compound time": ("X:1\nM:9/8\nL:1/4\nK:C\n(5CDEFGA",
                              "0+0.6:60 0.6+0.6:62 1.2+0.6:64 1.8+0.6:65 2.4+0.6:67 3+1:69"),
    "a chord's inner lengths": (HEAD + "K:C\n[C2E]/G", "0+0.5:64 0+1:60 1+1:67"),
    "ties into a chord": (HEAD + "K:C\nC-[C-E]|[CG]", "0+3:60 1+1:64 2+1:67"),
    "a tie and its accidental": (HEAD + "K:C\n^C-|C C", "0+2:61 2+1:60"),
    "graces and decorations": (HEAD + 'K:C\n{/g}C!trill!D"Am"E+fermata+F', SCALE),
    "a grace's accidental ends with its bar": (HEAD + "K:C\n{^f}g|f", "0+1:79 1+1:77"),
    "dynamics are no notes": (HEAD + "K:C\n!f!C!ff!D!4!E!D.C.!F", SCALE),
    "a user's symbol": (HEAD + "U:n=!x!\nK:C\nnCDEF", SCALE),
    "spaces of type": (HEAD + "K:C\nCyD y2E`F", SCALE),
    "repeats, written order": (HEAD + 'K:C\n|:C|[1 D:|[2 E:|]["last" F|', SCALE),
    "parts, written order": (HEAD + "P:AABB\nK:C\nP:A\nCD|\n[P:B]EF|", SCALE),
    "comments": (HEAD + "K:C % C\nCD| % abc\n%abc\nEF|", SCALE),
    "a line that goes on": (HEAD + "K:C\nCD\\\nEF|", SCALE),
    "a title like a field": ("X:1\nT:K:G\n" + HEAD[4:] + "K:C\nCDEF", SCALE),
    "Windows lines": ((HEAD + "K:C\nCDEF|").replace("\n", "\r\n"), SCALE),
    "a chain of broken notes": (HEAD + "K:C\nC>DE<F", "0+1.5:60 1.5+0.5:62 2+0.5:64 2.5+1.5:65"),
    "voices, line by line": (HEAD + "K:C\nV:1\nC\nV:2\nE\nV:1\nD\nV:2\nF", "0+1:60 0+1:64 1+1:62 1+1:65"),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_construct_is_read_as_the_standard_says(name):
    text, notes = RIGHT[name]
    if notes is not None:
        assert heard(text) == notes
    np.testing.assert_array_equal(read_abc(normalised(text), strict=True).notes, read_abc(text).notes)
    assert normalised(normalised(text)) == normalised(text)


def test_octave_clefs_of_two_voices():
    text = HEAD + "K:C\nV:1 clef=treble\nc4|]\nV:2 clef=treble-8\nc4|]\n"
    assert heard(text, tracks=True) == "0+4:60@1 0+4:72@0"


def test_a_tuplet_of_twelve_notes_ends_after_them():
    assert read_abc(RIGHT["a long tuplet"][0]).notes[-1].tolist()[:3] == [8 * TICKS, TICKS, 62]


DOUBTFUL = {
    "a digit that is not ASCII": (HEAD + "K:C\nC\u0663 D", "ABC music code"),
    "a unit that cannot be read": ("X:1\nL:1/\u00d66\nK:C\nf", "unit length"),
    "prose among the music": (HEAD + "K:C\nCD|\nThis is a bad idea\nEF|", "ABC music code"),
    "a text without end": (HEAD + "K:C\nCD|\n%%begintext\nEF|", "%%endtext"),
    "quarter-tones": (HEAD + "K:C\n^/C_3/2D", "pitches in semitones"),
    "above MIDI": (HEAD + "K:C\nc'''''''", "pitches of MIDI"),
    "below MIDI": (HEAD + "K:C octave=-6\nC", "pitches of MIDI"),
    "a key of another tongue": (HEAD + "K:Es\nC", "a key such as"),
    "a key in small letters": (HEAD + "K:em\nC", "a key such as"),
    "a key with a printed flat": (HEAD + "K:B\u266d\nC", "a key such as"),
    "a metre of words": (HEAD + "M:free\nK:C\nC", "a metre such as"),
    "a tempo of words and numbers": (HEAD + "Q:1/4=ca. 120\nK:C\nC", "a tempo such as"),
    "two tempi in the header": (HEAD + "Q:1/4=60\nQ:1/4=90\nK:C\nC", "one tempo at a time"),
    "a tempo out of bounds": (HEAD + "Q:1/4=9999\nK:C\nC", "a tempo such as"),
    "the third line an octave off": (HEAD + "K:C bass middle=d\nd", "octave= or transpose="),
    "octaves stated twice": (HEAD + "K:C treble-8 octave=1\nC", "octaves stated once"),
    "octaves of K: and V:": (HEAD + "V:1 clef=treble\nK:C clef=treble-8\nC", "octaves stated once"),
    "an octave that is no number": (HEAD + "V:1 octave=low\nK:C\nC", "octave="),
    "drums": (HEAD + "V:1 clef=perc\nK:C\nC", "octave="),
    "an octave's bracket": (HEAD + "K:C\n!8va(!CD!8va)!E", "ABC music code"),
    "notes between line ends": (HEAD + "K:C\nC!DEF!G", "ABC music code"),
    "old chords": (HEAD + "K:C\n+ceg+C", "ABC music code"),
    "a grace's accidental": (HEAD + "K:C\n{^f}g f", "after a grace note's"),
    "unequal broken rhythm": (HEAD + "K:C\nA2>B", "broken rhythm between notes of one length"),
    "a chain on one note": (HEAD + "K:C\nA>B>c", "broken rhythm between notes of one length"),
    "broken rhythm at the start": (HEAD + "K:C\n>A B", "before and after a broken rhythm"),
    "broken rhythm at the end": (HEAD + "K:C\nA>", "when all is closed"),
    "tuplets within tuplets": (HEAD + "K:C\n(3(3CDEFG", "before the next begins"),
    "a tuplet that is not full": (HEAD + "K:C\n(3CD", "when all is closed"),
    "no length": (HEAD + "K:C\nC0D", "lengths such as"),
    "a number after two slashes": (HEAD + "K:C\nC//3D", "lengths such as"),
    "too long a length": (HEAD + "K:C\nC12345D", "lengths such as"),
    "an open chord": (HEAD + "K:C\n[CEG|C", "ABC music code"),
    "a chord of what is no note": (HEAD + "K:C\n[C\u0663E]", "ABC music code"),
    "an open quotation": (HEAD + 'K:C\n"Am CDEF|', "ABC music code"),
    "open graces": (HEAD + "K:C\n{abc CDEF|", "ABC music code"),
    "HTML": (HEAD + "K:C\nC&gt;D", "ABC music code"),
    "a space before a field": (HEAD + "K:C\nCD|\n K:G\nEF|", "fields that begin their line"),
    "macros": (HEAD + "m:~g2={a}gf\nK:C\n~g2", "without macros"),
    "accidentals of some other reach": (HEAD + "%%propagate-accidentals always\nK:C\nC", "not, octave or pitch"),
    "another file": (HEAD + "%%abc-include more.abh\nK:C\nC", "by itself"),
    "broken rhythm of MIDI": (HEAD + "%%MIDI ratio 3 1\nK:C\nC>D", "as written"),
    "rests of bars in no metre": ("X:1\nM:none\nL:1/4\nK:C\nZC", "a metre, for rests"),
    "music of no voice": (HEAD + "V:1\nV:2\nK:C\nCDEF", "says its voice"),
    "an overlay too long": (HEAD + "K:C\nC2&E4|", "no longer than"),
    "an overlay without end": (HEAD + "K:C\n(&C4&E4|", "when all is closed"),
    "an overlay without start": (HEAD + "K:C\nC4&)|", "(& and & before &)"),
    "an overlay before the first bar": (HEAD + "K:C\nC4 &&& E4|", "as many bars"),
    "a field too long": (HEAD + "V:1 " + "x" * 500 + " octave=1\nK:C\nC", "at most 400"),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_is_in_doubt_is_refused_in_words_and_still_music_to_a_model(name):
    text, expected = DOUBTFUL[name]
    with pytest.raises(UnreadableFile) as caught:
        read_abc(text, strict=True)
    assert expected in caught.value.expected and caught.value.got and caught.value.remedy
    assert len(str(caught.value)) < 250 and str(caught.value).isprintable()
    read_abc(text)


# -- tempi


def test_several_tempi_keep_the_seconds():
    text = HEAD + "Q:1/4=60\nK:C\nCDEF|[Q:1/4=120]CDEF|]"
    assert read_abc(text, strict=True).seconds == pytest.approx(6)
    two_voices = HEAD + "Q:60\nK:C\n[V:1]CDEF|[Q:1/4=120]CDEF|\n[V:2]C4|[Q:1/4=120]C4|"
    assert read_abc(two_voices, strict=True).seconds == pytest.approx(6)
    late = HEAD + 'K:C\nC4|\nQ:"Allegro" 1/4=160\nC4|[Q:"rit."]'
    assert read_abc(late, strict=True).seconds == pytest.approx(4 * 60 / 80 + 4 * 60 / 160)


@pytest.mark.parametrize(
    ("value", "bpm"),
    [("1/4=90", 90), ("1/2 = 60", 120), ("3/8=40", 60), ("1/4 3/8 1/4 3/8=40", 200), ('"Allegro" 1/4=120', 120),
     ("120", 60), ("C=120", 60), ("C3=40", 60), ("Adagio", None), ("1/4=0", None), ("1/4=\u0661\u0662", None)],
)  # fmt: skip
def test_forms_of_a_tempo(value, bpm):
    assert abc_tempo.tempo(value, abc_fields.unit_length("1/8")) == bpm


# -- books


def test_the_files_header_holds_for_every_tune_that_does_not_say_otherwise():
    book = "%abc-2.1\nL:1/4\nM:4/4\n%%propagate-accidentals not\n\nX:1\nK:C\n^CC|\n\nX:2\nL:1/8\nK:C\nCD|\n"
    first, second = read_book(book)
    assert heard(first) == "0+1:61 1+1:60" and heard(second) == "0+0.5:60 0.5+0.5:62"
    assert split_tunes(book) == [first, second] and first.startswith("X:1\n")


def test_titles_and_composers_before_the_first_tune_change_no_text():
    assert split_tunes("%abc\nC:Trad.\nZ:me\n\nX:1\nK:C\nC\n") == ["X:1\nK:C\nC\n"]


def test_no_tune_begins_in_a_text():
    assert len(split_tunes("X:1\nK:C\nC|\n%%begintext\nX:9 is odd\n%%endtext\nD|\n\nX:2\nK:C\nE|\n")) == 2


REFUSED_OF_A_BOOK = {
    "no number": ("T:Air\nK:C\nCDEF|\n", ["a tune that begins with X:"]),
    "no number before the first": ("L:1/4\n\nT:Air\nL:1/2\nK:C\nCD|\n\nX:1\nK:C\nC|\n",
                                   ["a tune that begins with X:", "0+1:60"]),
    "no number after one": ("X:1\nL:1/4\nK:C\nC|\n\nT:Air\nK:C\nCD|\n", ["0+1:60", "a tune that begins with X:"]),
    "indented": ("X:1\nL:1/4\nK:C\nC|\n\n X:2\n K:C\n D|\n", ["0+1:60", "a tune that begins with X:"]),
    "a header for every tune": ("L:1/4\n" * 999 + "\nX:1\nK:C\nC|\n", ["a file's header of at most"]),
    "an empty line within": ("X:1\nL:1/4\nK:C\nC|\n\nD|EF|\n\nX:2\nL:1/4\nK:C\nC|\n",
                             ["a tune without empty lines", "0+1:60"]),
    "free text": ("X:1\nL:1/4\nK:C\nC|\n\nA bad idea, he said.\n\nX:2\nL:1/4\nK:C\nC|\n", ["0+1:60", "0+1:60"]),
    "a tempo of the file": ("Q:120\n\nX:1\nK:C\nC|\n", ["a file's header without"]),
    "fields between tunes": ("X:1\nL:1/4\nK:C\nC|\n\nL:1/2\n\nX:2\nK:C\nC|\n", ["0+1:60", "fields of a tune"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_OF_A_BOOK)
def test_every_tune_of_a_book_is_read_or_refused(name):
    text, expected = REFUSED_OF_A_BOOK[name]
    found = []
    try:
        for tune in read_book(text):
            found.append(tune.expected if isinstance(tune, UnreadableFile) else heard(tune))
    except UnreadableFile as error:
        found.append(error.expected)
    assert len(found) == len(expected) and all(part in said for part, said in zip(expected, found, strict=True))


def test_bytes_as_text():
    assert decoded("\ufeffX:1\nT:caf\u00e9".encode()) == decoded("X:1\nT:caf\u00e9".encode("latin-1"))
    assert len(split_tunes(decoded("\ufeffX:1\nK:C\nC|\n\n\ufeffX:2\nK:C\nD|\n".encode()))) == 2
    assert decoded("\ufeff".encode() + "X:1\nT:caf\u00e9".encode("latin-1")).startswith("X:1")
    for coding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"):
        with pytest.raises(UnreadableFile, match="UTF-8"):
            decoded("X:1\nK:C\nC|".encode(coding))
    with pytest.raises(UnreadableFile, match="UTF"):
        decoded(b"X:1\nK:C\nC\0D|")


# -- anything

PIECES = [text for text, _ in RIGHT.values()] + [text for text, _ in DOUBTFUL.values()]
SCRAPS = [*"ABCdefz[]()|:&><-^_=,'/0123456789{}\"!+%\\\n\0\xff\u0663", "K:", "V:2 ", "[V:1]", "%%", "X:", "+:", "(&",
          "&)", "%%begintext\n", "octave=9", "Q:1/4=", "M:", "L:1/", "\r", "\ufeff"]  # fmt: skip


def mutated(draw: random.Random) -> bytes:
    """A tune or two with a few bytes or scraps put in, taken out, doubled."""
    data = bytearray("\n\n".join(draw.sample(PIECES, draw.randint(1, 2))).encode())
    for _ in range(draw.randint(1, 8)):
        at, size = draw.randrange(len(data) + 1), draw.choice([0, 0, 1, 1, 2, 9])
        scrap = draw.choice([draw.choice(SCRAPS).encode(), bytes([draw.randrange(256)]), bytes(data[at : at + 30])])
        data[at : at + size] = scrap
    return bytes(data)


@pytest.mark.parametrize("seed", range(300))
def test_any_bytes_are_tunes_or_an_error_of_ours(seed):
    check_bytes(mutated(random.Random(seed)))


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_tunes_or_an_error_of_ours(data):
    check_bytes(data)
    check_bytes(b"X:1\nK:C\n" + data)


def check_bytes(data: bytes) -> None:
    """What is read strictly is read alike leniently, and in its one form."""
    try:
        tunes = list(read_book(decoded(data)))
    except EtudeError:
        return
    for tune in tunes:
        if isinstance(tune, UnreadableFile):
            continue
        free = read_abc(tune)
        np.testing.assert_array_equal(read_abc(normalised(tune)).notes, free.notes)
        try:
            assert read_abc(tune, strict=True) == free
        except UnreadableFile as error:
            assert error.expected and error.got and error.remedy
