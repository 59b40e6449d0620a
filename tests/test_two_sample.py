"""Two-sample tests: features by hand, no difference where there is none, and planted ones that are found."""

import numpy as np
import pytest
from conftest import score_of

import etude
from etude.errors import EtudeError
from etude.evaluation import c2st, mmd, two_sample_curve, two_sample_table, window_features
from etude.evaluation.two_sample import _standardised
from etude.evaluation.windows import FEATURES
from etude.types import Score


def noise(rng, pieces, windows=4, features=6, shift=0.0, spread=1.0):
    """Features of pieces whose windows have something in common."""
    return [rng.normal(rng.normal(0, 0.5, features) + shift, spread, (windows, features)) for _ in range(pieces)]


# Features


def test_features_of_a_window_by_hand():
    chord = [(0, 32, 48), (0, 32, 64), (0, 16, 67), (16, 16, 69)]  # C E G, then C E A: in C, held
    row = dict(zip(FEATURES, window_features(score_of(*chord))[0], strict=True))
    assert len(row) == len(FEATURES) == window_features(score_of(*chord)).shape[1]
    assert (row["degree 0"], row["degree 7"], row["degree 9"]) == pytest.approx((1 / 3, 1 / 6, 1 / 6))
    assert row["bass 0"] == 1 and row["above bass 4"] == 0.5 and row["above bass 9"] == 0.25
    assert row["root 0"] == row["root 9"] == row["chord major"] == row["chord minor"] == 0.5
    assert row["top step up"] == 1 and row["top moves"] == 1 / 32 and row["bass moves"] == 0
    assert row["voices 3"] == 1 and row["notes"] == 4 / 32 and row["length more"] == 1 and row["place quarter"] == 1
    assert row["high"] == pytest.approx(68 / 12) and row["low"] == 4 and row["clashes"] == row["foreign"] == 0


def test_features_of_lines_places_and_clashes():
    line = [(0, 3, 60), (3, 1, 61), (4, 2, 64), (6, 2, 72), (8, 8, 66), (16, 16, 60), (16, 16, 71)]
    row = dict(zip(FEATURES, window_features(score_of(*line))[0], strict=True))
    assert [row[f"top {move}"] for move in ("skip down", "step up", "skip up", "leap up")] == [
        1 / 5,
        1 / 5,
        2 / 5,
        1 / 5,
    ]
    assert row["length 1"] == 1 / 7 and row["length 3-4"] == 1 / 7 and row["length 2"] == 2 / 7
    assert (row["place quarter"], row["place eighth"], row["place sixteenth"]) == pytest.approx((5 / 7, 1 / 7, 1 / 7))
    assert row["clashes"] == 0.5 and row["voices 1"] == 0.5


def test_windows_are_whole_and_free_of_key():
    rng = np.random.default_rng(0)
    score = score_of(*((4 * i, 4, int(p)) for i, p in enumerate(rng.choice([60, 62, 64, 65, 67, 69, 71], 20))))
    found = window_features(score)
    assert len(found) == 2 and len(window_features(score_of((0, 31, 60)))) == 0
    moved = window_features(score.transposed(5))
    register = [FEATURES.index("high"), FEATURES.index("low")]
    assert np.allclose(np.delete(found, register, axis=1), np.delete(moved, register, axis=1))
    assert np.allclose(moved[:, register] - found[:, register], 5 / 12)


def test_parallels_are_where_they_are():
    chords = [(72, 67, 64, 48)] * 8 + [(72, 67, 64, 48), (74, 69, 65, 50), *[(72, 67, 64, 48)] * 6]
    score = score_of(*((4 * i, 4, p) for i, chord in enumerate(chords) for p in chord))
    column = window_features(score)[:, FEATURES.index("parallels")]
    assert column.tolist() == [0, 2 / 32]


# The tests


def test_nothing_is_found_where_nothing_is():
    accuracies, ps, squares, covered = [], [], [], 0
    for trial in range(12):
        rng = np.random.default_rng(trial)
        one, other = noise(rng, 30), noise(rng, 30)
        found, distance = c2st(one, other, seed=trial), mmd(one, other, permutations=199, seed=trial)
        accuracies.append(found.value)
        covered += found.low <= 0.5 <= found.high
        ps.append(distance.p)
        squares.append(distance.squared)
    assert abs(np.mean(accuracies) - 0.5) < 0.04 and covered >= 9
    assert 0.25 < np.mean(ps) < 0.75 and min(ps) > 0.01
    assert abs(np.mean(squares)) < 2 * np.std(squares) / np.sqrt(12) + 1e-4 and min(squares) < 0


