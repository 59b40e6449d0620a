"""What `etude generate` is asked for, checked before anything is read or computed."""

from __future__ import annotations

import argparse
import tempfile
from math import inf, isfinite
from pathlib import Path

from etude.errors import EtudeError, MissingData
from etude.formats.limits import LONGEST_SECONDS
from etude.places import writing

MOST_STEPS = 2**31
REMEDY = "Free some space, or name another folder."


def check_numbers(given: argparse.Namespace) -> None:
    """Raise EtudeError where a number is outside its range."""
    seconds, steps = given.seconds, given.steps
    check("--seconds above 0 and of a day at most", seconds is None or 0 < seconds <= LONGEST_SECONDS, seconds)
    check(f"--steps above 0 and at most {MOST_STEPS}", steps is None or 0 < steps <= MOST_STEPS, steps)
    check("--seed of at least 0, below 2^63", 0 <= given.seed < 2**63, given.seed)
    check("--temperature >= 0, finite", 0 <= given.temperature < inf, given.temperature)
    check("--top-p above 0 and at most 1", isfinite(given.top_p) and 0 < given.top_p <= 1, given.top_p)


def check_target(out: Path, suffixes: tuple[str, ...]) -> None:
    """Raise EtudeError where `out` is no file of one of the formats, or cannot be written."""
    with writing(out, REMEDY):
        if out.suffix.lower() not in suffixes:
            raise EtudeError(f"a file name ending in {' '.join(suffixes)}", str(out))
        if not out.parent.is_dir():
            raise MissingData("an existing folder to write into", str(out.parent), "Make it, or name another.")
        if out.exists() and not out.is_file():
            what = "a folder" if out.is_dir() else "no regular file"
            raise EtudeError("a file to write", f"{out}, which is {what}", "Name another file.")
        with tempfile.TemporaryFile(dir=out.parent) as probe:  # what permissions say is not all: read-only, full
            probe.write(bytes(4096))


def check(expected: str, holds: bool, got: float | None) -> None:
    """Raise EtudeError where a number is not what is expected."""
    if not holds:
        raise EtudeError(expected, str(got))
