"""Text: exact on every chorale, total on every array, and the same text that files hold."""

import numpy as np
import pytest
from conftest import score_of
from hypothesis import given
from hypothesis import strategies as st

from etude import EtudeError, Piece, corpus, representation
from etude.formats.abc import read_abc, write_abc
from etude.representations.text import ALPHABETS, Text

KINDS = list(ALPHABETS)


@pytest.fixture(scope="module")
def tunes():
    return corpus("tunes").load("valid")[::10]


@pytest.mark.parametrize("layout", ["slices", "voices"])
def test_every_chorale_comes_back_exactly(chorales, layout):
    text = representation("text", layout=layout)
    pieces = [piece for split in chorales.values() for piece in split]
    assert len(pieces) > 400
    for piece in pieces:
        assert text.decode(text.encode(piece)).score == piece.score.common(), piece.name


def test_the_characters_of_a_small_piece():
    text, piece = Text(), Piece("small", score_of((0, 20, 60), (0, 4, 64), (4, 12, 66)))
    x = text.encode(piece)
    assert text.characters(x) == "[C-E]4[C-^F]12|C4"
    assert x[-1] == text.space.end == len(text.alphabet) and len(x) == 18
    voices = Text(layout="voices")
    assert voices.characters(voices.encode(piece)) == "V:1\nE4^F12|z4\nV:2\nC16-|C4"


def test_the_characters_are_those_of_the_file(chorale_like):
    for layout in ("slices", "voices"):
        text = Text(layout=layout)
        in_file = write_abc(chorale_like.score, layout=layout).split("K:C\n")[1]
        coded = text.characters(text.encode(chorale_like))
        assert in_file.replace("|]", "").replace("|\n", "|").split() == coded.split()


def test_alphabets_are_small_and_have_no_character_twice():
    for (source, layout), alphabet in ALPHABETS.items():
        assert len(set(alphabet)) == len(alphabet) == {"slices": 33, "voices": 36}[layout] or source == "file"


@pytest.mark.parametrize(("source", "layout"), KINDS)
@given(st.data())
def test_any_array_is_some_piece_and_what_it_says_is_kept(source, layout, data):
    text = Text(source, layout)
    codes = data.draw(st.lists(st.integers(0, text.space.levels - 2), max_size=120))
    piece = text.decode([*codes, text.space.end] if len(codes) % 2 else codes)
    if source == "score":
        assert piece.score == piece.score.common()
        assert text.decode(text.encode(piece)).score == piece.score
    else:
        assert text.decode(text.encode(piece)).score.notes.tolist() == read_abc(piece.text).notes.tolist()


def test_a_tune_keeps_its_own_notation(tunes):
    text = Text("file")
    for piece in tunes:
        back = text.decode(text.encode(piece))
        np.testing.assert_array_equal(back.score.notes, piece.score.notes)
        assert back.text.startswith("M:") and "\nK:" in back.text and "T:" not in back.text
        np.testing.assert_array_equal(text.encode(back), text.encode(piece))


def test_file_text_needs_a_text(chorale_like):
    with pytest.raises(EtudeError, match='source="score"'):
        Text("file").encode(chorale_like)


@pytest.mark.parametrize("options", [{"source": "flie"}, {"layout": "voice"}])
def test_unknown_options_name_the_nearest(options):
    with pytest.raises(EtudeError, match="Did you mean"):
        Text(**options)


def test_loss_counts_what_common_drops(tunes):
    piece = Piece("two", score_of((1, 239, 60, 100, 0), (1, 239, 60, 40, 1), ticks=240, bpm=160.0, length=960))
    loss = Text().loss(piece)
    assert loss["notes_missing"] == loss["notes_added"] == 0
    assert (loss["tempo_ratio"], loss["notes_merged"], loss["final_rest_lost_quarters"]) == (0.5, 1, 3)
    assert loss["onset_shift_quarters"] == pytest.approx(1 / 240)
    loss = Text("file").loss(tunes[0])
    assert {name for name, lost in loss.items() if lost} <= {"tempo_ratio"}
