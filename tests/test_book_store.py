"""Tunes of a book are kept one by one: an access costs its tune, and damage costs one reading of the book."""

import random

import pytest

from etude.corpora import book_store, folder, folder_cache, folder_index
from etude.corpora.book_store import keep_tunes, read_tune
from etude.corpora.folder import Folder
from etude.formats.abc import read_abc

TUNES = 60


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    room = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("ETUDE_CACHE", str(room))
    return room


def tune(number: int) -> str:
    music = "".join(random.Random(number).choice("CDEFGABcd") for _ in range(8))
    return f"X:{number}\nT:Air {number}, für alle\nL:1/4\nQ:1/4={60 + number}\nK:G\n{music}|\n"


@pytest.fixture
def book(tmp_path):
    (tmp_path / "book.abc").write_text("L:1/8\n\n" + "\n".join(map(tune, range(TUNES))) + "\n\nX:99\nK:C\nz|\n")
    return tmp_path


def opened(path) -> Folder:
    return Folder(path, split=(1, 0, 0), verbose=False, workers=1)


def test_pieces_are_the_tunes_and_the_bad_one_is_in_the_ledger(book):
    for corpus in (opened(book), opened(book)):  # from the file, from the cache
        pieces = {piece.name: piece for piece in corpus.load("train")}
        assert list(corpus.ledger["file"]) == [f"book.abc#{TUNES + 1}"]
        for number in range(TUNES):
            piece = pieces[f"book.abc#{number + 1}"]
            assert piece.score == read_abc(tune(number)) == read_abc(piece.text)
            assert f"Air {number}, für alle" in piece.text


def test_metre_and_upbeat_of_a_tune_are_kept(tmp_path):
    heads = {"M:6/8\nL:1/8\nK:G\nD|GAB cde|g3|]": ((6, 8), 0.5), "M:C|\nL:1/4\nK:G\nG|c2d2|g3|]": ((2, 2), 1.0),
             "M:3/4\nL:1/4\nK:G\nGBd|g3|]": ((3, 4), 0.0), "M:none\nL:1/4\nK:G\nG|c|]": (None, 0.0)}  # fmt: skip
    (tmp_path / "book.abc").write_text("\n".join(f"X:{k}\n{head}\n" for k, head in enumerate(heads)))
    for corpus in (opened(tmp_path), opened(tmp_path)):  # from the file, from the cache
        found = {piece.name: (piece.score.meter, piece.score.pickup) for piece in corpus.load("train")}
        assert found == {f"book.abc#{k + 1}": notation for k, notation in enumerate(heads.values())}


def test_an_access_reads_its_tune_and_nothing_else(book, monkeypatch):
    corpus, calls = opened(book), []
    for module, name in ((folder_cache, "read_sealed"), (folder, "read_sources"), (folder_index, "read_all")):
        monkeypatch.setattr(module, name, lambda *_, name=name: pytest.fail(f"{name} was called"))
    read = folder_cache.read_tune
    monkeypatch.setattr(folder_cache, "read_tune", lambda path, place: (calls.append(place), read(path, place))[1])
    pieces = list(corpus.load("train"))
    assert len(calls) == len(pieces) == TUNES
    [records] = [path for path in (folder_cache.cache_dir() / "folder").iterdir() if path.suffix == ".tunes"]
    assert sum(size for _, size in calls) == records.stat().st_size  # each byte once


def test_holding_a_piece_costs_the_same_however_many_are_held(book, monkeypatch):
    corpus, weighed = opened(book), []
    size = folder._size
    monkeypatch.setattr(folder, "_size", lambda piece: (weighed.append(piece.name), size(piece))[1])
    monkeypatch.setattr(folder, "HELD", 10 * 8 * 5 * 8)  # ten tunes of eight notes
    pieces = corpus.load("train")
    for _ in range(2):
        assert len(list(pieces)) == TUNES
    assert len(corpus._held) == 10 and corpus._held_bytes == sum(map(size, corpus._held.values()))
    assert len(weighed) <= 2 * 2 * TUNES


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_damaged_records_are_made_anew(book, damage):
    before = {piece.name: piece.score for piece in opened(book).load("train")}
    [records] = list((folder_cache.cache_dir() / "folder").glob("*.tunes"))
    data = bytearray(records.read_bytes())
    data[len(data) // 2] ^= 1
    corpus = opened(book)
    if damage == "gone":
        records.unlink()
    else:
        records.write_bytes(data if damage == "flipped" else data[: len(data) // 2])
    assert {piece.name: piece.score for piece in corpus.load("train")} == before


def test_every_single_flipped_bit_of_a_record_is_seen(tmp_path):
    score = read_abc("X:1\nK:C\nCD")
    piece = {"notes": score.notes, "ticks_per_quarter": 10080, "bpm": 80.0, "length": score.length, "seconds": 1.0}
    path = tmp_path / "a.tunes"
    [kept] = keep_tunes(path, [{**piece, "text": "é"}])
    data = path.read_bytes()
    assert read_tune(path, kept["place"]) == (score, "é") and kept["place"] == (0, len(data))
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        assert read_tune(path, kept["place"]) is None
    assert book_store.read_tune(tmp_path / "none", (0, 9)) is None


def test_a_large_book_has_more_time_than_a_small_one(tmp_path, monkeypatch):
    (tmp_path / "large.abc").write_text("X:1\nK:C\nC|\n" + "%" * (3 * 2**20))
    (tmp_path / "small.abc").write_text("X:1\nK:C\nC|\n")
    given = {}

    def read_all(reader, tasks, workers, seconds, memory, together):
        given.update({path.rpartition("/")[2]: seconds for path, *_ in tasks})
        return iter(())

    monkeypatch.setattr(folder_index, "read_all", read_all)
    Folder(tmp_path, seconds=10, verbose=False, workers=1)
    assert given == {"large.abc": 40, "small.abc": 10}
