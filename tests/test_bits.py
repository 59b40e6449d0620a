"""The table of code lengths, by hand: units, the length's code, seeds, kinds."""

import numpy as np
import pytest

import etude
from etude import Audio, Bits, EtudeError, Piece, Score, Space
from etude.evaluation.bits import amounts, code_lengths, score_table
from etude.evaluation.lengths import length_bits
from etude.representations.base import Representation


class Fake(Representation):
    """Only its domain and its space matter to a table."""

    name, options = "fake", {}
    _encode = _decode = loss = None

    def __init__(self, domain, space):
        self.domain, self.space = domain, space


Fake.__abstractmethods__ = frozenset()


def piece(quarters, notes):
    rows = [(4 * i, 4, 60 + i, 90, 1) for i in range(notes - 1)] + [(4 * (quarters - 1), 4, 40, 90, 1)]
    return Piece("piece", Score(np.array(rows), ticks_per_quarter=4, bpm=200.0))


PIECES = [piece(8, 4), piece(16, 10)]  # 6 s and 12 s at the nominal 80 bpm, whatever their own tempo
ROLL = Fake("score", Space((2,), 2))
TOKENS = Fake("score", Space((), 4, end=3))
ROLLS = [np.zeros((32, 2), int), np.zeros((64, 2), int)]


def test_a_row_by_hand():
    table = score_table({"uniform": etude.model("uniform", ROLL.space)}, ROLLS, PIECES, ROLL)
    row = table.iloc[0]
    bits = 2 * 32 + 2 * 64 + length_bits(32) + length_bits(64)
    assert (row.model, row.representation, row.kind) == ("uniform", "fake", "exact")
    assert row.bits_per_second == pytest.approx(bits / 18)
    assert row.bits_per_note == pytest.approx(bits / 14)
    assert row.bits_per_step == pytest.approx(bits / 96)
    assert row.low <= row.bits_per_second <= row.high
    assert (row.seeds, row.pieces) == (1, 2) and np.isnan(row.seed_sd)


def test_an_end_code_is_the_lengths_code():
    model, xs = etude.model("uniform", TOKENS.space), [np.array([0, 1, 3]), np.array([3])]
    assert code_lengths(model, xs).values.tolist() == [6, 2]
    roll = etude.model("uniform", ROLL.space)
    assert code_lengths(roll, ROLLS).values.tolist() == [64 + length_bits(32), 128 + length_bits(64)]
    given = Bits([1.0, 2.0], "bound")
    assert code_lengths(given, xs) is given


def test_seconds_and_notes_are_those_of_the_common_score():
    per = amounts(PIECES, "score")
    assert per["seconds"].tolist() == [6, 12] and per["notes"].tolist() == [4, 10]


def test_seeds_are_averaged_and_their_spread_is_shown():
    runs = [Bits([18.0, 36.0]), Bits([36.0, 72.0])]
    row = score_table({"model": runs}, ROLLS, PIECES, ROLL).iloc[0]
    assert row.bits_per_second == pytest.approx(81 / 18)
    assert row.seed_sd == pytest.approx(np.std([54 / 18, 108 / 18], ddof=1))
    assert row.seeds == 2


def test_audio_has_its_own_units():
    wave = Fake("audio", Space((), 256, rate=8000.0))
    pieces = [Piece("tone", audio=Audio(np.zeros(16000, np.float32), 16000))]  # one second
    xs = [np.zeros(8000, int)]
    row = score_table({"uniform": etude.model("uniform", wave.space)}, xs, pieces, wave).iloc[0]
    assert row.kbit_per_second == pytest.approx((64000 + length_bits(8000)) / 1000)
    assert row.bits_per_sample == pytest.approx(8, abs=0.01)
    assert "bits_per_note" not in row and "bits_per_second" not in row
    frames = Fake("audio", Space((3,), 4, rate=50.0))
    row = score_table({"u": etude.model("uniform", frames.space)}, [np.zeros((50, 3), int)], pieces, frames).iloc[0]
    assert "bits_per_sample" not in row


def test_what_does_not_belong_together_is_refused():
    mixed = {"model": [Bits([1.0, 2.0]), Bits([1.0, 2.0], "bound")]}
    with pytest.raises(EtudeError, match="one kind"):
        score_table(mixed, ROLLS, PIECES, ROLL)
    with pytest.raises(EtudeError, match="as many pieces"):
        score_table({}, ROLLS, PIECES[:1], ROLL)
    with pytest.raises(EtudeError, match="bits of 2 pieces"):
        score_table({"model": Bits([1.0])}, ROLLS, PIECES, ROLL)
