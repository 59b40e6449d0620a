"""Work and memory that do not grow with what a file says: statistics, near-duplicates, stores, sockets."""

import tracemalloc

import numpy as np
import pytest
from conftest import score_of

from etude.corpora import near_duplicates
from etude.corpora.code_store import store_path, stored
from etude.errors import EtudeError
from etude.evaluation.memorisation import memorisation_table, texture
from etude.evaluation.statistics import sounding, statistics, top_line
from etude.types import ONSET, PITCH, Piece, Score

HOURS = 2**36  # sixteenths between two notes: as a roll they would be 8 TiB


def random_score(rng) -> Score:
    n = rng.integers(0, 60)
    columns = rng.integers(0, 90, n), rng.integers(1, 40, n), rng.integers(0, 128, n), np.full(n, 80), np.zeros(n)
    return Score(np.stack(columns, axis=1).astype(np.int64), 4).common()


def test_the_top_line_is_what_the_roll_shows():
    rng = np.random.default_rng(0)
    for score in [random_score(rng) for _ in range(200)]:
        highest = 127 - sounding(score)[:, ::-1].argmax(axis=1)
        notes = score.notes
        wanted = notes[notes[:, PITCH] == highest[notes[:, ONSET]]] if len(notes) else notes
        assert top_line(score).tolist() == wanted[:, [ONSET, PITCH]].tolist()


def test_the_texture_is_what_stands_at_each_onset():
    score = score_of((0, 4, 60), (0, 4, 64), (6, 2, 55), (6, 2, 67), (6, 2, 59), (8, 1, 70))
    assert texture(score) == [(6, -5, (0, 4, 12)), (2, 15, (0,))]
    assert texture(score_of()) == texture(score_of((3, 1, 60))) == []


@pytest.mark.parametrize("view", ["melody", "texture"])
def test_memorisation_of_a_score_with_a_gap_takes_no_more_memory(view):
    line = [(4 * k, 4, 60 + k * k % 11) for k in range(30)]
    score = score_of(*line, (HOURS, 4, 60), (HOURS + 4, 4, 62))
    tracemalloc.start()
    table = memorisation_table({"held out": [score]}, [Piece("a", score_of(*line))], view)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6 and table.loc["held out", "most_copied"] == 29


def test_a_roll_that_no_file_may_be_is_refused():
    with pytest.raises(EtudeError, match="at most 262144 sixteenths"):
        statistics(score_of((0, 1, 60), (HOURS, 1, 60)))


@pytest.mark.parametrize("most", [1, 40, 10**9])
def test_clusters_do_not_depend_on_the_blocks(monkeypatch, most):
    rng = np.random.default_rng(1)
    lines = [np.cumsum(rng.choice([-3, -2, -1, 1, 2, 3], 40)) % 40 + 40 for _ in range(6)]
    melodies = [lines[k % 6][: 20 + k] for k in range(18)]
    scores = [score_of(*((4 * i, 4, int(pitch)) for i, pitch in enumerate(line))) for line in melodies]
    monkeypatch.setattr(near_duplicates, "MOST_PAIRS", most)
    assert near_duplicates.clusters(scores).tolist() == [0, 1, 2, 3, 4, 5] * 3
    assert near_duplicates.clusters([]).tolist() == []


def test_a_thousand_copies_of_a_tune_are_clustered_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(near_duplicates, "MOST_PAIRS", 2**16)
    copies = [score_of(*((4 * i, 4, 60 + i * i % 13) for i in range(30)))] * 2000
    tracemalloc.start()
    found = near_duplicates.clusters(copies)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not found.any() and peak < 20e6  # all pairs at once are 48 MB


def test_no_flipped_bit_of_a_store_is_believed(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path))
    folder, codes, made = store_path("test", "a"), np.arange(2000) % 256, []

    def sounds():
        made.append(1)
        yield "a", [codes]

    stored(folder, np.uint8, sounds())
    rng = np.random.default_rng(0)
    for number in range(100):
        path = folder / ("codes.bin" if number % 2 else "index.json")
        data = bytearray(path.read_bytes())
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(data)
        assert np.array_equal(stored(folder, np.uint8, sounds())["a"], codes)
    assert len(made) > 90


def test_sockets_have_a_folder_with_a_short_name(tmp_path, monkeypatch):
    from etude.study import kernel

    for name in ("", "é" * 60, "scratch_of_a_job/" * 9):
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        monkeypatch.setattr(kernel.tempfile, "gettempdir", lambda folder=folder: str(folder))
        found = kernel.folder_for_sockets()
        assert len(found.encode()) + kernel._OWN <= kernel.LONGEST_SOCKET
    monkeypatch.setattr(kernel.tempfile, "gettempdir", lambda: "/tmp")
    assert kernel.folder_for_sockets() == "/tmp"
    monkeypatch.setattr(kernel, "_writable", lambda folder: False)
    with pytest.raises(EtudeError, match="Set TMPDIR"):
        kernel.folder_for_sockets()


def test_a_cache_of_a_folder_heals_wherever_it_is_damaged(tmp_path, monkeypatch):
    from midi_files import SCALE

    from etude.corpora.folder import Folder

    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "scale.mid").write_bytes(SCALE)

    def found() -> list:
        (piece,) = Folder(tmp_path / "music", verbose=False, workers=1, split=(1, 0, 0)).load("train")
        return piece.score.notes.tolist()

    wanted = found()
    (path,) = (tmp_path / "cache" / "folder").iterdir()
    whole = path.read_bytes()
    for at in range(0, len(whole), 61):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert found() == wanted
