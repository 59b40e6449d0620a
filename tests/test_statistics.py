"""Statistics of scores on pieces counted by hand, overlaps of histograms, and what is copied from training."""

import numpy as np
import pytest

from etude import EtudeError, Piece, Score
from etude.evaluation.distributions import jensen_shannon, overlap, statistics_table
from etude.evaluation.memorisation import Memory, melody, memorisation_curve, memorisation_table, texture
from etude.evaluation.statistics import STATISTICS, entropy, histogram, longest_repeat, statistics, top_line


def score(*notes, **options) -> Score:
    """A score of (onset, duration, pitch) in sixteenths."""
    return Score(np.array([(*note, 80, 0) for note in notes], np.int64).reshape(-1, 5), 4, **options)


# C4 and E4 together for a quarter, an eighth of silence, G4 for an eighth; D5 over F3 a bar and a quarter later
SMALL = score((0, 4, 60), (0, 4, 64), (6, 2, 67), (36, 4, 53), (36, 3, 74))


def test_every_statistic_by_hand():
    got = statistics(SMALL)
    assert set(got) == set(STATISTICS)
    expected = {
        "notes_per_second": 5 / (10 * 60 / 80),
        "polyphony": (4 * 2 + 2 * 1 + 3 * 2 + 1) / 40,
        "polyphony_rate": 7 / 10,
        "pitch_range": 74 - 53,
        "pitch_classes": 5,
        "pitch_class_entropy": np.log2(5),
        "onsets_on_quarters": 4 / 5,
        "onsets_on_eighths": 1 / 5,
        "onsets_on_sixteenths": 0,
        "mean_leap": (3 + 7) / 2,  # the top line is E4, G4, D5
        "stepwise_rate": 0,
        "consonance_rate": (4 + 3) / 7,  # four sixteenths of a third, three of a sixth (F3 to D5: 21 = 9)
        "empty_bar_rate": 1 / 3,  # the second; the third is short, and there is no fourth
        "repeated_bar_rate": 0,
        "groove_consistency": 1 - 2 / 16,  # two whole bars: onsets at 0 and 6, and none
        "longest_repeat": 0,
    }
    assert got == pytest.approx(expected)


def test_two_notes_are_polyphonic():
    assert statistics(score((0, 8, 60), (0, 8, 64)))["polyphony_rate"] == 1  # muspy's default calls this 0


def test_no_phantom_bar():
    whole = score(*((16 * bar, 16, 60) for bar in range(4)))
    assert statistics(whole)["empty_bar_rate"] == 0
    assert statistics(whole)["groove_consistency"] == 1  # a phantom bar without onsets would lower it
    assert statistics(whole)["repeated_bar_rate"] == 3 / 4


def test_the_empty_bar_rate_counts_empty_bars():
    assert statistics(score((48, 16, 60)))["empty_bar_rate"] == 3 / 4


def test_struck_and_held_bars_are_different_bars():
    assert statistics(score((0, 32, 60)))["repeated_bar_rate"] == 0
    assert statistics(score((0, 16, 60), (16, 16, 60)))["repeated_bar_rate"] == 1 / 2


def test_the_fourth_above_the_bass_is_a_dissonance_and_inner_fourths_are_not():
    assert statistics(score((0, 4, 60), (0, 4, 65)))["consonance_rate"] == 0
    assert statistics(score((0, 4, 48), (0, 4, 55), (0, 4, 60)))["consonance_rate"] == 1  # G to C lies inside
    assert statistics(score((0, 4, 48), (0, 4, 61)))["consonance_rate"] == 0


def test_the_top_line_skips_notes_below_a_held_one():
    line = top_line(score((0, 8, 72), (4, 4, 60), (8, 4, 65), (12, 4, 65), (12, 4, 71)))
    assert line.tolist() == [[0, 72], [8, 65], [12, 71]]


def test_the_longest_repeat_by_hand():
    motif = [(0, 60), (2, 62), (4, 64), (8, 60)]
    twice = [(t, 2, p) for t, p in motif] + [(16 + t, 2, p + 5) for t, p in motif]  # a fourth higher
    assert longest_repeat(score(*twice)) == 4
    assert longest_repeat(score((0, 1, 60), (1, 1, 62), (3, 1, 60))) == 0
    run = score(*((i, 1, 60 + i) for i in range(9)))  # eight equal steps: four and four, without overlap
    assert longest_repeat(run) == 5


def test_a_piece_without_notes():
    got = statistics(score())
    assert got["pitch_classes"] == 0 and got["longest_repeat"] == 0
    assert np.isnan(got["polyphony"]) and np.isnan(got["consonance_rate"])


def test_statistics_do_not_move_with_key_or_tempo():
    moved = Score(SMALL.notes, SMALL.ticks_per_quarter, 200.0).transposed(5)
    assert statistics(moved) == pytest.approx(statistics(SMALL))


def test_histograms_are_pooled():
    assert histogram([SMALL, SMALL], "duration").tolist() == [0, 0, 2, 2, 6]
    assert histogram([SMALL], "inter_onset").nonzero()[0].tolist() == [6, 30]
    assert histogram([score()], "pitch").sum() == 0


