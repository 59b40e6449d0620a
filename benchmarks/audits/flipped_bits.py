"""How many flipped bits in what étude keeps on disk are believed.

Run: python benchmarks/audits/flipped_bits.py [--bits N]

For each kind of file a sound one is made, and bit after bit of it, drawn at random over all its bytes, is turned. Then
it is read as étude reads it. A bit is *seen* where the file is refused or made anew, *harmless* where what is read is
what was written (a space in JSON that became another), and *believed* where it is anything else: none may be.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import etude
from etude import Budget, Space
from etude.corpora import chorales, code_store
from etude.errors import EtudeError
from etude.kept import SEAL, sealed
from etude.models.storage import read_made_by, write_made_by
from etude.study import read_summary, source, staleness
from etude.study.summary import summary_path, write_summary
from etude.synthesis import cache as sounds

Read = Callable[[], object]  # what étude makes of the file: equal values, equal results; None or EtudeError: refused
TOKENS = Space((), 6, end=5)
SOURCE = {"code": None, "modules": {}, "data": {}}
PIECES = [np.array([0, 1, 2, 0, 1, 2, 5]), np.array([3, 1, 0, 5])]


def kinds(room: Path) -> Iterator[tuple[str, Path, Read]]:
    """Yield name, file and reader of each kind of file that is kept."""
    yield from models(room)
    if find_spec("etude.training.torch"):
        yield from checkpoints(room)
    yield from caches(room)
    yield from records(room)


def models(room: Path) -> Iterator[tuple[str, Path, Read]]:
    """The two files of saved models, one with a network and one of counts, and what made them."""
    for name, options in (("rnn", {"hidden": 8, "layers": 1, "embedding": 4}), ("counts", {})):
        model = etude.model(name, TOKENS, **options)
        model.fit(PIECES, PIECES[:1], Budget(steps=2, batch_size=2, window=8))
        folder = model.save(room / name)

        def read(folder=folder):
            loaded = etude.load(folder)
            return loaded.describe(), {key: array.tobytes() for key, array in loaded._arrays().items()}

        yield f"model.json of {name}", folder / "model.json", read
        yield f"weights.safetensors of {name}", folder / "weights.safetensors", read
    write_made_by(room / "rnn", {"representation": {"name": "waveform", "options": {"rate": 16000, "levels": 256}}})
    yield "made_by.json", room / "rnn" / "made_by.json", lambda: read_made_by(room / "rnn")["representation"]


def checkpoints(room: Path) -> Iterator[tuple[str, Path, Read]]:
    """The file of a fit, whose tensors carry a digest."""
    import torch

    from etude.training.torch.checkpoints import WholeFiles, contents_digest, read_checkpoint

    path = room / "fit.ckpt"
    held = {"state_dict": {"w": torch.linspace(0, 1, 300)}, "callbacks": {"a": {"b": [1.5]}}, "global_step": 7}
    WholeFiles().save_checkpoint(held, path)
    yield "a checkpoint", path, lambda: contents_digest(read_checkpoint(path))


def caches(room: Path) -> Iterator[tuple[str, Path, Read]]:
    """Parsed chorales, a folder's files, codes of sounds, and rendered sounds."""
    notes, notation = {"bwv1": np.arange(40).reshape(8, 5)}, {"bwv1": {"metre": "4/4", "title": "A title"}}
    parsed = room / "chorales.npz"
    chorales._write_parsed(parsed, notes, notation)
    yield "the parsed chorales", parsed, lambda: _plain(chorales._read_parsed(parsed))
    (room / "songs").mkdir()
    (room / "songs" / "a.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nCDEF GABc|\n", encoding="utf-8")

    def folder():
        corpus = etude.corpus("folder", path=room / "songs", split=(1, 0, 0), verbose=False, workers=1)
        return [piece.score.notes.tolist() for piece in corpus.load("train")]

    folder()
    yield "a file of a folder", next((room / "cache" / "folder").glob("*.kept")), folder
    store = code_store.store_path("bench", "a")
    made = [("a", [np.arange(100)]), ("b", [np.arange(30)])]

    def codes():
        found = code_store.stored(store, np.uint8, made)
        return {name: array.tolist() for name, array in found.items()}

    codes()
    yield "codes of sounds", store / "codes.bin", codes
    yield "the index of codes", store / "index.json", codes
    sounds.keep("k", np.arange(500, dtype=np.int16))
    yield "a rendered sound", sounds.entry("k"), lambda: None if (x := sounds.kept("k")) is None else x.tolist()


def records(room: Path) -> Iterator[tuple[str, Path, Read]]:
    """The record of a finished job, the summary of its notebook, and what the modules of étude mean."""
    tables = {"modules": {"etude.types": "0"}, "packages": {"numpy": "1"}, "data": {}, "inputs": {}}
    record = {"format": staleness.FORMAT, "parameters": {"steps": "9"}, "code": "c", **tables, "outputs": ["a.ipynb"]}
    path = staleness.record_path(room, "job")
    path.parent.mkdir()
    path.write_text(json.dumps(sealed(record), indent=1), encoding="utf-8")

    def read():
        found = staleness.read_record(room, "job")
        return found and {key: found[key] for key in record}

    yield "a record", path, read
    told = summary_path(room, "11_rnn")
    write_summary(told, {"numbers": {"bits": {"value": 1.25, "unit": "bits"}}, "source": {**SOURCE}, "answer": "Yes."})
    known = json.loads(told.read_text(encoding="utf-8")).keys() - {SEAL}
    yield "a summary", told, lambda: {key: read_summary("11_rnn", room).data.get(key) for key in known}
    source.module_digests(["etude.types"])
    (meanings,) = (room / "cache").glob("meanings-*.json")
    yield "what modules mean", meanings, lambda: source.module_digests(["etude.types"])


def count(path: Path, read: Read, bits: int, seed: int = 0) -> dict[str, int]:
    """Turn `bits` bits of a file, one at a time, and count what became of them."""
    whole, right = path.read_bytes(), read()
    found = {"bits": bits, "seen": 0, "harmless": 0, "believed": 0}
    for bit in np.random.default_rng(seed).integers(8 * len(whole), size=bits).tolist():
        turned = bytearray(whole)
        turned[bit // 8] ^= 1 << bit % 8
        path.write_bytes(turned)
        try:
            got = read()
        except EtudeError:
            got = None
        same = got == right
        anew = path.read_bytes() != bytes(turned)  # healed: another file stands there now
        found["seen" if got is None or anew else "harmless" if same else "believed"] += 1
        found["believed"] += bool(anew and not same)
        path.write_bytes(whole)
    return found


def _plain(parsed):
    return parsed and ({name: rows.tolist() for name, rows in parsed[0].items()}, parsed[1])


def main() -> int:
    """Print the table; return 1 where a bit was believed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bits", type=int, default=1000, help="bits in all (default 1000)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as room:
        os.environ["ETUDE_CACHE"] = str(Path(room, "cache"))
        all_kinds = list(kinds(Path(room)))
        each, believed = -(-given.bits // len(all_kinds)), 0
        print(f"{'file':<34}{'bits':>6}{'seen':>6}{'harmless':>10}{'believed':>10}")
        for name, path, read in all_kinds:
            found = count(path, read, each)
            believed += found["believed"]
            print(f"{name:<34}{found['bits']:>6}{found['seen']:>6}{found['harmless']:>10}{found['believed']:>10}")
        print(f"{each * len(all_kinds)} bits, {believed} believed")
    return 1 if believed else 0


if __name__ == "__main__":
    raise SystemExit(main())
