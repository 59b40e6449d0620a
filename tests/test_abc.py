"""ABC: what is written is what other programs read; what is read is what the standard says; nothing raises."""

import importlib.util
import random
import re
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL_PIECES, score_of
from hypothesis import given
from hypothesis import strategies as st

from etude import EtudeError, Score
from etude.corpora import tune_books, tunes
from etude.formats import abc_fields
from etude.formats.abc import normalised, read_abc, read_book, split_tunes, write_abc
from etude.formats.abc_notes import TICKS
from etude.formats.abc_reader import MAX_QUARTERS
from etude.formats.abc_writer import HEADER, separate_voices, slice_bars

ROOT = Path(__file__).resolve().parents[1]
note = st.tuples(st.integers(0, 70), st.integers(1, 40), st.integers(54, 74))
scores = st.lists(note, max_size=40).map(lambda notes: score_of(*notes).common())


def rows(score: Score) -> list[tuple]:
    """(onset, duration) in quarters and pitch of each note, sorted."""
    ticks = score.ticks_per_quarter
    return sorted((Fraction(int(n[0]), ticks), Fraction(int(n[1]), ticks), int(n[2])) for n in score.notes)


def body(text: str, key="C", unit="1/4", metre="4/4") -> list[tuple]:
    """The notes of a line of music, times in quarters."""
    return [(float(a), float(b), pitch) for a, b, pitch in rows(read_abc(f"X:1\nM:{metre}\nL:{unit}\nK:{key}\n{text}"))]


def through_music21(text: str) -> list[tuple]:
    """The notes that music21 reads, tied ones joined, graces and chord symbols left out."""
    from music21 import converter, harmony

    read = converter.parse("%abc-2.1\n" + text, format="abc")
    score = read if read.hasPartLikeStreams() else read.scores[0]
    found = []
    for part in score.parts:
        for event in part.stripTies().flatten().notes:
            if not event.duration.isGrace and not isinstance(event, harmony.Harmony):
                times = [Fraction(t).limit_denominator(1000) for t in (event.offset, event.quarterLength)]
                found += [(*times, pitch.midi) for pitch in event.pitches]
    return sorted(found)


# -- upbeats


def tune(metre: str, music: str, unit="1/8", before="") -> str:
    return f"X:1\nT:An air\n{before}M:{metre}\nL:{unit}\nK:G\n{music}\n"


UPBEATS = {  # text: metre, quarters of the upbeat
    "6/8, an eighth": (tune("6/8", "D|GAB cde|g3 g2:|"), (6, 8), 0.5),
    "6/8, none": (tune("6/8", "GAB cde|g3 g3|]"), (6, 8), 0),
    "3/4, a quarter, and a last bar that completes it": (tune("3/4", "D2|G4B2|d6|g4|]"), (3, 4), 1),
    "3/4, none, though the last bar is short": (tune("3/4", "G4B2|d6|g4|]"), (3, 4), 0),
    "4/4 as C": (tune("C", "GA|Bcde fgab|c'4z2|]"), (4, 4), 1),
    "2/2, a quarter": (tune("C|", "G2|c4 d4|g6|]"), (2, 2), 1),
    "2/2, none": (tune("2/2", "c4 d4|g8|]"), (2, 2), 0),
    "three of four quarters": (tune("4/4", "G2A2B2|c8|]"), (4, 4), 3),
    "a rest belongs to it": (tune("4/4", "zG|c8|c8|]"), (4, 4), 1),
    "a repeat from the upbeat on": (tune("4/4", "|:D2|G8|G6:|"), (4, 4), 1),
    "a repeat after the upbeat": (tune("4/4", "D2|:G8|G6 D2:|"), (4, 4), 1),
    "endings": (tune("4/4", "D2|:G8|[1 G6 D2:|[2 G8|]"), (4, 4), 1),
    "a bar that a repeat sign divides": (tune("4/4", "G2A2B2|:c2|G8|A6:|"), (4, 4), 0),
    "a repeat sign, and a line after it": (tune("4/4", "G2A2B2:| |c2|G8|"), (4, 4), 0),
    "a line, and a repeat sign after it": (tune("4/4", "G2A2B2| |:c2|G8|"), (4, 4), 0),
    "two short bars with a plain line between": (tune("4/4", "G2|A2B2c2|G8|]"), (4, 4), 1),
    "an ending where no bar ends": (tune("4/4", "D2 [1 A2B2c2d2|G8|]"), (4, 4), 0),
    "a tempo line": (tune("4/4", "D2[Q:1/4=90]|G8|]", before="Q:1/4=120\n"), (4, 4), 1),
    "grace notes before the bar line": (tune("4/4", "D2{ef}|{A}G8|]"), (4, 4), 1),
    "a broken rhythm": (tune("2/4", "D>E|G2G2|]"), (2, 4), 1),
    "a tie over the bar line": (tune("4/4", "D2-|D8|]"), (4, 4), 1),
    "a triplet": (tune("2/4", "(3DEF|G4|]"), (2, 4), 1),
    "an overlay": (tune("4/4", "D2&B,2|G8&E8|]"), (4, 4), 1),
    "another metre later": (tune("3/4", "D2|G6|[M:2/4]G4|G4|]"), (3, 4), 1),
    "another metre from the bar line on": (tune("4/4", "D4D2|[M:2/4]G4|G4|]"), (4, 4), 3),
    "a bar line in one strand of an overlay": (tune("4/4", "(&G8&B,2|E6&)|G8|]"), (4, 4), 0),
    "a metre before the music": (tune("4/4", "[M:3/8]D|G3|]"), (3, 8), 0.5),
    "a metre before the music of a voice": (tune("4/4", "[V:1][M:3/8]D|G3|]"), (3, 8), 0.5),
    "the first voice counts": (tune("4/4", "V:1\nD2|G8|]\nV:2\nz4|G,8|]"), (4, 4), 1),
    "two voices, none": (tune("4/4", "V:1\nG8|G8|]\nV:2\nD2|G,8|]"), (4, 4), 0),
    "the first voice is silent": (tune("4/4", "V:1\nV:2\nD2|G,8|]"), (4, 4), 1),
    "one bar, not whole": (tune("4/4", "G2A2|]"), (4, 4), 0),
    "one bar and a plain line": (tune("4/4", "G2A2|"), (4, 4), 0),
    "no bar line": (tune("4/4", "G2A2"), (4, 4), 0),
    "no metre": (tune("none", "G2|A8|]"), None, 0),
    "a metre that is a sum": (tune("3+2/8", "G|ABc de|G5|]"), (5, 8), 0.5),
    "more than a bar": (tune("2/4", "G2A2B2|c4|]"), (2, 4), 0),
}


