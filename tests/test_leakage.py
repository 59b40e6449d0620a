"""Melodies that stand in train: alignment by hand and against Sellers' table, and what is known of the sets."""

import csv
from pathlib import Path

import numpy as np
import pytest
from conftest import score_of

import etude
from etude.corpora.base import Corpus
from etude.errors import EtudeError, MissingData
from etude.evaluation import clean, clean_gap, clean_table, leakage_table, leaked, melody_shares
from etude.evaluation.leakage import shares_frame
from etude.evaluation.melody_alignment import found_again, top_pitch_classes
from etude.types import Piece

TUNE = np.array([0, 2, 4, 5, 7, -1, 9, 11], np.int8)
LISTED = Path(__file__).parents[1] / "data" / "splits" / "chorales_melodies.csv"


def sellers(melody, text):
    """The share by the plain table of distances, a key at a time."""
    best = len(melody)
    for key in range(12):
        row = list(range(len(melody) + 1))
        for heard in text:
            new = [0]
            for i, wanted in enumerate(melody):
                same = wanted == heard if wanted < 0 or heard < 0 else (wanted + key) % 12 == heard
                new.append(min(row[i] + (not same), row[i + 1] + 1, new[-1] + 1))
            row, best = new, min(best, new[-1])
    return 1 - best / len(melody)


def test_what_is_found_again_by_hand():
    moved = np.where(TUNE < 0, -1, (TUNE + 5) % 12)
    others = {
        "itself": TUNE,
        "in another key": moved,
        "inside another": np.concatenate([[3, 3], moved, [1]]),
        "a step more": np.insert(moved, 4, 6),
        "a note changed": np.concatenate([moved[:3], [0], moved[4:]]),
        "half of it": TUNE[:4],
        "nothing": np.zeros(0, np.int8),
    }
    shares = found_again([TUNE], list(others.values()))[0]
    assert dict(zip(others, shares.tolist(), strict=True)) == {
        "itself": 1, "in another key": 1, "inside another": 1, "a step more": 7 / 8, "a note changed": 7 / 8,
        "half of it": 4 / 8, "nothing": 0,
    }  # fmt: skip
    with pytest.raises(EtudeError, match="at least one step"):
        found_again([TUNE[:0]], [TUNE])


@pytest.mark.parametrize("steps", [1, 5, 63, 64, 65, 130])
def test_bit_vectors_give_the_plain_table(steps):
    rng = np.random.default_rng(steps)
    for _ in range(3):
        melody = rng.integers(-1, 12, steps).astype(np.int8)
        changed = np.where(rng.random(steps) < 0.3, 3, melody)
        text = np.delete(np.concatenate([rng.integers(-1, 12, 9), changed]), rng.integers(0, steps)).astype(np.int8)
        assert found_again([melody], [text])[0, 0] == pytest.approx(sellers(melody, text), abs=1e-12)


def test_the_melody_is_the_highest_note_that_sounds_at_each_step():
    score = score_of((0, 4, 60), (0, 8, 55), (4, 4, 40), (12, 5, 73), (12, 4, 62, 80, 1), length=20)
    assert top_pitch_classes(score, 4).tolist() == [0, 7, -1, 1, 1]
    assert top_pitch_classes(score, 4, track=1).tolist() == [-1, -1, -1, 2, -1]


class Toy(Corpus):
    name = "toy"

    def load(self, split):
        tunes = {"train": {"a": (0, 2, 4, 5), "b": (7, 7, 2, 1)}, "test": {"same": (3, 5, 7, 8), "new": (1, 7, 6, 6)}}
        return tuple(Piece(name, score_of(*((4 * i, 4, 60 + pitch) for i, pitch in enumerate(tune))))
                     for name, tune in tunes[split].items())  # fmt: skip


def test_marks_and_the_clean_subset(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path))
    names, sources, shares = melody_shares(Toy())
    assert names == ("same", "new") and sources[0] == "a" and shares.tolist() == [1, 0.5]
    assert leaked(Toy()).tolist() == [True, False] and leaked(Toy(), threshold=0.5).all()
    assert [piece.name for piece in clean(Toy())] == ["new"]
    row = leakage_table({"toy": Toy()}, thresholds=(0.9, 0.5)).loc["toy"]
    assert row[["pieces", "leak_at_0.5", "leak_at_0.9", "share"]].tolist() == [2, 2, 1, 1.0]
    assert len(list(tmp_path.glob("melody-shares-*.npz"))) == 2  # forwards and backwards, kept


def test_the_gap_between_clean_and_leaked():
    rng = np.random.default_rng(0)
    leaks, seconds = np.arange(60) < 30, rng.uniform(10, 60, 60)
    bits = seconds * (np.where(leaks, 12, 15) + rng.normal(0, 1, 60))
    found = clean_gap(bits, seconds, leaks)
    assert found.difference.value == pytest.approx(found.clean.value - found.leaked.value)
    assert 2 < found.difference.low < 3 < found.difference.high < 4
    row = clean_table({"model": bits}, seconds, leaks).loc["model"]
    assert row["all"] == pytest.approx(bits.sum() / seconds.sum()) and row["clean_pieces"] == 30
    assert (row["clean"], row["gap_low"]) == (found.clean.value, found.difference.low)
    none, every = (clean_table({"model": bits}, seconds, np.full(60, marks)).loc["model"] for marks in (False, True))
    assert none["clean"] == none["all"] and np.isnan(none["gap"]) and np.isnan(every["clean"])
    same = clean_gap(bits, seconds, rng.permutation(leaks)).difference
    assert same.low < 0 < same.high


def test_the_committed_list_of_the_chorales_is_what_the_rule_gives():
    with LISTED.open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    derived = shares_frame(etude.corpus("chorales")).astype({"share": str}).to_dict("records")
    assert listed == derived
    test = [row for row in listed if row["split"] == "test"]
    assert len(test) == 82 and sum(float(row["share"]) >= 0.75 for row in test) == 41


@pytest.mark.parametrize(("collection", "pieces"), [("JSB_Chorales", 30), ("Piano_midi", 0)])
def test_a_threshold_of_nine_tenths_gives_the_counts_of_the_benchmark(collection, pieces):
    corpus = etude.corpus("polyphonic", collection=collection)
    try:
        corpus.load("train")
    except MissingData as missing:
        pytest.skip(str(missing))
    assert leaked(corpus, threshold=0.9).sum() == pieces


def test_the_readme_counts_what_the_table_counts():
    readme = (Path(__file__).parents[1] / "data" / "README.md").read_text(encoding="utf-8")
    corpora = {"chorales": etude.corpus("chorales")}
    for collection in ("JSB_Chorales", "Piano_midi"):  # the others take too long here
        corpus = etude.corpus("polyphonic", collection=collection)
        if corpus.path.is_file():
            corpora[f"polyphonic/{collection}"] = corpus
    for name, row in leakage_table(corpora).iterrows():
        counts = " | ".join(str(int(row[f"leak_at_{threshold:g}"])) for threshold in (0.75, 0.8, 0.9))
        assert f"| `{name}` | {int(row['pieces'])} | {row['chance']:.2f} | {counts} |" in readme
