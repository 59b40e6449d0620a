"""The benchmark's test pieces one by one: what returns, what leaks, what the lesson was, and the figures of it."""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest

from etude import EtudeError, registry
from etude.evaluation import published_table
from etude.evaluation.protocol import FRAME, nats_per_frame
from etude.study import benchmark_figures as figures
from etude.study.benchmark import Fitted, Setting, frame_bits
from etude.study.benchmark_lessons import lesson_table, passes
from etude.study.benchmark_mixtures import mixture_table
from etude.study.benchmark_pieces import FirstPieces, audit, frame_nats, goes_with, pieces_table
from etude.study.benchmark_returns import known, music_table, returning, returns_table
from etude.study.benchmark_standing import RRU, standing

matplotlib.use("Agg")


def tune(*keys):
    """A piece of single notes, a frame each; None is silence."""
    roll = np.zeros((len(keys), 88), np.int64)
    for t, key in enumerate(keys):
        if key is not None:
            roll[t, key] = 1
    return roll


# What returns ---------------------------------------------------------------------------------------------------------


def test_a_frame_returns_where_the_run_before_it_stood_earlier():
    piece = tune(40, 42, 44, 50, 40, 42, 44, 60)  # the run (40, 42, 44) ends before frames 3 and 7
    (marks,) = returning([piece], run=3)
    assert marks.tolist() == [False] * 7 + [True]  # what follows differs, and does not matter


def test_the_same_run_in_another_key_does_not_return_in_the_piece():
    assert not returning([tune(40, 42, 44, 50, 41, 43, 45, 60)], run=3)[0].any()


def test_it_is_known_in_any_key():
    (marks,) = known([tune(41, 43, 45, 9, 43, 45)], [tune(30, 32, 34, 70)], run=3)
    assert marks.tolist() == [False] * 3 + [True, False, False]


def test_a_run_that_ends_a_training_piece_is_followed_by_nothing():
    assert not known([tune(41, 43, 45, 9)], [tune(30, 32, 34)], run=3)[0].any()


@pytest.mark.parametrize("piece", [tune(*[40] * 20), tune(*[None] * 20), tune(40, 41)])
def test_held_chords_rests_and_short_pieces_do_not_return(piece):
    (marks,) = returning([piece], run=4)
    assert not marks.any() and len(marks) == len(piece)


def test_the_two_parts_of_a_set_make_its_number():
    pieces = [tune(40, 42, 44, 50, 40, 42, 44, 60, 40, 42, 44, 70, 40), tune(1, 2, 3)]
    nats = [np.arange(13.0), np.array([5.0, 6.0, 7.0])]
    table = returns_table({"a": nats}, pieces).iloc[0]  # runs of eight: none
    assert table["share"] == 0 and np.isnan(table["returning"])
    again = tune(*[40, 42, 44, 45, 47, 49, 51, 52] * 3)
    nats = [np.random.default_rng(0).random(24)]
    row = returns_table({"a": nats}, [again]).iloc[0]
    assert row["share"] == pytest.approx(8 / 24)  # frame 8 is the first after a whole run, 16 the first that returns
    assert row["share"] * row["returning"] + (1 - row["share"]) * row["others"] == pytest.approx(nats[0].mean())


def test_nats_of_other_pieces_are_refused():
    with pytest.raises(EtudeError, match="every frame of every piece"):
        returns_table({"a": [np.zeros(3)]}, [tune(1, 2)])


def test_what_the_music_is_like_is_counted():
    data = {"s": {"train": [tune(40, 41)], "valid": [tune(40)], "test": [tune(40, 40, 42, None), tune(41, 41)]}}
    table = music_table(data).set_index("split").loc["test"]
    assert (table["pieces"], table["frames"], table["longest"]) == (2, 6, 4)
    assert table["keys"] == pytest.approx(5 / 6) and table["moves"] == pytest.approx(2 / 4)
    assert table["new"] == pytest.approx(2 / 6)  # 42, and silence
    assert table["returns"] == table["known"] == 0


# What leaks -----------------------------------------------------------------------------------------------------------


class Bits:
    """A model that says the same bits of every frame."""

    name = "bits"

    def __init__(self, bits):
        self.bits = bits

    def frame_bits(self, pieces):
        return [np.full(len(roll), self.bits) for roll in pieces]


