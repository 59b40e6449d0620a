"""The benchmark as a study: what is fitted, and what is measured of it."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from etude import EtudeError
from etude.evaluation import published_table
from etude.evaluation.protocol import FRAME, nats_per_frame
from etude.evaluation.published import PUBLISHED
from etude.study import benchmark
from etude.study.benchmark import Setting
from etude.study.benchmark_rows import AS_IT_IS, BEST, changes, rows
from etude.study.benchmark_tables import ANSWERS, costs_of_changes, lowest_published, summary, ways_table

TINY = Setting("rnn", {"hidden": 6, "layers": 1, "output": "nade", "output_hidden": 3}, steps=4, keys=3, home=4)


def roll(seed, frames=12):
    rng = np.random.default_rng(seed)
    x = np.zeros((frames, 88), np.int64)
    for t in range(frames):
        x[t, rng.choice(np.arange(30, 60), 4, replace=False)] = 1
    return x


@pytest.fixture(scope="module")
def data():
    return {"train": [roll(i) for i in range(6)], "valid": [roll(9)], "test": [roll(10), roll(11, 5)]}


class Kept:
    """A run that keeps checkpoints in a folder and counts costs."""

    def __init__(self, folder):
        self.folder, self.costs = folder, []

    def checkpoint(self, name):
        return self.folder / name

    def cost(self, name, history):
        self.costs.append(name)


def test_transposed_pieces_are_the_same_music_on_other_keys(data):
    moved = benchmark.transposed(data["train"][:1], 3)
    assert len(moved) == 3
    for step, x in zip((-1, 0, 1), moved, strict=True):
        assert np.array_equal(x.nonzero()[1], data["train"][0].nonzero()[1] + step)


def test_no_note_is_pushed_off_the_keyboard():
    x = np.zeros((2, 88), np.int64)
    x[0, 1] = x[1, 86] = 1
    moved = benchmark.transposed([x], 12)
    assert [int(m[0].argmax()) for m in moved] == [0, 1, 2] and all(m.sum() == 2 for m in moved)


@pytest.mark.parametrize(("lengths", "window"), [([60] * 10, 64), ([20, 1000], 256), ([3], 16)])
def test_windows_hold_most_pieces(lengths, window):
    assert benchmark.window_of([np.zeros((n, 88)) for n in lengths]) == window


def test_settings_shrink_for_a_quick_look():
    assert (TINY.scaled(0.5).steps, TINY.scaled(0.001).home) == (2, 2)
    assert Setting("tcn").scaled(0.5).home == 0
    assert TINY.narrowed(4).options == {"hidden": 4, "layers": 1, "output": "nade", "output_hidden": 3}


def test_a_row_is_fitted_in_two_parts_and_measured_by_the_protocol(data, tmp_path):
    run = Kept(tmp_path)
    fitted = benchmark.fit(run, "RNN-NADE", TINY, data, "JSB_Chorales", [0, 1])
    rows = benchmark.measure(fitted, data, "JSB_Chorales")
    assert run.costs == [f"JSB_Chorales-RNN-NADE-seed{s}{part}" for s in (0, 1) for part in ("", "-home")]
    assert [[h.rows[-1]["step"] for h in histories] for histories in fitted.histories] == [[4, 4]] * 2
    for model, row in zip(fitted.models, rows, strict=True):
        bits = model.step_bits(data["test"])
        assert row["test"] == pytest.approx(nats_per_frame(bits, data["test"]))
        rest = sum(b[1:].sum() for b in bits) / sum(len(x) - 1 for x in data["test"]) * np.log(2)
        assert row["test_without_first"] == pytest.approx(rest) and row["kind"] == "exact"
        assert np.isnan(row["stderr"]) and row["parameters"] == model.parameters
    assert rows[0]["test"] != rows[1]["test"]


def test_a_row_is_not_fitted_twice(data, tmp_path, monkeypatch):
    first = benchmark.fit(Kept(tmp_path), "RNN-NADE", TINY, data, "JSB_Chorales", [0])
    from etude.training import Windows

    monkeypatch.setattr(Windows, "batch", None)
    again = benchmark.fit(Kept(tmp_path), "RNN-NADE", TINY, data, "JSB_Chorales", [0])
    assert np.array_equal(again.models[0].bits(data["test"]).values, first.models[0].bits(data["test"]).values)


def test_selection_never_sees_the_test_split(data, tmp_path):
    other = {**data, "test": None}
    fitted = benchmark.fit(Kept(tmp_path), "RNN-NADE", TINY, other, "JSB_Chorales", [0])
    assert fitted.models[0].kind == "exact"


def test_floors_are_rows_too(data, tmp_path):
    fitted = benchmark.fit(Kept(tmp_path), "note 1-gram", Setting("marginal", steps=1, keys=1), data, "x", [0])
    (row,) = benchmark.measure(fitted, data, "x")
    p = (np.concatenate(data["train"]).sum(0) + 1) / (sum(map(len, data["train"])) + 2)
    x = np.concatenate(data["test"])
    assert row["test"] == pytest.approx(-(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(1).mean(), abs=0.5)


def test_what_gives_frames_no_probability_is_refused():
    with pytest.raises(EtudeError, match="whole pieces only"):
        benchmark.frame_bits(SimpleNamespace(name="vae"), [])


def test_published_rows_are_of_four_sets_and_say_what_they_are():
    table = published_table("JSB_Chorales")
    assert table["test"].is_monotonic_decreasing and len(table) == len(PUBLISHED)
    assert set(table["kind"]) == {"exact", "bound", "estimate", "doubtful"}
    piano = published_table("Piano_midi")
    assert "TCN" not in set(piano["model"]) and piano["test"].notna().all()
    assert FRAME.entries == 88


def runs(**changed):
    tests = {"TCN": [8.0, 8.2, 8.4], "RNN-NADE": [5.0, 5.1, 5.3], "ours": [4.4, 4.5, 4.9]}
    rows = [
        {"collection": "JSB_Chorales", "model": name, "kind": "exact", "run": i, "valid": value + 0.1, "test": value}
        | {"test_without_first": value - 0.2, "stderr": np.nan, "parameters": 7, "train_seconds": 1.0 + i}
        for name, values in tests.items()
        for i, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_rows_stand_beside_the_published_row_of_their_kind_in_its_own_framing():
    table = summary(runs()).set_index("model")
    assert table.loc["RNN-NADE", "difference"] == pytest.approx(5.1 - 5.56)
    assert table.loc["TCN", "difference"] == pytest.approx(8.2 - 0.2 - 8.10)  # published without first frames
    assert table.loc["ours", "answers"] == "RNN-NADE" and table.loc["ours", "difference"] == pytest.approx(4.5 - 5.56)
    assert list(table.index) == ["TCN", "RNN-NADE", "ours"] and set(table["seeds"]) == {3}
    assert (table.loc["ours", "lowest"], table.loc["ours", "highest"]) == (4.4, 4.9)


def test_a_row_without_a_published_one_says_so():
    table = summary(runs().replace({"model": {"TCN": "another"}})).set_index("model")
    assert np.isnan(table.loc["another", "published"]) and np.isnan(table.loc["another", "difference"])


def test_what_a_change_costs_is_told_from_the_row_as_it_is_on_the_same_set():
    nats = {"one": [(4.0, 4.4, 4.5), (5.0, 5.5, 6.5)], "two": [(1.0, 1.1, 1.9), (1.0, 1.2, 1.3)]}
    keys = [AS_IT_IS, ("width", "half")]
    rows = [
        {"collection": name, "part": part, "change": change, "valid": test + 1, "test": test}
        for name, of in nats.items()
        for (part, change), tests in zip(keys, of, strict=True)
        for test in tests
    ]
    table = costs_of_changes(pd.DataFrame(rows), AS_IT_IS)
    assert list(zip(table["collection"], table["change"], strict=True)) == [
        ("one", "as it is"), ("one", "half"), ("two", "as it is"), ("two", "half")
    ]  # fmt: skip
    assert table["cost"].tolist() == pytest.approx([0, 1.1, 0, 0.1])
    assert table.loc[1, ["valid", "test", "lowest", "highest", "seeds"]].tolist() == [6.5, 5.5, 5.0, 6.5, 3]


@pytest.mark.parametrize(("frames", "keys"), [(1_000, 12), (60_000, 6)])
def test_the_size_of_a_set_decides_how_far_a_model_is_held_back(frames, keys):
    settings = rows([np.zeros((frames, 88))])
    assert settings[BEST].keys == keys
    assert len(set(map(repr, settings.values()))) == len(settings)
    assert set(settings) == {*ANSWERS, "NADE, relative", BEST} - {"GRU, recall" if keys == 12 else "NADE, relative"}


def test_each_change_changes_one_thing_of_the_best_row():
    settings = rows([np.zeros((1_000, 88))])
    best, changed = settings[BEST], changes(settings)
    assert changed.pop(AS_IT_IS) == best
    for (part, change), setting in changed.items():
        different = {k for k in best.options if setting.options.get(k) != best.options[k]}
        fields = {
            k for k in ("keys", "average", "weight_decay", "learning_rate") if getattr(setting, k) != getattr(best, k)
        }
        assert len(different | fields) == 1, (part, change)
        share = 4 if "quarter" in change else 1
        assert share * (setting.steps + setting.home) == best.steps + best.home
    few = changed["augmentation", "one key, a quarter of the steps"]
    assert few.keys == 1 and few.budget([np.zeros((64, 88))]).valid_every == 26


def test_ways_are_medians_in_nats_over_the_fits():
    table = ways_table(
        {"A": {"one": [np.array([1.0, 3.0]), np.array([4.0]), np.array([9.0])]}, "B": {"all": [np.ones(3)]}}
    )
    assert table[["set", "model", "seeds"]].to_numpy().tolist() == [["A", "one", 3], ["B", "all", 1]]
    assert table[["test", "lowest", "highest"]].to_numpy() == pytest.approx(
        np.log(2) * np.array([[4, 2, 9], [1, 1, 1]])
    )


def test_the_lowest_published_numbers_of_each_kind_count_the_first_frame():
    table = lowest_published(["JSB_Chorales", "Nottingham"], most=2)
    assert table.groupby(["set", "kind"]).size().max() == 2 and set(table["set"]) == {"JSB_Chorales", "Nottingham"}
    jsb = published_table("JSB_Chorales")
    exact = jsb[(jsb["kind"] == "exact") & jsb["first_frame"]]["test"].sort_values()
    ours = table[(table["set"] == "JSB_Chorales") & (table["kind"] == "exact")]["test"]
    assert ours.tolist() == exact.tolist()[:2] and ours.iloc[0] <= ours.iloc[1]
