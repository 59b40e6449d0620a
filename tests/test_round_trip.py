"""The table of round trips, on counts made by hand."""

import numpy as np
import pytest
from conftest import score_of

from etude import EtudeError, Piece, model, representation
from etude.evaluation.bits import score_table
from etude.representations.round_trip import round_trip_table

PIECES = [
    Piece("plain", score=score_of((0, 4, 60), (4, 4, 64))),  # 8 sixteenths: 1.5 s
    Piece("repeated", score=score_of((0, 4, 60), (4, 4, 60))),
]


def test_counts_by_hand():
    rolls = {"three": representation("pianoroll"), "two": representation("pianoroll", levels=2)}
    table = round_trip_table(PIECES, rolls)
    assert table["exact"].to_dict() == {"three": 2, "two": 1}
    assert table["pieces"].tolist() == [2, 2]
    assert table.loc["two", "notes_missing"] == 1.0  # two notes of one piece, over two pieces
    assert table.loc["three", "steps_per_second"] == pytest.approx(16 / 3)
    assert table.loc["three", "flat_bits_per_second"] == pytest.approx(88 * np.log2(3) * 16 / 3)


def test_tokens_and_frames_stand_in_one_table():
    table = round_trip_table(PIECES, [representation("midi"), representation("pianoroll")])
    assert list(table.index) == ["midi", "pianoroll"]
    assert table.loc["midi", "steps_per_second"] == pytest.approx(16 / 3)  # Bar, twice (Position, Pitch, Duration), EOS


def test_no_pieces_are_refused():
    with pytest.raises(EtudeError, match="at least one piece"):
        round_trip_table([], [representation("pianoroll")])


def test_scores_and_tables_run_by_one_clock():
    """At another tempo, with a final rest, the uniform model pays a second what the round trip says it costs."""
    fast = [Piece("fast", score=score_of((0, 4, 60), (4, 4, 64), bpm=200.0, length=64))]
    tokens = representation("midi")
    table = round_trip_table(fast, [tokens])
    codes = [tokens.encode(piece) for piece in fast]
    scored = score_table({"uniform": model("uniform", tokens.space)}, codes, fast, tokens)
    assert table["steps_per_second"].tolist() == [len(codes[0]) / 1.5]  # 8 sixteenths at 80 bpm
    assert scored["bits_per_second"].tolist() == pytest.approx(table["flat_bits_per_second"].tolist())