def test_nats_are_the_mean_over_the_seeds():
    first, second = frame_nats(Fitted("row", [Bits(2.0), Bits(4.0)]), [tune(1, 2, 3), tune(1)])
    assert first == pytest.approx([3 * np.log(2)] * 3) and len(second) == 1


def test_a_row_without_a_fit_is_refused():
    with pytest.raises(EtudeError, match="at least one fit"):
        frame_nats(Fitted("row"), [tune(1)])


LEAKS = np.array([True, True, True, False, False, False, False])
CONTROL = [np.full(n, v) for n, v in zip((4, 6, 5, 3, 8, 7, 5), (9.0, 9.5, 9.2, 10.0, 11.0, 10.4, 10.1), strict=True)]


def test_a_row_that_is_as_far_from_the_control_everywhere_goes_nothing_beyond_it():
    table = audit({"best": [x - 4 for x in CONTROL], "control": CONTROL}, LEAKS, "control").set_index("row")
    best = table.loc["best"]
    assert best["gap"] == pytest.approx(table.loc["control", "gap"]) and best["gap"] > 0
    assert best[["beyond", "beyond_low", "beyond_high"]].tolist() == pytest.approx([0] * 3)
    assert np.isnan(table.loc["control", "beyond"]) and np.isnan(table.loc["control", "ratio"])


def test_a_row_that_is_a_fixed_part_of_the_control_has_no_ratio():
    best = audit({"best": [x / 2 for x in CONTROL], "control": CONTROL}, LEAKS, "control").set_index("row").loc["best"]
    assert best[["ratio", "ratio_low", "ratio_high"]].tolist() == pytest.approx([0] * 3)
    assert best["beyond"] < 0  # half of the nats, half of the gap


def test_a_row_that_remembers_goes_beyond_the_control():
    heard = [x - 5 * leak for x, leak in zip(CONTROL, LEAKS, strict=True)]
    best = audit({"best": heard, "control": CONTROL}, LEAKS, "control").set_index("row").loc["best"]
    assert best["beyond"] == pytest.approx(5) and best["beyond_low"] > 4.99 and best["ratio_low"] > 0


def test_without_leaked_pieces_there_is_no_gap():
    table = audit({"best": CONTROL, "control": CONTROL}, np.zeros(7, bool), "control")
    assert table[["gap", "beyond", "ratio"]].isna().all(axis=None) and (table["clean"] == table["all"]).all()


def test_an_unknown_control_is_refused():
    with pytest.raises(EtudeError, match="control"):
        audit({"best": CONTROL}, LEAKS, "another")


def pieces(name="s"):
    return pieces_table(CONTROL, [tune(*[40] * len(x)) for x in CONTROL], LEAKS, name)


def test_pieces_are_told_one_by_one():
    row = pieces().iloc[1]
    assert (row["piece"], row["frames"], row["nats"], row["leaks"], row["keys"]) == (1, 6, 9.5, True, 1)
    again = tune(*[40, 42, 44, 45, 47, 49, 51, 52] * 2, 60)
    assert pieces_table([np.zeros(17)], [again], [False], "s")["returns"].tolist() == pytest.approx([1 / 17])


def test_what_goes_with_a_dear_piece_is_told_where_there_are_enough():
    table = pieces().assign(returns=lambda t: -t["nats"])
    found = goes_with(pd.concat([table, table.head(3).assign(set="few")])).set_index(["set", "measure"])
    assert found.loc[("s", "returns"), "correlation"] == -1 and found.loc[("s", "keys"), "pieces"] == 7
    assert found.loc["few", "correlation"].isna().all() and found.loc[("few", "returns"), "pieces"] == 3


def test_the_first_pieces_of_a_set(monkeypatch):
    monkeypatch.setattr(FirstPieces, "rolls", lambda self, split: [tune(1, 2)] * 5)
    assert [len(FirstPieces("Piano_midi", most).load("test")) for most in (2, 0)] == [2, 5]


# Lessons and standing -------------------------------------------------------------------------------------------------


def test_passes_count_frames_in_each_key():
    train = [tune(*[40] * 64)] * 10
    setting = Setting("rnn", steps=30, keys=6, window=64, batch=4)
    assert passes(setting, train) == pytest.approx(30 * 4 * 64 / (6 * 640))


