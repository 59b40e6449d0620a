"""What lies on disk and is damaged: refused in a line, or made anew; never a traceback, never a wrong result."""

import json
import shutil
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from tiny import TINY

import etude
from etude import Space
from etude.corpora import code_store, folder_cache, folder_index
from etude.errors import CorruptCheckpoint, EtudeError, UnreadableFile
from etude.files import project_root
from etude.kept import believable, holds, kept, read_arrays, read_sealed, sealed, write_arrays
from etude.models.storage import read_made_by, write_model
from etude.registry import MODELS, model_class
from etude.study import staleness
from etude.study.shapes import FAILURE, PLAN, PROGRESS, RECORD, SUMMARY, Of, fits

SPACE, FRAMES = Space((), 4, end=3), Space((2,), 4)
TRAIN = [np.array([0, 1, 2, 0, 1, 2, 3]), np.array([0, 1, 0, 3])]
HOSTILE = Path(__file__).parents[2] / "shared" / "wild" / "hostile"


@pytest.fixture(scope="module", params=MODELS)
def saved(request, tmp_path_factory):
    space = SPACE if model_class(request.param).refuses(SPACE) is None else FRAMES
    model = etude.model(request.param, space, **TINY.get(request.param, ({},))[0])
    if model.framework == "numpy":
        model.fit(TRAIN, TRAIN[:1])
    return model, model.save(tmp_path_factory.mktemp("models") / request.param)


@pytest.fixture
def copied(saved, tmp_path):
    model, folder = saved
    return model, Path(shutil.copytree(folder, tmp_path / "m"))


