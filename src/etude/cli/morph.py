"""`etude morph`: from the opening of one piece to that of another, step by step."""

from __future__ import annotations

import argparse
from pathlib import Path

from etude.cli import composing

BRIEF = "go from one piece to another, step by step"
ABOUT = "Go from the opening of one piece to that of another through pieces between them, one after the other."
EXAMPLES = """\
examples:
  etude morph a.mid b.mid --out between.mid
  etude morph a.mid b.mid --between 5 --bars 2 --out between.mp3

The ends are as given, in a's tempo. In Python: etude.morph(a, b)."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("file", type=Path, metavar="A", help="a file of notes")
    parser.add_argument("other", type=Path, metavar="B", help="another")
    parser.add_argument("--between", type=int, default=3, help="pieces between them (default 3)")
    parser.add_argument("--bars", type=int, default=4, help="of four quarters, of each piece (default 4)")
    composing.arguments(parser, sampled=False)


def run(given: argparse.Namespace) -> int:
    """Read both, find what lies between, write."""
    from etude.together.morphing import sequence, stages

    composing.checked(given)
    a, b = composing.read_score(given.file), composing.read_score(given.other)
    found = stages(a, b, given.between, given.bars, given.seed, given.temperature)
    return composing.answered(given, lambda: sequence(*found), len(found[0]) + len(found[-1]))