@pytest.mark.parametrize("planted", [{"shift": 1.0}, {"spread": 2.5}], ids=["mean", "spread"])
def test_planted_differences_are_found(planted):
    rng = np.random.default_rng(0)
    one, other = noise(rng, 40), noise(rng, 40, **planted)
    assert c2st(one, other).low > 0.6
    assert mmd(one, other, permutations=199).p <= 0.01


def test_unequal_sets_weigh_alike():
    rng = np.random.default_rng(1)
    few, many = noise(rng, 10), noise(rng, 90)
    assert abs(c2st(few, many).value - 0.5) < 0.15  # always saying "many" would be right in nine windows of ten
    assert c2st(noise(rng, 10, shift=0.7), many).value > 0.62  # and would here be right in one half


def test_windows_of_a_piece_stay_together():
    """Pieces that differ from each other but not by set: a split by windows would recognise them."""
    rng = np.random.default_rng(2)
    one, other = ([rng.normal(rng.normal(0, 3, 6), 0.1, (8, 6)) for _ in range(12)] for _ in range(2))
    assert c2st(one, other).high > 0.5 > c2st(one, other).low
    assert mmd(one, other, permutations=199).p > 0.05


def test_the_distance_is_the_unbiased_estimate_over_pairs_of_two_pieces():
    rng = np.random.default_rng(3)
    one, other = noise(rng, 5, windows=2), noise(rng, 6, windows=3, shift=0.5)
    x = _standardised(np.concatenate([*one, *other]))
    width = np.median([np.linalg.norm(a - b) for i, a in enumerate(x) for b in x[i + 1 :]])
    piece = np.repeat(np.arange(11), [2] * 5 + [3] * 6)

    def mean(rows, columns):
        pairs = [(a, b) for a in rows for b in columns if piece[a] != piece[b]]
        return np.mean([np.exp(-(np.linalg.norm(x[a] - x[b]) ** 2) / (2 * width**2)) for a, b in pairs])

    first, second = np.flatnonzero(piece < 5), np.flatnonzero(piece >= 5)
    expected = mean(first, first) + mean(second, second) - 2 * mean(first, second)
    assert mmd(one, other, permutations=9).squared == pytest.approx(expected, abs=1e-9)


def test_too_few_pieces_are_refused():
    with pytest.raises(EtudeError, match="at least 5"):
        c2st(noise(np.random.default_rng(0), 4), noise(np.random.default_rng(1), 9))
    with pytest.raises(EtudeError, match="held"):
        two_sample_table({"samples": []}, "held-out")


def test_bach_is_bach_and_counting_is_not():
    corpus = etude.corpus("chorales")
    text, pieces = etude.representation("text"), {split: corpus.load(split) for split in corpus.splits}
    codes = [text.encode(piece) for piece in pieces["train"]]
    counts = etude.model("counts", text.space, order=6)
    counts.fit(codes, codes[:5])
    drawn = [text.decode(x).score for x in counts.sample(16, steps=1200, seed=0)]
    sets = {name: [piece.score for piece in pieces[name]] for name in ("valid", "test")}
    low = [
        Score(np.where(np.arange(5) == 2, s.notes - 12 * (s.notes[:, 4:] == 3), s.notes), 480) for s in sets["valid"]
    ]
    table = two_sample_table({**sets, "counts": drawn, "bass an octave down": low}, reference="test")
    assert table.loc["valid", "low"] < 0.5 < table.loc["valid", "high"] and table.loc["valid", "p"] > 0.05
    assert table.loc[["counts", "bass an octave down"], "low"].min() > 0.9
    assert (table.loc[["counts", "bass an octave down"], "p"] < 0.01).all()
    curve = two_sample_curve(drawn, sets["test"], sizes=(5, 10, 500))
    assert curve["size"].tolist() == [5, 10] and curve["c2st"].min() > 0.8