@pytest.mark.parametrize("name", UPBEATS)
def test_an_upbeat_is_what_the_first_bar_line_states(name):
    text, meter, pickup = UPBEATS[name]
    for score in (read_abc(text), read_abc(text, strict=True), read_abc(normalised(text))):
        assert (score.meter, score.pickup) == (meter, pickup)


def test_each_tune_of_a_book_has_its_own_upbeat():
    texts = [text for text, _, _ in UPBEATS.values()]
    book = "\n".join(text.replace("X:1", f"X:{k}") for k, text in enumerate(texts))
    assert [read_abc(one).pickup for one in read_book(book)] == [pickup for _, _, pickup in UPBEATS.values()]


@pytest.mark.parametrize("layout", ["voices", "slices"])
@pytest.mark.parametrize("name", [name for name in UPBEATS if name != "a metre that is a sum"])
def test_metre_and_upbeat_are_written(name, layout):
    score = read_abc(UPBEATS[name][0])
    again = read_abc(write_abc(score, layout=layout), strict=True)
    assert (again.meter or (4, 4), again.pickup) == (score.meter or (4, 4), score.pickup)
    assert again.common() == score.common()


def test_bars_are_written_from_the_upbeat_on():
    jig = read_abc(UPBEATS["6/8, an eighth"][0])
    assert write_abc(jig).splitlines()[-1] == "D2|G2A2B2c2d2e2|g6g4|]"
    fine = Score(jig.notes, jig.ticks_per_quarter, meter=(3, 32), pickup=0.25)
    assert "M:4/4" in write_abc(fine)  # bars of no whole sixteenths


# -- writing


def test_slices_by_hand():
    held = score_of((0, 20, 60), (0, 4, 64), (4, 4, 64), (8, 8, 66), (16, 4, 65), (24, 2, 66))
    assert slice_bars(held.common()) == ["[C-E]4[C-E]4[C-^F]8", "[CF]4z4^F2"]
    assert write_abc(held, "Two\nlines", layout="slices").splitlines() == [
        *("X:1", "T:Two lines", "M:4/4", "L:1/16", "Q:1/4=80", "K:C"),
        "[C-E]4[C-E]4[C-^F]8|[CF]4z4^F2|]",
    ]


