"""The doors that mutated inputs are pushed through. Each yields, for every input, what became of it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from mutations import accident, mutated, seeds

import etude
from etude import study
from etude.errors import EtudeError
from etude.types import Budget, Piece, Score

Outcome = tuple[str, str, bytes]  # what became of an input, more about it, the input
CHORD = Score(np.array([[0, 8, 60, 80, 0], [0, 8, 64, 80, 0], [8, 8, 67, 80, 0]]), 4)
FILE_SECONDS = 20.0
FEW = Budget(steps=2, batch_size=2, window=8, valid_every=1)


class Hang(BaseException):
    """A door took too long."""


def through(door: Callable[[], str], data: bytes) -> Outcome:
    """Call a door within its time; what it returns is the outcome, an EtudeError is a refusal, the rest a fault."""

    def late(*_):
        raise Hang

    signal.signal(signal.SIGALRM, late)
    signal.alarm(int(3 * FILE_SECONDS))
    try:
        return door(), "", data
    except EtudeError as error:
        return "refused", str(error), data
    except Hang:
        return "hang", "", data
    except BaseException:
        return "traceback", traceback.format_exc(), data
    finally:
        signal.alarm(0)


def files(suffix: str) -> Callable:
    """Return the door of files of a kind: the corpus `folder`, in batches."""

    def door(room: Path, rng, count: int) -> Iterator[Outcome]:
        valid = seeds(_made(room / "seeds"))[suffix]
        inputs = [accident(suffix, valid[rng.integers(len(valid))], rng) for _ in range(count)]
        place = _made(room / "music")
        for number, data in enumerate(inputs):
            (place / f"{number:05}{suffix}").write_bytes(data)
        whole = through(lambda: _opened(place), b"")
        if whole[0] != "accepted":
            yield from ((whole[0], whole[1], data) for data in inputs)
            return
        folder = etude.corpus("folder", path=place, verbose=False, workers=2, seconds=FILE_SECONDS, split=(1, 0, 0))
        pieces: dict[str, list[int]] = {}
        for number, name in enumerate(folder.frame()["file"]):
            pieces.setdefault(name, []).append(number)
        reasons = {row.file.partition("#")[0]: row.reason for row in folder.ledger.itertuples()}
        for number, data in enumerate(inputs):
            name = f"{number:05}{suffix}"
            held = pieces.get(name, [])
            if held:
                yield through(lambda held=held: _used(folder, held), data)
            else:
                yield (*_lost(reasons.get(name)), data)

    return door


def _opened(place: Path) -> str:
    etude.corpus("folder", path=place, verbose=False, workers=2, seconds=FILE_SECONDS, split=(1, 0, 0))
    return "accepted"


def _lost(reason: str | None) -> tuple[str, str]:
    if not reason:
        return "wrong", "neither a piece nor a row of the ledger"
    found = re.search(r"crashed|still busy|out of memory", reason)
    names = {"crashed": "crash in a worker", "still busy": "hang in a worker", "out of memory": "hunger in a worker"}
    return (names[found[0]] if found else "refused"), reason


def _used(folder, held: list[int]) -> str:
    """Use the pieces of a file as a model would: what is let in is what comes back, in one representation at least."""
    for number in held:
        piece = folder.load("train")[number]
        if piece.audio is not None:
            waveform = etude.representation("waveform", rate=min(piece.audio.rate, 8000))
            x = waveform.encode(piece)
            same = np.array_equal(waveform.encode(waveform.decode(x)), x)
        else:
            name = "pianoroll" if piece.seconds < 600 and len(piece.score.common().notes) < 10_000 else "text"
            representation = etude.representation(name)
            decoded = representation.decode(representation.encode(piece))
            same = np.array_equal(decoded.score.common().notes, piece.score.common().notes)
        if not same:
            return "wrong"
    return "accepted"


def primes(room: Path, rng, count: int) -> Iterator[Outcome]:
    """Give `etude generate` damaged files to begin with, and numbers of every kind."""
    from etude import cli

    folders = {name: _saved(room / name, name) for name in ("pianoroll", "waveform")}
    valid = seeds(_made(room / "seeds"))
    numbers = ("0", "-1", "1", "3", "1e9", "nan", "inf", "0.5", "x", "", "9" * 30)
    for number in range(count):
        suffix = list(valid)[rng.integers(len(valid))]
        data = accident(suffix, valid[suffix][0], rng) if number % 3 else valid[suffix][0]
        file = room / f"prime{suffix}"
        file.write_bytes(data)
        sound = suffix in (".wav", ".flac", ".ogg", ".mp3")
        name, out = ("waveform", "new.wav") if sound else ("pianoroll", "new.mid")
        line = ["generate", "marginal", "--from", str(folders[name]), "--representation", name]
        line += ["--out", str(room / out), "--prime", str(file)]
        if rng.random() < 0.5:
            option = ("--seed", "--temperature", "--top-p")[rng.integers(3)]
            line.append(f"{option}={numbers[rng.integers(len(numbers))]}")
        line.append(f"--steps={rng.choice(['5', '20', '-1', '0'])}" if rng.random() < 0.7 else "--seconds=0.5")
        yield through(lambda line=line: _commanded(cli.main, line), data + "\0".join(line).encode())


def _commanded(main, line: list[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            status = main(line)
        except SystemExit as ended:
            status = ended.code
    if status == 0:
        return "accepted"
    return "refused" if status == 2 and said.getvalue().count("\n") == 1 else "wrong"


def models(room: Path, rng, count: int) -> Iterator[Outcome]:
    """Load damaged models: refused, or the same probabilities."""
    pianoroll = etude.representation("pianoroll")
    x = pianoroll.encode(Piece("chord", CHORD))
    for family in ("marginal", "rnn"):
        folder = _saved(room / family, "pianoroll", family)
        wanted = etude.load(folder).bits([x]).total
        yield from _damaged_files(
            folder, rng, count // 2, lambda folder=folder: etude.load(folder).bits([x]).total, wanted, heals=False
        )


def checkpoints(room: Path, rng, count: int) -> Iterator[Outcome]:
    """Go on from damaged checkpoints: the fit ends as an undisturbed one."""
    pianoroll = etude.representation("pianoroll")
    xs = [pianoroll.encode(Piece("chord", CHORD))]
    folder = _made(room / "checkpoints")

    def fitted() -> float:
        model = etude.model("rnn", pianoroll.space, hidden=4, embedding=4)
        model.fit(xs, xs, FEW, checkpoint=folder)
        return model.bits(xs).total

    yield from _damaged_files(folder, rng, count, fitted, fitted())


def caches(room: Path, rng, count: int) -> Iterator[Outcome]:
    """Open a folder whose cache is damaged: the same pieces."""
    valid, place = seeds(_made(room / "seeds")), _made(room / "music")
    for suffix in (".mid", ".abc"):
        (place / f"song{suffix}").write_bytes(valid[suffix][0])

    def found() -> float:
        folder = etude.corpus("folder", path=place, verbose=False, workers=1, split=(1, 0, 0))
        return float(sum(piece.score.notes.sum() + len(piece.text or "") for piece in folder.load("train")))

    wanted = found()
    yield from _damaged_files(Path(os.environ["ETUDE_CACHE"]) / "folder", rng, count, found, wanted)


def stores(room: Path, rng, count: int) -> Iterator[Outcome]:
    """Map damaged stores of codes: the same codes."""
    from etude.corpora.code_store import stored

    codes, folder = np.arange(3000) % 256, room / "store"

    def found() -> float:
        held = stored(folder, np.uint8, [("a", [codes[:1000]]), ("b", [codes[1000:]])])
        return float(sum((k + 1) * (np.arange(len(held[name])) * held[name]).sum() for k, name in enumerate("ab")))

    yield from _damaged_files(folder, rng, count, found, found())


def summaries(room: Path, rng, count: int) -> Iterator[Outcome]:
    """Read damaged summaries and records of runs."""
    from etude.kept import SEAL, sealed
    from etude.study import read_summary
    from etude.study.staleness import FORMAT, read_record, record_path
    from etude.study.summary import summary_path, write_summary

    path, record = summary_path(room, "11_rnn"), record_path(room, "11_rnn")
    source = {"code": None, "modules": {}, "data": {}}
    write_summary(
        path, {"numbers": {"bits": {"value": 1.5, "unit": "bits"}}, "parameters": {"seed": 0}, "source": source}
    )
    record.parent.mkdir(parents=True, exist_ok=True)
    tables = {name: {"etude": "abc"} for name in ("parameters", "modules", "packages", "data", "inputs")}
    record.write_text(json.dumps(sealed({"format": FORMAT, "code": "c0de", **tables, "outputs": ["a.ipynb"]})))
    wanted = _without(read_summary("11_rnn", room).data, SEAL), _without(read_record(room, "11_rnn"), SEAL)
    for number in range(count):
        target, kept = (path, path.read_bytes()) if number % 2 else (record, record.read_bytes())
        data = mutated(kept, rng)
        target.write_bytes(data)

        def door(number=number) -> str:
            found = read_summary("11_rnn", room).data if number % 2 else read_record(room, "11_rnn")
            right = wanted[0] if number % 2 else wanted[1]
            if found is None:
                return "refused"
            return "accepted" if right.items() <= found.items() else "wrong"

        yield through(door, data)
        target.write_bytes(kept)


def _without(held: dict, key: str) -> dict:
    return {name: value for name, value in held.items() if name != key}


def profiles(room: Path, rng, count: int) -> Iterator[Outcome]:
    """Plan with damaged profiles, and parse damaged parameters."""
    from etude.study.parameters import read_parameters
    from etude.study.plan import read_profile

    folder = _made(Path(os.environ["ETUDE_ROOT"]) / "workflow" / "profiles")
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (_made(Path(os.environ["ETUDE_ROOT"]) / "notebooks") / "11_rnn.ipynb").write_text(json.dumps(notebook))
    profile = b"cell_timeout: 600\nparameters:\n  11_rnn:\n    steps: 50\n    sizes: [1, 2]\n"
    cell = b'steps = 300  # optimiser steps\nrepresentation = "midi"\nwindow: int | None = None\nsizes = (1, 2)\n'
    for number in range(count):
        data = mutated(cell if number % 2 else profile, rng)
        (folder / "quick.yaml").write_bytes(data if number % 2 == 0 else profile)

        def door(number=number, data=data) -> str:
            if number % 2 == 0:
                read_profile("quick")
                return "accepted"
            for parameter in read_parameters(data.decode("utf-8", "replace"), "a notebook").values():
                with contextlib.suppress(EtudeError):
                    parameter.parse(mutated(b"[1, 2.5, none]", rng).decode("utf-8", "replace"))
            return "accepted"

        yield through(door, data)


def _damaged_files(
    folder: Path, rng, count: int, found: Callable[[], float], wanted: float, heals: bool = True
) -> Iterator[Outcome]:
    """Damage one file of a folder at a time: what is found is what was there, made anew; or, not `heals`, refused."""
    kept = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size}
    for number in range(count):
        path = list(kept)[rng.integers(len(kept))]
        data = mutated(kept[path], rng, 1 if number % 2 else 3)
        path.write_bytes(data)
        outcome, about, data = through(lambda: "accepted" if found() == wanted else "wrong", data)
        yield ("wrong" if heals and outcome == "refused" else outcome), f"{path.name}: {about}", data
        for each, whole in kept.items():
            each.parent.mkdir(parents=True, exist_ok=True)
            each.write_bytes(whole)


def _saved(room: Path, name: str, family: str = "marginal") -> Path:
    """Save a small model in a folder as a run would, and return the folder."""
    representation = etude.representation(name)
    sizes = {"hidden": 4, "embedding": 4} if family == "rnn" else {}
    model = etude.model(family, representation.space, **sizes)
    if family == "marginal":
        sound = etude.Audio(np.zeros(100), 8000)
        model.fit([representation.encode(Piece("chord", CHORD, sound))])
    os.environ["ETUDE_RUN_DIR"], os.environ["ETUDE_NOTEBOOK"] = str(room), "11_rnn"
    study.start("11_rnn").model(f"{family}-{name}", model, representation)
    return room / "models" / f"{family}-{name}"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


SUFFIXES = (".mid", ".abc", ".musicxml", ".mxl", ".krn", ".wav", ".flac", ".ogg", ".mp3")
DOORS = {f"files{suffix}": (files(suffix), 9) for suffix in SUFFIXES} | {
    "primes": (primes, 2), "models": (models, 4), "checkpoints": (checkpoints, 1), "caches": (caches, 3),
    "stores": (stores, 3), "summaries": (summaries, 3), "profiles": (profiles, 3),
}  # fmt: skip  # a door and its share of the inputs, in percent
