"""The tune books: all tunes accounted for, and no melody on both sides of the split."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import score_of

from etude import EtudeError, Score
from etude.corpora import near_duplicates, tune_books, tunes
from etude.formats.abc import read_abc, write_abc


@pytest.fixture(scope="module")
def book():
    return tunes.Tunes()


@pytest.fixture(scope="module")
def pieces(book):
    return {split: book.load(split) for split in book.splits}


def test_every_tune_is_used_or_in_the_ledger(book, pieces):
    written = dict.fromkeys(tunes.BOOKS, 0)
    for name in written:
        for path in (tune_books.books_folder() / name).glob("*.abc"):
            written[name] += sum(line.startswith("X:") for line in path.read_text("utf-8").splitlines())
    counts = book.counts
    assert counts.sum(axis=1).to_dict() == written
    assert counts["unusable"].sum() == len(book.ledger) and book.ledger["reason"].str.len().min() > 0
    assert {split: len(pieces[split]) for split in pieces} == counts[list(pieces)].sum().to_dict()
    names = [piece.name for split in pieces.values() for piece in split]
    assert len(set(names)) == len(names)


def test_split_sizes_are_about_eighty_ten_ten(pieces):
    sizes = np.array([len(pieces[split]) for split in ("train", "valid", "test")])
    np.testing.assert_allclose(sizes / sizes.sum(), [0.8, 0.1, 0.1], atol=0.01)


def test_pieces_hold_their_text_its_notes_and_their_licence(pieces):
    for piece in pieces["test"][::50]:
        stated = read_abc(piece.text)
        assert stated == piece.score
        assert (stated.meter, stated.pickup) == (piece.score.meter, piece.score.pickup)
        assert piece.text.startswith("X:")
        assert piece.licence == tunes.BOOKS[piece.name.split("/")[0]].licence and piece.source


def test_most_tunes_state_a_metre_and_many_an_upbeat(pieces):
    scores = [piece.score for piece in pieces["test"]]
    assert sum(score.meter is not None for score in scores) > 0.9 * len(scores)
    assert 0.2 < sum(score.pickup > 0 for score in scores) / len(scores) < 0.9


def exact_melody(score: Score) -> tuple:
    """Intervals of all notes and ratios of their onsets: the same in any key and at any note length."""
    notes = score.notes
    onsets = np.diff(notes[:, 0])
    return tuple(np.diff(notes[:, 2])), tuple((onsets / max(onsets[0], 1)).round(6))


def test_no_test_melody_has_its_transposed_twin_in_train_or_valid(pieces):
    elsewhere = {exact_melody(piece.score) for split in ("train", "valid") for piece in pieces[split]}
    assert len(elsewhere) < len(pieces["train"]) + len(pieces["valid"])  # there are twins, and they are found
    assert not [piece.name for piece in pieces["test"] if exact_melody(piece.score) in elsewhere]


def test_no_test_melody_shares_half_of_its_grams_with_a_training_tune(pieces):
    holders: dict[tuple, list[int]] = {}
    for i, piece in enumerate(pieces["train"]):
        for gram in near_duplicates.interval_grams(piece.score):
            holders.setdefault(gram, []).append(i)
    for piece in pieces["test"]:
        grams = near_duplicates.interval_grams(piece.score)
        shared = np.bincount([i for gram in grams for i in holders.get(gram, [])], minlength=1)
        assert shared.max() < max(len(grams) / 2, near_duplicates.FEWEST_SHARED), piece.name


def test_the_committed_table_is_what_the_code_finds(tmp_path):
    made = tunes.write_duplicates(tmp_path / "tunes.csv")
    assert made.read_text() == (tunes.data_dir() / "splits" / "tunes.csv").read_text()


# -- what counts as the same melody

AIR = [
    (4 * i, 4, 62 + pitch) for i, pitch in enumerate([0, 2, 4, 7, 4, 2, 5, 4, 9, 7, 5, 4, 2, 11, 7, 0, 12, 9, 2, 5, 1])
]


def altered(notes, **changes):
    return score_of(*(changes.get(f"n{i}", note) for i, note in enumerate(notes)))


SAME = {
    "another key": score_of(*((t, d, p + 5) for t, d, p in AIR)),
    "double lengths": score_of(*((2 * t, 2 * d, p) for t, d, p in AIR)),
    "struck twice": score_of(*((t + h, 2, p) for t, _, p in AIR for h in (0, 2))),
    "the second half only": score_of(*((t, d, p) for t, d, p in AIR[3:])),
    "one note changed at the end": altered(AIR, n20=(80, 4, 60)),
    "with a bass": score_of(*AIR, *((t, d, 40) for t, d, _ in AIR)),
    "dotted": score_of(*((t + (i % 2), 3, p) for i, (t, _, p) in enumerate(AIR))),
}


@pytest.mark.parametrize("name", SAME)
def test_settings_of_one_melody_are_near_duplicates(name):
    labels = near_duplicates.clusters([score_of(*AIR), score_of(*((t, d, 122 - p) for t, d, p in AIR)), SAME[name]])
    assert labels[0] == labels[2] != labels[1]  # the inversion is another melody


def test_near_duplicates_chain():
    parts = [AIR, AIR + [(t + 84, d, 130 - p) for t, d, p in AIR], [(t, d, 130 - p) for t, d, p in AIR]]
    assert len(set(near_duplicates.clusters([score_of(*part) for part in parts]))) == 1
    assert len(set(near_duplicates.clusters([score_of(*part) for part in parts[::2]]))) == 2


def test_short_and_empty_scores_are_clustered_too():
    short = [(0, 4, 60), (4, 4, 62)]
    scores = [score_of(), score_of(*short), score_of(*((t, d, p + 1) for t, d, p in short)), score_of()]
    labels = near_duplicates.clusters(scores)
    assert labels[1] == labels[2] and len(set(labels)) == 3


# -- the corpus as an object


def test_a_book_by_itself_keeps_its_split(book, pieces):
    ryan = tunes.Tunes(books="ryansMammoth")
    for split in ryan.splits:
        expected = [piece.name for piece in pieces[split] if piece.name.startswith("ryansMammoth/")]
        assert [piece.name for piece in ryan.load(split)] == expected
    assert ryan.digest() != book.digest() == tunes.Tunes().digest()


@pytest.mark.parametrize(
    ("make", "near"),
    [(lambda: tunes.Tunes(books=["ryans"]), "ryansMammoth"), (lambda: tunes.Tunes().load("tset"), "test")],
)
def test_unknown_names_are_refused(make, near):
    with pytest.raises(EtudeError, match=f"Did you mean '{near}'"):
        make()


def test_tunes_that_cannot_be_used_say_why():
    whole = write_abc(score_of(*AIR))
    assert tune_books.usable(whole)[1] == ""
    assert "key" in tune_books.usable(whole.replace("K:C", "R:reel"))[1]
    assert "fewer than 8 notes: 2" in tune_books.usable("X:1\nK:C\nC D|")[1]
    assert "letters were lost" in tune_books.usable("X:1\nK:C\nCDEF GABc | 3A2c2 |")[1]
    names = [name for name, _ in tune_books.named_tunes("b/f.abc", "X:07\nK:C\nX: 7\nK:C\nX:\nK:C\n")]
    assert names == ["b/f/7", "b/f/7.2", "b/f/0"]


def test_loading_does_not_import_music21():
    code = "import sys; from etude.corpora.tunes import Tunes; Tunes().load('test'); print('music21' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