def test_voices_by_hand():
    written = write_abc(score_of((0, 20, 60), (0, 4, 76), (4, 4, 78), (8, 8, 77), (24, 2, 46)))
    assert written.split("K:C\n")[1].splitlines() == ["V:1", "e4^f4=f8|z10|]", "V:2", "C16-|C4z4^A,,2|]"]


def test_octaves():
    assert slice_bars(score_of((0, 1, 21), (1, 1, 48), (2, 1, 60), (3, 1, 72), (4, 1, 108)).common()) == [
        "A,,,,C,Ccc'''"
    ]


def test_a_natural_beside_a_tied_sharp_is_marked():
    assert slice_bars(score_of((0, 20, 61), (16, 4, 60)).common())[1] == "[=C^C]4"


@given(scores, st.sampled_from(["voices", "slices"]))
def test_reading_undoes_writing(score, layout):
    assert read_abc(write_abc(score, layout=layout)).common() == score


def pitches_by_rule(text: str, reach: str) -> list[int]:
    """Pitches in written order, by a reader whose accidentals reach `octave`, `letter` (all octaves) or nothing."""
    found, marked = [], {}
    for bar, sign, letter, marks in re.findall(r"(\||V:\d+)|([\^=]?)([A-Ga-g])([,']*)", text):
        if bar:
            marked = {}
            continue
        place = (letter, marks) if reach == "octave" else letter.upper()
        if sign:
            marked[place] = sign == "^"
        sharp = (sign == "^") if reach == "nothing" else marked.get(place, False)
        step = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[letter.upper()]
        found.append(60 + step + 12 * (letter.islower() + marks.count("'") - marks.count(",")) + sharp)
    return found


@given(scores, st.sampled_from(["voices", "slices"]))
def test_every_rule_for_accidentals_reads_the_same_pitches(score, layout):
    music = write_abc(score, layout=layout).split("K:C\n")[1]
    by_rule = [pitches_by_rule(music, reach) for reach in ("octave", "letter", "nothing")]
    assert by_rule[0] == by_rule[1] == by_rule[2]


TITLES = st.text(max_size=60) | st.sampled_from(
    ["K:G", "X:2", "%%begintext", "a\nX:2\nK:D", "+:", "V:1", "\x0bX:3", "% 50 %"]
)


@given(scores, st.sampled_from(["voices", "slices"]), TITLES)
def test_a_title_is_a_title_whatever_it_says(score, layout, title):
    book = list(read_book(write_abc(score, title, layout)))
    assert len(book) == 1 and read_abc(book[0], strict=True).common() == score
    assert read_abc(normalised(book[0]), strict=True).common() == score


@given(scores)
def test_voices_are_as_few_as_the_notes_allow_and_never_overlap(score):
    voices = separate_voices(score.notes)
    roll = np.zeros((score.length + 1, 128), int)
    for onset, duration, pitch, _, _ in score.notes:
        roll[onset : onset + duration, pitch] += 1
    assert len(voices) == roll.sum(axis=1).max(initial=0)
    for voice in voices:
        assert (voice[:-1, 0] + voice[:-1, 1] <= voice[1:, 0]).all()


def test_an_unknown_layout_is_refused():
    with pytest.raises(EtudeError, match="Did you mean 'slices'"):
        write_abc(score_of((0, 1, 60)), layout="slice")


def test_a_score_too_long_to_read_back_is_refused():
    with pytest.raises(EtudeError, match="Cut it into parts"):
        write_abc(score_of((0, 1, 60), (2**39, 1, 60)))


# -- other programs


@pytest.mark.parametrize("name", [name for name in SMALL_PIECES if name != "empty"])
def test_music21_reads_small_scores(name):
    assert through_music21(write_abc(SMALL_PIECES[name])) == rows(SMALL_PIECES[name].common())


def test_music21_reads_chorales(chorales):
    for piece in [p for split in chorales.values() for p in split][::40]:
        assert through_music21(write_abc(piece.score, piece.name)) == rows(piece.score.common()), piece.name


@pytest.mark.parametrize("layout", ["voices", "slices"])
def test_verovio_engraves_it(chorale_like, layout):
    verovio = pytest.importorskip("verovio")
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setInputFrom("abc")
    assert toolkit.loadData(write_abc(chorale_like.score, layout=layout))
    assert toolkit.renderToSVG(1).count('class="note"') > 10


# What music21 10.5.1 reads otherwise: hyphens between different pitches (slurs of old books; it drops a note), broken
# rhythm beside a decoration, a parenthesis or a tie (it leaves both notes even), `H` before a note (it drops it),
# text in quotes, voices and double stops, a note before `::` (a field to it), and remains of e-mail encoding (`=20`).
READ_OTHERWISE = re.compile(r"[-HL\[\"]|[<>][^A-Ga-g]|[^A-Ga-g,'/0-9][<>]|[TMSP~uvk.]\(?[A-Ga-g]\S?[<>]|::|=\d")


