"""`etude continue`: bars after the end of a piece, in its own voices."""

from __future__ import annotations

import argparse
from pathlib import Path

from etude.cli import composing

BRIEF = "go on where a piece ends"
ABOUT = "Go on where a piece ends, in its own voices, key and tempo; what is there stays as it is."
EXAMPLES = """\
examples:
  etude continue opening.mid --out longer.mid
  etude continue opening.mid --bars 4 --among 5 --seed 2 --out longer.svg

In Python: etude.continue_(score, bars=4)."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("file", type=Path, metavar="PIECE", help="a file of notes")
    parser.add_argument("--bars", type=int, default=8, help="how many more, of four quarters (default 8)")
    composing.arguments(parser)


def run(given: argparse.Namespace) -> int:
    """Read, go on, write."""
    from etude import continue_

    composing.checked(given)
    score = composing.read_score(given.file)
    options = composing.settings(given, "bars")
    return composing.answered(given, lambda: continue_(score, **options), score)
