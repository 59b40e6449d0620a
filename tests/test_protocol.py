"""The benchmark's number without training: published rows to 0.01 nats."""

from pathlib import Path

import numpy as np
import pytest

import etude
from etude import EtudeError
from etude.evaluation.protocol import FRAME, UNIFORM, nats_per_frame
from etude.evaluation.surprise import bits_per_sixteenth
from etude.files import data_dir
from etude.study.benchmark import frame_bits

FILES = {"JSB": "JSB_Chorales.mat", "Nottingham": "Nottingham.mat"}


def folder_of(name: str) -> Path:
    """Return the folder that holds a set of the benchmark; skips where there is none."""
    folders = (data_dir() / "raw" / "polyphonic", Path(__file__).parents[2] / "shared" / "benchmark")
    found = [folder for folder in folders if (folder / FILES[name]).is_file()]
    if not found:
        pytest.skip(f"{FILES[name]} is not in data/raw/polyphonic: etude fetch benchmark gets it")
    return found[0]


def rolls(name: str) -> dict[str, list[np.ndarray]]:
    from scipy.io import loadmat

    data = loadmat(folder_of(name) / FILES[name])
    return {split: [x.astype(np.int64) for x in data[f"{split}data"][0]] for split in ("train", "valid", "test")}


@pytest.fixture(scope="module", params=FILES)
def benchmark(request):
    return request.param, rolls(request.param)


def fitted(name, split):
    model = etude.model(name, FRAME)
    model.fit(split["train"], split["valid"])
    return model


def test_each_key_by_itself_is_the_published_one_gram(benchmark):
    name, split = benchmark
    nats = nats_per_frame(fitted("marginal", split).step_bits(split["test"]), split["test"])
    assert nats == pytest.approx({"JSB": 11.06, "Nottingham": 10.25}[name], abs=0.01)


def test_each_key_given_itself_before(benchmark):
    name, split = benchmark
    bits = fitted("copy-previous", split).step_bits(split["test"])
    nats = nats_per_frame(bits, split["test"], first_frame=False)
    assert nats == pytest.approx({"JSB": 10.49, "Nottingham": 5.16}[name], abs=0.01)


def test_frames_and_pieces_are_counted_as_published(benchmark):
    name, split = benchmark
    assert [len(split[part]) for part in split] == {"JSB": [229, 76, 77], "Nottingham": [694, 173, 170]}[name]
    assert sum(map(len, split["test"])) == {"JSB": 4725, "Nottingham": 44463}[name]


def test_counts_beat_the_published_note_n_gram_on_the_chorales():
    split = rolls("JSB")
    assert nats_per_frame(fitted("counts", split).step_bits(split["test"]), split["test"]) < 10.26


def test_the_number_by_hand():
    frames = [np.zeros((2, 88), int), np.zeros((3, 88), int)]
    bits = [np.full((2, 88), 1.0), np.full((3, 88), 2.0)]
    bits[0][0] = 5.0
    per_frame = np.array([5, 1, 2, 2, 2]) * 88 * np.log(2)
    assert nats_per_frame(bits, frames) == pytest.approx(per_frame.mean())
    assert nats_per_frame([b.sum(axis=1) for b in bits], frames) == pytest.approx(per_frame.mean())
    assert nats_per_frame(bits, frames, first_frame=False) == pytest.approx(per_frame[[1, 3, 4]].mean())
    assert nats_per_frame(etude.model("uniform", FRAME).step_bits(frames), frames) == pytest.approx(UNIFORM)
    assert pytest.approx(61.00, abs=0.005) == UNIFORM


def test_bits_of_other_pieces_are_refused():
    with pytest.raises(EtudeError, match="every frame"):
        nats_per_frame([np.zeros((2, 88))], [np.zeros((3, 88), int)])
    with pytest.raises(EtudeError, match="at least one frame"):
        nats_per_frame([np.zeros((1, 88))], [np.zeros((1, 88), int)], first_frame=False)


def test_the_table_of_published_rows_holds_what_is_there(tmp_path):
    from etude.evaluation.published import NOTE_1_GRAM, one_gram_table

    assert one_gram_table(tmp_path).empty
    folder = folder_of("JSB")
    assert folder == folder_of("Nottingham")
    table = one_gram_table(folder).set_index("collection")
    for name in ("JSB_Chorales", "Nottingham"):
        assert table.loc[name, "nats_per_frame"] == pytest.approx(NOTE_1_GRAM[name], abs=0.01)


def test_a_roll_without_a_frame_adds_nothing():
    model, rows = etude.model("uniform", FRAME), [np.zeros((frames, 88), np.int64) for frames in (0, 3)]
    assert nats_per_frame(model.step_bits(rows), rows) == nats_per_frame(model.step_bits(rows[1:]), rows[1:])
    assert [len(bits) for bits in frame_bits(model, rows)] == [0, 3]
    roll = etude.representation("pianoroll")
    (bits,) = etude.model("uniform", roll.space).step_bits(rows[:1])
    assert bits_per_sixteenth(roll, rows[0], bits).tolist() == [0]
