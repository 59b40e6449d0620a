"""The chorales: facts about the corpus, its split against the benchmark, its cache."""

import csv
from pathlib import Path

import numpy as np
import pytest

from etude.corpora import chorale_reader, chorales
from etude.corpora.chorale_split import derive_split, edit_distance, find_siblings, quarter_frames, read_split
from etude.corpora.chorales import Chorales, voice_crossings
from etude.corpora.keys import estimated_key
from etude.errors import EtudeError, MissingData
from etude.types import Score

BENCHMARK = Path(__file__).parents[2] / "shared" / "benchmark"


@pytest.fixture(scope="module")
def book():
    return Chorales()


@pytest.fixture(scope="module")
def pieces(book):
    return [piece for split in (*book.splits, "reserve") for piece in book.load(split)]


@pytest.fixture(scope="module")
def frame(book):
    return book.frame().set_index("name")


def test_there_are_410_in_four_disjoint_splits(book, pieces):
    assert len(pieces) == len({piece.name for piece in pieces}) == 410
    assert [len(book.load(split)) for split in (*book.splits, "reserve")] == [234, 75, 82, 19]
    assert book.splits == ("train", "valid", "test")


def test_the_others_of_413_are_not_for_four_voices(pieces):
    names = {piece.name for piece in pieces}
    assert chorale_reader.bach_files().keys() - names == {"bwv27.6", "bwv227.3", "bwv846"}


def test_every_piece_is_four_voices_of_one_note_at_a_time(pieces):
    for piece in pieces:
        for track in range(4):
            onset, duration = piece.score.notes[piece.score.notes[:, 4] == track, :2].T
            assert len(onset) and (onset[1:] >= onset[:-1] + duration[:-1]).all(), piece.name
        assert piece.score.notes[:, 4].max() == 3


def test_voices_lie_in_order(pieces):
    means = np.array([[p.score.notes[p.score.notes[:, 4] == v, 2].mean() for v in range(4)] for p in pieces])
    assert (np.diff(means, axis=1) < 0).all()


def test_onsets_off_the_sixteenth_grid_are_kept_exactly(pieces):
    times = np.concatenate([piece.score.notes[:, 0] for piece in pieces])
    off = times[times % 120 != 0]
    assert len(off) == 9 and (off % 60 == 0).all()  # 43 in all parts of all scores, instruments included


def test_a_chorale_begins_as_in_the_book(book):
    """BWV 269 in 3/4 (Riemenschneider 1): g' | g' half, d'' | b' dotted, ..."""
    soprano = book.piece("bwv269").score.notes
    soprano = soprano[soprano[:, 4] == 0]
    assert soprano[:4, 2].tolist() == [67, 67, 74, 71] and soprano[:4, 1].tolist() == [480, 960, 480, 720]
    assert soprano[:4, 0].tolist() == [0, 480, 1440, 1920]


def test_ties_are_merged(book):
    from music21 import converter

    stream = converter.parse(chorale_reader.bach_files()["bwv269"], forceSource=True, storePickle=False)
    alto = stream.parts[1].flatten().notes
    tied = sum(note.tie is not None and note.tie.type in ("continue", "stop") for note in alto)
    assert (book.piece("bwv269").score.notes[:, 4] == 1).sum() == len(alto) - tied


def test_the_frame_tells_metre_pickup_key_and_range(frame):
    assert frame["metre"].value_counts().to_dict() == {"4/4": 364, "3/4": 44, "3/2": 1, "12/8": 1}
    first = frame.loc["bwv269"]
    assert (first["key"], first["mode"], first["metre"], first["pickup"]) == ("G", "major", "3/4", 1.0)
    assert first["title"] == "Aus meines Herzens Grunde" and first["sharps"] == 1 and first["bwv"] == "269"
    assert first["seconds"] == first["quarters"] * 60 / 80
    assert frame["lowest"].min() == 36 and frame["highest"].max() == 81
    assert frame["notes"].sum() == 96726


def test_the_estimated_tonic_is_most_often_the_last_bass_note(book, pieces):
    names = ["C", "C#/Db", "D", "Eb", "E", "F", "F#", "G", "G#/Ab", "A", "Bb", "B"]
    last = [piece.score.notes[piece.score.notes[:, 4] == 3][-1, 2] % 12 for piece in pieces]
    right = sum(estimated_key(p.score)[0] in names[c].split("/") for p, c in zip(pieces, last, strict=True))
    assert right == 350  # as the module docstring says


def test_voice_crossings_by_hand():
    soprano, alto = [(0, 480, 60, 80, 0), (480, 480, 60, 80, 0)], [(0, 480, 59, 80, 1), (480, 240, 61, 80, 1)]
    assert voice_crossings(Score(np.array(soprano + alto), 480)) == 1
    assert voice_crossings(Score(np.array(soprano), 480)) == 0