def flipped(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.write_bytes(data)


def same(model, other):
    ours, theirs = model._arrays(), other._arrays()
    return model.describe() == other.describe() and all(np.array_equal(ours[k], theirs[k]) for k in ours | theirs)


@pytest.mark.parametrize("file", ["model.json", "weights.safetensors"])
def test_no_flipped_bit_of_a_model_is_believed(copied, file):
    model, folder = copied
    whole = (folder / file).read_bytes()
    assert same(model, etude.load(folder)), "what is whole is read"
    for bit in np.random.default_rng(3).integers(8 * len(whole), size=20).tolist():
        flipped(folder / file, bit)
        with suppress(EtudeError):
            assert same(model, etude.load(folder)), f"bit {bit} of {file} made another model"
        (folder / file).write_bytes(whole)


ODD = [None, True, -1, 0, 2.5, 1e400, 10**30, "x", "", [], ["x"], {}, {"x": 1}]


def unsealed(described):
    """A description as format 1 had it, which nothing but its values can speak against."""
    return {key: value for key, value in {**described, "format": 1}.items() if key != "seal"}


def test_every_value_of_a_description_may_be_odd(copied):
    """Of the old format, without a seal: what loads is the same model, or differs in what no array can tell."""
    model, folder = copied
    described = unsealed(json.loads((folder / "model.json").read_text()))
    places = [(key,) for key in described] + [("space", k) for k in described["space"]]
    places += [("options", k) for k in described["options"]] + [("options", "more")]
    for place in places:
        for value in ODD:
            changed = json.loads(json.dumps(described))
            holder = changed if len(place) == 1 else changed[place[0]]
            holder[place[-1]] = value
            (folder / "model.json").write_text(json.dumps(changed))
            try:
                loaded = etude.load(folder)
            except EtudeError as error:
                assert len(str(error)) < 1000 and "\n" not in str(error)
                continue
            assert all(np.array_equal(array, loaded._arrays()[k]) for k, array in model._arrays().items())


def test_every_key_of_a_description_may_be_missing(copied):
    _, folder = copied
    described = unsealed(json.loads((folder / "model.json").read_text()))
    for key in described:
        (folder / "model.json").write_text(json.dumps({k: v for k, v in described.items() if k != key}))
        with pytest.raises(CorruptCheckpoint):
            etude.load(folder)


def test_arrays_of_another_kind_are_refused(copied, tmp_path):
    model, _ = copied
    arrays = model._arrays()
    if not arrays:
        pytest.skip("it has no arrays")
    name = max(arrays, key=lambda name: arrays[name].size)
    nan = arrays[name].astype(np.float32)
    nan.flat[0] = np.nan
    negative = arrays[name] - arrays[name].max() - 1
    wrong = {
        "more": {**arrays, "more": np.zeros(1, np.float32)},
        "fewer": {key: array for key, array in arrays.items() if key != name},
        "kind": {**arrays, name: arrays[name].astype(np.float16)},
        "nan": {**arrays, name: nan},
        "shape": {**arrays, name: arrays[name][..., None]},
        **({"negative": {**arrays, name: negative}} if model.framework == "numpy" else {}),
    }
    for case, changed in wrong.items():
        with pytest.raises(CorruptCheckpoint):
            etude.load(write_model(tmp_path / case, model.describe(), changed))


def test_a_size_that_was_changed_takes_no_memory(tmp_path):
    """For every family that draws its weights: each of its sizes, made huge, is refused at once."""
    for name in MODELS:
        space = SPACE if model_class(name).refuses(SPACE) is None else FRAMES
        model = etude.model(name, space, **TINY.get(name, ({},))[0])
        for option, value in model.options.items():
            if isinstance(value, int) and not isinstance(value, bool) and option in ("hidden", "channels", "residual"):
                described = {**model.describe(), "options": {**model.options, option: 10**7}}
                folder = write_model(tmp_path / f"{name}-{option}", described, model._arrays())
                start = time.monotonic()
                with pytest.raises(CorruptCheckpoint):
                    etude.load(folder)
                assert time.monotonic() - start < 20, (name, option)


@pytest.mark.parametrize("case", ["model_hidden", "model_seed_text"])
def test_hostile_models_are_refused(case):
    if not HOSTILE.is_dir():
        pytest.skip("the hostile files are not part of the checkout")
    with pytest.raises(CorruptCheckpoint) as error:
        etude.load(HOSTILE / case)
    assert error.value.expected and error.value.got and error.value.remedy


def test_shipped_models_are_sealed_and_what_made_them_too():
    folders = sorted((project_root() / "data" / "pretrained").iterdir())
    assert folders
    for folder in folders:
        described = json.loads((folder / "model.json").read_text())
        assert described["format"] == 2 and holds(described), folder
        assert holds(json.loads((folder / "made_by.json").read_text())), folder


def test_what_made_a_model_is_not_believed_when_it_was_changed(tmp_path):
    made_by = sealed({"representation": {"name": "waveform", "options": {"rate": 16000}}})
    (tmp_path / "made_by.json").write_text(json.dumps(made_by))
    assert read_made_by(tmp_path)["representation"]["options"]["rate"] == 16000
    (tmp_path / "made_by.json").write_text(json.dumps(made_by).replace("16000", "16001"))
    with pytest.raises(CorruptCheckpoint, match=r"made_by\.json"):
        read_made_by(tmp_path)


# Caches


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


ARRAYS = {"notes": np.arange(10).reshape(2, 5), "said": np.array(json.dumps({"a": 1}))}


def test_sealed_arrays_come_back_or_not_at_all(tmp_path):
    path = tmp_path / "a.npz"
    write_arrays(path, ARRAYS)
    assert all(np.array_equal(array, ARRAYS[name]) for name, array in read_arrays(path).items())
    with np.load(path, allow_pickle=False) as arrays:  # the seal is not in the way of other readers
        assert set(arrays) == set(ARRAYS)
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 7):
        flipped(path, bit)
        assert read_arrays(path) is None
        path.write_bytes(whole)
    for cut in (0, 1, 31, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert read_arrays(path) is None
    (tmp_path / "other.npz").write_bytes(whole)
    assert read_arrays(tmp_path / "other.npz") is None, "what was written under another name"


def test_what_is_kept_is_made_once_and_again_when_damaged(tmp_path):
    made = []

    def make(path):
        made.append(path)
        write_arrays(path, ARRAYS)

    for damage in (None, lambda path: path.write_bytes(b""), lambda path: flipped(path, 99), Path.unlink, None):
        if damage:
            damage(tmp_path / "a.npz")
        assert kept(tmp_path / "a.npz", read_arrays, make)["notes"].tolist() == ARRAYS["notes"].tolist()
    assert len(made) == 4
    with pytest.raises(EtudeError, match="read back"):
        kept(tmp_path / "b.npz", read_arrays, lambda path: path.write_bytes(b"never right"))


def songs(folder):
    folder.mkdir()
    for number, notes in enumerate(("CDEF GABc", "cBAG FEDC")):
        (folder / f"{number}.abc").write_text(f"X:1\nM:4/4\nL:1/4\nK:C\n{notes}|\n")
    return folder


def read_all(path):
    corpus = etude.corpus("folder", path=path, split=(1, 0, 0), verbose=False, workers=1)
    return [piece.score.notes.tolist() for piece in corpus.load("train")], len(corpus.ledger)


def test_the_cache_of_a_folder_heals(tmp_path, cache):
    folder = songs(tmp_path / "songs")
    first = read_all(folder)
    entries = sorted((cache / "folder").glob("*.kept"))
    assert len(entries) == 2
    whole = entries[0].read_bytes()
    damages = [
        b"",
        b"x",
        whole[: len(whole) // 2],
        whole[:-1],
        bytes([whole[0] ^ 1]) + whole[1:],
        entries[1].read_bytes(),
    ]
    if HOSTILE.is_dir():
        damages.append((HOSTILE / "half_damaged.npz").read_bytes())
    for damage in damages:
        entries[0].write_bytes(damage)
        assert read_all(folder) == first
        assert read_sealed(entries[0]) is not None and entries[0].read_bytes() == whole, "it was made anew"


def test_a_folder_that_is_open_reads_a_damaged_entry_again(tmp_path, cache):
    corpus = etude.corpus("folder", path=songs(tmp_path / "songs"), split=(1, 0, 0), verbose=False, workers=1)
    for entry in (cache / "folder").glob("*.kept"):
        flipped(entry, 1000)
    assert [len(piece.score) for piece in corpus.load("train")] == [8, 8]


def test_no_flipped_bit_of_a_store_of_codes_is_believed(cache):
    folder = code_store.store_path("test", "a")

    def sounds():
        return [("a", [np.arange(40)]), ("b", [np.full(3, 255)])]

    code_store.stored(folder, np.uint8, sounds())
    for file in ("codes.bin", "index.json"):
        for bit in range(0, 8 * (folder / file).stat().st_size, 5):
            flipped(folder / file, bit)
            found = code_store.stored(folder, np.uint8, sounds())
            assert found["a"].tolist() == list(range(40)) and found["b"].tolist() == [255] * 3, (file, bit)


def test_the_reader_of_the_folder_cache_takes_no_entry_of_another_file(tmp_path, cache):
    folder = songs(tmp_path / "songs")
    read_all(folder)
    sources, _ = folder_index.find_files(folder)
    one, other = (folder_cache.kept_path(source) for source in sources)
    one.write_bytes(other.read_bytes())
    assert folder_cache.read_kept(sources[0]) is None and folder_cache.read_kept(sources[1]) is not None


# Records, plans and what runs leave


GOOD = {
    "format": staleness.FORMAT,
    "parameters": {"steps": "9"},
    "code": "c0de",
    "modules": {"etude.types": "0"},
    "packages": {"numpy": "1"},
    "data": {},
    "inputs": {"reports/summaries/01.json": "0"},
    "outputs": ["notebooks/11_rnn.ipynb"],
    "noise": 0,
    "seconds": 1.5,
}


def written(folder, record):
    path = staleness.record_path(folder, "job")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record))
    return path


