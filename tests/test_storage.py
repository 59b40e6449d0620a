"""Saved models: whole or not at all, and nothing that is damaged passes for sound."""

import json
import pickle

import numpy as np
import pytest

import etude
from etude import Budget, EtudeError, Space
from etude.errors import CorruptCheckpoint, MissingData
from etude.files import replacing, replacing_folder
from etude.models.floors.copy_previous import CopyPrevious
from etude.models.floors.counts import Counts
from etude.models.storage import read_model, write_model
from etude.places import sizes
from etude.registry import MODELS, model_class

SPACE = Space((), 4, end=3)
FRAMES = Space((2,), 4)  # for the families that refuse the first
TRAIN = [np.array([0, 1, 2, 0, 1, 2, 3]), np.array([0, 1, 0, 3])]


@pytest.fixture(params=MODELS)
def saved(request, tmp_path):
    space = SPACE if model_class(request.param).refuses(SPACE) is None else FRAMES
    model = etude.model(request.param, space)
    if model.framework == "numpy":
        model.fit(TRAIN, TRAIN[:1])
    return model, model.save(tmp_path / "models" / request.param)


def test_a_saved_model_is_two_plain_files(saved):
    model, folder = saved
    assert sorted(p.name for p in folder.iterdir()) == ["model.json", "weights.safetensors"]
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]  # nothing left beside it
    described = json.loads((folder / "model.json").read_text())
    assert (described["name"], described["framework"]) == (model.name, model.framework)


def damage(folder, how):
    weights, description = folder / "weights.safetensors", folder / "model.json"
    data = bytearray(weights.read_bytes())
    if how == "weights cut":
        weights.write_bytes(data[: len(data) // 2])
    elif how == "one bit":
        data[-1] ^= 1
        weights.write_bytes(data)
    elif how == "weights gone":
        weights.unlink()
    elif how == "description cut":
        description.write_text(description.read_text()[:-20])
    elif how == "description binary":
        description.write_bytes(bytes(range(256)))
    elif how == "not an object":
        description.write_text("[1, 2]")
    elif how == "another format":
        description.write_text(json.dumps({**json.loads(description.read_text()), "format": 99}))
    elif how == "a key gone":
        described = json.loads(description.read_text())
        description.write_text(json.dumps({k: v for k, v in described.items() if k != "sha256"}))
    elif how == "a pickle":
        weights.write_bytes(pickle.dumps({"weights": 1}))
    return folder


DAMAGES = ["weights cut", "one bit", "weights gone", "description cut", "description binary", "not an object"]
DAMAGES += ["another format", "a key gone", "a pickle"]


@pytest.mark.parametrize("how", DAMAGES)
def test_damage_is_seen(saved, how):
    _, folder = saved
    with pytest.raises(CorruptCheckpoint):
        etude.load(damage(folder, how))


def test_weights_of_another_space_are_refused(saved):
    model, folder = saved
    if model.name == "uniform":
        pytest.skip("it has no weights")
    described = json.loads((folder / "model.json").read_text())
    described["space"]["levels"] = 9
    (folder / "model.json").write_text(json.dumps(described))
    with pytest.raises(CorruptCheckpoint):
        etude.load(folder)


def test_a_model_of_another_family_is_refused(tmp_path):
    folder = etude.model("marginal", SPACE).save(tmp_path / "m")
    with pytest.raises(CorruptCheckpoint, match=r"etude\.load"):
        CopyPrevious.load(folder)


def test_nothing_there(tmp_path):
    with pytest.raises(MissingData, match=r"no model\.json"):
        etude.load(tmp_path)


def test_an_unknown_family_is_named(tmp_path):
    folder = etude.model("marginal", SPACE).save(tmp_path / "m")
    described = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**described, "name": "margin"}))
    with pytest.raises(EtudeError, match="marginal"):
        etude.load(folder)