def test_reserve_and_unknown_names_are_asked_for_by_name(book):
    assert "reserve" not in book.splits and len(book.load("reserve")) == 19
    with pytest.raises(EtudeError, match="'reserve'"):
        book.load("reserv")
    with pytest.raises(EtudeError, match="bwv269"):
        book.piece("bwv2699")


def test_a_missing_split_table_says_how_to_get_it(tmp_path):
    with pytest.raises(MissingData, match="ETUDE_ROOT"):
        read_split(tmp_path / "chorales.csv")


# The split


def test_the_derivation_gives_the_committed_table(book):
    if not (BENCHMARK / "jsb_split.csv").is_file():
        pytest.skip("the benchmark's concordance is not beside the checkout")
    assert book.derived_split(BENCHMARK) == read_split(Path(__file__).parents[1] / "data" / "splits" / "chorales.csv")


def test_named_works_have_their_benchmark_split(book):
    if not (BENCHMARK / "jsb_split.csv").is_file():
        pytest.skip("the benchmark's concordance is not beside the checkout")
    sides = {piece.name: split for split in (*book.splits, "reserve") for piece in book.load(split)}
    with (BENCHMARK / "jsb_split.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["bwv"]]
    differing = {row["bwv"] for row in rows if sides[row["bwv"]] != row["split"]}
    assert len(rows) == 374 and differing == {"bwv36.8-2", "bwv414", "bwv176.6"}  # two named twice; a sibling
    assert [sides[name] for name in ("bwv36.8-2", "bwv414", "bwv176.6")] == ["test", "valid", "valid"]


def test_no_sibling_harmonisations_on_two_sides(book, pieces):
    sides = {piece.name: split for split in (*book.splits, "reserve") for piece in book.load(split)}
    siblings = find_siblings({piece.name: piece.score for piece in pieces})
    assert len(siblings) == 22
    assert all(sides[a] == sides[b] for a, b, _ in siblings)


def test_rules_on_a_toy():
    concordance = [
        {"bwv": "a", "split": "train", "index": "0", "match": "exact"},
        {"bwv": "a", "split": "test", "index": "4", "match": "near"},
        {"bwv": "b", "split": "train", "index": "1", "match": "exact"},
        {"bwv": "c", "split": "valid", "index": "2", "match": "exact"},
        {"bwv": "", "split": "valid", "index": "3", "match": "unmatched"},
    ]
    rows = derive_split("abcdef", concordance, [("c", "b", 0.7), ("d", "b", 0.9), ("e", "a", 0.69), ("d", "g", 1.0)])
    assert [row["split"] for row in rows] == ["test", "valid", "valid", "valid", "reserve", "reserve"]
    assert rows[0]["why"] == "benchmark test 4 (near)" and rows[3]["why"] == "90% equal to b"


def chords(*pitches, start=0):
    return [(480 * (start + t), 480, p, 80, v) for t, chord in enumerate(pitches) for v, p in enumerate(chord)]


def test_siblings_are_found_across_shift_and_transposition():
    """10 chords; `b` is `a` a fourth higher, a quarter later, with three chords changed: 7 of 10 are equal."""
    rng = np.random.default_rng(0)
    a = [sorted(rng.integers(40, 70, 4).tolist()) for _ in range(10)]
    b = [[p + 5 for p in chord] for chord in a]
    for t in (2, 5, 8):
        b[t] = [p + 1 + k for k, p in enumerate(b[t])]
    scores = {"a": Score(np.array(chords(*a)), 480), "b": Score(np.array(chords(*b, start=1)), 480)}
    assert find_siblings(scores, least=0.5) == [("a", "b", 0.7)]
    assert len(quarter_frames(scores["b"])) == 11 and quarter_frames(scores["b"])[0] == ((), 0)


def test_edit_distance_by_hand():
    assert edit_distance(list("kitten"), list("sitting")) == 3
    assert edit_distance([], [1, 2]) == 2 and edit_distance([1, 2], [1, 2]) == 0


# The cache


def test_an_interrupted_parse_leaves_no_cache_and_the_next_one_is_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path))
    few = dict(list(chorale_reader.bach_files().items())[:3])
    monkeypatch.setattr(chorale_reader, "bach_files", lambda: few)
    with monkeypatch.context() as broken:
        broken.setattr(chorales, "read_all", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Chorales().piece("bwv1.6")
    assert not list(tmp_path.glob("*.npz"))
    first = Chorales().piece("bwv1.6")
    (cache,) = tmp_path.glob("*.npz")
    monkeypatch.setattr(chorales, "read_all", interrupted)  # not called again
    assert Chorales().piece("bwv1.6").score == first.score
    with np.load(cache, allow_pickle=False) as arrays:
        assert set(arrays) == {"notes", "ends", "notation"}


def interrupted(function, tasks, workers, seconds):
    yield 0, {"notes": np.zeros((1, 5), np.int64)}
    raise KeyboardInterrupt


def test_the_cache_depends_on_the_reader(monkeypatch):
    before = chorales._parser_digest()
    monkeypatch.setattr(chorales, "version", lambda package: "0.0")
    assert chorales._parser_digest() != before