@pytest.mark.parametrize("book", tune_books.BOOKS)
def test_real_tunes_read_as_music21_reads_them(book):
    folder = tune_books.books_folder() / book
    texts = [text for path in sorted(folder.glob("*.abc"))[::3] for text in split_tunes(path.read_text("utf-8"))]
    plain = [t for t in texts if not READ_OTHERWISE.search(re.sub(r"^([A-Za-z]:|%).*", "", t, flags=re.MULTILINE))]
    assert len(plain) > len(texts) / 4
    for text in random.Random(5).sample(plain, 4):
        assert rows(read_abc(text)) == through_music21(text), text


# -- reading


@pytest.mark.parametrize(
    ("music", "notes"),
    [
        ("C2 D/ E// F3/2 G/4", [(0, 2, 60), (2, 0.5, 62), (2.5, 0.25, 64), (2.75, 1.5, 65), (4.25, 0.25, 67)]),
        ("C,, c''", [(0, 1, 36), (1, 1, 96)]),
        ("^F F f | F", [(0, 1, 66), (1, 1, 66), (2, 1, 78), (3, 1, 65)]),  # all octaves, to the bar line
        ("^F =F _B __B ^^C", [(0, 1, 66), (1, 1, 65), (2, 1, 70), (3, 1, 69), (4, 1, 62)]),
        ("C-C-|C D", [(0, 3, 60), (3, 1, 62)]),
        ("^C-|C C", [(0, 2, 61), (2, 1, 60)]),  # a tie carries its accidental, for that note only
        ("C-D", [(0, 1, 60), (1, 1, 62)]),
        ("[C-E]2[CG]", [(0, 3, 60), (0, 2, 64), (2, 1, 67)]),
        ("[CE]2-[CE]", [(0, 3, 60), (0, 3, 64)]),
        ("[C2E]/ G", [(0, 1, 60), (0, 0.5, 64), (1, 1, 67)]),
        ("C>D E<F", [(0, 1.5, 60), (1.5, 0.5, 62), (2, 0.5, 64), (2.5, 1.5, 65)]),
        ("C>>D C> {g}.D", [(0, 1.75, 60), (1.75, 0.25, 62), (2, 1.5, 60), (3.5, 0.5, 62)]),
        ("(3CDE F", [(0, 2 / 3, 60), (2 / 3, 2 / 3, 62), (4 / 3, 2 / 3, 64), (2, 1, 65)]),
        ("(3:2:2C2D E", [(0, 4 / 3, 60), (4 / 3, 2 / 3, 62), (2, 1, 64)]),
        ("C z2 x D Z E", [(0, 1, 60), (4, 1, 62), (9, 1, 64)]),
        ('"Am"C !trill!D {gag}E ~F (GA) +fermata+B', [(i, 1, p) for i, p in enumerate((60, 62, 64, 65, 67, 69, 71))]),
        ("|:C:|2D::[1E|]", [(0, 1, 60), (1, 1, 62), (2, 1, 64)]),  # repeats are not expanded
        ("C [L:1/8]D [K:D]F % c d e", [(0, 1, 60), (1, 0.5, 62), (1.5, 0.5, 66)]),
        ("C4 & E4 | G", [(0, 4, 60), (0, 4, 64), (4, 1, 67)]),
        ("C\\\nD\nw: la la\nE", [(0, 1, 60), (1, 1, 62), (2, 1, 64)]),
        ("C0 D/0", [(0, 1, 60), (1, 0.5, 62)]),
    ],
)
def test_music_by_hand(music, notes):
    np.testing.assert_allclose(body(music), sorted(notes))


def test_voices_are_tracks_with_their_own_time_and_key():
    score = read_abc("X:1\nL:1/4\nV:1\nV:2\nK:G\n[V:1]F2|\nV:2\n[K:C]F\n[V:1]F\nV:2\nC")
    assert [(n[0] // TICKS, n[2], n[4]) for n in score.notes] == [(0, 65, 1), (0, 66, 0), (1, 60, 1), (2, 66, 0)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("C", {}),
        ("G", {"F": 1}),
        ("Bb", {"B": -1, "E": -1}),
        ("F#m", {"F": 1, "C": 1, "G": 1}),
        ("A Minor", {}),
        ("EM", {"F": 1}),
        ("A Mixolydian", {"F": 1, "C": 1}),
        ("Ddor", {}),
        ("Bphr", {"F": 1}),
        ("Flyd", {}),
        ("D =c", {"F": 1, "C": 0}),
        ("D exp _b ^f", {"B": -1, "F": 1}),
        ("Hp", {"F": 1, "C": 1}),
        ("none", {}),
        ("clef=bass", None),
        ("G clef=treble", {"F": 1}),
        ("?", None),
    ],
)
def test_keys(value, expected):
    assert abc_fields.key_signature(value) == expected
    if expected is not None:
        assert abc_fields.key_signature(abc_fields.key_name(value)) == expected


