"""What runs leave and étude reads back: whatever a file was turned into, it is refused in a line, or made anew."""

import json

import numpy as np
import pytest

from etude import Budget
from etude.cli.models import bits_of
from etude.cli.saved_models import Saved, _taught
from etude.corpora import tunes
from etude.corpora.chorale_split import read_split
from etude.errors import EtudeError, UnreadableFile
from etude.kept import SEAL
from etude.study import probes, read_summary, source
from etude.study.equality import differences
from etude.study.fits import stored
from etude.study.listings import refresh_listings
from etude.study.placing import install
from etude.study.summary import summary_path, write_summary
from etude.training.task import Task, place

DAMAGES = (b"", b"\xff\xfe\x00", b"{", b"null", b"3", b"[]", b"{}", b"[" * 100_000, b'{"cost": 1}',
           b'{"cost": {"a": 3}, "tables": {"test": 3}, "models": [1], "revisions": [], "traces": 1}')  # fmt: skip
RESULTS = {
    **{part: {} for part in ("parameters", "tables", "numbers", "figures", "models", "corpora", "cost", "versions")},
    **{"answer": "Yes.", "format": 2, "notebook": "11_rnn", "source": {"code": None, "modules": {}, "data": {}}},
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout with one chapter and its summary."""
    monkeypatch.setenv("ETUDE_ROOT", str(tmp_path))
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    for name in ("ETUDE_RUN_DIR", "ETUDE_NOTEBOOK", "ETUDE_FITS"):
        monkeypatch.delenv(name, raising=False)
    for folder in ("notebooks", "tests", "data/fits", "data/splits"):
        (tmp_path / folder).mkdir(parents=True)
    page = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "notebooks" / "11_rnn.ipynb").write_text(json.dumps(page))
    write_summary(summary_path(tmp_path, "11_rnn"), RESULTS)
    return tmp_path


def model_of(root):
    folder = root / "run" / "models" / "rnn-midi"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "made_by.json").write_text(json.dumps({"notebook": "11_rnn"}))
    write_summary(summary_path(root / "run", "11_rnn"), RESULTS)
    return Saved(folder)


SUMMARY = "reports/summaries/11_rnn.json"
DOORS = {  # what reads the file at a place
    "stored fits": (SUMMARY, lambda root: stored()),
    "fits that are learnt anew": (SUMMARY, lambda root: probes.refitted(["engine torch"])),
    "equality": (SUMMARY, lambda root: differences(root, root, "11_rnn")),
    "listings": (SUMMARY, lambda root: refresh_listings(root / "notebooks/11_rnn.ipynb", root / SUMMARY)),
    "results": (SUMMARY, lambda root: install(root, "11_rnn", {"cells": []}, {**RESULTS["source"]}, 0.0)),
    "taught models": (SUMMARY, lambda root: _taught()),
    "a summary": (SUMMARY, lambda root: read_summary("11_rnn", root)),
    "the sides of the chorales": ("data/splits/chorales.csv",
                                  lambda root: read_split(root / "data/splits/chorales.csv")),
    "tunes that are alike": ("data/splits/tunes.csv", lambda root: tunes._duplicates()),
    "traces": ("tests/traces.json", lambda root: probes.read_traces()),
    "bits of a model": (f"run/{SUMMARY}", lambda root: bits_of(Saved(root / "run/models/rnn-midi"))),
    "a model's description": ("run/models/rnn-midi/model.json",
                              lambda root: Saved(root / "run/models/rnn-midi").of_samples),
    "what made a model": ("run/models/rnn-midi/made_by.json",
                          lambda root: bits_of(Saved(root / "run/models/rnn-midi"))),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_damage_is_refused_in_a_line_or_passed_over(root, door):
    file, read = DOORS[door]
    model_of(root)
    for damage in (*DAMAGES, b'{"space": 3, "notebook": ["x"]}', b'{"notebook": "../../../x\\u0000"}'):
        (root / file).write_bytes(damage)
        try:
            read(root)
        except EtudeError as error:
            assert "\n" not in str(error) and error.expected and error.got


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\xfe\0", b"bwv,split\nbwv1,train\n", b"bwv,split,why\nbwv1,trajn,x\n",
               b"bwv,split,why\nbwv1,train\n", b"bwv,split,why\nbwv1,train,x,y\n", b'bwv,split,why\n"bwv1,train,x\n'],
)  # fmt: skip
def test_a_table_of_sides_that_is_damaged_is_refused(tmp_path, damage):
    (tmp_path / "a.csv").write_bytes(damage)
    with pytest.raises(UnreadableFile):
        read_split(tmp_path / "a.csv")


def test_no_flipped_bit_of_a_summary_is_believed(root):
    path = root / SUMMARY
    write_summary(path, {**RESULTS, "numbers": {"bits": {"value": 1.25, "unit": "bits"}}})
    whole = path.read_bytes()
    assert read_summary("11_rnn", root).number("bits") == 1.25
    for bit in range(0, 8 * len(whole), 11):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            data = read_summary("11_rnn", root).data
            assert all(data[part] == value for part, value in json.loads(whole).items() if part != SEAL), bit
        except EtudeError:
            continue


def test_a_summary_from_before_seals_is_read(root):
    plain = {key: value for key, value in json.loads((root / SUMMARY).read_text()).items() if key != SEAL}
    (root / SUMMARY).write_text(json.dumps(plain))
    assert read_summary("11_rnn", root).data["answer"] == "Yes."


@pytest.mark.parametrize("damage", DAMAGES, ids=range(len(DAMAGES)))
def test_the_identity_beside_a_checkpoint_is_written_anew(tmp_path, damage):
    task = Task(lambda step: None, (), lambda group: (0.0, 1), Budget(steps=1), 0, {"name": "rnn", "seed": 0})
    described = place(task, tmp_path).with_suffix(".json")
    whole = described.read_bytes()
    described.write_bytes(damage)
    assert place(task, tmp_path).with_suffix(".json") == described and described.read_bytes() == whole


def test_the_cache_of_what_modules_mean_is_not_believed_when_it_was_changed(root):
    wanted = source.module_digests(["etude.types", "etude.files"])
    (cache,) = (root / "cache").glob("meanings-*.json")
    whole = cache.read_bytes()
    rng = np.random.default_rng(0)
    changed = [bytes([*whole[:k], whole[k] ^ 1, *whole[k + 1 :]]) for k in rng.integers(len(whole), size=60)]
    for damage in (*DAMAGES, *changed):
        cache.write_bytes(damage)
        assert source.module_digests(["etude.types", "etude.files"]) == wanted