def damaged(value, odd):
    """Yield `value` with every part of it, at any depth, replaced by `odd`."""
    yield odd
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for inner in damaged(value[key], odd):
            changed = json.loads(json.dumps(value))
            changed[key] = inner
            yield changed


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_record_of_another_shape_is_none(tmp_path, odd):
    for record in damaged(GOOD, odd):
        written(tmp_path, record)
        read = staleness.read_record(tmp_path, "job")
        assert read is None or fits(read, RECORD)
        if record != GOOD:
            written(tmp_path, {**sealed(GOOD), **(record if isinstance(record, dict) else {"code": record})})
            read = staleness.read_record(tmp_path, "job")
            assert read is None or {k: v for k, v in read.items() if k != "seal"} == GOOD


def test_no_flipped_bit_of_a_record_is_believed(tmp_path):
    path = written(tmp_path, sealed(GOOD))
    assert staleness.read_record(tmp_path, "job") == sealed(GOOD)
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 5):
        flipped(path, bit)
        read = staleness.read_record(tmp_path, "job")
        assert read is None or all(read[key] == GOOD[key] for key in GOOD), bit
        path.write_bytes(whole)


def test_shapes_are_held_by_what_has_them_and_by_nothing_else():
    plan = {"source": "a", "profile": "b", "parameters": {"x": [1]}, "part": ".", "cell_timeout": 3, "id": "one"}
    progress = {"number": 1, "of": 2, "line": "x", "started": 1.5}
    for shape, good in ((RECORD, GOOD), (PLAN, plan), (PROGRESS, progress), (FAILURE, {"where": "a", "what": "b"})):
        assert fits(good, shape)
        for key in shape:
            missing = {k: v for k, v in good.items() if k != key.removesuffix("?")}
            assert fits(missing, shape) == key.endswith("?")
            assert not fits({**good, key.removesuffix("?"): object()}, shape)
    assert fits({"numbers": {"a": {"value": None}}}, SUMMARY) and not fits({"numbers": {"a": 3}}, SUMMARY)
    assert not fits({1: "x"}, Of(str)) and not fits(True, int) and not fits([1, "x"], [int])


def test_a_summary_of_another_shape_is_one_line(tmp_path):
    from etude.study.summary import read_summary

    good = {
        "source": {"code": None, "modules": {}, "data": {}},
        "numbers": {"a": {"value": 1, "unit": ""}},
        "tables": {},
    }
    path = tmp_path / "reports" / "summaries" / "11_rnn.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(good))
    assert read_summary("11_rnn", tmp_path).number("a") == 1
    for odd in ODD:
        for summary in damaged(good, odd):
            path.write_text(json.dumps(summary))
            try:
                read = read_summary("11_rnn", tmp_path)
                read.number("a"), read.table("b")
            except EtudeError as error:
                assert "\n" not in str(error)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableFile, match="etude run 11_rnn"):
        read_summary("11_rnn", tmp_path)


def test_a_seal_depends_on_all_that_it_covers():
    assert holds(sealed({"a": 1.5, "b": [None]})) and not holds({"a": 1})
    assert not holds({**sealed({"a": 1}), "b": 2}) and not holds(sealed({"a": 1}, "here"), "there")
    assert believable({"a": 1}) and not believable({**sealed({"a": 1}), "a": 2}) and not believable([1])
