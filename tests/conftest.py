"""Music that many tests share: small pieces made by hand, and the real chorales."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads: tests run beside each other

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from etude import Audio, Piece, Score, corpus
from etude.study.notebook import load_nbformat

load_nbformat()  # before a test file does, and takes longer

settings.register_profile("etude", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("etude")  # the same examples on every machine, and no timed assertions


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put together what shares: then it is one process of two that loads TensorFlow, and one that fits a tiny model.

    Tests are dealt to two processes half and half, in order. TensorFlow's come first, for it keeps its graphs; then
    those of the models of `tiny.py`, a model after the other.
    """
    places = {}
    for item in items:
        places.setdefault(_tiny_model(item), len(places))
    items.sort(key=lambda item: (not _needs_tensorflow(item), not _tiny_model(item), places[_tiny_model(item)]))


def _tiny_model(item: pytest.Item) -> tuple | None:
    """Return the case of `tiny.py` that a test is about, None where it is about none."""
    given, known = getattr(item, "callspec", None), getattr(item.module, "CASES", ())
    values = given.params.values() if given is not None and hasattr(item.module, "fitted") else ()
    return next((value for value in values if isinstance(value, tuple) and value in known), None)


def _needs_tensorflow(item: pytest.Item) -> bool:
    groups = {name for mark in item.iter_markers("xdist_group") for name in mark.args}
    return "tensorflow" in groups or "tensorflow" in item.name.partition("[")[2]


def score_of(*notes, ticks=4, **options) -> Score:
    """A score of (onset, duration, pitch[, velocity[, track]]) tuples, in sixteenths."""
    rows = [(*note, *(80, 0)[len(note) - 3 :]) for note in notes]
    return Score(np.array(rows, np.int64).reshape(-1, 5), ticks, **options)


SMALL_PIECES = {
    "empty": score_of(),
    "one note": score_of((0, 1, 60)),
    "leading rest": score_of((37, 3, 60), (40, 4, 67)),
    "repeated note": score_of((0, 4, 60), (4, 4, 60), (8, 1, 60)),
    "outer keys": score_of((0, 16, 21), (0, 16, 108), (16, 2, 21)),
    "chord of eight": score_of(*((0, 6, pitch) for pitch in range(40, 72, 4))),
    "long rest": score_of((0, 4, 60), (100, 4, 62)),
    "long note": score_of((0, 64, 48), (4, 2, 60), (60, 8, 64)),
    "off the grid": score_of((10, 470, 60, 100), (500, 240, 61, 30, 1), (10, 200, 60, 90, 2), ticks=480, length=1920),
    "beyond the keyboard": score_of((0, 4, 0), (4, 4, 127), (8, 2, 12)),
}


def chorale_like_score(bars: int = 4) -> Score:
    """Four voices in quarters with passing eighths and a suspended alto: SATB tracks at 480 ticks, 4/4."""
    rows = []
    for beat in range(4 * bars):
        degree = (0, 5, 7, 0)[beat % 4]
        soprano, bass = 72 + (0, 2, 4, 2)[beat % 4], 48 + degree
        rows += [(480 * beat, 240, soprano, 80, 0), (480 * beat + 240, 240, soprano + 1, 80, 0)]
        rows += [(480 * beat, 480, 55 + degree % 5, 80, 2), (480 * beat, 480, bass, 80, 3)]
        if beat % 2 == 0:
            rows.append((480 * beat, 960, 64 + degree % 3, 80, 1))
    return Score(np.array(rows), 480, 80.0)


@pytest.fixture(params=SMALL_PIECES, ids=lambda name: name.replace(" ", "-"))
def small_piece(request) -> Piece:
    """Each small hand-made score in turn."""
    return Piece(request.param, score=SMALL_PIECES[request.param])


@pytest.fixture(scope="session")
def chorale_like() -> Piece:
    """A four-part piece of 12 s with the look of a chorale."""
    return Piece("chorale-like", score=chorale_like_score())


@pytest.fixture(scope="session")
def tone() -> Piece:
    """Half a second of a 440 Hz tone with two overtones, at 22 050 Hz."""
    time = np.arange(11025) / 22050
    wave = sum(np.sin(2 * np.pi * 440 * k * time) / k for k in (1, 2, 3))
    return Piece("tone", audio=Audio((0.5 * wave / np.abs(wave).max()).astype(np.float32), 22050))


@pytest.fixture(scope="session")
def chorales() -> dict[str, list[Piece]]:
    """All chorales by split, `reserve` included."""
    book = corpus("chorales")
    return {split: list(book.load(split)) for split in (*book.splits, "reserve")}