def test_saving_again_replaces_whole(tmp_path):
    first, second = etude.model("counts", SPACE), etude.model("counts", SPACE, order=1)
    first.fit(TRAIN)
    second.fit(TRAIN)
    first.save(tmp_path / "m")
    second.save(tmp_path / "m")
    assert etude.load(tmp_path / "m").order == 1


@pytest.mark.parametrize("moment", ["weights", "description"])
def test_an_interrupted_save_leaves_the_old_model(tmp_path, monkeypatch, moment):
    model = etude.model("marginal", SPACE)
    folder = model.save(tmp_path / "m")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    model.fit(TRAIN)

    def killed(*args, **options):
        raise KeyboardInterrupt

    target = "write_bytes" if moment == "weights" else "write_text"
    monkeypatch.setattr(f"pathlib.Path.{target}", killed)
    with pytest.raises(KeyboardInterrupt):
        model.save(folder)
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert np.array_equal(etude.load(folder).counts, np.zeros((1, 4)))


def test_counts_that_no_fit_wrote_are_refused(tmp_path):
    model = etude.model("counts", SPACE, order=1)
    model.fit(TRAIN)
    arrays, described = model._arrays(), model.describe()
    bad = {
        "unsorted": {**arrays, "pairs.1": arrays["pairs.1"][::-1]},
        "zero": {**arrays, "counts.0": arrays["counts.0"] * 0},
        "lengths": {**arrays, "counts.0": arrays["counts.0"][:-1]},
        "missing": {k: v for k, v in arrays.items() if k != "pairs.1"},
        "a branch more": {**arrays, "branches.1": np.append(arrays["branches.1"], 4)},
        "from nowhere": {**arrays, "branches.1": arrays["branches.1"] + 5},
        "negative": {**arrays, "branches.1": arrays["branches.1"] - 9},
        "nothing": {**arrays, "pairs.0": arrays["pairs.0"][:0], "counts.0": arrays["counts.0"][:0]},
    }
    for name, wrong in bad.items():
        with pytest.raises(CorruptCheckpoint):
            Counts.load(write_model(tmp_path / name, described, wrong))
    assert isinstance(Counts.load(write_model(tmp_path / "good", described, arrays)), Counts)


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {"a": np.arange(6).reshape(2, 3), "b": np.zeros((0, 2), np.float32), "c": np.arange(9.0)[::2]}
    described = {**etude.model("uniform", SPACE).describe()}
    write_model(tmp_path / "m", described, arrays)
    got, back = read_model(tmp_path / "m", "uniform")
    assert got["space"]["levels"] == 4
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(back[name], array) and back[name].dtype == array.dtype


def test_files_appear_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "song.mid"
    with replacing(target) as new:
        new.write_bytes(b"one")
        assert not target.exists() and new.suffix == ".mid"
    assert target.read_bytes() == b"one" and target.stat().st_mode & 0o777 == 0o644
    with pytest.raises(RuntimeError), replacing(target) as new:
        new.write_bytes(b"half of tw")
        raise RuntimeError
    assert target.read_bytes() == b"one"
    assert [p.name for p in target.parent.iterdir()] == ["song.mid"]


def test_folders_appear_whole_or_not_at_all(tmp_path):
    target = tmp_path / "run"
    with replacing_folder(target) as new:
        (new / "a").write_text("1")
    with pytest.raises(RuntimeError), replacing_folder(target) as new:
        (new / "b").write_text("2")
        raise RuntimeError
    assert list(sizes(target)) == ["a"]
    with replacing_folder(target) as new:
        (new / "c").write_text("3")
    assert list(sizes(target)) == ["c"]
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_fit_that_has_a_checkpoint_folder_is_still_closed_form(tmp_path):
    model = etude.model("marginal", SPACE)
    history = model.fit(TRAIN, TRAIN, Budget(steps=5), seed=1, checkpoint=tmp_path / "never")
    assert history.rows[0]["train"] == history.rows[0]["valid"]