def test_the_end_of_a_lesson_is_in_nats():
    history = SimpleNamespace(rows=[{"train": 3.0, "valid": 5.0}, {"train": 2.0, "valid": 4.0}])
    one = Fitted("row", [], [[history, SimpleNamespace(rows=[])]])
    table = lesson_table({"s": one}, {"s": Setting("rnn", steps=8)}, {"s": {"train": [tune(1, 2)]}}).iloc[0]
    assert table[["train", "valid", "fell"]].tolist() == pytest.approx(np.log(2) * np.array([2.0, 4.0, 1.0]))
    assert (table["frames"], table["keys"], table["steps"]) == (2, 12, 8)


def test_a_row_stands_beside_the_lowest_exact_number():
    runs = [
        {"collection": name, "model": "ours", "kind": "exact", "run": i, "valid": 5.0, "test": test}
        | {"test_without_first": test, "stderr": np.nan, "parameters": 1, "train_seconds": 1.0}
        for name in ("Piano_midi", "JSB_Chorales")
        for i, test in enumerate((4.0, 4.4, 4.1))
    ]
    table = standing(pd.DataFrame(runs)).set_index("collection")
    assert table["test"].tolist() == [4.1, 4.1] and table["highest"].tolist() == [4.4, 4.4]
    for name, row in table.iterrows():
        known_rows = published_table(name).query("kind == 'exact' and first_frame")
        assert row["exact"] == known_rows["test"].min() and row["below_exact"] == pytest.approx(row["exact"] - 4.1)
        assert row["rru"] == RRU[name]
    assert table.loc["JSB_Chorales", "exact_row"] == "RNN-NADE"


# Figures --------------------------------------------------------------------------------------------------------------


def test_every_piece_is_a_point_and_every_gap_a_line():
    table = pd.concat([pieces("a"), pieces("b")])
    ax = figures.plot_pieces(table, title="t")
    assert sum(len(part.get_offsets()) for part in ax.collections) == len(table)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a"]
    pooled = np.average(table["nats"][:7], weights=table["frames"][:7])
    assert f"{pooled:.2f}" in [text.get_text() for text in ax.texts]
    gaps = audit({"best": CONTROL, "control": CONTROL}, LEAKS, "control").assign(set="a")
    ax = figures.plot_gaps(pd.concat([gaps, gaps.assign(set="b", gap=np.nan)]))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a: control", "a: best"]


# Seeds as one ---------------------------------------------------------------------------------------------------------


def knows(*pieces):
    """A fit that knows how often each key sounds in some pieces."""
    model = registry.model("marginal", FRAME)
    model.fit(pieces)
    return model


def test_seeds_that_err_in_different_pieces_need_less_mixed():
    low, high = tune(*[20] * 30), tune(*[60] * 30)
    data = {"valid": [low, high], "test": [low, high]}
    seeds = Fitted("row", [knows(low), knows(high)])
    (row,) = mixture_table({"a set": seeds}, {"a set": data}).to_dict("records")
    alone = [nats_per_frame(frame_bits(model, data["test"]), data["test"]) for model in seeds.models]
    assert row["best_seed"] == pytest.approx(min(alone)) and row["seeds"] == 2
    assert row["least_weight"] == pytest.approx(0.5, abs=1e-6)
    by_hand = [  # of a frame: the mean of what both say
        -np.log(
            np.mean(
                [np.exp(-np.log(2) * bits[piece]) for bits in (frame_bits(m, data["test"]) for m in seeds.models)], 0
            )
        )
        for piece in range(2)
    ]
    assert row["mixed"] == pytest.approx(np.concatenate(by_hand).mean(), rel=1e-6)
    assert row["mixed"] < row["best_seed"] / 2


def test_one_seed_is_its_own_mixture():
    piece = tune(20, 22)
    row = mixture_table({"a set": Fitted("row", [knows(piece)])}, {"a set": {"valid": [piece], "test": [piece]}}).iloc[
        0
    ]
    assert row["mixed"] == row["best_seed"] and row["least_weight"] == 1


def test_estimates_are_not_mixed():
    rbm = registry.model("rbm", FRAME, hidden=64)
    with pytest.raises(EtudeError, match="exact"):
        mixture_table({"a set": Fitted("RBM", [rbm])}, {"a set": {"valid": [], "test": []}})
