"""One lesson for all: equal music whatever the codes, what a fit had reached when, and when it still falls."""

import numpy as np
import pytest

import etude
from etude import Budget, EtudeError, History
from etude.study import record
from etude.study.lesson import Lesson, codes_per_second, costs, curve, reached, still_falling
from etude.training import Windows

LESSON = Lesson(steps=4, seconds=12.0, window=3.0, keys=2, valid_every=2)


@pytest.fixture(scope="module")
def small(chorales):
    return {"train": chorales["train"][:4], "valid": chorales["valid"][:2], "test": chorales["test"][:2]}


def test_a_budget_by_hand():
    lesson = Lesson(steps=100, seconds=48, window=24, learning_rate=0.01, valid_every=10, average=0.9)
    assert lesson.budget(16 / 3) == Budget(100, 2, 128, 0.01, 10, average=0.9)
    assert lesson.budget(13.0, learning_rate=1e-3) == Budget(100, 2, 312, 1e-3, 10, average=0.9)
    assert lesson.music == 4800 and lesson.scaled(0.5).steps == 50 and lesson.scaled(0.5).valid_every == 5
    assert [list(Lesson(keys=k).semitones) for k in (1, 2, 12)] == [[0], [-1, 0], list(range(-6, 6))]


@pytest.mark.parametrize("name", ["pianoroll", "midi", "text"])
def test_every_representation_sees_the_same_music_at_a_step(small, name):
    data = LESSON.encode(small, etude.representation(name))
    budget, rate = LESSON.budget(codes_per_second(data)), codes_per_second(data)
    batches = Windows(data.train, budget.window, budget.batch_size, 0)
    seen = np.mean([batches.batch(step).mask.sum() for step in range(5)]) / rate
    assert seen == pytest.approx(LESSON.seconds, abs=LESSON.windows / rate)
    assert len(data.train) == LESSON.keys * len(small["train"])


def test_codes_per_second_are_those_of_the_space_or_counted(small):
    roll, midi = (LESSON.encode(small, etude.representation(name)) for name in ("pianoroll", "midi"))
    assert codes_per_second(roll) == 16 / 3
    seconds = sum(piece.score.common().seconds for piece in small["train"])
    assert codes_per_second(midi) == pytest.approx(sum(map(len, midi.codes["train"])) / seconds, rel=1e-3)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"window": 5.0}, "whole number of windows"),
        ({"window": 0.0}, "whole number of windows"),
        ({"seconds": float("nan")}, "whole number of windows"),
        ({"keys": 13}, "1 to 12 keys"),
        ({"keys": 0}, "1 to 12 keys"),
        ({"steps": 0}, "steps is a positive integer"),
        ({"average": 1.0}, "average"),
    ],
)
def test_what_cannot_be_taught_is_refused(wrong, said):
    with pytest.raises(EtudeError, match=said):
        Lesson(**wrong)
    with pytest.raises(EtudeError, match="codes per second"):
        LESSON.budget(0.0)


def history(*valid):
    rows = [{"step": 10 * (i + 1), "train": 1.0, "valid": v, "cpu_seconds": 2.0 * i} for i, v in enumerate(valid)]
    return History(rows, best_step=10)


def test_a_curve_that_falls_in_its_last_quarter_is_marked():
    assert still_falling(history(4, 3, 2, 1.9)) is True
    assert still_falling(history(4, 3, 2, 1.985)) is False, "by less than a hundredth"
    assert still_falling(history(4, 2, 3, 2.5)) is False, "not below its best"
    assert still_falling(history(9, 8, 7, 6, 5, 4, 3.5, 3.5)) is True, "two scores in the last quarter"
    assert still_falling(history(9, 8, 7, 6, 5, 3, 3.5, 3.5)) is False
    assert still_falling(history(2.0)) is None and still_falling(history(None, None)) is None


def test_a_fit_by_the_lesson_keeps_curve_and_cost(small, tmp_path, monkeypatch):
    for name, value in (("RUN_DIR", tmp_path), ("FITS", tmp_path / "fits"), ("NOTEBOOK", "99_lesson")):
        monkeypatch.setenv(f"ETUDE_{name}", str(value))
    run, data = record.start("99_lesson", seed=0), LESSON.encode(small, etude.representation("pianoroll"))
    LESSON.fit(run, data, "attention", [0, 1], channels=8, heads=2, layers=1, span=8)
    rows = curve(data.histories[0], data, LESSON)
    assert [row["step"] for row in rows] == [2, 4] and [row["music"] for row in rows] == [24, 48]
    best = data.models[0].bits(data.codes["valid"]).total / sum(p.score.common().seconds for p in small["valid"])
    assert rows[-1]["best"] == min(row["bits_per_second"] for row in rows) == pytest.approx(best, rel=1e-3)
    assert 0 < rows[0]["cpu_seconds"] < rows[1]["cpu_seconds"]
    found = costs(data, LESSON)
    assert found["seeds"] == 2 and found["music_hours"] == 48 / 3600 and found["cpu_seconds"] > 0
    again = LESSON.encode(small, etude.representation("pianoroll"))
    LESSON.fit(run, again, "attention", [0], channels=8, heads=2, layers=1, span=8)
    assert again.histories[0].rows == data.histories[0].rows, "a finished fit is read, clocks and all"


def test_a_checkpoint_from_before_the_cpu_clock_is_read():
    from etude.training import Task
    from etude.training.record import Record

    kept = Record(Task(None, [], None, Budget(), 0, {})).state
    read = Record(Task(None, [], None, Budget(), 0, {}))
    read.state = {name: value for name, value in kept.items() if name != "cpu_seconds"} | {"seconds": 7.0}
    assert read.seconds == 7.0 and read.cpu_seconds == 0.0
    with pytest.raises(KeyError):
        read.state = {name: value for name, value in kept.items() if name != "rows"}


def test_what_was_reached_within_a_time():
    rows = [{"cpu_seconds": 1.0, "music": 5.0, "best": 3.0}, {"cpu_seconds": 2.0, "music": 9.0, "best": 2.0}]
    assert reached(rows, 1.5) == 3.0 and reached(rows, 2.0) == 2.0 and reached(rows, 9.0, "music") == 2.0
    assert np.isnan(reached(rows, 0.5)) and np.isnan(reached([{**rows[0], "cpu_seconds": None}], 9.0))