def test_metres_units_and_tempi():
    assert [abc_fields.bar_length(m) for m in ("C|", "6/8", "(2+3)/8", "none")] == [
        1,
        Fraction(3, 4),
        Fraction(5, 8),
        None,
    ]
    assert [abc_fields.default_unit(abc_fields.bar_length(m)) for m in ("2/4", "6/8", "")] == [
        Fraction(1, 16),
        *[Fraction(1, 8)] * 2,
    ]
    assert read_abc("X:1\nL:1/8\nQ:1/2=90\nK:C\nC").bpm == 180


def test_a_tune_ends_at_an_empty_line_or_the_next_number():
    text = "X:1\nT:A\n\nK:C\nC\n%\nD\n\nfree text\nX:2\nK:C\nE"
    assert [n[2] for n in read_abc(text).notes] == [60, 62]
    assert [n[2] for n in read_abc(split_tunes(text)[1]).notes] == [64]
    assert len(split_tunes("% a book\n\n" + text)) == 2


def test_normalised_by_hand():
    text = (
        'X:7\nT:Air\nQ:1/4=90\nM:6/8\nK:A Dorian % so\n"Am"A>.B  (cd) | ~e2 {f}g :|\nw: la\nK:G\n[L:1/16] !trill!G\\\n'
    )
    assert normalised(text) == "M:6/8\nL:1/8\nK:Ador\nA>B cd|e2 g:|\n[K:G]\n[L:1/16]G\n"


def test_normalised_tunes_read_as_the_same_notes():
    pieces = tunes.Tunes().load("valid")[::4]
    assert len(pieces) > 300
    for piece in pieces:
        text = normalised(piece.text)
        np.testing.assert_array_equal(read_abc(text).notes, piece.score.notes, err_msg=piece.text)
        assert normalised(text) == text
        assert set(text) <= {"\n", *map(chr, range(32, 127))}


# -- anything


@given(st.text(alphabet="ABCabcz[]|:()<>-^_=,'/0123456789{}\"!&%\\\n VKLMQZ+.", max_size=200))
def test_any_text_is_some_music(text):
    for tune in (text, HEADER + text):
        score = read_abc(tune)
        assert score.length <= (MAX_QUARTERS + 3 * 1024) * TICKS
        np.testing.assert_array_equal(read_abc(normalised(tune)).notes, score.notes)


HOSTILE = [
    *("{" * 20_000, '"' * 20_001, "[" * 20_000, "9" * 20_000, "&" * 20_000, "[" + "C" * 20_000 + "]"),
    *("C" + "9" * 20_000, "c" + "'" * 20_000, "C9999" * 5000, "Z9999" * 100, "(9" * 9000, "C>" * 9000),
    *("V:1\n" * 5000, "".join(f"V:{i}\nC\n" for i in range(3000)), "K:" + "^c" * 9000, "M:" + "1+" * 9000),
    *("C/9999>>>" * 3000, "\0\ud800é"),
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: text[:6].encode("unicode_escape").decode())
def test_hostile_text_is_read_in_bounded_time(hostile):
    score = read_abc(f"X:1\nK:C\n{hostile}\nC")
    assert len(score) <= len(hostile) + 1
    assert score.length <= (MAX_QUARTERS + 3 * 1024) * TICKS


# -- abc2midi


@pytest.mark.skipif(shutil.which("abc2midi") is None, reason="abc2midi (Debian's abcmidi) is not installed")
def test_a_sample_of_all_tunes_reads_as_abc2midi_reads_it():
    spec = importlib.util.spec_from_file_location("agreement_abc", ROOT / "benchmarks" / "audits" / "agreement_abc.py")
    agreement = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(agreement)
    tunes = [tune for tune in list(agreement.all_tunes())[::40] if not tune[0].startswith("josquin")]
    other = [(name, kind) for name, _, refused, kind in agreement.compared(tunes) if kind and not refused]
    assert len(other) <= len(tunes) // 200, other  # chords of unequal notes, fives and nines in 3/4: see the script