def test_overlap_and_divergence_by_hand():
    assert overlap([1, 1], [1, 1, 2]) == pytest.approx(0.5)
    assert overlap([3], [0, 5]) == 0 and jensen_shannon([3], [0, 5]) == pytest.approx(1)
    assert overlap([2, 6], [1, 3]) == pytest.approx(1) and jensen_shannon([2, 6], [1, 3]) == pytest.approx(0)
    p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    m = (p + q) / 2
    expected = (p * np.log2(p / m)).sum() / 2 + (q * np.log2(q / m)).sum() / 2
    assert jensen_shannon([1, 1], [1, 3]) == pytest.approx(expected)
    assert jensen_shannon([0, 1, 1], [1, 1]) == pytest.approx(0.5)  # a shift is seen, unlike in mgeval
    assert np.isnan(overlap([], [1])) and np.isnan(jensen_shannon([0], [1]))
    assert entropy(np.array([1, 1, 2])) == 1.5


def test_the_table_holds_held_out_music():
    table = statistics_table({"held-out": [SMALL, SMALL], "samples": [SMALL.transposed(1)]})
    assert list(table.index) == ["held-out", "samples"]
    assert table.pieces.tolist() == [2, 1]
    overlaps = [column for column in table if column.startswith("overlap_")]
    assert len(overlaps) == 6 and (table.loc["held-out", overlaps] == 1).all()
    assert table.loc["samples", "overlap_duration"] == 1
    assert table.loc["samples", "overlap_pitch"] == pytest.approx(0)  # 54, 61, 65, 68, 75 against 53, 60, 64, 67, 74
    with pytest.raises(EtudeError, match="held-out"):
        statistics_table({"samples": [SMALL]})
    with pytest.raises(EtudeError, match="at least one"):
        statistics_table({"held-out": [SMALL], "samples": []})


def random_piece(seed, n=60) -> Piece:
    rng = np.random.default_rng(seed)
    onsets = np.cumsum(rng.integers(1, 5, n))
    return Piece(
        f"piece {seed}", score(*((int(t), 1, int(p)) for t, p in zip(onsets, rng.integers(50, 80, n), strict=True)))
    )


def test_a_planted_copy_is_found_whatever_its_key():
    train = [random_piece(seed) for seed in range(5)]
    source = train[3].score.notes
    stolen = source[20:33].copy()
    stolen[:, 0] += 400 - stolen[0, 0]
    stolen[:, 2] += 3
    host = random_piece(9).score
    forged = Score(np.concatenate([host.notes, stolen]), 4)
    copy = Memory(train).longest_copy(forged)
    assert (copy.source, copy.events, copy.source_start) == ("piece 3", 12, 20)  # 13 notes are 12 steps
    assert copy.share == pytest.approx(12 / (60 + 13 - 1)) and copy.start == 60
    assert Memory(train).nearest(forged)[0] == "piece 3"
    assert Memory(train).longest_copy(host).events <= 3


def test_a_training_piece_is_all_copy_and_no_run_crosses_pieces():
    train = [random_piece(seed, n=10) for seed in range(3)]
    for view in ("melody", "texture"):
        memory = Memory(train, view)
        assert memory.longest_copy(train[1].score).share == 1
        assert memory.nearest(train[1].score) == ("piece 1", 1.0)
    both = [melody(piece.score) for piece in train[:2]]
    steps = np.array([(0, 0), *both[0], *both[1]])
    places = zip(np.cumsum(steps[:, 1]).tolist(), (60 + np.cumsum(steps[:, 0])).tolist(), strict=True)
    one_after_the_other = score(*((onset, 1, pitch) for onset, pitch in places))
    assert melody(one_after_the_other) == [*both[0], *both[1]]
    assert Memory(train).longest_copy(one_after_the_other).events == 9
    assert Memory(train).longest_copy(score()).events == 0
    assert Memory(train).nearest(score()) == ("", 0.0)


def test_views_by_hand():
    chords = score((0, 4, 60), (0, 4, 64), (4, 4, 58), (4, 4, 65))
    assert melody(chords) == [(1, 4)]
    assert texture(chords) == [(4, -2, (0, 7))]
    assert melody(chords.transposed(7)) == melody(chords) and texture(chords.transposed(7)) == texture(chords)


def test_the_memorisation_table():
    train = [random_piece(seed) for seed in range(4)]
    table = memorisation_table({"held-out": [random_piece(8).score], "copies": [p.score for p in train]}, train)
    assert table.loc["copies", "mean_share"] == 1 and table.loc["copies", "most_copied"] == 59
    assert table.loc["held-out", "mean_share"] < 0.1
    with pytest.raises(EtudeError, match="view"):
        Memory(train, "harmony")
    with pytest.raises(EtudeError, match="training piece"):
        Memory([])


def test_the_curve_of_memorisation_by_model_and_temperature():
    train = [random_piece(i) for i in range(4)]
    held_out = [random_piece(i).score for i in range(8, 14)]
    samples = {("copies", 0.5): [p.score for p in train], ("new", 1.0): [random_piece(i).score for i in range(20, 24)]}
    table = memorisation_curve(samples, held_out, train, beats=4).set_index("model")
    assert table.index.tolist() == ["held-out", "copies", "new"] and np.isnan(table.loc["held-out", "temperature"])
    whole = memorisation_table({"copies": samples["copies", 0.5]}, train)["mean_copied"].iloc[0]
    assert table.loc["held-out", "high"] < table.loc["copies", "low"] <= table.loc["copies", "events"] < whole
    assert table.loc["copies", "above"] == 1 and table.loc["held-out", "above"] < 0.2
