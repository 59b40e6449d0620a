"""What every corpus promises, and the numbers that data/README.md prints."""

import re
from pathlib import Path

import numpy as np
import pytest

from etude.corpora import corpora, overview
from etude.corpora.augmentation import transpositions
from etude.corpora.polyphonic import COLLECTIONS
from etude.corpora.tunes import Tunes
from etude.errors import MissingData
from etude.evaluation.contract.corpora import OF_CORPORA, check_that_no_piece_is_on_two_sides
from etude.types import Piece, Score

README = Path(__file__).parents[1] / "data" / "README.md"
NAMES = ["/".join([cls.name, *options.values()]) for cls, options in corpora()]


def few(cls) -> dict:
    """Return the options with which a corpus is quick to load."""
    return {"first": 2} if cls.name == "rendered" else {}


@pytest.fixture(scope="module", params=list(corpora()), ids=NAMES)
def corpus(request):
    cls, options = request.param
    made = cls(**options, **few(cls))
    try:
        made.load("train")
    except MissingData as missing:
        pytest.skip(str(missing))
    return made


@pytest.mark.parametrize("check", OF_CORPORA, ids=lambda check: check.__name__.removeprefix("check_that_"))
def test_contract(corpus, check):
    if corpus.name == "polyphonic" and check is check_that_no_piece_is_on_two_sides:
        pytest.skip("the published split has a copy in train and valid")
    check(corpus)


def test_it_says_what_it_is_in_a_line(corpus):
    said = repr(corpus)
    assert corpus.title in said and type(corpus).__name__ in said and "\n" not in said and " at 0x" not in said
    assert len(said) < 200
    assert all(repr(value) in said for value in few(type(corpus)).values())


def test_loading_twice_gives_the_same(corpus):
    options = {"polyphonic": {"collection": getattr(corpus, "collection", None)}, "rendered": few(type(corpus))}
    again = type(corpus)(**options.get(corpus.name, {}))
    pairs = zip(corpus.load("test"), again.load("test"), strict=True)
    assert all((a.name, a.score) == (b.name, b.score) for a, b in pairs)


def test_the_splits_come_together_and_the_held_out_ones_can_be_shortened(corpus):
    whole, short = corpus.load_splits(), corpus.load_splits(1)
    assert tuple(whole) == tuple(short) == corpus.splits
    for split in corpus.splits:
        names = [piece.name for piece in corpus.load(split)]
        assert [piece.name for piece in whole[split]] == names
        assert [piece.name for piece in short[split]] == (names if split == "train" else names[:1])


def table(first: str) -> list[list[str]]:
    """Return the rows of the README's table whose heading begins with `first`."""
    lines = README.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip(" `") for cell in line.strip("|").split("|")])
    return rows


def test_the_readme_has_the_counts_and_digests_of_the_data():
    found = overview().set_index("name")
    rows = {row[0]: row[1:] for row in table("corpus")}
    assert set(rows) == set(found.index)
    for name, (train, valid, test, _, digest) in rows.items():
        row = found.loc[name]
        if row["state"] == "ready":
            counts = [row[split] for split in ("train", "valid", "test")]
            assert [int(train), int(valid), int(test)] == counts, f"{name}: {counts}"
            assert row["digest"].startswith(digest) and len(digest) == 12, f"{name}: {row['digest'][:12]}"
        if name.startswith("polyphonic/"):
            assert (int(train), int(valid), int(test)) == COLLECTIONS[name.split("/")[1]].sequences
    assert rows["chorales"][3] == "19" == str(found.loc["chorales", "reserve"])


def test_the_readme_has_the_digests_of_the_benchmark_files_and_the_counts_of_the_books():
    assert {row[0]: row[1] for row in table("set")} == {name: c.sha256 for name, c in COLLECTIONS.items()}
    counts = Tunes().counts
    assert {row[0]: [int(cell) for cell in row[1:]] for row in table("book")} == {
        book: list(row) for book, row in zip(counts.index, counts.to_numpy().tolist(), strict=True)
    }


def test_the_readme_has_the_size_of_the_chorales(chorales):
    text = README.read_text(encoding="utf-8").replace(" ", "").replace("\n", "")
    pieces = [piece for split in chorales.values() for piece in split]
    assert f"{len(pieces)}four-part" in text
    assert f"{sum(len(piece.score) for piece in pieces)}notes" in text
    assert f"{sum(piece.seconds for piece in pieces)}seconds" in text
    assert re.search(rf"{sum(map(len, (Tunes().load(s) for s in Tunes.splits)))}traditionaltunes", text)


def test_transpositions_name_the_step_and_stay_within_range():
    piece = Piece("air", Score(np.array([[0, 4, 100, 80, 0], [4, 4, 60, 80, 0]])), text="X:1")
    moved = transpositions([piece])
    assert [p.name for p in moved][:7] == [f"air-{k}" for k in range(6, 0, -1)] + ["air"]
    assert len(moved) == 12 and moved[6] is piece
    assert [p.score.notes[:, 2].min() - 60 for p in moved] == list(range(-6, 6))
    assert all(p.text is None for p in moved if p is not piece)
    assert [p.name for p in transpositions([piece], range(20), highest=102)] == ["air", "air+1", "air+2"]
    assert [p.name for p in transpositions([piece], range(20))][-1] == "air+8"
    assert transpositions([piece], [0], lowest=61) == []
