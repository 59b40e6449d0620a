"""The polyphonic benchmark: published counts, frames and notes; files that are missing or wrong; fetching."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from etude.corpora import fetch, polyphonic
from etude.corpora.polyphonic import COLLECTIONS, Polyphonic, benchmark_folder, score_of_roll
from etude.errors import EtudeError, ForeignFiles, MissingData, UnreadableFile
from etude.types import Piece

TEST_FRAMES = {"JSB_Chorales": 4725, "Nottingham": 44463, "Piano_midi": 19036, "MuseData": 64339}
BESIDE = Path(__file__).parents[2] / "shared" / "benchmark"


@pytest.fixture(params=COLLECTIONS)
def collection(request):
    folder = next((f for f in (benchmark_folder(), BESIDE) if (f / f"{request.param}.mat").is_file()), None)
    if folder is None:
        pytest.skip(f"no {request.param}.mat: run `etude fetch benchmark`")
    return Polyphonic(request.param, folder)


def test_counts_and_frames_are_the_published_ones(collection):
    counts = tuple(len(collection.rolls(split)) for split in collection.splits)
    assert counts == COLLECTIONS[collection.collection].sequences
    assert sum(map(len, collection.rolls("test"))) == TEST_FRAMES[collection.collection]


def test_rolls_are_binary_frames_of_88_keys(collection):
    for roll in collection.rolls("train"):
        assert roll.dtype == np.uint8 and roll.shape[1] == 88 and len(roll) and roll.max() <= 1


def test_pieces_hold_what_the_rolls_hold(collection):
    for piece, roll in zip(collection.load("test"), collection.rolls("test"), strict=True):
        drawn = np.zeros_like(roll)
        for onset, duration, pitch, _, _ in piece.score.notes.tolist():
            assert not drawn[onset : onset + duration, pitch - 21].any()
            drawn[onset : onset + duration, pitch - 21] = 1
        assert np.array_equal(drawn, roll) and piece.score.length == len(roll)


def test_a_run_of_a_key_is_one_note():
    roll = np.zeros((6, 88), np.uint8)
    roll[0:2, 0] = roll[3:6, 0] = roll[1, 87] = 1
    score = score_of_roll(roll, 2)
    assert score.notes[:, :3].tolist() == [[0, 2, 21], [1, 1, 108], [3, 3, 21]]
    assert score.seconds == 6 / 2 * 60 / 80
    assert score_of_roll(np.zeros((3, 88), np.uint8), 1).length == 3


def test_a_missing_file_says_how_to_get_it(tmp_path):
    with pytest.raises(MissingData) as caught:
        Polyphonic("MuseData", tmp_path).load("train")
    assert "etude fetch benchmark" in str(caught.value) and "\n" not in str(caught.value)


def test_another_file_is_not_parsed(tmp_path):
    (tmp_path / "MuseData.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with pytest.raises(UnreadableFile, match="sha256"):
        Polyphonic("MuseData", tmp_path).rolls("train")


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(EtudeError, match="JSB_Chorales"):
        Polyphonic("JSB_Chorals")
    with pytest.raises(EtudeError, match="valid"):
        Polyphonic("MuseData", tmp_path).rolls("validation")


def test_the_folder_is_given_or_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_BENCHMARK", str(tmp_path))
    assert Polyphonic().path == tmp_path / "JSB_Chorales.mat"
    assert Polyphonic(folder=tmp_path / "x").path == tmp_path / "x" / "JSB_Chorales.mat"


# Fetching, from a server on this machine


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    files, asked = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            data, length = files.get(self.path, (None, 0))
            if data is None:
                self.send_error(404)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}", files, asked
        http.shutdown()


@pytest.fixture
def known(monkeypatch):
    """Two small files in place of the benchmark's."""
    data = {name: f"contents of {name}".encode() for name in ("JSB_Chorales", "MuseData")}
    sets = {n: COLLECTIONS[n]._replace(sha256=hashlib.sha256(d).hexdigest()) for n, d in data.items()}
    monkeypatch.setattr(fetch, "COLLECTIONS", sets)
    monkeypatch.setattr(polyphonic, "COLLECTIONS", sets)
    return data


def test_fetching_writes_what_is_missing_and_only_that(server, known, tmp_path):
    url, files, asked = server
    files |= {f"/{name}.mat": (data, len(data)) for name, data in known.items()}
    said = []
    paths = fetch.fetch_benchmark(known, tmp_path, url, said.append)
    assert [path.read_bytes() for path in paths] == list(known.values())
    fetch.fetch_benchmark(known, tmp_path, url, said.append)
    assert asked == ["/JSB_Chorales.mat", "/MuseData.mat"] and said[2:] == [
        "JSB_Chorales.mat is there",
        "MuseData.mat is there",
    ]


def test_fetching_replaces_no_other_file(server, known, tmp_path):
    url, _, asked = server
    (tmp_path / "MuseData.mat").write_bytes(b"my own")
    with pytest.raises(ForeignFiles, match=r"MuseData\.mat"):
        fetch.fetch_benchmark(["MuseData"], tmp_path, url)
    assert (tmp_path / "MuseData.mat").read_bytes() == b"my own" and asked == []


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((b"another file", 12), UnreadableFile, "sha256"),
        ((b"contents", 25), MissingData, "8 bytes|IncompleteRead"),  # the connection ends early
        ((None, 0), MissingData, "404"),
    ],
    ids=["wrong", "cut off", "absent"],
)
def test_a_bad_answer_leaves_no_file(server, known, tmp_path, answer, error, words):
    url, files, _ = server
    files["/MuseData.mat"] = answer
    with pytest.raises(error, match=words):
        fetch.fetch_benchmark(["MuseData"], tmp_path, url)
    assert list(tmp_path.iterdir()) == []


def test_no_network_says_so(known, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(MissingData, match="Check the network"):
        fetch.fetch_benchmark(["MuseData"], tmp_path, "http://127.0.0.1:9")
    with pytest.raises(EtudeError, match="MuseData"):
        fetch.fetch_benchmark(["Musedata"], tmp_path)


def test_a_piece_has_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(Polyphonic, "rolls", lambda self, split: [np.eye(3, 88, dtype=np.uint8)])
    (piece,) = Polyphonic("Nottingham", tmp_path).load("valid")
    assert isinstance(piece, Piece) and piece.name == "Nottingham-valid-000"
