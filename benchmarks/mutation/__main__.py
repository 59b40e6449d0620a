"""Does the keying see what changes results, and nothing else? Edits drawn at random, each tried.

    python benchmarks/mutation --neutral 100 --behavioural 100 --seed 0

Neutral edits (comments, docstrings, layout, renamed locals, reordered definitions, a new file, a new registry line)
must make no fit another one and no page old. Behavioural edits (operators, constants, dropped calls, swapped arguments)
in lines that fits execute must be caught by the probes; one that is not is named, with the reason where it is known.
The same edits are judged by the keying that étude had before. Nothing in the checkout is changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from random import Random

import behavioural
import equal
import forks
import keyings
import neutral
from behavioural import Executed
from edits import Edit, Span
from reasons import reason

SOURCE = Path(__file__).resolve().parents[2] / "src"
PACKAGE = SOURCE / "etude"
SECOND = "tensorflow"  # how the names of the probes of the other half begin
APART = ("etude.study", "etude.display", "etude.cli")  # no fit depends on them
Spans = dict[str, dict[str, list[Span]]]  # by probe and file
TOUCHED = 6  # probes that a neutral edit is tried with, at most, and that are watched in one process


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neutral", type=int, default=100)
    parser.add_argument("--behavioural", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--framework", choices=("torch", "all"), default="torch", help="all: Keras's half is drawn too")
    parser.add_argument("--probes", nargs="*", default=[""], help="how the names of the probes begin that are run: all")
    parser.add_argument(
        "--skip", type=int, default=0, help="behavioural edits drawn and not tried before these: to go on"
    )
    parser.add_argument("--verbose", action="store_true", help="say of every edit what became of it")
    given = parser.parse_args()
    sys.path.insert(0, str(SOURCE))
    forks.preload(given.framework == "all")
    Trial.of(forks.in_child(equal.check))
    trial = Trial(given.verbose, given.framework == "all", tuple(given.probes))
    started = time.perf_counter()
    bad = trial.neutral(given.neutral, given.seed) if given.neutral else 0
    missed = trial.behavioural(given.behavioural, given.seed, given.skip) if given.behavioural else 0
    print(f"{time.perf_counter() - started:.0f} s")
    return 1 if bad or missed > 0.02 * given.behavioural else 0


class Trial:
    """The package as it is, what its probes execute, and the two kinds of edits tried on it."""

    def __init__(self, verbose: bool, second: bool, begin: tuple[str, ...]):
        self.verbose = verbose
        self.texts = read_texts()
        known = self.of(forks.in_child(lambda: sorted(_probes())))
        names = [n for n in known if n.startswith(begin) and (second or not n.startswith(SECOND))]
        self.fitted, self.ran = self._covered(names)
        self.keyed = self.of(forks.in_child(keyings.modules_of_fits))

    def _covered(self, names: list[str]) -> tuple[Spans, Spans]:
        """Return the spans that the fits of each probe execute, and those that the whole probe does.

        Edits are drawn in what fits execute. A probe may notice one without a fit, where it computes that part alone.

        Worked out once for a state of the source: a probe itself is known by its committed trace.
        """
        traces = json.loads((SOURCE.parent / "tests" / "traces.json").read_text(encoding="utf-8"))["traces"]
        source = {name: text for name, text in self.texts.items() if not name.startswith(APART)}
        places = {name: _executed(source, name, traces.get(name)) for name in names}
        missing = [name for name in names if not places[name].is_file()]
        for some in (missing[begin : begin + TOUCHED] for begin in range(0, len(missing), TOUCHED)):
            for name, ran in self.of(forks.in_child(partial(forks.covered, some, PACKAGE))).items():
                places[name].parent.mkdir(parents=True, exist_ok=True)
                places[name].write_text(json.dumps(ran, separators=(",", ":")), encoding="utf-8")
        held = {name: json.loads(path.read_text(encoding="utf-8")) for name, path in places.items()}
        return tuple(
            {probe: {f: [*map(tuple, some)] for f, some in ran[part].items()} for probe, ran in held.items()}
            for part in ("fits", "all")
        )

    @staticmethod
    def of(said: dict):
        if "error" in said:
            raise SystemExit(f"without any edit: {said['error']}")
        return said["value"]

    def neutral(self, count: int, seed: int) -> int:
        """Try neutral edits; return how many made a fit or a page old."""
        edits = list(neutral.drawn(self.texts, count, Random(seed)))
        pages = self.of(forks.in_child(lambda: keyings.stale(edits, self.texts)))
        fits = self.of(forks.in_child(lambda: forks.identities(None)))
        refits = [self._refits(edit, fits) for edit in edits]
        before = [bool(keyings.refits_before(edit, self.texts, self.keyed)) for edit in edits]
        for edit, (stale, _), refit in zip(edits, pages, refits, strict=True):
            if stale or refit or self.verbose:
                print(f"  {place(edit)} {edit.kind}, {edit.what}: {stale} pages old, {refit or 'no refit'}")
        bad = sum(bool(stale or refit) for (stale, _), refit in zip(pages, refits, strict=True))
        new = sum(bool(now) for now, _ in pages)
        print(f"{count} neutral edits: {sum(map(bool, refits))} refit, {new} make pages old")
        old = sum(bool(then) for _, then in pages)
        print(f"  before: {sum(before)} refit, {old} make pages old ({sum(then for _, then in pages)} pages)")
        return bad

    def _refits(self, edit: Edit, fits: list[str]) -> str:
        """Return how a neutral edit shows in a fit: "" where it does not."""
        if edit.module not in self.texts or not edit.module.startswith(
            ("etude.models", "etude.training", "etude.types")
        ):
            return ""
        edited = forks.Edited(edit.module, edit.text, path_of(edit.module))
        said = forks.in_child(lambda: forks.identities(edited))
        if said.get("value") != fits:
            return said.get("error", "other digests")
        said = forks.in_child(lambda: forks.moved(self._touched(edit.module)[:TOUCHED], edited))
        return said.get("error", said.get("value", ""))

    def behavioural(self, count: int, seed: int, skip: int = 0) -> int:
        """Try behavioural edits, after `skip` others; return how many the probes missed.

        One is drawn anew where a dropped call gave back what it was given, or swapped axes were a tensor's, in all fits
        of all probes.
        """
        spans = {m: _spans(self.fitted, m) for m in self.texts}
        covered = {m: Executed(self.texts[m], chain(*ran.values())) for m, ran in spans.items() if ran}
        rng, missed, caught_before, number = Random(seed), 0, 0, 0
        drawn = {behavioural.draw(self.texts, covered, rng).text for _ in range(skip)}
        while number < count:
            edit, begun = behavioural.draw(self.texts, covered, rng), time.perf_counter()
            if edit.text in drawn:
                continue
            drawn.add(edit.text)
            found, touched = self._found(edit, edit.text)
            line = self.texts[edit.module].splitlines()[edit.line - 1].strip()
            told = found or f"MISSED ({reason(edit, line) or 'no reason is known'}) in {line}"
            if not found and edit.proof and not self._found(edit, edit.proof)[0]:
                told = "no edit: in all fits of all probes the call gives the same, see `proof` in edits.py"
            else:
                number, missed = number + 1, missed + (not found)
                caught_before += keyings.refits_before(edit, self.texts, self.keyed) >= set(touched)
            if self.verbose or not found:
                done = f"[{number - missed} of {number}, {time.perf_counter() - begun:.0f} s]"
                print(f"  {place(edit)} {edit.kind}, {edit.what}: {told} {done}", flush=True)
        print(f"{count} behavioural edits: {count - missed} caught by the probes")
        print(f"  before: {caught_before} made every fit that runs the line another one")
        return missed

    def _found(self, edit: Edit, text: str) -> tuple[str, list[str]]:
        """Return by what a text in the place of a module is noticed, "" for nothing, and the probes that could."""
        touched = self._touched(edit.module, edit.span)
        edited = forks.Edited(edit.module, text, path_of(edit.module))
        said = forks.in_child(lambda: forks.moved(touched, edited))
        return said.get("error") or said.get("value"), touched

    def _touched(self, module: str, span: Span | None = None) -> list[str]:
        """Return the probes that run a part of a module, or any of it, those first that run little else."""
        ran = _spans(self.ran, module)
        if span is not None:
            parts = Executed(self.texts[module], ()).parts(span)
            ran = [probe for probe, spans in ran.items() if not parts.isdisjoint(spans)]
        return sorted(
            ran,
            key=lambda probe: (
                probe.startswith(SECOND),
                "resumed" in probe or "one fit" in probe,
                sum(map(len, self.ran[probe].values())),
            ),
        )


def _spans(ran: Spans, module: str) -> dict[str, list[Span]]:
    """Return the spans of a module that each probe executes."""
    path = str(path_of(module))
    return {probe: files[path] for probe, files in ran.items() if path in files}


def _executed(source: Mapping[str, str], name: str, trace: object) -> Path:
    """Return where it is kept what a probe executes."""
    key = hashlib.sha256(json.dumps([source, name, trace, "fits and all"], sort_keys=True).encode()).hexdigest()[:16]
    return SOURCE.parent / "data" / "cache" / "executed" / f"{key}.json"


def read_texts() -> dict[str, str]:
    """Return the source of every module by dotted name."""
    texts = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(("etude", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        texts[name] = path.read_text(encoding="utf-8")
    return texts


def path_of(module: str) -> Path:
    """Return the file of a module."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def place(edit: Edit) -> str:
    """Return where an edit is, as an editor takes it."""
    return f"{path_of(edit.module).relative_to(SOURCE.parent)}:{edit.line}"


def _probes():
    from etude.study.probes import PROBES

    return PROBES


if __name__ == "__main__":
    sys.exit(main())
