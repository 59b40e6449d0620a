"""Sweeps written in a file: which runs of a notebook a batch has, as YAML::

    set: {seeds: [0]}                 # in every run
    product:                          # every combination
      cell: [lstm, gru]
      hidden: [64, 128]
    zip:                              # side by side, lists of one length
      steps: [100, 200]
      learning_rate: [0.01, 0.003]
    points:                           # one by one
      - {window: 64}
      - {window: 128, layers: 2}

Where several of `product`, `zip` and `points` stand, each of one goes with each of the other: the file above has
4 x 2 x 2 runs. Values have the types of the notebook's parameters; `11_rnn.steps` addresses one notebook.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from etude.errors import EtudeError, MissingData, unknown_name
from etude.files import expanded

KEYS = ("set", "product", "zip", "points")
NAME = re.compile(r"(\w+\.)?[A-Za-z_]\w*")
MOST = 10_000  # runs of a file: more are a slip of the pen
Point = tuple[tuple[str, object], ...]  # names and values of a run


class _Loader(yaml.SafeLoader):
    """YAML in which a name stands once: PyYAML takes the last of two without a word."""

    def construct_mapping(self, node, deep=False):
        seen: set = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.YAMLError(f"{key.value} stands twice, the second time in line {key.start_mark.line + 1}")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_sweep(path: Path) -> tuple[dict[str, object], list[Point]]:
    """Return what a file sets in every run, and its runs, in order.

    Raises
    ------
    MissingData
        There is no such file.
    EtudeError
        It is no YAML, or says something else than a sweep.
    """
    path = expanded(path)
    said = _checked(_read(path), path.name)
    axes = [_points(kind, said[kind], path.name) for kind in KEYS[1:] if kind in said]
    runs = [tuple(itertools.chain.from_iterable(parts)) for parts in itertools.product(*axes)]
    fixed = said.get("set", {})
    for run in runs:
        names = [*fixed, *(name for name, _ in run)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise EtudeError(f"each parameter in one place of {path.name}", f"{twice} in two", "Leave one of them out.")
    if len({text_of_point(run) for run in runs}) < len(runs):
        raise EtudeError(f"runs that differ in {path.name}", "the same one twice", "Leave one of them out.")
    return fixed, runs


def text_of_point(point: Point) -> str:
    """Return a run of a sweep in words, `cell=lstm-hidden=64`: as its folder is called."""
    return "-".join(f"{name}={text_of_value(value)}" for name, value in sorted(point, key=lambda pair: pair[0]))


def text_of_value(value: object) -> str:
    """Return a value as one would write it on the command line."""
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    )


def _read(path: Path) -> object:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError as error:
        raise MissingData("a file of a sweep", f"no {path}") from error
    except OSError as error:
        raise MissingData("a file of a sweep", f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise EtudeError(f"YAML in {path.name}", " ".join(str(error).split())[:200]) from error


def _checked(said: object, file: str) -> dict:
    example = "For example: product: {cell: [lstm, gru]}"
    if not isinstance(said, dict) or not said:
        raise EtudeError(f"{', '.join(KEYS[1:-1])} or {KEYS[-1]} in {file}", f"{said!r:.80}", example)
    for key in said:
        if key not in KEYS:
            raise unknown_name(f"part of {file}", str(key), KEYS)
    if not said.keys() & set(KEYS[1:]):
        raise EtudeError(f"{', '.join(KEYS[1:-1])} or {KEYS[-1]} in {file}", "what is set in every run only", example)
    if "set" in said:
        _check_names(said["set"], f"set in {file}")
    return said


def _points(kind: str, said: object, file: str) -> list[Point]:
    where = f"{kind} in {file}"
    if kind == "points":
        if not isinstance(said, list) or not said:
            raise EtudeError(f"a list of runs for {where}", f"{said!r:.80}", "For example: - {window: 64}")
        for number, point in enumerate(said, 1):
            _check_names(point, f"run {number} of {where}")
        return [tuple(point.items()) for point in said]
    _check_names(said, where)
    for name, values in said.items():
        if not isinstance(values, list) or not values:
            raise EtudeError(
                f"a list of values for {name} of {where}", f"{values!r:.80}", f"For example: {name}: [1, 2]"
            )
    return list(_product(said, file) if kind == "product" else _zipped(said, where))


def _product(said: dict, file: str) -> Iterator[Point]:
    many = 1
    for values in said.values():
        many *= len(values)
    if many > MOST:
        raise EtudeError(f"at most {MOST} runs in {file}", f"{many}")
    return (tuple(zip(said, values, strict=True)) for values in itertools.product(*said.values()))


def _zipped(said: dict, where: str) -> Iterator[Point]:
    lengths = {name: len(values) for name, values in said.items()}
    if len(set(lengths.values())) > 1:
        counted = ", ".join(f"{length} of {name}" for name, length in lengths.items())
        raise EtudeError(f"lists of one length for {where}", counted)
    return (tuple(zip(said, values, strict=True)) for values in zip(*said.values(), strict=True))


def _check_names(said: object, where: str) -> None:
    if not isinstance(said, dict) or not said:
        raise EtudeError(f"parameters by name for {where}", f"{said!r:.80}", "For example: {steps: 50}")
    for name in said:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise EtudeError(f"names of parameters for {where}", f"{name!r:.80}")
