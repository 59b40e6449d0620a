"""Are the results of two runs the same? Numbers and tables to a millionth, pictures by pixel, sounds by byte.

What a clock or a gauge measured differs from run to run and proves nothing: it is left out, by the names below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from etude.study.comparison import close, first_difference, identical
from etude.study.shapes import RESULTS, read_shaped
from etude.study.summary import summary_path

RELATIVE, ABSOLUTE = 1e-6, 1e-9
UNITS = ("s", "ms", "min", "h", "MB", "GB", "bytes")  # of numbers that were measured
MEASURED = re.compile(  # columns of tables, and entries of `cost`
    r"(train_|fit_|wall_|cpu_|processor_)(seconds|minutes)|.*real_time|times as fast|samples_per_second|peak_memory_mb|"
    r"(mega)?bytes_at_once|peak_mb|mb|seconds to .*|.* per second of sound|processor|streamed|whole|"
    r"then"  # what a fit had reached when a clock said so
)
SPEED = re.compile(r"[\d.,]+ times (?=as fast)")  # in a chapter's answer and claims
NEW = ("fit", "family", "output", "valid_bits")  # entries of `cost` that older runs did not keep
TIMES = {"21_frameworks": ("costs",)}  # chapter -> tables that hold nothing else than what was measured
DRAWS_TIMES = {"16_samplernn": ("learning-curves",)}  # chapter -> figures that draw what was measured


def differences(
    before: Path, after: Path, name: str, said: bool = True, added: Mapping[str, object] | None = None
) -> list[str]:
    """Return in what the results of a chapter differ between two runs' folders; [] where they are the same.

    What is said of the results is compared too (`said`), unless the words are known to be others. Parameters that only
    the second run has are to have the values `added`.
    """
    one, other = (
        read_shaped(summary_path(folder, name), RESULTS, f"a summary of {name}") for folder in (before, after)
    )
    found = [
        *_parted({**(added or {}), **one["parameters"]}, other["parameters"], "parameters"),
        *_parted(_numbers(one), _numbers(other), "numbers"),
        *_parted(_tables(one), _tables(other), "tables"),
        *_parted(_costs(one), _costs(other), "cost"),
        *_parted(one["corpora"], other["corpora"], "corpora"),
        *_parted(one["models"], other["models"], "models"),
        *_parted(one["figures"], other["figures"], "figures"),
    ]
    if said:
        found += [] if _answer(one) == _answer(other) else ["answer"]
        found += _parted(_claims(one), _claims(other), "claims")
    for kind, same in (("figures", same_picture), ("audio", same_bytes)):
        found += _files_parted(before, after, name, kind, same)
    return found


def results_of(summary: Mapping) -> dict:
    """Return what a chapter found, without what a clock or a gauge measured and without what it was made by."""
    kept = {part: summary.get(part, {}) for part in ("parameters", "corpora", "models")}
    found = {"tables": _tables(summary), "numbers": _numbers(summary), "answer": _answer(summary)}
    return _unmeasured({**kept, **found})


def _unmeasured(value):
    if isinstance(value, dict):
        return {key: _unmeasured(item) for key, item in value.items() if not MEASURED.fullmatch(key)}
    return [_unmeasured(item) for item in value] if isinstance(value, list) else value


def same_picture(one: Path, other: Path) -> bool:
    """Say whether two files show the same pixels; drawings in SVG are compared as text."""
    if one.suffix != ".png":
        return same_bytes(one, other)
    from PIL import Image

    with Image.open(one) as left, Image.open(other) as right:
        return left.size == right.size and np.array_equal(np.asarray(left), np.asarray(right))


def same_bytes(one: Path, other: Path) -> bool:
    """Say whether two files hold the same bytes."""
    return one.read_bytes() == other.read_bytes()


def parted(one, other, place: str) -> str:
    """Return where two JSON values part, "" where they are equal up to rounding and what was measured."""
    return first_difference(one, other, _equal, place, MEASURED.fullmatch)


def _equal(one, other) -> bool:
    return close(one, other, RELATIVE, ABSOLUTE) or identical(one, other)


def _parted(one, other, place: str) -> Iterable[str]:
    said = parted(one, other, place)
    return [said] if said else []


def _numbers(summary: Mapping) -> dict:
    return {name: number for name, number in summary["numbers"].items() if number["unit"] not in UNITS}


def _answer(summary: Mapping) -> str:
    return _without_speeds(summary.get("answer", ""))


def _claims(summary: Mapping) -> list[dict]:
    return [{**claim, "sentence": _without_speeds(claim["sentence"])} for claim in summary.get("claims", [])]


def _without_speeds(words: str) -> str:
    return SPEED.sub("so many times ", words)


def _tables(summary: Mapping) -> dict:
    measured = TIMES.get(summary["notebook"], ())
    return {name: rows for name, rows in summary["tables"].items() if name not in measured}


def _costs(summary: dict) -> dict:
    return {name: {k: v for k, v in cost.items() if k not in NEW} for name, cost in summary["cost"].items()}


def _files_parted(before: Path, after: Path, name: str, kind: str, same) -> Iterator[str]:
    ours, theirs = (folder / "reports" / kind / name for folder in (before, after))
    files = {p.relative_to(place) for place in (ours, theirs) for p in place.rglob("*") if p.is_file()}
    for path in sorted(files):
        if path.stem in DRAWS_TIMES.get(name, ()):
            continue
        if not (ours / path).is_file() or not (theirs / path).is_file():
            yield f"{kind}: {path} in one only"
        elif not same(ours / path, theirs / path):
            yield f"{kind}: {path}"
