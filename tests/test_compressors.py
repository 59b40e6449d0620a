"""Compressors as floors: streams that really decompress, primed by what came before, sizes without containers."""

import io
import lzma
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from etude import Bits, EtudeError, Space
from etude.errors import MissingPackage
from etude.evaluation import primed, primed_sizes
from etude.evaluation.compressors import as_bytes, compressor_bits, flac, flac_bits, midi_file_bits, ppmd, xz
from etude.evaluation.floors import compressor_floors, fitted_floors
from etude.evaluation.lengths import length_bits
from etude.evaluation.primed import LZMA, PPMD_MEMORY, PPMD_ORDER
from etude.evaluation.primed_sizes import sizes_after

TOKENS = Space((), 50, end=49)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """An empty cache for each test: what is kept is not tested."""
    monkeypatch.setenv("ETUDE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def melody(seed, n=400):
    rng = np.random.default_rng(seed)
    phrases = np.random.default_rng(99).integers(0, 49, (8, 12))  # what all pieces have in common
    return np.append(phrases[rng.integers(0, 8, n // 12)].reshape(-1), 49)


def test_the_streams_are_whole():
    from pyppmd import Ppmd7Decoder

    data = as_bytes(melody(0), TOKENS)
    assert lzma.decompress(xz(data), format=lzma.FORMAT_RAW, filters=LZMA) == data
    assert Ppmd7Decoder(PPMD_ORDER, PPMD_MEMORY).decode(ppmd(data), len(data)) == data
    assert len(xz(data)) < len(lzma.compress(data))  # no container


def test_flac_frames_hold_the_codes():
    import soundfile

    time = np.arange(16000)
    x = (128 + 90 * np.sin(time / 9) + np.random.default_rng(0).normal(0, 2, 16000)).astype(int)
    buffer = io.BytesIO()
    soundfile.write(buffer, ((x - 128) * 256).astype(np.int16), 8000, format="FLAC", subtype="PCM_S8")
    assert (soundfile.read(io.BytesIO(buffer.getvalue()), dtype="int16")[0] // 256 + 128 == x).all()
    frames = flac(x)
    assert frames[:2] in (b"\xff\xf8", b"\xff\xf9")  # the sync code of a frame: the header is gone
    assert len(frames) < 0.6 * len(x)
    bits = flac_bits([x, x[:0]], Space((), 256, rate=8000.0))
    assert bits.kind == "bound"
    assert bits.values.tolist() == [8 * len(frames) + length_bits(16000), length_bits(0)]
    with pytest.raises(EtudeError, match="256 levels"):
        flac_bits([x], Space((), 250))


@pytest.mark.parametrize("name", ["xz", "ppmd"])
def test_training_pieces_help_with_what_they_share(name):
    train, test = [melody(seed) for seed in range(20)], [melody(100), melody(101)]
    alone, primed = compressor_bits(name, test, TOKENS), compressor_bits(name, test, TOKENS, train)
    assert (primed.values < 0.6 * alone.values).all()
    assert (primed.values > 30 * 3).all()  # 33 phrases, each one of eight: 3 bits
    again = compressor_bits(name, test[::-1], TOKENS, train)
    assert again.values.tolist() == primed.values.tolist()[::-1]


def test_bytes_by_hand():
    assert as_bytes([1, 2, 49], TOKENS) == bytes([1, 2, 49])
    assert as_bytes([1, 300], Space((), 301)) == bytes([1, 0, 44, 1])
    assert as_bytes(np.array([[2, 1, 0, 1, 2]]), Space((5,), 3)) == bytes([2 + 1 * 4 + 0 + 1 * 64, 2])
    assert as_bytes(np.array([[1, 0, 0, 0, 0, 0, 0, 1, 1]]), Space((9,), 2)) == bytes([129, 1])
    assert as_bytes(np.array([[15, 1]]), Space((2,), 16)) == bytes([31])
    assert len(as_bytes(np.zeros((7, 88), int), Space((88,), 3))) == 7 * 22
    assert len(as_bytes(np.zeros((7, 88), int), Space((88,), 64))) == 7 * 88


def test_packing_loses_nothing():
    rng = np.random.default_rng(0)
    for levels, width in ((2, 1), (3, 2), (5, 4), (16, 4)):
        x = rng.integers(0, levels, (9, 11))
        packed = np.frombuffer(as_bytes(x, Space((11,), levels)), np.uint8).reshape(9, -1)
        back = packed[..., None] >> (width * np.arange(8 // width)) & (2**width - 1)
        assert np.array_equal(back.reshape(9, -1)[:, :11], x)


def test_a_missing_end_code_is_paid_for():
    x = np.zeros(100, int)
    with_end = compressor_bits("xz", [np.append(x, 1)], Space((), 2, end=1)).total
    without = compressor_bits("xz", [np.append(x, 1)], Space((), 2)).total
    assert without - with_end == length_bits(101)


def test_midi_files(chorale_like):
    bits = midi_file_bits([chorale_like, chorale_like])
    assert bits.values[0] == bits.values[1] > 8 * 3 * len(chorale_like.score)
    assert bits.total % 8 == 0


def test_all_floors_of_a_space():
    train, valid, test = [melody(s) for s in range(6)], [melody(50)], [melody(100), melody(101)]
    models = fitted_floors(TOKENS, train, valid)
    assert list(models) == ["uniform", "marginal", "copy-previous", "counts"]
    bits = {name: model.bits(test).total for name, model in models.items()}
    assert bits["counts"] < bits["marginal"] < bits["uniform"]
    files = compressor_floors(TOKENS, train, test)
    assert list(files) == ["xz alone", "xz primed", "ppmd alone", "ppmd primed"]
    assert all(isinstance(value, Bits) for value in files.values())
    assert list(compressor_floors(Space((), 256, rate=8000.0), [], [np.full(50, 128)])) == ["FLAC"]


def test_an_unknown_compressor_is_named():
    with pytest.raises(EtudeError, match="xz, ppmd"):
        compressor_bits("zip", [], TOKENS)


def test_incompressible_codes_stay_as_large_as_they_are():
    space, x = Space((), 256), np.random.default_rng(0).integers(0, 256, 4000)
    for name in ("xz", "ppmd"):
        assert 8.0 * 4000 <= compressor_bits(name, [x], space).total < 8.5 * 4000
    assert flac_bits([x], space).total < 8.1 * 4000


@pytest.mark.parametrize("name", ["xz", "ppmd"])
def test_a_fork_goes_on_exactly_where_the_priming_ended(name):
    compress = {"xz": xz, "ppmd": ppmd}[name]
    before = b"".join(as_bytes(melody(seed), TOKENS) for seed in range(6))
    pieces = [as_bytes(melody(seed), TOKENS) for seed in (50, 51)]
    expected = [len(compress(before + piece)) - len(compress(before)) for piece in pieces]
    assert sizes_after(name, before, pieces) == expected


@pytest.fixture
def asked(monkeypatch):
    """The compressors that were run, one after the other."""
    names, ask = [], primed_sizes._asked
    monkeypatch.setattr(primed_sizes, "_asked", lambda name, blocks: names.append(name) or ask(name, blocks))
    return names


def test_sizes_are_found_once_and_kept(asked):
    before, pieces = bytes(range(200)), [b"a piece", bytes(range(100))]
    first = sizes_after("ppmd", before, pieces)
    assert sizes_after("ppmd", before, pieces) == first and asked == ["ppmd"]
    sizes_after("xz", before, pieces), sizes_after("ppmd", before, pieces[:1]), sizes_after("ppmd", b"", pieces)
    assert asked == ["ppmd", "xz", "ppmd", "ppmd"]


def test_another_compressor_or_program_is_asked_anew(asked, tmp_path, monkeypatch):
    sizes_after("ppmd", b"before", [b"a piece"])
    monkeypatch.setitem(primed_sizes.VERSIONS, "ppmd", lambda: "another")
    sizes_after("ppmd", b"before", [b"a piece"])
    changed = tmp_path / "primed.py"
    changed.write_bytes(Path(primed.__file__).read_bytes() + b"\n")
    monkeypatch.setattr(primed, "__file__", str(changed))
    sizes_after("ppmd", b"before", [b"a piece"])
    assert asked == 3 * ["ppmd"]


def test_kept_sizes_that_are_damaged_are_found_anew(own_cache):
    first = sizes_after("xz", b"before" * 20, [b"before" * 3])
    (kept,) = own_cache.glob("primed-*.npz")
    kept.write_bytes(kept.read_bytes()[:-40])
    assert sizes_after("xz", b"before" * 20, [b"before" * 3]) == first


def test_a_compressor_that_fails_says_how_and_leaves_nothing_behind(own_cache, monkeypatch):
    monkeypatch.setattr(primed_sizes.subprocess, "run", lambda *_, **__: SimpleNamespace(returncode=-9, stderr=b""))
    with pytest.raises(EtudeError, match=r"a process that ended with: exit status -9\. Free some memory"):
        sizes_after("xz", b"before", [b"a piece"])
    assert not list(own_cache.iterdir())


def test_an_unknown_compressor_after_priming_is_named():
    with pytest.raises(EtudeError, match="the name of a compressor"):
        sizes_after("zip", b"before", [b"a piece"])


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyppmd", None)
    with pytest.raises(MissingPackage, match="pip install pyppmd"):
        sizes_after("ppmd", b"before", [b"a piece"])
